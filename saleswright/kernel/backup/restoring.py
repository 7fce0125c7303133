"""Loading a backup into a database, checked before and compared afterwards."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from saleswright.kernel.backup.rows import (
    CHUNK,
    FILLED_BY_DJANGO,
    FORMAT,
    LEFT_OUT,
    Progress,
    count_from,
    dump,
    fields_of,
    no_progress,
    tables,
)
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.custom_indexes import make_all_indexes
from saleswright.kernel.errors import Busy, Conflict, ValidationFailed
from saleswright.kernel.transactions import atomic

PIECE = 1 << 20
#: what a file that is damaged, or was never a backup, may raise
UNSOUND = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, IndexError, TypeError, AttributeError,
    ValueError, ValidationError, DataError, IntegrityError,
)  # fmt: skip
_NOT_A_NAME = re.compile(r"(^|/)\.\.?(/|$)|^/|\\|:")


def restore(path: Path, *, force: bool = False, progress: Progress = no_progress) -> dict[str, int]:
    """Load a backup into the empty database of the settings and compare the result with it, all or nothing.

    `force` replaces what a database holds; uploaded files that are there stay beside those of the backup. Returns the
    number of rows of each table. Raises Conflict when the database is not empty or the backup is of another version,
    ValidationFailed when the file is no sound backup, Busy when the disk is full; then nothing has changed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive)
            _require_this_version(manifest)
            present = tables().keys() & set(connection.introspection.table_names())
            _require_empty(present, force)
            _verify(archive, manifest, progress)
            with _unpacked_media(archive, progress) as media:
                call_command("migrate", verbosity=0, interactive=False)  # also what an earlier try left unfinished
                with atomic():
                    _load_all(archive, manifest, progress)
                    _put_in_place(media)
    except UNSOUND as error:
        raise _unsound(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _no_room() from error
    forget_everything()
    cache.clear()
    make_all_indexes()
    _tell_planner()
    return {table: state["rows"] for table, state in manifest["tables"].items()}


def _unsound(detail: str) -> ValidationFailed:
    message = _("The file is not a sound backup: %(detail)s") % {"detail": detail[:300]}
    return ValidationFailed.of("file", "invalid", message)


def _no_room() -> Busy:
    text = _("There is not enough room in %(folder)s for the files of the backup; nothing was restored.")
    return Busy(text % {"folder": settings.MEDIA_ROOT}, code="storage_full")


# --- before anything is changed --------------------------------------------------------------------------------


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = orjson.loads(archive.read("manifest.json"))
    if manifest["format"] == FORMAT:
        return manifest
    if manifest["format"] > FORMAT:
        text = _("The backup was made by the newer version %(theirs)s; this is %(ours)s. Upgrade first.")
    else:
        text = _("The backup was made by the older version %(theirs)s; restore it with that one, then upgrade.")
    raise Conflict(text % {"theirs": manifest["version"], "ours": version("saleswright")})


def _require_this_version(manifest: dict[str, Any]) -> None:
    """The backup must have the migrations and tables of this version: rows mean nothing without them."""
    ours = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    apps = {app for app, _name in ours}
    theirs = {(app, name) for app, name in manifest["migrations"] if app in apps}
    if theirs == ours and set(manifest["tables"]) == set(tables()):
        return
    more = sorted(".".join(pair) for pair in theirs - ours) or sorted(set(manifest["tables"]) - set(tables()))
    names = more or sorted(".".join(pair) for pair in ours - theirs)
    if more:
        text = _("The backup was made by another or newer version, %(version)s (%(names)s): restore it with that one.")
    else:
        text = _("The backup was made by the older version %(version)s (without %(names)s): restore it with that one, "
                 "then upgrade.")  # fmt: skip
    raise Conflict(text % {"version": manifest["version"], "names": ", ".join(names[:5]) or "-"})


def _require_empty(present: set[str], force: bool) -> None:
    found = tables()
    names = sorted(present - FILLED_BY_DJANGO)
    filled = [] if force else [name for name in names if found[name]._base_manager.exists()]
    if filled:
        message = _("The database is not empty (%(tables)s); --force replaces what it holds.")
        raise Conflict(message % {"tables": ", ".join(filled[:5])})


def _verify(archive: zipfile.ZipFile, manifest: dict[str, Any], progress: Progress) -> None:
    """Add up each table of the file before a row of the database is touched."""
    for number, (table, state) in enumerate(manifest["tables"].items(), 1):
        digest, rows = hashlib.sha256(), 0
        with archive.open(f"tables/{table}.jsonl") as source:
            while piece := source.read(PIECE):
                digest.update(piece)
                rows += piece.count(b"\n")
        if (rows, digest.hexdigest()) != (state["rows"], state["sha256"]):
            raise _unsound(table)
        progress(_("Checking the file"), number, len(manifest["tables"]))


@contextmanager
def _unpacked_media(archive: zipfile.ZipFile, progress: Progress) -> Iterator[Path]:
    """The uploaded files in a folder beside the one they go to, each compared with its checksum."""
    root = Path(settings.MEDIA_ROOT).resolve()
    infos = [info for info in archive.infolist() if info.filename.startswith("media/") and not info.is_dir()]
    for info in infos:
        if _NOT_A_NAME.search(info.filename.removeprefix("media/")):
            raise _unsound(info.filename)
    root.mkdir(parents=True, exist_ok=True)
    if sum(info.file_size for info in infos) > shutil.disk_usage(root).free:
        raise _no_room()
    with tempfile.TemporaryDirectory(dir=root, prefix=".restoring-") as folder:
        for number, info in enumerate(infos, 1):
            target = Path(folder) / info.filename.removeprefix("media/")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, PIECE)
            progress("media", number, len(infos))
        yield Path(folder)


def _put_in_place(media: Path) -> None:
    """Move the unpacked files to where they belong, as the last step before the database's commit."""
    root = Path(settings.MEDIA_ROOT).resolve()
    for source in media.rglob("*"):
        if source.is_file():
            target = root / source.relative_to(media)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)


# --- the tables ------------------------------------------------------------------------------------------------


def _load_all(archive: zipfile.ZipFile, manifest: dict[str, Any], progress: Progress) -> None:
    found = tables()
    _empty(list(found))
    for table, model in found.items():
        wanted = manifest["tables"][table]
        with archive.open(f"tables/{table}.jsonl") as source:
            _load(model, wanted["columns"], _told(source, table, wanted["rows"], progress))
        state = dump(model)
        if (state.rows, state.sha256) != (wanted["rows"], wanted["sha256"]):
            raise _unsound(table)
        progress(table, wanted["rows"], wanted["rows"])
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(found.values())):
            cursor.execute(statement)
    for table, model in found.items():
        count_from(model, manifest["tables"][table].get("last_id", 0))


def _told(source: Iterable[bytes], table: str, total: int, progress: Progress) -> Iterator[bytes]:
    for number, line in enumerate(source):
        if number % CHUNK == 0:
            progress(table, number, total)
        yield line


def _empty(names: list[str]) -> None:
    quoted = [connection.ops.quote_name(name) for name in [*names, *LEFT_OUT]]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(quoted)}")
        else:
            for name in quoted:
                cursor.execute(f"DELETE FROM {name}")  # references are checked when the transaction ends


def _load(model: type[models.Model], columns: list[str], source: Iterable[bytes]) -> None:
    by_name = {field.attname: field for field in fields_of(model)}
    fields = [by_name[column] for column in columns]
    rows = (
        [_database_value(field, value) for field, value in zip(fields, orjson.loads(line), strict=True)]
        for line in source
    )
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with (
                connection.wrap_database_errors,
                cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(fields))
            while chunk := list(islice(rows, CHUNK)):
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", chunk)


def _database_value(field: models.Field[Any, Any], value: Any) -> Any:
    """A value of the file as the database's driver takes it."""
    if isinstance(field, models.JSONField):
        if value is None and field.null:
            return None
        return connection.ops.adapt_json_value(value, None)
    if value is None:
        return None
    if isinstance(field, models.BinaryField):
        value = base64.b64decode(value)
    elif isinstance(field, models.DateTimeField):
        value = datetime.fromisoformat(value)
    else:
        value = field.to_python(value)
    return field.get_db_prep_save(value, connection)


def _tell_planner() -> None:
    """Let the database learn how its tables look now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "postgresql" else "PRAGMA optimize")

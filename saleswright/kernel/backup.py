"""Backup and restore: everything in one zip file, the same for both databases.

`manifest.json` names the migrations that the database had and each table's columns, rows and SHA-256;
`tables/NAME.jsonl` has one JSON array for each row; `media/` holds the uploaded files. Sessions are left out.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.transactions import atomic

FORMAT = 1
CHUNK = 2000
LEFT_OUT = {"kernel_session"}
FILLED_BY_DJANGO = {"django_content_type", "auth_permission"}  # has rows in an empty database too

Progress = Callable[[str, int, int], None]  # table or folder, number done, number in all


def no_progress(name: str, done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True)
class TableState:
    """What a table of the backup holds."""

    columns: list[str]
    rows: int
    sha256: str


def tables() -> dict[str, type[models.Model]]:
    """The tables that a backup holds, with their models."""
    found = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: model
        for model in found
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in LEFT_OUT
    }


def backup(path: Path, *, progress: Progress = no_progress) -> dict[str, int]:
    """Write a consistent backup of the running system to `path`; returns the number of rows of each table.

    The file appears under its name only when it is complete, readable by its owner alone.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                states = _write_database(archive, progress)
                _write_media(archive, progress)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {table: state.rows for table, state in states.items()}


def _write_database(archive: zipfile.ZipFile, progress: Progress) -> dict[str, TableState]:
    states = {}
    with snapshot():
        found = tables()
        for number, (table, model) in enumerate(found.items(), 1):
            with archive.open(f"tables/{table}.jsonl", "w", force_zip64=True) as target:
                states[table] = _dump(model, target)
            progress(table, number, len(found))
        manifest = {
            "format": FORMAT,
            "version": version("saleswright"),
            "made_at": clock.now(),
            "database": connection.vendor,
            "migrations": _migrations(),
            "tables": {table: asdict(state) for table, state in states.items()},
        }
    archive.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return states


@contextmanager
def snapshot() -> Iterator[None]:
    """Read one state of the database while others go on writing."""
    if connection.vendor == "postgresql":
        with atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:  # a plain BEGIN reads without taking the write lock
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def _fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return list(model._meta.local_concrete_fields)


def _dump(model: type[models.Model], target: IO[bytes] | None = None) -> TableState:
    """Write a table's rows in the order of their keys; without a target only add them up."""
    columns = [field.attname for field in _fields(model)]
    digest, rows = hashlib.sha256(), 0
    query = model._base_manager.order_by("pk").values_list(*columns)
    for row in query.iterator(chunk_size=CHUNK):
        options = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
        line = orjson.dumps(row, default=_plain, option=options)
        digest.update(line)
        rows += 1
        if target:
            target.write(line)
    return TableState(columns, rows, digest.hexdigest())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    raise TypeError(f"a backup cannot hold {type(value).__name__}")


def _write_media(archive: zipfile.ZipFile, progress: Progress) -> None:
    root = Path(settings.MEDIA_ROOT)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()] if root.is_dir() else []
    for number, path in enumerate(files, 1):
        archive.write(path, f"media/{path.relative_to(root).as_posix()}")
        progress("media", number, len(files))


def restore(path: Path, *, force: bool = False, progress: Progress = no_progress) -> dict[str, int]:
    """Load a backup into the empty database of the settings and compare the result with it, all or nothing.

    `force` replaces what a database holds. Returns the number of rows of each table. Raises Conflict when the
    database is not empty or has other migrations than the backup, ValidationFailed when the file is no
    sound backup.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive)
            _prepare(force)
            _require_same_migrations(manifest)
            with atomic():
                _load_all(archive, manifest, progress)
            _restore_media(archive, progress)
    except (zipfile.BadZipFile, KeyError, orjson.JSONDecodeError) as error:
        raise _unsound(str(error)) from error
    forget_everything()
    return {table: state["rows"] for table, state in manifest["tables"].items()}


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = orjson.loads(archive.read("manifest.json"))
    if manifest["format"] != FORMAT:
        raise _unsound(f"format {manifest['format']}")
    return manifest


def _unsound(detail: str) -> ValidationFailed:
    message = _("The file is not a sound backup: %(detail)s") % {"detail": detail}
    return ValidationFailed.of("file", "invalid", message)


def _prepare(force: bool) -> None:
    """Make the tables where there are none. Raises Conflict when there are some and they hold something."""
    present = tables().keys() & set(connection.introspection.table_names())
    if not present:
        call_command("migrate", verbosity=0, interactive=False)
    elif not force and (filled := _filled(present)):
        message = _("The database is not empty (%(tables)s); --force replaces what it holds.")
        raise Conflict(message % {"tables": ", ".join(filled[:5])})


def _filled(names: set[str]) -> list[str]:
    found = tables()
    return [name for name in sorted(names - FILLED_BY_DJANGO) if found[name]._base_manager.exists()]


def _migrations() -> list[list[str]]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted([app, name] for app, name in applied)


def _require_same_migrations(manifest: dict[str, Any]) -> None:
    theirs, ours = ({tuple(pair) for pair in pairs} for pairs in (manifest["migrations"], _migrations()))
    if theirs != ours or set(manifest["tables"]) != set(tables()):
        names = ", ".join(".".join(pair) for pair in sorted(theirs ^ ours)[:5])
        message = _(
            "The backup was made by version %(version)s with other tables (%(names)s): restore it with that one."
        )
        raise Conflict(message % {"version": manifest["version"], "names": names or "-"})


def _load_all(archive: zipfile.ZipFile, manifest: dict[str, Any], progress: Progress) -> None:
    found = tables()
    _empty(list(found))
    for number, (table, model) in enumerate(found.items(), 1):
        with archive.open(f"tables/{table}.jsonl") as source:
            _load(model, manifest["tables"][table]["columns"], source)
        state, wanted = asdict(_dump(model)), manifest["tables"][table]
        if (state["rows"], state["sha256"]) != (wanted["rows"], wanted["sha256"]):
            raise _unsound(table)
        progress(table, number, len(found))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(found.values())):
            cursor.execute(statement)


def _empty(names: list[str]) -> None:
    quoted = [connection.ops.quote_name(name) for name in names]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sessions = [connection.ops.quote_name(name) for name in LEFT_OUT]
            cursor.execute(f"TRUNCATE {', '.join(quoted + sessions)}")
        else:
            for name in quoted:
                cursor.execute(f"DELETE FROM {name}")  # references are checked when the transaction ends


def _load(model: type[models.Model], columns: list[str], source: Iterable[bytes]) -> None:
    by_name = {field.attname: field for field in _fields(model)}
    fields = [by_name[column] for column in columns]
    rows = (
        [_database_value(field, value) for field, value in zip(fields, orjson.loads(line), strict=True)]
        for line in source
    )
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(fields))
            while chunk := list(islice(rows, CHUNK)):
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", chunk)


def _database_value(field: models.Field[Any, Any], value: Any) -> Any:
    """A value of the file as the database's driver takes it."""
    if value is None and not isinstance(field, models.JSONField):
        return None
    if isinstance(field, models.BinaryField):
        value = base64.b64decode(value)
    elif isinstance(field, models.DateTimeField):
        value = datetime.fromisoformat(value)
    elif not isinstance(field, models.JSONField):
        value = field.to_python(value)
    return field.get_db_prep_save(value, connection)


def _restore_media(archive: zipfile.ZipFile, progress: Progress) -> None:
    root = Path(settings.MEDIA_ROOT).resolve()
    files = [name for name in archive.namelist() if name.startswith("media/") and not name.endswith("/")]
    for number, name in enumerate(files, 1):
        target = (root / name.removeprefix("media/")).resolve()
        if not target.is_relative_to(root):
            raise _unsound(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        progress("media", number, len(files))

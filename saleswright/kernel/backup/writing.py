"""Writing a backup while the system runs."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import zipfile
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO

import orjson
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.backup.rows import FORMAT, Progress, TableState, dump, no_progress, snapshot, tables
from saleswright.kernel.errors import Busy

PIECE = 1 << 20
#: packed already: packing them again takes time and gains nothing
PACKED = re.compile(rb"\xff\xd8\xff|\x89PNG|PK\x03\x04|%PDF|RIFF|GIF8|....ftyp", re.DOTALL)
_BY_CONTENT = re.compile(r"[0-9a-f]{64}")


def backup(path: Path, *, progress: Progress = no_progress, damaged: list[str] | None = None) -> dict[str, int]:
    """Write a consistent backup of the running system to `path`; returns the number of rows of each table.

    The file appears under its name only when it is complete, readable by its owner alone. Names of uploaded files
    whose content is no longer what it was are added to `damaged`. Raises Busy when the disk is full.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                states, migrations = _write_database(archive, progress)
                bad = _write_media(archive, progress)
                manifest = {
                    "format": FORMAT,
                    "version": version("saleswright"),
                    "made_at": clock.now(),
                    "database": connection.vendor,
                    "migrations": migrations,
                    "tables": {table: asdict(state) for table, state in states.items()},
                }
                archive.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        text = _("There is not enough room in %(folder)s; no backup was written.") % {"folder": path.parent}
        raise Busy(text, code="storage_full") from error
    finally:
        part.unlink(missing_ok=True)
    if damaged is not None:
        damaged += bad
    return {table: state.rows for table, state in states.items()}


def _write_database(archive: zipfile.ZipFile, progress: Progress) -> tuple[dict[str, TableState], list[list[str]]]:
    """Write every table as it stands at one moment; with the migrations of that moment."""
    states: dict[str, TableState] = {}
    with snapshot():
        migrations = applied_migrations()
        for table, model in tables().items():
            total = model._base_manager.count()
            tell = partial(_tell, progress, table, total)
            with archive.open(f"tables/{table}.jsonl", "w", force_zip64=True) as target:
                states[table] = dump(model, target, tell)
            tell(total)
    return states, migrations


def _tell(progress: Progress, table: str, total: int, done: int) -> None:
    progress(table, done, total)


def applied_migrations() -> list[list[str]]:
    """The migrations that the database has, as [app, name]."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted([app, name] for app, name in applied)


def _write_media(archive: zipfile.ZipFile, progress: Progress) -> list[str]:
    """Copy the uploaded files; returns those whose content is not what their name says.

    The database was read before, and contents are kept for days after the last row that names them is gone: whatever
    a row of the backup names is here. Files that vanish meanwhile are named by none.
    """
    root = Path(settings.MEDIA_ROOT)
    files = [path for path in sorted(root.rglob("*")) if not path.name.startswith(".") and path.is_file()]
    bad = []
    for number, path in enumerate(files, 1):
        name = path.relative_to(root).as_posix()
        try:
            source = path.open("rb")
        except FileNotFoundError:
            continue
        with source:
            if not _copy(source, archive, name) and _BY_CONTENT.fullmatch(path.name):
                bad.append(name)
        progress("media", number, len(files))
    return bad


def _copy(source: IO[bytes], archive: zipfile.ZipFile, name: str) -> bool:
    """Copy a file into the archive; whether it is named by its SHA-256."""
    info = zipfile.ZipInfo.from_file(source.name, f"media/{name}")
    head = source.read(12)
    info.compress_type = zipfile.ZIP_STORED if PACKED.match(head) else zipfile.ZIP_DEFLATED
    digest = hashlib.sha256()
    with archive.open(info, "w", force_zip64=True) as target:
        piece = head
        while piece:
            digest.update(piece)
            target.write(piece)
            piece = source.read(PIECE)
    return name.rpartition("/")[2] == digest.hexdigest()

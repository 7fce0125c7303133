"""The contents of files in the media folder: `sha/ab/abcd…`, each once, named by its SHA-256 and never changed.

Writing a content and removing one that nobody names take turns by a lock of the folder `ab` (`flock`, which holds
between threads, processes and, on NFS, machines).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from saleswright.modules.work.models import Attachment

LENGTH = 64
#: how long an unfinished upload may lie about
UNFINISHED = 24 * 3600


def root() -> Path:
    """The folder of all contents."""
    return Path(settings.MEDIA_ROOT) / "sha"


def path_of(sha256: str) -> Path:
    """Where a content lies."""
    return root() / sha256[:2] / sha256


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def store(file: UploadedFile[Any]) -> str:
    """Write the content under its SHA-256; returns that. A content that is there already becomes young again."""
    digest = hashlib.sha256()
    root().mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=root(), prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as copy:
            for chunk in file.chunks():
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        path = path_of(digest.hexdigest())
        with _turn(path.parent):
            os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def remove(sha256: str, *, older_than: float) -> bool:
    """Remove a content that no file names, unless it was written after that time (seconds since 1970)."""
    path = path_of(sha256)
    with _turn(path.parent):
        try:
            if path.stat().st_mtime > older_than or is_named(sha256):
                return False
        except FileNotFoundError:
            return False
        path.unlink()
    return True


def is_named(sha256: str) -> bool:
    """Whether any file has this content."""
    return Attachment.objects.filter(sha256=sha256).exists()


def contents() -> Iterator[tuple[str, os.stat_result]]:
    """Every stored content with what the file system knows of it, folder by folder."""
    if not root().is_dir():
        return
    for folder in sorted(root().iterdir()):
        if not folder.is_dir():
            continue
        for entry in os.scandir(folder):
            if len(entry.name) == LENGTH:
                try:
                    yield entry.name, entry.stat()
                except FileNotFoundError:
                    continue


def remove_unfinished() -> int:
    """Remove what uploads that were broken off left behind; returns how many."""
    count, limit = 0, time.time() - UNFINISHED
    for part in root().glob(".part-*"):
        try:
            if part.stat().st_mtime < limit:
                part.unlink()
                count += 1
        except FileNotFoundError:
            continue
    return count

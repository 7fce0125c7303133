"""Files that people sent for an import, kept until they are taken and bound to who sent them."""

from __future__ import annotations

import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from saleswright.kernel.errors import NotFound, TooLarge

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
KEPT_SECONDS = 24 * 3600
KEPT_ERRORS_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept file in a folder of its own, with the errors of its import beside it."""

    token: str
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "file"

    @property
    def name(self) -> str:
        return (self.folder / "name").read_text(encoding="utf-8")

    @property
    def errors_path(self) -> Path:
        return self.folder / "errors.xlsx"

    def remove_file(self) -> None:
        """Remove what was sent; the errors stay for a month."""
        self.path.unlink(missing_ok=True)


def keep(file: UploadedFile[Any], *, resource: str, user_id: int) -> Upload:
    """Keep a file that was sent. Raises TooLarge."""
    if (file.size or 0) > settings.UPLOAD_LIMIT:
        raise TooLarge(_("The file is larger than %(limit)d MB.") % {"limit": settings.UPLOAD_LIMIT // 2**20})
    token = secrets.token_urlsafe(24)
    upload = Upload(token, _folder(resource, user_id, token))
    upload.folder.mkdir(parents=True, mode=0o700)
    (upload.folder / "name").write_text(Path(file.name or "").name[:200], encoding="utf-8")
    with upload.path.open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return upload


def find(token: str, *, resource: str, user_id: int) -> Upload:
    """The upload that this person sent for this kind of record. Raises NotFound."""
    folder = _folder(resource, user_id, token)
    if not TOKEN.fullmatch(token) or not folder.is_dir():
        raise NotFound
    return Upload(token, folder)


def tidy() -> int:
    """Remove uploads that are more than a day old, those with rows to correct after a month; returns how many."""
    count = 0
    for folder in _root().glob("*/*/*"):
        kept = KEPT_ERRORS_SECONDS if (folder / "errors.xlsx").exists() else KEPT_SECONDS
        if folder.stat().st_mtime < time.time() - kept:
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count


def forget_files(words: Sequence[str]) -> int:
    """Remove the uploads of which the file, its name or its errors hold one of the words; returns how many."""
    count = 0
    wanted = [word.casefold() for word in words]
    for folder in _root().glob("*/*/*") if wanted else ():
        if any(word in text for text in _texts_in(folder) for word in wanted):
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count


def _texts_in(folder: Path) -> Iterator[str]:
    """The texts of an upload's files, folded; of workbooks those of their parts."""
    for path in (path for path in folder.iterdir() if path.is_file()):
        if not zipfile.is_zipfile(path):
            yield _read(path.read_bytes())
            continue
        with zipfile.ZipFile(path) as book:
            for part in (one for one in book.infolist() if one.filename.endswith(".xml")):
                if part.file_size <= settings.UPLOAD_LIMIT * 20:
                    yield _read(book.read(part))


def _read(content: bytes) -> str:
    try:
        return content.decode().casefold()
    except UnicodeDecodeError:
        return content.decode("gb18030", errors="replace").casefold()


def _root() -> Path:
    return settings.VAR_DIR / "uploads"


def _folder(resource: str, user_id: int, token: str) -> Path:
    return _root() / str(user_id) / resource / token

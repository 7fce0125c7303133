"""Files of records: checked by name and content, stored once by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import TooLarge, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.work.models import Attachment

_ZIP, _OLE, _OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", "application/vnd.openxmlformats-officedocument."
#: what may be attached: ending -> (type, what the content begins with; empty: readable text)
KINDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "gif": ("image/gif", (b"GIF87a", b"GIF89a")),
    "webp": ("image/webp", (b"RIFF",)),
    "docx": (_OFFICE + "wordprocessingml.document", (_ZIP,)),
    "xlsx": (_OFFICE + "spreadsheetml.sheet", (_ZIP,)),
    "pptx": (_OFFICE + "presentationml.presentation", (_ZIP,)),
    "doc": ("application/msword", (_OLE,)),
    "xls": ("application/vnd.ms-excel", (_OLE,)),
    "ppt": ("application/vnd.ms-powerpoint", (_OLE,)),
    "zip": ("application/zip", (_ZIP, b"PK\x05\x06")),
    "txt": ("text/plain; charset=utf-8", ()),
    "csv": ("text/csv; charset=utf-8", ()),
}
#: what a browser may show by itself; everything else is downloaded
INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})


def attach(resource: str, record_id: Any, file: UploadedFile | None, *, actor: Actor) -> Attachment:
    """Keep a file with a record the actor sees.

    Raises ValidationFailed (no file, a kind that is not taken, content that is not what the name says, no such
    record), TooLarge above UPLOAD_LIMIT, NotAllowed.
    """
    actor.require("attachments.create")
    if file is None or not file.name:
        raise ValidationFailed.of("file", "required", _("Choose a file."))
    if (file.size or 0) > settings.UPLOAD_LIMIT:
        raise TooLarge(_("A file may have at most %(size)d MB.") % {"size": settings.UPLOAD_LIMIT // 2**20})
    name = Path(file.name.replace("\\", "/")).name[-200:]
    values = {"resource": resource, "record_id": record_id, "name": name, "content_type": content_type(name, file)}
    return save_record(Attachment, values | {"size": file.size, "sha256": store(file)}, actor=actor)


def content_type(name: str, file: UploadedFile) -> str:
    """The type of a file by its name, if its content agrees. Raises ValidationFailed."""
    kind = KINDS.get(name.rpartition(".")[2].lower())
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if kind is None or not head:
        text = _("The file is empty.") if kind else _("Files of this kind are not taken; these are: %(kinds)s.")
        raise ValidationFailed.of("file", "invalid", text % {"kinds": ", ".join(KINDS)} if kind is None else text)
    known, starts = kind
    agrees = head.startswith(starts) if starts else _readable(head)
    if not agrees or (known == "image/webp" and head[8:12] != b"WEBP"):
        raise ValidationFailed.of("file", "invalid", _("The content is not what the file's name says."))
    return known


def _readable(head: bytes) -> bool:
    """Text in UTF-16 has its mark; any other text has no NUL, nor the beginning of a program."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return b"\x00" not in head and not head.startswith((b"MZ", b"\x7fELF"))


def store(file: UploadedFile) -> str:
    """Write the content under its SHA-256, if it is not there yet; returns that."""
    digest = hashlib.sha256()
    root = Path(settings.MEDIA_ROOT) / "sha"
    root.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=root)
    try:
        with os.fdopen(handle, "wb") as copy:
            for chunk in file.chunks():
                digest.update(chunk)
                copy.write(chunk)
        path = path_of(digest.hexdigest())
        path.parent.mkdir(exist_ok=True)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def path_of(sha256: str) -> Path:
    """Where a content lies."""
    return Path(settings.MEDIA_ROOT) / "sha" / sha256[:2] / sha256

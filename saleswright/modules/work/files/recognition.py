"""Whether a file's content is what its name says: signatures, the parts of zip files, the streams of OLE files.

Nothing is unpacked but one small part of an Office document, of at most `SMALL` bytes.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any

from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.modules.work.files.kinds import KINDS, FileGroup, Kind, ending_of

PIECE = 1 << 20
SMALL = 4 << 20
#: pixels of an image; a photo of 100 megapixels is the largest that phones make
MOST_PIXELS = 120_000_000
#: of an archive: entries, unpacked bytes, and how many times larger it gets
MOST_ENTRIES, MOST_UNPACKED, MOST_RATIO = 20_000, 2 << 30, 200
RATIO_FROM = 64 << 20

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MACROS = "_VBA_PROJECT".encode("utf-16-le")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
#: beginnings of programs and scripts
_PROGRAMS = (
    b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa", b"#!", b"<?php",
    b"L\x00\x00\x00\x01\x14\x02\x00",
)  # fmt: skip
_MARKUP = (b"<html", b"<!doctype", b"<svg", b"<script", b"<?xml", b"<iframe", b"<body", b"@echo", b"rem ", b"<hta")
#: endings of what runs when somebody opens it
_NAMES_THAT_RUN = """
    exe com scr pif cpl msi msp mst dll sys drv ocx bat cmd ps1 psm1 vbs vbe js jse wsf wsh hta jar apk app sh
    run lnk url reg inf scf gadget application chm xll docm xlsm pptm dotm xltm xlam ppam svg html htm xhtml
    mht iso img vhd appx msix dmg pkg deb rpm
"""
RUNS = frozenset(_NAMES_THAT_RUN.split())

IMAGE_FORMATS = {
    "image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP", "image/bmp": "BMP",
    "image/tiff": "TIFF",
}  # fmt: skip


class _Unfit(Exception):
    """The content is refused; the text says why."""


def recognise(name: str, file: IO[bytes]) -> tuple[Kind, FileGroup]:
    """The kind of a file by its name, if its content agrees, and the group whose rule holds.

    Old Office documents with macros belong to the macros' group, whatever their name. Raises ValidationFailed.
    """
    kind = KINDS.get(ending_of(name))
    if kind is None:
        kinds = ", ".join(KINDS)
        raise _refused(_("Files of this kind are not taken; these are: %(kinds)s.") % {"kinds": kinds})
    file.seek(0)
    head = file.read(4096)
    if not head:
        raise _refused(_("The file is empty."))
    try:
        group = _CHECKS[kind.check](file, head, kind)
    except _Unfit as unfit:
        raise _refused(str(unfit) or _("The content is not what the file's name says.")) from None
    except (zipfile.BadZipFile, EOFError, zlib.error, struct.error, NotImplementedError, RuntimeError, OverflowError):
        raise _refused(_("The file is damaged, or not what its name says.")) from None
    finally:
        file.seek(0)
    return kind, group or kind.group


def _refused(text: Text) -> ValidationFailed:
    return ValidationFailed.of("file", "invalid", text)


# --- by kind ---------------------------------------------------------------------------------------------------


def _starts(file: IO[bytes], head: bytes, kind: Kind) -> None:
    if not head.startswith(kind.mark):
        raise _Unfit


def _brand(file: IO[bytes], head: bytes, kind: Kind) -> None:
    """ISO base media: the first box is `ftyp`, its brand follows."""
    if head[4:8] != b"ftyp" or head[8:12] not in kind.mark:
        raise _Unfit


def _image(file: IO[bytes], head: bytes, kind: Kind) -> None:
    """The header must be an image's, and say that it has no absurd number of pixels."""
    _starts(file, head, kind)
    file.seek(0)
    try:
        with Image.open(file, formats=[IMAGE_FORMATS[kind.content_type]]) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        raise _Unfit(_too_many_pixels()) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise _Unfit from None
    if width * height > MOST_PIXELS:
        raise _Unfit(_too_many_pixels())


def _too_many_pixels() -> str:
    return _("The image has too many pixels; at most %(count)d million.") % {"count": MOST_PIXELS // 1_000_000}


def _text(file: IO[bytes], head: bytes, kind: Kind) -> None:
    """Text in UTF-16 has its mark; any other text has no NUL, and is neither a program nor a page."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        begin = head[2:].replace(b"\x00", b"")
    else:
        begin = head.removeprefix(b"\xef\xbb\xbf")
        file.seek(0)
        while piece := file.read(PIECE):
            if b"\x00" in piece:
                raise _Unfit
    if begin.startswith(_PROGRAMS) or begin.lstrip().lower().startswith(_MARKUP):
        raise _Unfit(_("Programs, scripts and web pages are not taken, whatever their name."))


def _ole(file: IO[bytes], head: bytes, kind: Kind) -> FileGroup | None:
    """Word, Excel and PowerPoint before 2007, and WPS: an installer (.msi) has the same beginning."""
    if not head.startswith(_OLE):
        raise _Unfit
    found = _find(file, (*kind.mark, _MACROS))
    if not found & set(kind.mark):
        raise _Unfit
    return FileGroup.MACRO if _MACROS in found else None


def _find(file: IO[bytes], needles: tuple[bytes, ...]) -> set[bytes]:
    """Which of the needles occur."""
    file.seek(0)
    found: set[bytes] = set()
    longest, rest = max(map(len, needles)), b""
    while piece := file.read(PIECE):
        text = rest + piece
        found |= {needle for needle in needles if needle in text}
        rest = text[-longest:]
    return found


def _ooxml(file: IO[bytes], head: bytes, kind: Kind) -> FileGroup | None:
    """Its list of types names the main part; macros lie in a `vbaProject.bin`, which only the macro kinds may have.

    A document with a password is an OLE file with one encrypted stream, which Office opens by its name.
    """
    if head.startswith(_OLE) and kind.group != FileGroup.MACRO:
        if not _find(file, (_ENCRYPTED,)):
            raise _Unfit
        return None
    with _unpackable(file) as archive:
        types = _part(archive, "[Content_Types].xml")
        names = {name.lower() for name in archive.namelist()}
    if kind.mark[0] not in types:
        raise _Unfit
    macros = any(name.endswith("vbaproject.bin") for name in names) or b"macroEnabled" in types
    if macros and kind.group != FileGroup.MACRO:
        raise _Unfit(_("The document has macros: its name must say so (.docm, .xlsm, .pptm)."))
    return None


def _odf(file: IO[bytes], head: bytes, kind: Kind) -> FileGroup | None:
    with _unpackable(file) as archive:
        if _part(archive, "mimetype").strip() != kind.content_type.encode():
            raise _Unfit
        names = archive.namelist()
    return FileGroup.MACRO if any(name.startswith(("Basic/", "Scripts/")) for name in names) else None


def _ofd(file: IO[bytes], head: bytes, kind: Kind) -> None:
    with _unpackable(file) as archive:
        if "OFD.xml" not in archive.namelist():
            raise _Unfit


def _archive(file: IO[bytes], head: bytes, kind: Kind) -> None:
    """An archive that holds programs, or is one (.jar, .apk), is not taken."""
    with _unpackable(file) as archive:
        names = archive.namelist()
    if {"META-INF/MANIFEST.MF", "AndroidManifest.xml", "classes.dex"} & set(names):
        raise _Unfit(_("Programs, scripts and web pages are not taken, whatever their name."))
    if bad := next((name for name in names if ending_of(name.rstrip(". ")) in RUNS), ""):
        raise _Unfit(_("The archive holds “%(name)s”: programs and scripts are not taken.") % {"name": bad[:100]})


def _unpackable(file: IO[bytes]) -> zipfile.ZipFile:
    """The zip file, if unpacking it harms nobody. Raises _Unfit for a zip bomb."""
    file.seek(0)
    if file.read(2) != b"PK":
        raise _Unfit
    file.seek(0, 2)
    length = file.tell()
    archive = zipfile.ZipFile(file)
    infos = archive.infolist()
    packed, unpacked = sum(i.compress_size for i in infos), sum(i.file_size for i in infos)
    bomb = (
        len(infos) > MOST_ENTRIES
        or unpacked > MOST_UNPACKED
        or packed > length  # entries that overlap
        or (unpacked > RATIO_FROM and unpacked > MOST_RATIO * length)
    )
    if bomb:
        raise _Unfit(_("The file gets far too large when it is unpacked."))
    return archive


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as part:
            return part.read(SMALL)
    except KeyError:
        raise _Unfit from None


Check = Callable[[IO[bytes], bytes, Kind], Any]
_CHECKS: dict[str, Check] = {
    "starts": _starts, "brand": _brand, "image": _image, "text": _text, "ole": _ole, "ooxml": _ooxml, "odf": _odf,
    "ofd": _ofd, "archive": _archive,
}  # fmt: skip

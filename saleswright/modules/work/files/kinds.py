"""What may be attached: the ending of a name, the type it stands for and the group whose rule holds for it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States

_OOXML, _ODF = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."


class FileGroup(States):
    """What files are, roughly: each group has its rule, whether it is taken and up to which size."""

    IMAGE = "image", "blue", _("Images")
    PDF = "pdf", "red", _("PDF and OFD")
    OFFICE = "office", "green", _("Office documents")
    MACRO = "macro", "orange", _("Office documents with macros")
    TEXT = "text", "secondary", _("Text")
    MEDIA = "media", "purple", _("Sound and video")
    DRAWING = "drawing", "teal", _("Drawings (DWG)")
    ARCHIVE = "archive", "yellow", _("Archives (ZIP)")


@dataclass(frozen=True, slots=True)
class Kind:
    """An ending: the type that is sent with it, its group, and the name of the check of its content."""

    content_type: str
    group: FileGroup
    check: str
    #: what the check needs to know: first bytes, the name of a stream or part
    mark: tuple[bytes, ...] = ()


def _image(name: str, *starts: bytes, check: str = "image") -> Kind:
    return Kind(f"image/{name}", FileGroup.IMAGE, check, starts)


def _ole(name: str, *streams: str) -> Kind:
    return Kind(name, FileGroup.OFFICE, "ole", tuple(stream.encode("utf-16-le") for stream in streams))


def _ooxml(name: str, main: str, group: FileGroup = FileGroup.OFFICE) -> Kind:
    return Kind(name, group, "ooxml", (main.encode(),))


def _macro(name: str, main: str) -> Kind:
    return _ooxml(f"application/vnd.ms-{name}.macroenabled.12", main, FileGroup.MACRO)


KINDS: dict[str, Kind] = {
    "pdf": Kind("application/pdf", FileGroup.PDF, "starts", (b"%PDF-",)),
    "ofd": Kind("application/ofd", FileGroup.PDF, "ofd"),
    "png": _image("png", b"\x89PNG\r\n\x1a\n"),
    "jpg": _image("jpeg", b"\xff\xd8\xff"),
    "jpeg": _image("jpeg", b"\xff\xd8\xff"),
    "gif": _image("gif", b"GIF87a", b"GIF89a"),
    "webp": _image("webp", b"RIFF"),
    "bmp": _image("bmp", b"BM"),
    "tif": _image("tiff", b"II*\x00", b"MM\x00*"),
    "tiff": _image("tiff", b"II*\x00", b"MM\x00*"),
    "heic": _image("heic", b"heic", b"heix", b"mif1", b"msf1", b"hevc", check="brand"),
    "docx": _ooxml(_OOXML + "wordprocessingml.document", "wordprocessingml.document.main+xml"),
    "xlsx": _ooxml(_OOXML + "spreadsheetml.sheet", "spreadsheetml.sheet.main+xml"),
    "pptx": _ooxml(_OOXML + "presentationml.presentation", "presentationml.presentation.main+xml"),
    "docm": _macro("word.document", "word.document.macroEnabled.main+xml"),
    "xlsm": _macro("excel.sheet", "excel.sheet.macroEnabled.main+xml"),
    "pptm": _macro("powerpoint.presentation", "powerpoint.presentation.macroEnabled.main+xml"),
    "odt": Kind(_ODF + "text", FileGroup.OFFICE, "odf"),
    "ods": Kind(_ODF + "spreadsheet", FileGroup.OFFICE, "odf"),
    "odp": Kind(_ODF + "presentation", FileGroup.OFFICE, "odf"),
    "doc": _ole("application/msword", "WordDocument"),
    "xls": _ole("application/vnd.ms-excel", "Workbook", "Book"),
    "ppt": _ole("application/vnd.ms-powerpoint", "PowerPoint Document"),
    "wps": _ole("application/vnd.ms-works", "WordDocument"),
    "et": _ole("application/vnd.ms-excel", "Workbook", "Book"),
    "dps": _ole("application/vnd.ms-powerpoint", "PowerPoint Document"),
    "txt": Kind("text/plain; charset=utf-8", FileGroup.TEXT, "text"),
    "md": Kind("text/plain; charset=utf-8", FileGroup.TEXT, "text"),
    "csv": Kind("text/csv; charset=utf-8", FileGroup.TEXT, "text"),
    "mp3": Kind("audio/mpeg", FileGroup.MEDIA, "starts", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "m4a": Kind("audio/mp4", FileGroup.MEDIA, "brand", (b"M4A ", b"mp42", b"isom", b"mp41", b"iso2")),
    "mp4": Kind("video/mp4", FileGroup.MEDIA, "brand", (b"mp42", b"isom", b"mp41", b"iso2", b"iso5", b"iso6", b"M4V ")),
    "mov": Kind("video/quicktime", FileGroup.MEDIA, "brand", (b"qt  ",)),
    "dwg": Kind("image/vnd.dwg", FileGroup.DRAWING, "starts", (b"AC10",)),
    "zip": Kind("application/zip", FileGroup.ARCHIVE, "archive"),
}  # fmt: skip
#: images that the drawing library reads, and so can be shown small
DRAWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff", "application/pdf"})
#: what a browser may show by itself; everything else is downloaded
INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)
_LONGEST = 200


def ending_of(name: str) -> str:
    """What stands behind the last dot, in small letters."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def clean_name(given: str) -> str:
    """A name that is safe in every file system and looks like what it is; empty where nothing is left.

    Folders, control characters and those that turn the direction of writing (`fdp.exe` shown as `exe.pdf`) go.
    """
    name = unicodedata.normalize("NFC", given.replace("\\", "/"))
    name = PurePosixPath(name).name
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    name = re.sub(r'[<>:"|?*]', "_", re.sub(r"\s+", " ", name)).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if stem.lower() in _RESERVED or (not dot and name.lower() in _RESERVED):
        name = f"_{name}"
        stem = f"_{stem}"
    if len(name) > _LONGEST:
        tail = f".{ending}" if dot and len(ending) < 10 else ""
        name = (stem if tail else name)[: _LONGEST - len(tail)].rstrip(" .") + tail
    return name


def group_of(name: str) -> FileGroup | None:
    """The group that a file's name puts it into; None for an ending that is not known."""
    kind = KINDS.get(ending_of(name))
    return kind.group if kind is not None else None

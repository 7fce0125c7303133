"""Files as people send them, and as somebody would who means ill."""

from __future__ import annotations

import io
import zipfile

from PIL import Image

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
MACRO_SHEET = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zipped(**parts: bytes) -> bytes:
    """A zip file of these parts; `__` in a name stands for `/`, `_DOT_` for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return file.getvalue()


def office(main: str, **parts: bytes) -> bytes:
    """An Office document whose main part is of this type."""
    types = f'<Types><Override PartName="/main.xml" ContentType="{main}"/></Types>'.encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return file.getvalue()


def old_office(*streams: str) -> bytes:
    """An OLE file whose folder names these streams."""
    return OLE + b"".join(stream.encode("utf-16-le") + bytes(64) for stream in streams)


def image(kind: str = "PNG", size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    """An image, red on the left and blue on the right."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photo() -> bytes:
    """A photo that was taken upright (EXIF orientation 6) at a place that it names."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 13.0, 48.0), 3: "E", 4: (121.0, 28.0, 12.0)})
    return image("JPEG", (40, 20), exif=exif)


def pdf(pages: int = 1) -> bytes:
    """A PDF of empty pages."""
    import pypdfium2

    document, file = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _number in range(pages):
        document.new_page(200, 300)
    document.save(file)
    return file.getvalue()

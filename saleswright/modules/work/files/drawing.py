"""Draws a page of a PDF or an image as a small WebP: `python drawing.py IN OUT KIND PAGE SIZE`.

The content may be made to break the libraries: this is a process of its own, with little memory and time, that
holds no data but the file. It prints how many pages there are. What it draws carries no EXIF, so no place where a
photo was taken.
"""

from __future__ import annotations

import resource
import sys
import warnings

MEMORY = 1536 << 20
SECONDS = 20
MOST_PIXELS = 120_000_000


def main(source: str, target: str, kind: str, page: int, size: int) -> int:
    """Draw; returns the number of pages. Raises whatever the libraries raise."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    image, pages = _pdf(source, page, size) if kind == "application/pdf" else _image(source, size)
    image.save(target, "WEBP", quality=82, method=3)
    return pages


def _pdf(source: str, page: int, size: int):
    import pypdfium2

    document = pypdfium2.PdfDocument(source)
    count = len(document)
    drawn = document[min(max(page, 1), count) - 1]
    width, height = drawn.get_size()
    scale = min(size / max(width, height, 1), 6.0)
    return drawn.render(scale=scale).to_pil().convert("RGB"), count


def _image(source: str, size: int):
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(source, formats=["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]) as image:
        image.draft("RGB", (size, size))
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((size, size))
        has_alpha = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
        plain = upright.convert("RGBA" if has_alpha else "RGB")
    plain.info.clear()
    return plain, 1


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))

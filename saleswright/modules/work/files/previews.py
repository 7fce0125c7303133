"""Small pictures of files, drawn when they are first asked for and kept by the content's SHA-256.

They lie in `PREVIEW_ROOT`, outside the media folder: they can be drawn again and are in no backup.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from saleswright.modules.work.files import drawing, store
from saleswright.modules.work.files.kinds import DRAWN

log = logging.getLogger("saleswright.files")
#: longest side in pixels
SIZES = {"thumbnail": 320, "preview": 1600}
MOST_PAGES = 500
#: seconds after which a drawing is given up, and how many one process draws at a time
PATIENCE = 30
_turns = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Preview:
    """A drawn picture and how many pages its file has."""

    path: Path
    pages: int


def can_be_drawn(content_type: str) -> bool:
    """Whether there is a picture of files of this type."""
    return content_type in DRAWN


def preview_of(sha256: str, content_type: str, *, size: str = "thumbnail", page: int = 1) -> Preview | None:
    """The picture of a content, drawn if there is none yet; None when it can't be drawn."""
    if not can_be_drawn(content_type):
        return None
    page = min(max(page, 1), MOST_PAGES) if content_type == "application/pdf" else 1
    folder = Path(settings.PREVIEW_ROOT) / sha256[:2]
    name = f"{sha256}-{SIZES[size]}-{page}"
    found = _kept(folder, name)
    if found is None:
        with _turns:
            found = _kept(folder, name) or _draw(sha256, content_type, folder, name, page, SIZES[size])
    if found is None or found.pages == 0:
        return None
    if page > found.pages:
        return preview_of(sha256, content_type, size=size, page=found.pages)
    return found


def _kept(folder: Path, name: str) -> Preview | None:
    """What was drawn before; no pages stand for what can't be drawn. The number is in the name's ending."""
    for path in folder.glob(f"{name}.*.webp"):
        return Preview(path, int(path.name.split(".")[1]))
    return None


def _draw(sha256: str, content_type: str, folder: Path, name: str, page: int, size: int) -> Preview | None:
    source = store.path_of(sha256)
    if not source.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        target = Path(work) / "drawn.webp"
        command = [sys.executable, "-I", drawing.__file__, str(source), str(target), content_type, str(page), str(size)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PATIENCE, check=True, env={"PATH": os.environ.get("PATH", "")}
            )
            pages = int(done.stdout)
        except subprocess.TimeoutExpired:
            log.warning("drawing %s took too long", sha256)
            pages = 0
        except (subprocess.CalledProcessError, ValueError) as error:
            said = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip()
            log.warning("%s can't be drawn: %s", sha256, said.rpartition("\n")[2][:300] or error)
            pages = 0
        if not pages:
            target.write_bytes(b"")  # so that nobody tries again with every look at the page
        path = folder / f"{name}.{pages}.webp"
        os.replace(target, path)
    return Preview(path, pages)


def forget(sha256: str) -> None:
    """Remove the pictures of a content that is gone."""
    for path in (Path(settings.PREVIEW_ROOT) / sha256[:2]).glob(f"{sha256}-*"):
        path.unlink(missing_ok=True)


def forget_all() -> None:
    """Remove every picture: they are drawn again when they are asked for."""
    shutil.rmtree(settings.PREVIEW_ROOT, ignore_errors=True)


def kept_bytes() -> int:
    """How much room the pictures take."""
    root, total = Path(settings.PREVIEW_ROOT), 0
    for path in root.glob("*/*.webp"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total

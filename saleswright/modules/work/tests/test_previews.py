"""Pictures of files: upright, without the place, drawn once, never the end of the process."""

import subprocess
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from saleswright.modules.work.files import previews
from saleswright.modules.work.files.previews import preview_of
from saleswright.modules.work.files.store import store
from saleswright.modules.work.tests import samples


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path):
    settings.MEDIA_ROOT, settings.PREVIEW_ROOT = tmp_path / "media", tmp_path / "previews"


def kept(content):
    return store(SimpleUploadedFile("x", content))


def test_it_turns_photos_upright_and_leaves_out_where_they_were_taken():
    found = preview_of(kept(samples.photo()), "image/jpeg")
    with Image.open(found.path) as picture:
        assert (picture.size, picture.format) == ((20, 40), "WEBP")
        assert dict(picture.getexif()) == {}
        red, _green, blue = picture.convert("RGB").getpixel((10, 5))
        assert red > 200 > 60 > blue  # what was left is above


def test_it_draws_small_and_large_pictures_once(monkeypatch):
    sha256 = kept(samples.image("PNG", (2400, 1200)))
    sizes = []
    for size in ("thumbnail", "preview"):
        with Image.open(preview_of(sha256, "image/png", size=size).path) as picture:
            sizes.append(picture.size)
    assert sizes == [(320, 160), (1600, 800)]
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("drawn again"))
    assert preview_of(sha256, "image/png").pages == 1


def test_it_draws_each_page_of_a_pdf():
    sha256 = kept(samples.pdf(3))
    first = preview_of(sha256, "application/pdf")
    assert first.pages == 3
    with Image.open(first.path) as picture:
        assert picture.size == (214, 320)
    third = preview_of(sha256, "application/pdf", size="preview", page=3)
    beyond = preview_of(sha256, "application/pdf", size="preview", page=9)
    assert third.path != preview_of(sha256, "application/pdf", size="preview", page=2).path
    assert beyond.path == third.path


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"%PDF-1.7 broken", "application/pdf"), (b"\x89PNG\r\n\x1a\n broken", "image/png")],
)
def test_it_gives_up_on_what_cannot_be_drawn_and_does_not_try_again(content, content_type, monkeypatch):
    sha256 = kept(content)
    assert preview_of(sha256, content_type) is None
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("tried again"))
    assert preview_of(sha256, content_type) is None


def test_it_gives_up_on_what_takes_too_long(monkeypatch):
    monkeypatch.setattr(previews, "PATIENCE", 0.01)
    assert preview_of(kept(samples.pdf()), "application/pdf") is None


def test_it_draws_nothing_of_other_kinds_and_of_contents_that_are_gone():
    assert preview_of(kept(b"a,b"), "text/csv; charset=utf-8") is None
    assert preview_of("ab" * 32, "image/png") is None


def test_it_may_be_asked_by_many_at_once():
    sha256, found = kept(samples.image()), []
    threads = [threading.Thread(target=lambda: found.append(preview_of(sha256, "image/png"))) for _n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.pages for one in found} == {1}
    assert len(found) == 6
    assert previews.kept_bytes() == found[0].path.stat().st_size


def test_it_forgets_pictures():
    one, other = kept(samples.image()), kept(samples.image("PNG", (10, 10)))
    path = preview_of(one, "image/png").path
    preview_of(other, "image/png")
    previews.forget(one)
    assert not path.exists()
    assert previews.kept_bytes() > 0
    previews.forget_all()
    assert previews.kept_bytes() == 0

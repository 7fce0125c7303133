"""Contents that no file names go after a while, and nothing else does."""

import os
import threading
import time
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.attachments import attach
from saleswright.modules.work.files import previews, store, upkeep
from saleswright.modules.work.files.upkeep import GRACE, clean
from saleswright.modules.work.models import Attachment, OrphanedContent
from saleswright.modules.work.tests import samples

pytestmark = pytest.mark.django_db
ROOT = system("test")
NONE = {"files": 0, "noticed": 0, "contents": 0, "unfinished": 0}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT, settings.PREVIEW_ROOT = tmp_path / "media", tmp_path / "previews"


@pytest.fixture
def customer(root):
    return save_record(Customer, {"name": "Acme"}, actor=root)


def send(customer, name="a.png", content=None):
    file = SimpleUploadedFile(name, samples.image() if content is None else content)
    return attach("customers", customer.pk, file, actor=ROOT)


def age(sha256, by=GRACE + timedelta(days=1)):
    """Let a content be as old as that."""
    at = time.time() - by.total_seconds()
    os.utime(store.path_of(sha256), (at, at))


def orphan(customer, content=None):
    """An old content whose only file was deleted."""
    file = send(customer, content=content)
    age(file.sha256)
    delete_record(Attachment, file.pk, actor=ROOT)
    return file.sha256


def test_a_content_without_a_file_goes_a_week_after_that_was_seen(customer):
    sha256 = orphan(customer)
    previews.preview_of(sha256, "image/png")
    start = clock.now()
    assert clean(start, ROOT) == NONE | {"noticed": 1}
    assert clean(start + GRACE - timedelta(minutes=1), ROOT) == NONE
    assert store.path_of(sha256).exists()
    assert clean(start + GRACE, ROOT) == NONE | {"contents": 1}
    assert not store.path_of(sha256).exists()
    assert previews.kept_bytes() == 0
    assert not OrphanedContent.objects.exists()


def test_a_content_that_is_attached_again_stays(customer):
    sha256 = orphan(customer)
    start = clock.now()
    clean(start, ROOT)
    assert send(customer, "b.png").sha256 == sha256
    age(sha256)
    assert clean(start + 2 * GRACE, ROOT) == NONE
    assert not OrphanedContent.objects.exists()
    assert store.path_of(sha256).exists()


def test_an_upload_whose_file_is_not_saved_yet_keeps_its_content(customer):
    sha256 = orphan(customer)
    start = clock.now()
    clean(start, ROOT)
    assert store.store(SimpleUploadedFile("x", samples.image())) == sha256  # and its row comes later
    assert clean(start + GRACE, ROOT)["contents"] == 0
    assert store.path_of(sha256).exists()


def test_contents_of_files_stay(customer):
    sha256 = send(customer).sha256
    age(sha256)
    for days in (0, 8, 16):
        assert clean(clock.now() + timedelta(days=days), ROOT) == NONE
    assert store.path_of(sha256).exists()


def test_it_looks_at_them_piece_by_piece(customer, monkeypatch):
    monkeypatch.setattr(upkeep, "AT_ONCE", 2)
    hashes = [orphan(customer, samples.image("PNG", (size, 10))) for size in range(10, 15)]
    start = clock.now()
    assert clean(start, ROOT) == NONE | {"noticed": 5}
    assert clean(start + GRACE, ROOT) == NONE | {"contents": 5}
    assert not any(store.path_of(sha256).exists() for sha256 in hashes)


def test_files_whose_record_is_gone_are_deleted_and_that_is_noted(customer, root):
    gone = save_record(Customer, {"name": "Gone"}, actor=root)
    kept, lost = send(customer), send(gone, "lost.png")
    delete_record(Customer, gone.pk, actor=root)
    assert clean(clock.now() + timedelta(days=1), ROOT)["files"] == 0
    assert clean(clock.now() + GRACE + timedelta(minutes=1), ROOT)["files"] == 1
    assert list(Attachment.objects.values_list("pk", flat=True)) == [kept.pk]
    assert AuditEntry.objects.filter(resource="attachments", record_id=lost.pk, action="deleted").count() == 1
    assert store.path_of(kept.sha256).exists()


def test_files_of_kinds_that_no_module_brings_are_left_alone(customer):
    file = send(customer)
    Attachment.objects.filter(pk=file.pk).update(resource="vanished-module")
    assert clean(clock.now() + 3 * GRACE, ROOT)["files"] == 0
    assert Attachment.objects.filter(pk=file.pk).exists()


def test_what_a_broken_off_upload_left_behind_goes_after_a_day(customer):
    class BrokenOff(SimpleUploadedFile):
        def chunks(self, chunk_size=None):
            yield b"begin"
            raise ConnectionError

    with pytest.raises(ConnectionError):
        store.store(BrokenOff("x", b"begin"))
    assert not list(store.root().glob(".part-*"))
    part = store.root() / ".part-killed"
    part.write_bytes(b"x")
    assert clean(clock.now(), ROOT)["unfinished"] == 0
    at = time.time() - 25 * 3600
    os.utime(part, (at, at))
    assert clean(clock.now(), ROOT)["unfinished"] == 1
    assert not part.exists()


def test_removing_and_writing_the_same_content_take_turns(customer, monkeypatch):
    """However the two meet, a content that was written just now is there afterwards."""
    content = samples.image("PNG", (30, 30))
    for _round in range(20):
        sha256 = store.store(SimpleUploadedFile("x", content))
        age(sha256)
        monkeypatch.setattr(store, "is_named", lambda sha256: False)  # the row is not committed yet
        barrier = threading.Barrier(2)

        def write(barrier=barrier):
            barrier.wait()
            store.store(SimpleUploadedFile("x", content))

        def remove(barrier=barrier, sha256=sha256):
            barrier.wait()
            store.remove(sha256, older_than=time.time() - GRACE.total_seconds())

        threads = [threading.Thread(target=write), threading.Thread(target=remove)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.path_of(sha256).read_bytes() == content


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs several connections")
def test_uploads_during_the_clean_up_lose_nothing(customer):
    contents = [samples.image("PNG", (size, 10)) for size in range(10, 22)]
    for content in contents:
        orphan(customer, content)
    start, problems, stop = clock.now(), [], threading.Event()
    clean(start, ROOT)

    def sweep():
        try:
            while not stop.is_set():
                clean(start + GRACE, ROOT)
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for number, content in enumerate(contents):
        send(customer, f"new{number}.png", content)
    stop.set()
    sweeper.join()
    assert problems == []
    missing = [a.name for a in Attachment.objects.all() if not store.path_of(a.sha256).exists()]
    assert (missing, Attachment.objects.count()) == ([], len(contents))

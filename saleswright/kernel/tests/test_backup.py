"""Backup and restore: the same data again, or nothing."""

import json
import threading
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel.access.actors import system
from saleswright.kernel.audit import AuditLine, record_audit, seal, verify
from saleswright.kernel.backup import backup, restore, snapshot
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, Counter, Department, ExchangeRate, IdempotencyKey, User

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 5, 4, 0, 0, 123456, tzinfo=UTC)
STAMPS = {"created_at": AT, "updated_at": AT}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    (settings.MEDIA_ROOT / "ab").mkdir(parents=True)
    (settings.MEDIA_ROOT / "ab" / "合同.pdf").write_bytes(b"%PDF")
    return settings.MEDIA_ROOT


@pytest.fixture
def company():
    """Some rows of every kind of column."""
    department = Department.objects.create(name="华东", custom={"b": [1, None], "a": "x"}, **STAMPS)
    boss = User.objects.create(username="boss", name="老板", department=department, **STAMPS)
    User.objects.create(username="li", name="李雷", manager=boss, hired_on=date(2020, 2, 29), **STAMPS)
    ExchangeRate.objects.create(currency="USD", valid_from=date(2026, 1, 1), rate=Decimal("7.123456"), **STAMPS)
    IdempotencyKey.objects.create(caller="x", key="k", request="r", body=b"\x00\xff", at=AT)
    record_audit(
        [AuditLine("users", boss.pk, "老板", "create", {"n": [None, Decimal("1.10")]})], actor=system("t"), at=AT
    )
    seal()


def wipe():
    from django.core.management import call_command

    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


def test_it_brings_everything_back(company, tmp_path, media):
    file = tmp_path / "backup.zip"
    rows = backup(file)
    assert (rows["kernel_user"], rows["kernel_department"]) == (2, 1)
    assert "kernel_session" not in rows
    wipe()
    (media / "ab" / "合同.pdf").unlink()
    assert restore(file) == rows
    li = User.objects.select_related("manager__department").get(username="li")
    assert (li.name, li.hired_on, li.created_at) == ("李雷", date(2020, 2, 29), AT)
    assert li.manager.department.custom == {"a": "x", "b": [1, None]}
    assert ExchangeRate.objects.get().rate == Decimal("7.123456")
    assert bytes(IdempotencyKey.objects.get().body) == b"\x00\xff"
    assert (verify().ok, verify().entries) == (True, 1)
    assert (media / "ab" / "合同.pdf").read_bytes() == b"%PDF"


def test_it_goes_on_counting_keys_after_a_restore(company, tmp_path):
    last = User.objects.order_by("-id").first().pk
    backup(tmp_path / "b.zip")
    wipe()
    restore(tmp_path / "b.zip")
    assert User.objects.create(username="new", **STAMPS).pk > last


def test_it_refuses_a_database_that_is_not_empty(company, tmp_path):
    backup(tmp_path / "b.zip")
    User.objects.filter(username="li").update(name="changed")
    with pytest.raises(Conflict):
        restore(tmp_path / "b.zip")
    assert User.objects.get(username="li").name == "changed"


def test_it_replaces_the_data_when_forced(company, tmp_path):
    backup(tmp_path / "b.zip")
    User.objects.filter(username="li").update(name="changed")
    Counter.objects.create(series="later")
    restore(tmp_path / "b.zip", force=True)
    assert User.objects.get(username="li").name == "李雷"
    assert not Counter.objects.exists()


def rewrite(source, target, name, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)


def test_it_restores_nothing_from_a_damaged_backup(company, tmp_path):
    backup(tmp_path / "b.zip")
    rewrite(
        tmp_path / "b.zip", tmp_path / "bad.zip", "tables/kernel_user.jsonl", lambda d: d.replace(b"boss", b"thief")
    )
    with pytest.raises(ValidationFailed):
        restore(tmp_path / "bad.zip", force=True)
    assert User.objects.filter(username="boss").exists()
    assert AuditEntry.objects.count() == 1


def test_it_refuses_a_file_that_is_no_backup(company, tmp_path):
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    with pytest.raises(ValidationFailed):
        restore(tmp_path / "b.zip", force=True)
    assert User.objects.count() == 2


def test_it_refuses_a_backup_of_other_tables(company, tmp_path):
    backup(tmp_path / "b.zip")

    def from_the_future(data):
        manifest = json.loads(data)
        manifest["migrations"].append(["kernel", "9999_future"])
        return json.dumps(manifest).encode()

    rewrite(tmp_path / "b.zip", tmp_path / "new.zip", "manifest.json", from_the_future)
    with pytest.raises(Conflict, match="9999_future"):
        restore(tmp_path / "new.zip", force=True)
    assert User.objects.count() == 2


def test_it_writes_no_file_outside_the_media_folder(company, tmp_path):
    backup(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.writestr("media/../escaped.txt", "x")
    with pytest.raises(ValidationFailed):
        restore(tmp_path / "b.zip", force=True)
    assert not (tmp_path / "escaped.txt").exists()


def test_it_leaves_no_half_written_file(company, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("saleswright.kernel.backup._write_media", fail)
    with pytest.raises(OSError, match="disk full"):
        backup(tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.zip*"))


def test_it_makes_a_file_that_others_cannot_read(company, tmp_path):
    backup(tmp_path / "b.zip")
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="a SQLite database in memory has no second connection")
def test_it_sees_one_state_while_others_write(company):
    def write():
        Counter.objects.create(series="meanwhile")
        connection.close()

    with snapshot():
        assert Counter.objects.count() == 0
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert Counter.objects.count() == 0
    assert Counter.objects.count() == 1

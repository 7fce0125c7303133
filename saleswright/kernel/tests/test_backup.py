"""Backup and restore: the same data again, or nothing."""

import errno
import hashlib
import json
import shutil
import threading
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection

from saleswright.kernel.access.actors import system
from saleswright.kernel.audit import AuditLine, record_audit, seal, verify
from saleswright.kernel.backup import backup, restore, snapshot, writing
from saleswright.kernel.backup import rows as rows_of_backup
from saleswright.kernel.errors import Busy, Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, Counter, Department, ExchangeRate, IdempotencyKey, Session, User
from saleswright.kernel.numbering import take_numbers

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


def everything(media):
    """What there is: the rows that matter here and the uploaded files."""
    rows = {model: list(model.objects.order_by("pk").values()) for model in (User, Department, Counter, AuditEntry)}
    return rows, {path.name: path.read_bytes() for path in media.rglob("*") if path.is_file()}


DAMAGES = [
    ("tables/kernel_user.jsonl", lambda d: d.replace(b"boss", b"thief")),
    ("tables/kernel_user.jsonl", lambda d: d[:-20]),
    ("tables/kernel_user.jsonl", lambda d: b""),
    ("manifest.json", lambda d: d[:-20]),
    ("manifest.json", lambda d: b"[]"),
    ("manifest.json", lambda d: b'{"format": 1}'),
    ("manifest.json", lambda d: d.replace(b'"username"', b'"nickname"')),
]


def test_it_restores_nothing_from_a_damaged_backup(company, tmp_path, media):
    backup(tmp_path / "b.zip")
    before = everything(media)
    for name, change in DAMAGES:
        rewrite(tmp_path / "b.zip", tmp_path / "bad.zip", name, change)
        with pytest.raises(ValidationFailed, match="not a sound backup"):
            restore(tmp_path / "bad.zip", force=True)
        assert everything(media) == before


def test_it_restores_nothing_from_rows_that_break_the_rules_of_the_database(company, tmp_path, media):
    """A forged file, whose sums are right."""
    backup(tmp_path / "b.zip")
    before = everything(media)

    def forge(data):
        manifest = json.loads(data)
        manifest["tables"]["kernel_user"]["sha256"] = hashlib.sha256(users).hexdigest()
        return json.dumps(manifest).encode()

    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        users = archive.read("tables/kernel_user.jsonl").replace(b"li", b"boss")
    rewrite(tmp_path / "b.zip", tmp_path / "c.zip", "tables/kernel_user.jsonl", lambda d: users)
    rewrite(tmp_path / "c.zip", tmp_path / "bad.zip", "manifest.json", forge)
    with pytest.raises(ValidationFailed, match="not a sound backup"):
        restore(tmp_path / "bad.zip", force=True)
    assert everything(media) == before


def test_it_restores_nothing_from_a_file_that_was_cut_off_or_spoiled(company, tmp_path, media):
    backup(tmp_path / "b.zip")
    before, whole = everything(media), (tmp_path / "b.zip").read_bytes()
    places = [int(len(whole) * at) for at in (0.3, 0.6, 0.97)]
    cut = [whole[:place] for place in places]
    for bad in (*cut, *(whole[: place - 40] + bytes(80) + whole[place + 40 :] for place in places)):
        (tmp_path / "bad.zip").write_bytes(bad)
        with pytest.raises(ValidationFailed, match="not a sound backup"):
            restore(tmp_path / "bad.zip", force=True)
    assert everything(media) == before


def test_it_restores_nothing_when_an_uploaded_file_is_spoiled(company, tmp_path, media):
    (media / "ab" / "合同.pdf").write_bytes(b"\x89PNG" + b"unpacked in the backup" * 9)  # stored as it is
    backup(tmp_path / "b.zip")
    before, whole = everything(media), (tmp_path / "b.zip").read_bytes()
    (tmp_path / "bad.zip").write_bytes(whole.replace(b"unpacked", b"UNPACKED", 1))
    User.objects.filter(username="li").update(name="changed")
    with pytest.raises(ValidationFailed, match="not a sound backup"):
        restore(tmp_path / "bad.zip", force=True)
    assert User.objects.get(username="li").name == "changed"
    assert everything(media)[1] == before[1]
    assert not list(media.glob(".restoring-*"))


def test_it_refuses_a_file_that_is_no_backup(company, tmp_path):
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("b.zip", "other.zip"):
        with pytest.raises(ValidationFailed):
            restore(tmp_path / name, force=True)
    assert User.objects.count() == 2


def of_another_version(tmp_path, **changes):
    """A backup whose manifest was changed."""
    backup(tmp_path / "b.zip")

    def change(data):
        manifest = json.loads(data)
        manifest |= {name: value(manifest[name]) for name, value in changes.items()}
        return json.dumps(manifest).encode()

    rewrite(tmp_path / "b.zip", tmp_path / "new.zip", "manifest.json", change)
    return tmp_path / "new.zip"


def test_it_refuses_a_backup_of_a_newer_version(company, tmp_path):
    newer = of_another_version(tmp_path, migrations=lambda m: [*m, ["kernel", "9999_future"]])
    with pytest.raises(Conflict, match=r"another or newer version, \S+ \(kernel.9999_future\)"):
        restore(newer, force=True)
    newer = of_another_version(tmp_path, tables=lambda t: t | {"kernel_future": {}})
    with pytest.raises(Conflict, match="kernel_future"):
        restore(newer, force=True)
    newer = of_another_version(tmp_path, format=lambda _f: 2, version=lambda _v: "7.1")
    with pytest.raises(Conflict, match=r"newer version 7.1; this is \S+. Upgrade first"):
        restore(newer, force=True)
    assert User.objects.count() == 2


def test_it_refuses_a_backup_of_an_older_version(company, tmp_path):
    older = of_another_version(tmp_path, migrations=lambda m: m[:-1])
    with pytest.raises(Conflict, match=r"older version \S+ \(without"):
        restore(older, force=True)
    older = of_another_version(tmp_path, format=lambda _f: 0, version=lambda _v: "0.0")
    with pytest.raises(Conflict, match=r"older version 0.0; restore it with that one"):
        restore(older, force=True)
    assert User.objects.count() == 2


def test_it_minds_no_migrations_of_programs_that_are_not_installed_any_more(company, tmp_path):
    restore(of_another_version(tmp_path, migrations=lambda m: [*m, ["gone", "0001_initial"]]), force=True)
    assert User.objects.count() == 2


def test_it_writes_no_file_outside_the_media_folder(company, tmp_path, media):
    for name in ("../escaped.txt", "/etc/x", "a/../../x", "..\\x", "C:x"):
        backup(tmp_path / "b.zip")
        with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
            archive.writestr(f"media/{name}", "x")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ValidationFailed):
            restore(tmp_path / "b.zip", force=True)
        assert sorted(tmp_path.rglob("*")) == before


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_half_written_backup(company, tmp_path, monkeypatch):
    backup(tmp_path / "b.zip")
    earlier = (tmp_path / "b.zip").read_bytes()
    monkeypatch.setattr(writing, "_write_media", full)
    with pytest.raises(Busy, match=r"not enough room in .*; no backup was written") as refused:
        backup(tmp_path / "b.zip")
    assert refused.value.code == "storage_full"
    assert [path.name for path in tmp_path.glob("b.zip*")] == ["b.zip"]
    assert (tmp_path / "b.zip").read_bytes() == earlier


def test_another_fault_leaves_no_half_written_backup(company, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_write_media", lambda *a: (_ for _ in ()).throw(PermissionError("no")))
    with pytest.raises(PermissionError):
        backup(tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.zip*"))


def test_a_full_disk_leaves_everything_as_it_was_before_a_restore(company, tmp_path, media, monkeypatch):
    backup(tmp_path / "b.zip")
    User.objects.filter(username="li").update(name="changed")
    before = everything(media)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(Busy, match="nothing was restored"):
        restore(tmp_path / "b.zip", force=True)
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3))
    with pytest.raises(Busy, match="nothing was restored"):
        restore(tmp_path / "b.zip", force=True)
    assert everything(media) == before


def test_sessions_of_another_time_end(company, tmp_path):
    backup(tmp_path / "b.zip")
    Session.objects.create(session_key="k", session_data="", expire_date=AT, began_at=AT, seen_at=AT)
    cache.set("kept", "from before")
    restore(tmp_path / "b.zip", force=True)
    assert not Session.objects.exists()
    assert cache.get("kept") is None


def test_ids_of_deleted_records_are_not_given_again(company, tmp_path):
    gone = User.objects.create(username="gone", **STAMPS)
    last = gone.pk
    gone.delete()
    backup(tmp_path / "b.zip")
    wipe()
    restore(tmp_path / "b.zip")
    assert User.objects.create(username="new", **STAMPS).pk == last + 1


def test_numbers_go_on_after_a_restore(company, tmp_path):
    first = take_numbers("orders", 3, on=date(2026, 11, 5))
    backup(tmp_path / "b.zip")
    wipe()
    restore(tmp_path / "b.zip")
    assert int(take_numbers("orders", 1, on=date(2026, 11, 5))[0][-6:]) == int(first[-1][-6:]) + 1


def test_it_says_which_contents_are_no_longer_what_they_were(company, tmp_path, media):
    sound, spoilt = hashlib.sha256(b"sound").hexdigest(), hashlib.sha256(b"spoilt").hexdigest()
    (media / "ab" / sound).write_bytes(b"sound")
    (media / "ab" / spoilt).write_bytes(b"spoiled")
    found = []
    backup(tmp_path / "b.zip", damaged=found)
    assert found == [f"ab/{spoilt}"]


def _or_gone(path):
    return path.with_name("gone") if path.name == "vanishing" else path


def test_it_leaves_out_uploads_that_are_not_finished_or_vanish_meanwhile(company, tmp_path, media, monkeypatch):
    (media / ".part-x").write_bytes(b"half")
    (media / "ab" / "vanishing").write_bytes(b"x")
    whole = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *a, **k: whole(_or_gone(path), *a, **k))
    backup(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert [name for name in archive.namelist() if name.startswith("media/")] == ["media/ab/合同.pdf"]


def test_it_tells_how_far_it_is(company, tmp_path, monkeypatch):
    monkeypatch.setattr(rows_of_backup, "CHUNK", 1)
    told = []
    backup(tmp_path / "b.zip", progress=lambda *one: told.append(one))
    assert [one for one in told if one[0] == "kernel_user"] == [("kernel_user", n, 2) for n in (1, 2, 2)]
    assert told[-1] == ("media", 1, 1)
    wipe()
    told.clear()
    restore(tmp_path / "b.zip", progress=lambda *one: told.append(one))
    assert ("kernel_user", 2, 2) in told
    assert {"media", "Checking the file"} < {one[0] for one in told}


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

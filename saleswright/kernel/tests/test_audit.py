"""The audit's chain: sealed in order, and every tampering shows."""

import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel import audit
from saleswright.kernel.access.actors import system
from saleswright.kernel.audit import AuditLine, json_safe, record_audit, seal, verify
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.models.ledger import AuditHead
from saleswright.kernel.transactions import atomic

AT = datetime(2026, 11, 5, 4, 0, 0, 123456, tzinfo=UTC)
on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")


def write(count, start=0):
    lines = [
        AuditLine("orders", number, f"订单 {number}", "update", {"total": [Decimal("1.50"), number]})
        for number in range(start, start + count)
    ]
    record_audit(lines, actor=system("test"), at=AT)


def sealed(count: int) -> bool:
    """Seal so many entries: the server's own housekeeping may for a moment be the oldest transaction here."""
    deadline = time.monotonic() + 20
    while count > 0 and time.monotonic() < deadline:
        count -= seal()
        if count:
            time.sleep(0.1)
    return count == 0


def seal_everything() -> None:
    """Seal what there is, however long the housekeeping takes."""
    assert sealed(AuditEntry.objects.filter(sequence=None).count())


@pytest.fixture
def chain(db):
    write(5)
    assert sealed(5)


@pytest.mark.django_db
def test_it_records_who_what_and_when():
    changes = {"total": [None, Decimal("12.30")], "due": [date(2026, 1, 2), AT]}
    record_audit([AuditLine("orders", 7, "SO-1", "create", changes)], actor=system("api"), at=AT)
    entry = AuditEntry.objects.get()
    assert (entry.resource, entry.record_id, entry.label, entry.action) == ("orders", 7, "SO-1", "create")
    assert (entry.at, entry.actor_id, entry.actor_kind, entry.origin) == (AT, None, "system", "api")
    assert entry.changes == {"total": [None, "12.30"], "due": ["2026-01-02", "2026-11-05T04:00:00.123456+00:00"]}
    assert entry.sequence is None


@pytest.mark.django_db
def test_it_writes_many_entries_in_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        write(50)


def test_it_makes_odd_values_safe():
    assert json_safe({1: (Decimal("1E+2"), {True}, b"x")}) == {"1": ["100", [True], "b'x'"]}


def test_it_chains_each_entry_to_the_one_before(chain):
    entries = list(AuditEntry.objects.order_by("sequence"))
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry in entries] == ["", *(entry.digest for entry in entries[:-1])]
    assert len({entry.digest for entry in entries}) == 5


def test_it_goes_on_where_it_ended(chain):
    write(3, start=5)
    assert seal(limit=2) == 2
    assert seal(limit=2) == 1
    assert seal() == 0
    found = verify()
    assert (found.ok, found.entries) == (True, 8)
    assert found.head == AuditHead.objects.get().digest


@pytest.mark.django_db
def test_it_finds_nothing_wrong_with_an_empty_chain():
    write(2)
    assert verify() == audit.Verification(True, 0, "")


@pytest.mark.parametrize(
    "change",
    [
        {"changes": {"total": ["1.50", 99]}},
        {"at": datetime(2026, 11, 5, 4, 0, tzinfo=UTC)},
        {"actor_kind": "person"},
        {"label": "别的"},
        {"record_id": 44},
        {"digest": "0" * 64},
        {"previous": "0" * 64},
    ],
)
def test_it_names_an_altered_entry(chain, change):
    AuditEntry.objects.filter(sequence=3).update(**change)
    found = verify()
    assert (found.ok, found.entries, found.first_bad) == (False, 2, 3)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL refuses such values itself")
def test_it_names_an_entry_that_cannot_be_read_any_more(chain):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_auditentry SET at = 'long ago' WHERE sequence = 3")
    assert (verify().ok, verify().first_bad) == (False, 3)


def test_it_names_an_entry_altered_past_the_system(chain):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_auditentry SET label = 'SO-9' WHERE sequence = 2")
    assert (verify().first_bad, str(verify().reason)) == (2, "The entry was altered.")


def test_it_names_an_entry_deleted_past_the_system(chain):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kernel_auditentry WHERE sequence = 4")
    assert (verify().first_bad, str(verify().reason)) == (4, "The entry is missing.")


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_it_names_a_removed_entry(chain, sequence):
    AuditEntry.objects.filter(sequence=sequence).delete()
    found = verify()
    assert (found.ok, found.first_bad) == (False, sequence)


def test_it_shows_that_the_whole_tail_was_removed(chain):
    AuditEntry.objects.filter(sequence__gte=4).delete()
    assert (verify().ok, verify().first_bad) == (False, 4)


def test_it_shows_that_the_head_was_set_back(chain):
    AuditHead.objects.update(sequence=4)
    assert verify().ok is False


def test_it_shows_a_last_entry_that_was_forged_with_its_digest(chain):
    last = AuditEntry.objects.get(sequence=5)
    AuditEntry.objects.filter(sequence=5).update(label="forged")
    row = AuditEntry.objects.values_list(*audit.CONTENT).get(sequence=5)
    AuditEntry.objects.filter(sequence=5).update(digest=audit.digest_of(last.previous, 5, row))
    assert (verify().ok, verify().first_bad) == (False, 5)


@on_postgres
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_waits_for_older_transactions_that_still_run():
    older_began, may_end = threading.Event(), threading.Event()

    def older():
        try:
            with atomic():
                write(1)
                older_began.set()
                may_end.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=older)
    thread.start()
    older_began.wait(10)
    write(2, start=1)
    assert seal() == 0
    may_end.set()
    thread.join()
    assert seal() == 3
    assert list(AuditEntry.objects.order_by("sequence").values_list("record_id", flat=True)) == [0, 1, 2]
    assert verify().ok


@on_postgres
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_lets_two_sealers_make_one_chain():
    write(400)
    counts = []

    def work():
        try:
            while count := seal(limit=20):
                counts.append(count)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 400
    assert (verify().ok, verify().entries) == (True, 400)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_seals_fast_enough_for_a_large_import():
    write(20_000)
    began = time.perf_counter()
    while seal():
        pass
    assert 20_000 / (time.perf_counter() - began) > 5_000  # 20,000 and more on a quiet machine
    assert verify().entries == 20_000

"""What transactions make of the database's refusals."""

import sqlite3
import threading

import pytest
from django.db import OperationalError, connection, transaction

from saleswright.kernel.errors import Busy
from saleswright.kernel.models import Counter
from saleswright.kernel.transactions import as_busy, atomic, run_atomic

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite only: fills a database of limited size")


class Refusal(Exception):
    sqlstate = ""


def refused(state):
    cause = Refusal()
    cause.sqlstate = state
    error = OperationalError("refused")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("state", "code"),
    [("55P03", "busy"), ("53300", "busy"), ("53100", "storage_full"), ("23505", None), ("40P01", None)],
)
def test_it_names_what_postgresql_refuses(state, code):
    busy = as_busy(refused(state))
    assert (busy and busy.code) == code


def test_it_names_a_locked_sqlite_database(tmp_path):
    first, second = (sqlite3.connect(tmp_path / "x", timeout=0, isolation_level=None) for _ in range(2))
    first.execute("BEGIN IMMEDIATE")
    error = OperationalError("database is locked")
    with pytest.raises(sqlite3.OperationalError) as found:
        second.execute("BEGIN IMMEDIATE")
    error.__cause__ = found.value
    assert as_busy(error).code == "busy"


def test_it_is_no_busy_when_the_input_is_wrong():
    assert as_busy(ValueError("x")) is None


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_it_writes_nothing_when_the_storage_is_full():
    Counter.objects.create(series="before")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # free pages of earlier tests would hold the rows
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages + 10}")
    try:
        with pytest.raises(Busy) as found, atomic():
            Counter.objects.bulk_create(Counter(series=f"{n:080d}") for n in range(20_000))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count=1073741823")
    assert found.value.code == "storage_full"
    assert list(Counter.objects.values_list("series", flat=True)) == ["before"]


@pytest.mark.django_db(transaction=True)
def test_it_runs_again_after_a_serialization_failure():
    seen = []

    def work():
        seen.append(transaction.get_connection().in_atomic_block)
        Counter.objects.create(series=f"run {len(seen)}")
        if len(seen) < 3:
            raise refused("40001")
        return "done"

    assert run_atomic(work, attempts=3) == "done"
    assert seen == [True, True, True]
    assert list(Counter.objects.values_list("series", flat=True)) == ["run 3"]


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_with_busy_after_the_last_attempt():
    seen = []

    def work():
        seen.append(1)
        raise refused("40P01")

    with pytest.raises(Busy):
        run_atomic(work, attempts=2)
    assert len(seen) == 2


@pytest.mark.django_db(transaction=True)
def test_it_leaves_the_repetition_to_the_outermost_transaction():
    seen = []

    def inner():
        seen.append(1)
        raise refused("40P01")

    with pytest.raises(OperationalError), atomic():
        run_atomic(inner)
    assert len(seen) == 1


@on_postgres
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_survives_a_real_deadlock():
    Counter.objects.bulk_create([Counter(series="a"), Counter(series="b")])
    both_hold_one = threading.Barrier(2)
    runs, failures = [], []

    def take(first, second):
        def work():
            runs.append(first)
            Counter.objects.filter(series=first).update(last=1)
            if len(runs) <= 2:
                both_hold_one.wait(5)
            Counter.objects.filter(series=second).update(last=2)

        try:
            run_atomic(work)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(runs) == 3

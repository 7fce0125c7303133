"""The search index is put in order while many records are written."""

import threading

import pytest
from django.db import DatabaseError, connection

from saleswright.kernel import search

pytestmark = pytest.mark.django_db
on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: only there it waits")


@on_postgres
def test_it_goes_on_until_the_writing_is_done(monkeypatch):
    monkeypatch.setattr(search, "SETTLING_PAUSE", 0)
    rounds = threading.Semaphore(0)
    monkeypatch.setattr(search, "settle", rounds.release)
    before = threading.active_count()
    with search.settling():
        assert all(rounds.acquire(timeout=20) for _round in range(3))
    assert threading.active_count() == before


@on_postgres
def test_a_failure_of_it_does_not_stop_the_writing(monkeypatch, caplog):
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise DatabaseError("too many connections")

    monkeypatch.setattr(search, "SETTLING_PAUSE", 0)
    monkeypatch.setattr(search, "settle", fail)
    with search.settling():
        assert failed.wait(20)
    assert "too many connections" in caplog.text


def test_a_failure_of_the_writing_goes_up():
    with pytest.raises(RuntimeError, match="no"), search.settling():
        raise RuntimeError("no")


def test_it_can_be_settled_at_any_time():
    search.settle()

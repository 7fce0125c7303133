"""The worker: delivery of the outbox, and its own life."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
import time_machine
from django.db import OperationalError

from saleswright.kernel import events, outbox
from saleswright.kernel.access.actors import system
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import Event, passes_on, publish, publish_all, reacts_later
from saleswright.kernel.jobs import enqueue, job
from saleswright.kernel.models import AuditEntry, Counter, EventDelivery, Job, OutboxEvent
from saleswright.kernel.worker import Worker, redeliver

NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Moved(Event):
    resource: ClassVar[str] = "test-boxes"
    place: str = ""


@dataclass(frozen=True)
class Unheard(Event):
    resource: ClassVar[str] = "test-boxes"


@job("test.note")
def note(ctx, series):
    Counter.objects.create(series=series)


@pytest.fixture
def heard():
    """What two handlers heard; a record in `broken` makes the second one fail."""
    calls, broken = [], set()

    def first(event, occasion):
        calls.append(("first", event.record_id, event.place))

    def second(event, occasion):
        Counter.objects.create(series=f"second {event.record_id} {event.place}")
        if event.record_id in broken:
            raise RuntimeError("not now")
        calls.append(("second", event.record_id, event.place))

    first.__qualname__, second.__qualname__ = "first", "second"
    reacts_later(Moved)(first)
    reacts_later(Moved)(second)
    calls_and_broken = (calls, broken)
    yield calls_and_broken
    events._later.pop(Moved.event_name())
    events._types.pop(Moved.event_name())


def move(record_id, *places):
    publish_all([Moved(record_id, place) for place in places], actor=system("test"), at=NOON)


@pytest.mark.django_db
def test_it_tells_every_handler_once(heard):
    calls, _broken = heard
    move(1, "a")
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    assert calls == [("first", 1, "a"), ("second", 1, "a")]
    assert OutboxEvent.objects.get().delivered_at is not None
    assert EventDelivery.objects.count() == 2


@pytest.mark.django_db
def test_it_passes_over_events_nobody_hears():
    publish(Unheard(1), actor=system("test"), at=NOON)
    assert outbox.deliver() == 1
    assert OutboxEvent.objects.get().delivered_at is not None


@pytest.mark.django_db
def test_it_gives_the_row_of_an_event_to_what_passes_it_on(monkeypatch):
    rows = []
    monkeypatch.setattr(events, "_forwarders", [])
    passes_on(lambda name: name == Unheard.event_name())(lambda row, occasion: rows.append((row, occasion.at)))
    publish(Unheard(1), actor=system("test"), at=NOON)
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    assert rows == [(OutboxEvent.objects.get(), NOON)]


@pytest.mark.django_db
def test_it_holds_back_a_record_but_not_the_others(heard):
    calls, broken = heard
    broken.add(1)
    with time_machine.travel(NOON, tick=False) as now:
        move(1, "a", "b")
        move(2, "c")
        assert outbox.deliver() == 1
        assert calls == [("first", 1, "a"), ("first", 2, "c"), ("second", 2, "c")]
        assert not Counter.objects.filter(series__startswith="second 1").exists()
        broken.clear()
        assert outbox.deliver() == 0
        now.shift(3)
        assert outbox.deliver() == 2
    assert calls[3:] == [("second", 1, "a"), ("first", 1, "b"), ("second", 1, "b")]


@pytest.mark.django_db
def test_it_gives_up_after_eight_attempts_and_goes_on_with_the_record(heard):
    calls, broken = heard
    broken.add(1)
    with time_machine.travel(NOON, tick=False) as now:
        move(1, "a")
        for _attempt in range(8):
            outbox.deliver()
            now.shift(3700)
        dead = OutboxEvent.objects.get()
        assert (dead.attempts, dead.delivered_at) == (8, None)
        assert dead.dead_at is not None
        assert "not now" in dead.problem
        broken.clear()
        move(1, "b")
        outbox.deliver()
        assert calls[1:] == [("first", 1, "b"), ("second", 1, "b")]


@pytest.mark.django_db
def test_it_sends_a_dead_event_again_to_the_handlers_that_failed(heard):
    calls, broken = heard
    broken.add(1)
    with time_machine.travel(NOON, tick=False) as now:
        move(1, "a")
        for _attempt in range(8):
            outbox.deliver()
            now.shift(3700)
        broken.clear()
        redeliver(OutboxEvent.objects.get())
        assert outbox.deliver() == 1
    assert calls == [("first", 1, "a"), ("second", 1, "a")]
    event = OutboxEvent.objects.get()
    assert (event.dead_at, event.problem) == (None, "")
    with pytest.raises(Conflict):
        redeliver(event)


def _all_is_done() -> bool:
    """Whether job and seal are in the database; one in memory can't be read while another thread writes."""
    try:
        done = Job.objects.filter(kind="test.note", state="done").exists()
        return done and AuditEntry.objects.filter(sequence=1).exists()
    except OperationalError:
        return False


@pytest.mark.django_db(transaction=True)
def test_it_does_jobs_events_and_sealing_until_it_is_stopped(heard):
    calls, _broken = heard
    move(7, "x")
    enqueue("test.note", arguments={"series": "done by the worker"})
    record_audit([AuditLine("test-boxes", 7, "Box", "create")], actor=system("test"), at=NOON)
    stop = threading.Event()
    worker = threading.Thread(target=Worker("w1", poll=0.05).run_forever, args=(stop,))
    worker.start()
    try:
        deadline = time.monotonic() + 20
        while not (len(calls) == 2 and _all_is_done()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        stop.set()
        worker.join(timeout=10)
    assert not worker.is_alive()
    assert Counter.objects.filter(series="done by the worker").count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_an_error_of_its_own(monkeypatch):
    monkeypatch.setattr("saleswright.kernel.worker.REST", 0.01)
    tries = []
    worker = Worker("w1", poll=0.01)
    stop = threading.Event()

    def step(_stop):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("lost the database")
        stop.set()
        return False

    thread = threading.Thread(target=worker._loop, args=(step, stop))
    thread.start()
    thread.join(timeout=5)
    assert len(tries) == 2


def test_it_waits_longer_after_each_failure():
    assert [outbox.pause(n) for n in (1, 2, 3, 7)] == [timedelta(seconds=s) for s in (2, 8, 32, 3600)]

"""Events: handlers of the same transaction, and the outbox row for the others."""

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime

import pytest

from saleswright.kernel import events
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import (
    Event,
    event_from,
    forwarders,
    later_handlers,
    passes_on,
    publish,
    publish_all,
    reacts,
    reacts_later,
)
from saleswright.kernel.models import OutboxEvent
from saleswright.kernel.transactions import atomic

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
ROOT = system("test")


@dataclass(frozen=True)
class Happened(Event):
    """Something happened."""

    resource = "things"
    other_id: int = 0


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    for name in ("_now", "_later"):
        kept = {key: list(value) for key, value in getattr(events, name).items()}
        monkeypatch.setattr(events, name, type(getattr(events, name))(list, kept))
    monkeypatch.setattr(events, "_types", dict(events._types))


def test_its_name_says_of_what_it_speaks():
    assert Happened.event_name() == "things.Happened"


def test_an_event_is_a_fact():
    with pytest.raises(FrozenInstanceError):
        Happened(1).record_id = 2


def test_handlers_run_at_once_in_their_order_and_know_who_and_when():
    calls = []
    reacts(Happened)(lambda event, occasion: calls.append(("first", event, occasion.actor, occasion.at)))
    reacts(Happened)(lambda event, occasion: calls.append(("second", event, occasion.actor, occasion.at)))
    publish(Happened(7, 8), actor=ROOT, at=AT)
    assert calls == [("first", Happened(7, 8), ROOT, AT), ("second", Happened(7, 8), ROOT, AT)]


def test_it_leaves_an_outbox_row_with_all_its_ids():
    publish_all([Happened(7, 8), Happened(9)], actor=ROOT, at=AT)
    rows = OutboxEvent.objects.order_by("id").values_list("name", "resource", "record_id", "payload", "at", "actor_id")
    assert list(rows) == [
        ("things.Happened", "things", 7, {"record_id": 7, "other_id": 8}, AT, None),
        ("things.Happened", "things", 9, {"record_id": 9, "other_id": 0}, AT, None),
    ]


def test_a_handler_that_refuses_takes_everything_back():
    def refuse(_event, _occasion):
        raise Conflict("no")

    reacts(Happened)(refuse)
    with pytest.raises(Conflict), atomic():
        publish(Happened(7), actor=ROOT, at=AT)
    assert not OutboxEvent.objects.exists()


def test_a_later_handler_is_found_by_name_and_is_not_called_now():
    calls = []

    def later(event, occasion):
        calls.append(event)

    reacts_later(Happened)(later)
    publish(Happened(7, 8), actor=ROOT, at=AT)
    assert calls == []
    assert later_handlers("things.Happened") == [later]
    assert event_from("things.Happened", OutboxEvent.objects.get().payload) == Happened(7, 8)


def test_a_name_that_nobody_reacts_to_is_unknown():
    assert later_handlers("things.Unheard") == []
    with pytest.raises(KeyError):
        event_from("things.Unheard", {})


def test_what_passes_events_on_is_found_by_what_it_wants_at_that_time(monkeypatch):
    wanted = {"things.Happened"}

    def pass_on(row, occasion):
        """Never called here."""

    monkeypatch.setattr(events, "_forwarders", [])
    passes_on(wanted.__contains__)(pass_on)
    assert forwarders("things.Happened") == [pass_on]
    assert forwarders("things.Unheard") == []
    wanted.clear()
    assert forwarders("things.Happened") == []

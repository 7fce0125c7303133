"""Domain events: frozen facts with ids only.

`@reacts(Event)` runs in the same transaction and may refuse by raising; `@reacts_later(Event)` is called by
a worker from the outbox row of that transaction, at least once, and must be idempotent. `@passes_on` is for what
tells others of events of every kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.bulk import insert_many


@dataclass(frozen=True)
class Event:
    """Something that happened to a record; subclasses add ids."""

    resource: ClassVar[str] = ""
    record_id: int

    @classmethod
    def event_name(cls) -> str:
        """The name under which the event leaves the system, such as `orders.OrderConfirmed`."""
        return f"{cls.resource}.{cls.__name__}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who caused an event and when."""

    actor: Actor
    at: datetime


Handler = Callable[[Any, Occasion], None]
_now: dict[type[Event], list[Handler]] = defaultdict(list)
_later: dict[str, list[Handler]] = defaultdict(list)
_types: dict[str, type[Event]] = {}
_forwarders: list[tuple[Handler, Callable[[str], bool]]] = []


def reacts(event: type[Event]) -> Callable[[Handler], Handler]:
    """Run the handler in the transaction of every `event`; what it raises refuses the whole action."""

    def register(handler: Handler) -> Handler:
        _now[event].append(handler)
        return handler

    return register


def reacts_later(event: type[Event]) -> Callable[[Handler], Handler]:
    """Run the handler once the transaction is in the database, by a worker; it must be idempotent."""

    def register(handler: Handler) -> Handler:
        _types[event.event_name()] = event
        _later[event.event_name()].append(handler)
        return handler

    return register


def passes_on(wanted: Callable[[str], bool]) -> Callable[[Handler], Handler]:
    """Run the handler later with the outbox row itself, for every event whose name is `wanted` at that time."""

    def register(handler: Handler) -> Handler:
        _forwarders.append((handler, wanted))
        return handler

    return register


def forwarders(name: str) -> list[Handler]:
    """The handlers that want the outbox row of an event of this name."""
    return [handler for handler, wanted in _forwarders if wanted(name)]


def later_handlers(name: str) -> list[Handler]:
    """The handlers to call for an outbox row of this name."""
    return _later.get(name, [])


def event_from(name: str, payload: dict[str, Any]) -> Event:
    """The event that an outbox row holds. Raises KeyError for a name nobody reacts to."""
    return _types[name](**payload)


def publish(event: Event, *, actor: Actor, at: datetime) -> None:
    """Tell the world: handlers of this transaction now, an outbox row for the others."""
    publish_all([event], actor=actor, at=at)


def publish_all(events: list[Event], *, actor: Actor, at: datetime) -> None:
    """`publish` for many events with one insert."""
    from saleswright.kernel.models import OutboxEvent

    occasion = Occasion(actor, at)
    for event in events:
        for handler in _now.get(type(event), ()):
            handler(event, occasion)
    names = ("name", "resource", "record_id", "payload", "at", "actor_id")
    rows = [(event.event_name(), event.resource, event.record_id, asdict(event), at, actor.user_id) for event in events]
    insert_many(OutboxEvent, names, rows)

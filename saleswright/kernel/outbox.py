"""Delivery of the outbox: calls the later handlers of committed events, in order for each record.

A handler and the note that it has dealt with the event (EventDelivery) are one transaction, so it takes effect
once however often delivery is tried. A handler that talks to the network enqueues a job for it: it must
not keep a transaction open. A failing event holds back the later ones of its record until it is dead.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.custom_fields import look
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import Handler, Occasion, event_from, forwarders, later_handlers
from saleswright.kernel.models import EventDelivery, OutboxEvent
from saleswright.kernel.transactions import atomic

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
BATCH = 500


def _waiting() -> Any:
    return OutboxEvent.objects.filter(delivered_at=None, dead_at=None)


def deliver(stop: Callable[[], bool] = lambda: False) -> int:
    """Deliver what waits and is due, until nothing does or `stop()`; returns how many events were delivered."""
    delivered = _pass_over_unheard()
    held_back: set[tuple[str, int]] = set()
    last = 0
    while not stop():
        batch = list(_waiting().filter(id__gt=last).order_by("id").values_list("id", "resource", "record_id")[:BATCH])
        if not batch:
            break
        look()
        for last, resource, record_id in batch:
            if stop():
                break
            if record_id is not None and (resource, record_id) in held_back:
                continue
            if _deliver_one(last):
                delivered += 1
            elif record_id is not None:
                held_back.add((resource, record_id))
    return delivered


def _pass_over_unheard() -> int:
    """Mark the events that nobody reacts to later as delivered, all at once."""
    names = _waiting().values_list("name", flat=True).distinct()
    unheard = [name for name in names if not later_handlers(name) and not forwarders(name)]
    return _waiting().filter(name__in=unheard).update(delivered_at=clock.now()) if unheard else 0


def _deliver_one(event_id: int) -> bool:
    """Call the handlers of an event that have not dealt with it. False when it must wait."""
    with atomic():
        row = OutboxEvent.objects.select_for_update(skip_locked=True).filter(pk=event_id).first()
        if row is None:
            return False  # another worker is at it
        if row.delivered_at or row.dead_at:
            return True
        if row.not_before and row.not_before > clock.now():
            return False
        dealt_with = set(row.deliveries.values_list("handler", flat=True))
        problems = [
            problem
            for handler, read in _calls(row)
            if handler_name(handler) not in dealt_with and (problem := _call(handler, read, row))
        ]
        if problems:
            _put_off(row, "\n".join(problems))
        else:
            row.delivered_at, row.problem = clock.now(), ""
        row.save(update_fields=["delivered_at", "attempts", "not_before", "dead_at", "problem"])
        return not problems or row.dead_at is not None


def _calls(row: OutboxEvent) -> Iterator[tuple[Handler, Callable[[OutboxEvent], Any]]]:
    """Who hears of an event, and what they make of its row: the event, or the row as it is to pass it on."""
    for handler in later_handlers(row.name):
        yield handler, _event_of
    for handler in forwarders(row.name):
        yield handler, _itself


def _event_of(row: OutboxEvent) -> Any:
    return event_from(row.name, row.payload)


def _itself(row: OutboxEvent) -> Any:
    return row


def _call(handler: Handler, read: Callable[[OutboxEvent], Any], row: OutboxEvent) -> str:
    """Let a handler deal with the event; returns what went wrong, if anything."""
    actor = actor_for(row.actor, origin="outbox") if row.actor else system("outbox")
    try:
        with atomic():
            EventDelivery.objects.create(event=row, handler=handler_name(handler), at=clock.now())
            handler(read(row), Occasion(actor, row.at))
    except Exception as error:
        logger.warning("event %s (%s): %s failed: %s", row.pk, row.name, handler_name(handler), error)
        return traceback.format_exc()[-4000:]
    return ""


def handler_name(handler: Handler) -> str:
    """The name under which a handler's deliveries are noted."""
    return f"{handler.__module__}.{handler.__qualname__}"[-150:]


def _put_off(row: OutboxEvent, problem: str) -> None:
    row.attempts += 1
    row.problem = problem
    if row.attempts >= MAX_ATTEMPTS:
        row.dead_at, row.not_before = clock.now(), None
    else:
        row.not_before = clock.now() + pause(row.attempts)


def pause(attempts: int) -> timedelta:
    """How long an event waits after so many failed attempts: 2, 8, 32, ... seconds, an hour at most."""
    return timedelta(seconds=min(2 * 4 ** (attempts - 1), 3600))


def redeliver(event: OutboxEvent) -> None:
    """Send a dead event again: the handlers that have dealt with it are not called. Raises Conflict if it lives."""
    dead = OutboxEvent.objects.filter(pk=event.pk, dead_at__isnull=False)
    if not dead.update(dead_at=None, not_before=None, attempts=0):
        raise Conflict(_("The event is not among the failed ones."))


def dead_events() -> Any:
    """The events that could not be delivered, for the dead-letter page."""
    return OutboxEvent.objects.exclude(dead_at=None).order_by("-id")

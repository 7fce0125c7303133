"""Sends waiting deliveries: the events of each record in their order, failed ones again with growing pauses.

A worker claims a delivery before it sends it and notes afterwards what became of it. Killed in between, its claim
runs out and the event is sent again under the same id: at least once, never lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.fernet import InvalidToken
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock, transport
from saleswright.kernel.jobs import enqueue_once
from saleswright.kernel.ports import ports
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transport import Outcome
from saleswright.kernel.words import said
from saleswright.modules.integration import queries, signing
from saleswright.modules.integration.models import Webhook, WebhookAttempt, WebhookDelivery
from saleswright.modules.integration.states import DeliveryState
from saleswright.modules.work.public import NoticeKind, Notification, Pace, add_kind

KIND = "webhooks.send"
FAILED_KIND = add_kind(NoticeKind("webhook_failed", gettext_lazy("Webhook given up"), "webhook", {"*": Pace.NOW}))
MOST_ATTEMPTS = 10
CLAIM = timedelta(seconds=60)
LONGEST_REST = timedelta(minutes=5)
SPELL = 20.0  # seconds that one job sends, so that a slow receiver doesn't keep the others waiting


def start(webhook_id: int, *, at: datetime) -> None:
    """Have a worker send what waits for a webhook from `at` on, unless one has been asked for it already."""
    enqueue_once(KIND, arguments={"webhook_id": webhook_id}, at=at)


def start_all(at: datetime) -> int:
    """`start` for every webhook with something due; returns how many there are."""
    due = Q(deliveries__state=DeliveryState.WAITING, deliveries__due_at__lte=at)
    awake = Q(rests_until=None) | Q(rests_until__lte=at)
    found = Webhook.objects.filter(due, awake, active=True, archived_at=None).values_list("pk", flat=True).distinct()
    for webhook_id in found:
        start(webhook_id, at=at)
    return len(found)


def send_waiting(webhook_id: int, go_on: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Send what is due, one after the other, until it is all sent, the spell is over or nobody answers.

    What is left is asked for anew. `go_on` raises when the worker has to stop.
    """
    until, counts = time.monotonic() + SPELL, {"delivered": 0, "failed": 0}
    while time.monotonic() < until and not _rests(webhook_id):
        go_on()
        delivery = claim(webhook_id)
        if delivery is None:
            break
        outcome = send(delivery)
        note(delivery, outcome)
        counts["delivered" if outcome.good else "failed"] += 1
    if (due := next_due(webhook_id)) is not None:
        start(webhook_id, at=max(filter(None, (due, _rests(webhook_id), clock.now()))))
    return counts


def _rests(webhook_id: int) -> datetime | None:
    """Until when nothing is sent there, for nobody answered."""
    return (
        Webhook.objects.filter(pk=webhook_id, rests_until__gt=clock.now()).values_list("rests_until", flat=True).first()
    )


def _sendable(webhook_id: int) -> Any:
    """What waits for a live webhook and is the first of its record that does."""
    waiting = WebhookDelivery.objects.filter(webhook_id=webhook_id, state=DeliveryState.WAITING)
    same = {name: OuterRef(name) for name in ("resource", "record_id")}
    earlier = waiting.filter(**same, event_id__lt=OuterRef("event_id"))
    return waiting.filter(webhook__active=True, webhook__archived_at=None).exclude(Exists(earlier))


def claim(webhook_id: int) -> WebhookDelivery | None:
    """Take the next delivery that is due, oldest event first; None when there is none."""
    at = clock.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=at)
    due = _sendable(webhook_id).filter(free, due_at__lte=at).order_by("event_id")
    with atomic():
        found = due.select_for_update(skip_locked=True, of=("self",)).first()
        if found is None:
            return None
        mine = WebhookDelivery.objects.filter(pk=found.pk, state=found.state, claimed_until=found.claimed_until)
        taken = mine.update(claimed_until=at + CLAIM, attempts=F("attempts") + 1)
        return WebhookDelivery.objects.select_related("webhook", "event").get(pk=found.pk) if taken else None


def next_due(webhook_id: int) -> datetime | None:
    """When the next delivery may be sent."""
    times = _sendable(webhook_id).values_list("due_at", "claimed_until")
    return min((max(due, claimed or due) for due, claimed in times.order_by("due_at")[:100]), default=None)


def send(delivery: WebhookDelivery) -> Outcome:
    """POST the event, signed, to the webhook's address. It is not done within a transaction."""
    body, at = message(delivery), clock.now()
    message_id = f"evt_{delivery.event_id}"
    try:
        secret = signing.opened(delivery.webhook.secret)
    except InvalidToken:
        return Outcome(0, problem=_("The secret can't be read any more. Give the webhook a new one."))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Saleswright",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": signing.signature(secret, message_id, at, body),
    }
    return transport.post(delivery.webhook.url, body, headers)


def message(delivery: WebhookDelivery) -> bytes:
    """What is sent of an event: ids only. What they stand for is read by API, with the rights of the reader."""
    event = delivery.event
    told = {
        "id": f"evt_{event.pk}",
        "type": event.name,
        "timestamp": event.at.isoformat(),
        "data": {"resource": event.resource, "actor_id": event.actor_id, **event.payload},
    }
    return orjson.dumps(told)


def note(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write down what became of an attempt, unless another worker has the delivery by now."""
    at, problem = clock.now(), outcome.problem[:500] if not outcome.good else ""
    values: dict[str, Any] = {"status": outcome.status, "duration": outcome.duration, "claimed_until": None}
    values |= {"updated_at": at, "problem": problem or ("" if outcome.good else _refusal(outcome))}
    if outcome.good:
        values |= {"state": DeliveryState.DELIVERED, "delivered_at": at}
    elif delivery.attempts >= MOST_ATTEMPTS:
        values |= {"state": DeliveryState.FAILED}
    else:
        values |= {"due_at": at + pause(delivery.attempts)}
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.WAITING, claimed_until=delivery.claimed_until
    )
    with atomic():
        WebhookAttempt.objects.create(
            delivery=delivery, at=at, status=outcome.status, duration=outcome.duration, problem=problem,
            answer=outcome.answer,
        )  # fmt: skip
        given_up = mine.update(**values) and values.get("state") == DeliveryState.FAILED
        _note_silence(delivery.webhook, outcome, at)
        if given_up:
            _tell_of_failure(delivery.webhook, at)


def _tell_of_failure(webhook: Webhook, at: datetime) -> None:
    """Tell whoever made the webhook and the administrators, who are not told again before they have read it."""
    people = queries.answerable_for(webhook)
    unread = Notification.objects.filter(
        kind=FAILED_KIND.name, resource="webhooks", record_id=webhook.pk, user_id__in=people, read_at=None
    )
    told = set(unread.values_list("user_id", flat=True))
    text = said(gettext_lazy("Events could not be delivered to the webhook “%(name)s”."), name=webhook.name)
    ports.notification.notify(
        user_ids=[pk for pk in people if pk not in told], text=text, resource="webhooks", record_id=webhook.pk, at=at,
        kind=FAILED_KIND.name,
    )  # fmt: skip


def _note_silence(webhook: Webhook, outcome: Outcome, at: datetime) -> None:
    """Leave a receiver alone for a while that does not answer: its other deliveries would not fare better."""
    same = Webhook.objects.filter(pk=webhook.pk)
    if outcome.status is None:
        silences = min(webhook.silences + 1, 20)
        same.update(silences=silences, rests_until=at + min(pause(silences), LONGEST_REST))
    elif webhook.silences:
        same.update(silences=0, rests_until=None)


def _refusal(outcome: Outcome) -> str:
    return _("The receiver answered %(status)s.") % {"status": outcome.status}


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 10 s, 40 s, 2.7 min, ... six hours at most, mixed by a fifth."""
    return timedelta(seconds=min(10 * 4 ** (attempts - 1), 6 * 3600) * random.uniform(0.8, 1.2))

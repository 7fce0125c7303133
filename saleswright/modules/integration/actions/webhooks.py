"""Webhooks as administrators set them up: what is subscribed to, the secret, trying out, sending again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.models import OutboxEvent
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.transport import Refused, read_url
from saleswright.modules.integration import queries, signing
from saleswright.modules.integration.actions.sending import start
from saleswright.modules.integration.models import Subscription, Webhook, WebhookDelivery
from saleswright.modules.integration.states import DeliveryState

SHORTEST, LONGEST = 24, 200  # characters of a secret
REPLAYED = 10_000  # events of one replay


def check_webhooks(batch: Batch) -> None:
    """An address that may be called; whether its host does is found out when something is sent."""
    for draft in batch.good:
        try:
            read_url(draft.record.url)
        except Refused as refused:
            draft.error("url", "invalid", str(refused))
        if draft.fresh and not draft.extras.get("secret"):
            draft.error("secret", "required", _("This field is required."))
        _rouse(draft.record)


def _rouse(webhook: Webhook) -> None:
    """What somebody asks for is tried at once, however long nobody has answered."""
    webhook.silences, webhook.rests_until = 0, None


def follow_webhooks(batch: Batch) -> None:
    """What waited while a webhook was switched off goes on."""
    for draft in batch.good:
        if draft.record.active and not draft.fresh:
            start(draft.record.pk, at=batch.at)


# --- the secret and the events, which are no columns --------------------------------------------------------------


def _clean_secret(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not SHORTEST <= len(value) <= LONGEST or not value.isascii():
        text = _("Give %(least)s to %(most)s characters without accents or Chinese characters.")
        raise ValidationError(text % {"least": SHORTEST, "most": LONGEST}, code="invalid")
    try:
        signing.key_of(value)
    except ValueError:
        raise ValidationError(_("What follows “whsec_” must be base64."), code="invalid") from None
    return value


def _save_secrets(given: list[tuple[Any, str | None]], batch: Batch) -> None:
    for webhook, secret in given:
        if secret:
            Webhook.objects.filter(pk=webhook.pk).update(secret=signing.sealed(secret))


def _clean_events(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError(_("Give a list of names of events."), code="invalid")
    if not value:
        raise ValidationError(_("Choose at least one event."), code="required")
    known = dict(queries.choices())
    if unknown := [name for name in value if name not in known]:
        raise ValidationError(_("There is no event “%s”.") % unknown[0], code="not_found")
    return sorted(set(value))


def _save_events(given: list[tuple[Any, list[str]]], batch: Batch) -> None:
    Subscription.objects.filter(webhook_id__in=[webhook.pk for webhook, _names in given]).delete()
    Subscription.objects.bulk_create(
        Subscription(webhook_id=webhook.pk, pattern=name) for webhook, names in given for name in names
    )


SECRET = Extra(
    "secret", gettext_lazy("Secret (24 characters or more, never shown again)"), _clean_secret, _save_secrets,
    {"type": "string", "writeOnly": True}, required=True,
)  # fmt: skip
EVENTS = Extra(
    "events", gettext_lazy("Events"), _clean_events, _save_events, {"type": "array", "items": {"type": "string"}},
    required=True, choices=queries.choices, read=queries.patterns_of,
)  # fmt: skip


# --- trying out and sending again ---------------------------------------------------------------------------------


def is_switched_on(webhook: Webhook) -> Text | None:
    """Nothing is sent while a webhook is switched off."""
    return None if webhook.active else _("The webhook is switched off.")


@transition("webhooks", "test", label=gettext_lazy("Send a test"), guards=(is_switched_on,), icon="send")
def test_webhook(webhook: Webhook, *, actor: Actor, at: datetime) -> None:
    """Send an event `webhooks.test` to this webhook alone: it is the one with which the action itself is noted."""
    _rouse(webhook)


@transition(
    "webhooks", "send-failed", label=gettext_lazy("Send failed ones again"), guards=(is_switched_on,), icon="repeat",
    result=(("count", int),),
)  # fmt: skip
def send_failed(webhook: Webhook, *, actor: Actor, at: datetime) -> dict[str, int]:
    """Put all failed deliveries back into the queue."""
    _rouse(webhook)
    failed = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.FAILED)
    count = failed.update(**_fresh(at))
    start(webhook.pk, at=at)
    return {"count": count}


@transition(
    "webhooks", "replay", label=gettext_lazy("Send a period again"), guards=(is_switched_on,), icon="history",
    args=(Arg("since", gettext_lazy("From"), "datetime"), Arg("until", gettext_lazy("Until"), "datetime")),
    result=(("count", int),),
)  # fmt: skip
def replay_webhook(webhook: Webhook, *, since: datetime, until: datetime, actor: Actor, at: datetime) -> dict[str, int]:
    """Send all events of a period to which the webhook is subscribed now, in their order, also those it had before.

    Each keeps its id. Raises ValidationFailed for an empty period or more than 10,000 events.
    """
    if until <= since:
        raise ValidationFailed.of("until", "invalid", _("The end must come after the beginning."))
    events = _subscribed(webhook, since, until)
    if len(events) > REPLAYED:
        text = _("These are more than %(most)s events. Choose a shorter period.")
        raise ValidationFailed.of("until", "too_many", text % {"most": REPLAYED})
    _rouse(webhook)
    WebhookDelivery.objects.filter(webhook=webhook, event__in=[event.pk for event in events]).update(**_fresh(at))
    add_deliveries([(webhook.pk, event) for event in events], at=at)
    start(webhook.pk, at=at)
    return {"count": len(events)}


def _subscribed(webhook: Webhook, since: datetime, until: datetime) -> list[OutboxEvent]:
    patterns = set(queries.patterns_of([webhook.pk]).get(webhook.pk, []))
    events = OutboxEvent.objects.filter(at__gte=since, at__lt=until).exclude(resource__in=queries.OWN).order_by("id")
    if "*" not in patterns:
        kinds = [name.removesuffix(".*") for name in patterns if name.endswith(".*")]
        events = events.filter(resource__in=kinds) | events.filter(name__in=patterns)
    return list(events[: REPLAYED + 1])


@transition(
    "webhook-deliveries", "send-again", label=gettext_lazy("Send again"), icon="repeat",
    source=[DeliveryState.FAILED, DeliveryState.DELIVERED], target=DeliveryState.WAITING,
)  # fmt: skip
def send_again(delivery: WebhookDelivery, *, actor: Actor, at: datetime) -> None:
    """Put the delivery back into the queue with all its attempts; the event keeps its id."""
    for name, value in _fresh(at).items():
        setattr(delivery, name, value)
    Webhook.objects.filter(pk=delivery.webhook_id).update(silences=0, rests_until=None)
    start(delivery.webhook_id, at=at)


def _fresh(at: datetime) -> dict[str, Any]:
    return {"state": DeliveryState.WAITING, "attempts": 0, "due_at": at, "claimed_until": None}


def add_deliveries(wanted: Iterable[tuple[int, OutboxEvent]], *, at: datetime) -> None:
    """Note that these events go to these webhooks; those that were noted before are left as they are."""
    WebhookDelivery.objects.bulk_create(
        (
            WebhookDelivery(
                webhook_id=webhook_id,
                event=event,
                event_name=event.name,
                resource=event.resource,
                record_id=event.record_id,
                due_at=at,
                created_at=at,
                updated_at=at,
            )
            for webhook_id, event in wanted
        ),
        ignore_conflicts=True,
        batch_size=1000,
    )


def tidy(at: datetime, keep: timedelta) -> int:
    """Remove deliveries that arrived long ago; returns how many."""
    arrived = WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED, delivered_at__lt=at - keep)
    return arrived.delete()[1].get("integration.WebhookDelivery", 0)


def refuse_putting_away() -> None:
    """Deliveries stay in the log. Raises Conflict."""
    raise Conflict(_("The log of deliveries is kept as it is."))

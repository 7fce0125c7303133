"""Webhooks: who is told which events, and what became of each."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.merging.declared import keeps
from saleswright.kernel.models import OutboxEvent, Record
from saleswright.modules.integration.states import DeliveryState


class Webhook(Record):
    """An address of another program that is told of events.

    `secret` is kept encrypted. Where nobody answers, nothing is sent before `rests_until`, the longer the more
    attempts in a row (`silences`) were in vain.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    url = models.CharField(
        _("Address"),
        max_length=500,
        help_text=_("An https:// or http:// address that answers a POST with 2xx within ten seconds."),
    )
    active = models.BooleanField(
        _("Switched on"),
        default=True,
        help_text=_("While it is switched off nothing is sent, and new events pass it by."),
    )
    secret = models.CharField(max_length=400, blank=True, editable=False)
    silences = models.PositiveSmallIntegerField(default=0, editable=False)
    rests_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Webhook"), _("Webhooks")
        indexes = sort_indexes("webhook", "created_at")


class Subscription(models.Model):
    """Events that a webhook is told: a name such as `orders.created`, all of a kind (`orders.*`), or all (`*`)."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="subscriptions")
    pattern = models.CharField(max_length=80, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("webhook", "pattern"), name="integration_subscribed_once"),)


class WebhookDelivery(Record):
    """An event on its way to a webhook, once for each of the two.

    `due_at` is the next attempt; `claimed_until` is how long a worker may be at it before another one takes it.
    """

    title_field = "event_name"
    webhook = models.ForeignKey(Webhook, models.PROTECT, verbose_name=_("Webhook"), related_name="deliveries")
    event = models.ForeignKey(OutboxEvent, models.PROTECT, related_name="+")
    event_name = models.CharField(_("Event"), max_length=80, db_index=True)
    resource = models.CharField(_("Kind of record"), max_length=50, db_index=True)
    record_id = models.BigIntegerField(_("Record"), null=True, db_index=True)
    state = models.CharField(
        _("State"), max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING, editable=False
    )
    attempts = models.PositiveIntegerField(_("Attempts"), default=0)
    due_at = models.DateTimeField(_("Next attempt"))
    claimed_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(_("Arrived"), null=True)
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    duration = models.PositiveIntegerField(_("Milliseconds"), null=True)
    problem = models.CharField(_("Problem"), max_length=500, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Webhook delivery"), _("Webhook deliveries")
        constraints = (models.UniqueConstraint(fields=("webhook", "event"), name="integration_delivered_once"),)
        indexes = (
            *sort_indexes("webhook_delivery", "state", "created_at"),
            models.Index(
                fields=("webhook", "resource", "record_id", "event"),
                condition=Q(state="waiting"),
                name="integration_waiting",
            ),
        )


class WebhookAttempt(models.Model):
    """One request of a delivery: what was answered, or why nothing was."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="log")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    duration = models.PositiveIntegerField()
    problem = models.CharField(max_length=500, blank=True)
    answer = models.TextField(blank=True)


keeps("what was sent, in the words of its time", "integration.WebhookDelivery")

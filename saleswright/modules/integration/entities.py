"""Webhooks and their deliveries as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Attached, Entity, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor
from saleswright.modules.integration import queries
from saleswright.modules.integration.actions import webhooks
from saleswright.modules.integration.models import Webhook, WebhookDelivery


@register
class WebhookEntity(Entity):
    """Addresses that are told of events; deliveries are kept, so a webhook that was used is archived."""

    name, model = "webhooks", Webhook
    icon = "webhook"
    search = ("name", "url")
    columns = ("name", "url", "active", "updated_at")
    sortable = ("name", "created_at")
    filters = ("name",)
    form = (Section(_("Webhook"), ("name", "url", "active")), Section(_("What is sent"), ("events", "secret")))
    detail = (Section(_("Webhook"), ("name", "url", "active")),)
    private = ("secret", "silences", "rests_until")
    extra = (webhooks.SECRET, webhooks.EVENTS)
    attached = (
        Attached("events", _("Events"), queries.patterns_of, {"type": "array", "items": {"type": "string"}},
                 names=queries.event_names),
    )  # fmt: skip
    transitions = (webhooks.test_webhook, webhooks.send_failed, webhooks.replay_webhook)
    related = (Related("webhook-deliveries", "webhook", create=False),)
    empty_text = _("No webhooks yet. With one, another program is told what happens here.")

    def prepare(self, batch: Any) -> None:
        webhooks.check_webhooks(batch)

    def saved(self, batch: Any) -> None:
        webhooks.follow_webhooks(batch)


@register
class WebhookDeliveryEntity(Entity):
    """The log of deliveries: which event went where, and what was answered."""

    name, model, via = "webhook-deliveries", WebhookDelivery, "webhook"
    icon = "mail-forward"
    state_field = "state"
    columns = ("event_name", "webhook", "state", "resource", "record_id", "attempts", "status", "duration",
               "created_at", "problem")  # fmt: skip
    sortable = ("created_at", "state")
    filters = ("state", "webhook", "event_name", "resource", "record_id", "created_at")
    detail = (
        Section(_("Event"), ("event_name", "webhook", "resource", "record_id")),
        Section(
            _("Sending"), ("state", "attempts", "due_at", "delivered_at", "status", "duration", "problem")
        ),
    )  # fmt: skip
    private = ("event", "claimed_until")
    shown = (Shown("resource", names=queries.resource_names),)
    transitions = (webhooks.send_again,)
    panels = ("/webhook-deliveries/{pk}/attempts",)
    creatable = editable = deletable = archivable = False

    def put_away(self, record: Any, actor: Actor) -> None:
        webhooks.refuse_putting_away()


add_setting(
    "technical",
    Setting("webhooks", _("Other programs that are told what happens here")),
    Setting(
        "failed-events", _("What could not be delivered, inside and to webhooks, to be sent again"),
        _("Failed events"), "alert-triangle", "/settings/failed-events", "admin.manage",
    ),
    Setting(
        "jobs", _("What the worker does: the queue, the schedule, failures"), _("Jobs"), "settings-automation",
        "/settings/jobs", "admin.manage",
    ),
)  # fmt: skip

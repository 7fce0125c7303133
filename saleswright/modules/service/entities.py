"""Tickets, call-backs and what they are promised and planned by, as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import (
    Attached,
    Board,
    Calendar,
    Entity,
    Exchange,
    Limit,
    Related,
    Section,
    register,
)
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.resources import contribute
from saleswright.modules.service import queries
from saleswright.modules.service.actions import callbacks, tickets
from saleswright.modules.service.models import Callback, CallbackPlan, ServiceLevel, Ticket
from saleswright.modules.service.states import CallbackStatus, TicketStatus


@register
class TicketEntity(Entity):
    """What customers ask, report and complain about."""

    name, model = "tickets", Ticket
    icon = "headset"
    number_field, state_field = "number", "status"
    path = (TicketStatus.NEW, TicketStatus.ASSIGNED, TicketStatus.RESOLVED, TicketStatus.CLOSED)
    search = ("subject", "number", "serial")
    columns = ("number", "subject", "customer", "kind", "priority", "status", "owner", "solution_due")
    sortable = (
        "number", "kind", "priority", "status", "first_response_due", "solution_due", "responded_at", "resolved_at",
        "created_at", "updated_at",
    )  # fmt: skip
    filters = (
        "status", "kind", "priority", "channel", "customer", "contact", "product", "serial", "number",
        "first_response_due", "solution_due", "responded_at", "resolved_at", "created_at", "updated_at",
    )  # fmt: skip
    form = (
        Section(_("Customer"), ("customer", "contact", "product", "serial")),
        Section(_("What the customer wants"), ("kind", "priority", "channel", "subject", "description")),
    )
    limits = {"contact": Limit("customer")}
    fills = {"contact": ("customer",)}
    api_write = ("owner",)
    detail = (
        Section(_("What the customer wants"), ("kind", "priority", "channel", "subject", "description")),
        Section(_("Customer"), ("customer", "contact", "product", "serial")),
        Section(
            _("Time"),
            ("first_response_due", "responded_at", "solution_due", "resolved_at", "closed_at", "waiting_since",
             "paused_minutes", "escalated_at", "reopened", "reopen_reason"),
        ),
        Section(_("Answer"), ("response", "solution")),
    )  # fmt: skip
    attached = (
        Attached(
            "overdue", _("Overdue"), queries.overdue_of,
            {"type": "array", "items": {"type": "string", "enum": ["first_response", "solution"]}},
        ),
    )  # fmt: skip
    history_fields = (
        "status", "first_response_due", "solution_due", "responded_at", "resolved_at", "closed_at", "response",
        "solution",
    )  # fmt: skip
    transitions = (
        tickets.assign_ticket,
        tickets.respond_to_ticket,
        tickets.wait_for_customer,
        tickets.customer_answered,
        tickets.resolve_ticket,
        tickets.close_ticket,
        tickets.reopen_ticket,
    )
    related = (Related("callbacks", "ticket"),)
    board = Board(by="status", title="subject", subtitle="customer", date="solution_due")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "customer__name", "kind", "priority", "subject", "description", "channel", "product__code",
            "serial", "owner__username", "created_at", "status", "first_response_due", "solution_due", "responded_at",
            "resolved_at", "closed_at", "response", "solution",
        ),
    )  # fmt: skip
    empty_text = _("No tickets. Nobody has a problem, or nobody has written it down yet.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        return queries.with_their_customers(self, queryset, actor, scopes)

    def prepare(self, batch: Any) -> None:
        tickets.prepare_tickets(batch)

    def edit_refusal(self, record: Any) -> Any:
        return tickets.closed_refusal(record)


@register
class CallbackEntity(Entity):
    """Calls to customers after a delivery or a ticket."""

    name, model = "callbacks", Callback
    icon = "phone-call"
    state_field = "status"
    path = (CallbackStatus.OPEN, CallbackStatus.DONE)
    draft_states = (CallbackStatus.OPEN,)
    search = ("subject",)
    columns = ("subject", "customer", "due_on", "status", "score", "owner")
    sortable = ("due_on", "status", "score", "created_at", "updated_at")
    filters = (
        "status", "customer", "contact", "order", "ticket", "plan", "due_on", "score", "created_at", "updated_at",
    )  # fmt: skip
    ordering = "due_on"
    form = (Section(_("Call-back"), ("customer", "contact", "due_on", "subject", "order", "ticket", "owner")),)
    detail = (
        Section(_("Call-back"), ("subject", "customer", "contact", "due_on", "order", "ticket", "plan")),
        Section(_("Result"), ("result", "score", "done_at", "opened_ticket")),
    )
    history_fields = ("status", "result", "score", "done_at")
    transitions = (callbacks.complete_callback, callbacks.cancel_callback)
    board = Board(by="status", title="subject", subtitle="customer", date="due_on")
    calendar = Calendar(by="due_on", title="subject")
    exchange = Exchange(
        key="subject",
        fields=("subject", "customer__name", "due_on", "owner__username", "status", "result", "score", "done_at"),
    )
    empty_text = _("No call-backs. They are planned after deliveries and tickets, or made by hand.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        return queries.with_their_customers(self, queryset, actor, scopes)

    def prepare(self, batch: Any) -> None:
        tickets.check_contacts(batch)
        callbacks.prepare_callbacks(batch)


@register
class ServiceLevelEntity(Entity):
    """How soon tickets are answered and solved."""

    name, model = "service-levels", ServiceLevel
    icon = "clock-check"
    columns = ("kind", "priority", "response_minutes", "solution_minutes", "updated_at")
    sortable = ("kind", "priority")
    filters = ("kind", "priority")
    ordering = "id"
    form = (Section(_("Service level"), ("kind", "priority", "response_minutes", "solution_minutes")),)

    def prepare(self, batch: Any) -> None:
        tickets.check_levels(batch)


@register
class CallbackPlanEntity(Entity):
    """After what, and how many days later, customers are called back."""

    name, model = "callback-plans", CallbackPlan
    icon = "calendar-repeat"
    search = ("name",)
    columns = ("name", "after", "days", "customer_level", "updated_at")
    sortable = ("name",)
    filters = ("name", "after")
    form = (Section(_("Call-back plan"), ("name", "after", "days", "customer_level")),)
    exchange = Exchange(key="name")


contribute("customers", related=(Related("tickets", "customer"), Related("callbacks", "customer")))
contribute("contacts", related=(Related("tickets", "contact"),))
contribute("orders", related=(Related("callbacks", "order"),))
contribute("products", related=(Related("tickets", "product", create=False),))

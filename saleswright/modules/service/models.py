"""Tickets, the time limits that they are promised in, and call-backs."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.models import OwnedRecord, Record
from saleswright.modules.service.states import (
    UNANSWERED,
    UNSOLVED,
    CallbackStatus,
    CallbackTrigger,
    Priority,
    TicketChannel,
    TicketKind,
    TicketStatus,
)


class ServiceLevel(Record):
    """How soon a ticket of a kind and priority is answered and solved (SVC-01)."""

    title_field = "kind"
    kind = models.CharField(_("Kind"), max_length=12, choices=TicketKind.choices)
    priority = models.CharField(_("Priority"), max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    response_minutes = models.PositiveIntegerField(
        _("First response within"), validators=[MaxValueValidator(100_000)], help_text=_("Minutes of working time.")
    )
    solution_minutes = models.PositiveIntegerField(
        _("Solution within"), validators=[MaxValueValidator(100_000)], help_text=_("Minutes of working time.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Service level"), _("Service levels")
        indexes = sort_indexes("service_level", "priority")
        constraints = (
            models.UniqueConstraint(fields=("kind", "priority"), name="service_one_level_a_kind_and_priority"),
            models.CheckConstraint(
                condition=Q(solution_minutes__gte=F("response_minutes")), name="service_response_before_solution"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_priority_display()}"


class Ticket(OwnedRecord):
    """A customer's question, complaint or request; its owner is the one to whom it is assigned.

    Both limits are moments of working time. `paused_minutes` of it were spent waiting for the customer; the
    solution is due that much later.
    """

    title_field = "subject"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="tickets"
    )
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="tickets"
    )
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Product"), null=True, blank=True, related_name="tickets"
    )
    serial = models.CharField(_("Serial number"), max_length=100, blank=True, db_index=True)
    kind = models.CharField(_("Kind"), max_length=12, choices=TicketKind.choices, default=TicketKind.CONSULTATION)
    priority = models.CharField(_("Priority"), max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    subject = models.CharField(_("Subject"), max_length=200)
    description = models.TextField(_("Description"), blank=True)
    channel = models.CharField(
        _("Channel"), max_length=10, choices=TicketChannel.choices, default=TicketChannel.PHONE, db_index=True
    )
    status = models.CharField(
        _("Status"), max_length=10, choices=TicketStatus.choices, default=TicketStatus.NEW, editable=False
    )
    first_response_due = models.DateTimeField(_("First response due"), null=True, blank=True, editable=False)
    solution_due = models.DateTimeField(_("Solution due"), null=True, blank=True, editable=False)
    responded_at = models.DateTimeField(_("First response"), null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(_("Resolved"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("Closed"), null=True, blank=True, editable=False)
    waiting_since = models.DateTimeField(_("Waiting since"), null=True, blank=True, editable=False)
    escalated_at = models.DateTimeField(_("Escalated"), null=True, blank=True, editable=False)
    paused_minutes = models.PositiveIntegerField(_("Minutes waited for the customer"), default=0, editable=False)
    reopened = models.PositiveIntegerField(_("Times reopened"), default=0, editable=False)
    response = models.TextField(_("Last answer"), blank=True, editable=False)
    solution = models.TextField(_("Solution"), blank=True, editable=False)
    reopen_reason = models.CharField(_("Reason of reopening"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Ticket"), _("Tickets")
        indexes = sort_indexes(
            "ticket", "kind", "priority", "status", "first_response_due", "solution_due", "responded_at", "resolved_at",
            "created_at", "updated_at",
        )  # fmt: skip

    def overdue(self, at: datetime) -> list[str]:
        """Which limits have passed unmet at `at`: `first_response`, `solution`. While it waits, nothing falls due."""
        found = []
        if (
            self.status in UNANSWERED
            and not self.responded_at
            and self.first_response_due
            and at > self.first_response_due
        ):
            found.append("first_response")
        if self.status in UNANSWERED and self.solution_due and at > self.solution_due:
            found.append("solution")
        return found

    @property
    def unsolved(self) -> bool:
        """Whether the customer has no solution yet."""
        return self.status in UNSOLVED


class CallbackPlan(Record):
    """Asks every customer (of a level) some days after a delivery was accepted or a ticket closed (SVC-04)."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    after = models.CharField(_("After"), max_length=10, choices=CallbackTrigger.choices, db_index=True)
    days = models.PositiveSmallIntegerField(_("Days later"), default=3, validators=[MaxValueValidator(3650)])
    customer_level = models.CharField(
        _("Customer level"), max_length=1, blank=True, help_text=_("Only customers of this level; empty for all.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Call-back plan"), _("Call-back plans")


class Callback(OwnedRecord):
    """A call to a customer: are they content with what they got?"""

    title_field = "subject"
    subject = models.CharField(_("Subject"), max_length=200, blank=True)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="callbacks"
    )
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="callbacks"
    )
    order = models.ForeignKey(
        "sales.Order", models.PROTECT, verbose_name=_("Order"), null=True, blank=True, related_name="callbacks"
    )
    ticket = models.ForeignKey(
        Ticket, models.PROTECT, verbose_name=_("Ticket"), null=True, blank=True, related_name="callbacks"
    )
    plan = models.ForeignKey(
        CallbackPlan, models.PROTECT, verbose_name=_("Plan"), null=True, blank=True, editable=False,
        related_name="callbacks",
    )  # fmt: skip
    due_on = models.DateField(_("Due on"))
    status = models.CharField(
        _("Status"), max_length=10, choices=CallbackStatus.choices, default=CallbackStatus.OPEN, editable=False
    )
    result = models.TextField(_("Result"), blank=True, editable=False)
    score = models.PositiveSmallIntegerField(
        _("Score"), null=True, blank=True, editable=False, validators=[MinValueValidator(0), MaxValueValidator(10)],
        help_text=_("From 0 (not at all content) to 10 (very)."),
    )  # fmt: skip
    done_at = models.DateTimeField(_("Done"), null=True, blank=True, editable=False)
    opened_ticket = models.ForeignKey(
        Ticket, models.PROTECT, verbose_name=_("Ticket opened"), null=True, blank=True, editable=False,
        related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Call-back"), _("Call-backs")
        indexes = sort_indexes("callback", "due_on", "status", "score", "created_at", "updated_at")
        constraints = (
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=10), name="service_score_from_0_to_10"
            ),
        )

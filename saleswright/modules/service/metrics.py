"""Measures of after-sales service."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.service.models import Callback, Ticket
from saleswright.modules.service.states import CallbackStatus

DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "customer": "customer_id",
}
OF_TICKETS = {**DIMENSIONS, "product": "product_id", "channel": "channel", "kind": "kind", "priority": "priority"}


def tickets() -> QuerySet[Any]:
    """Every ticket that counts."""
    return Ticket.objects.filter(archived_at=None)


add_metric(
    Metric(
        name="tickets_opened",
        label=_("Tickets opened"),
        unit="count",
        formula=_("Tickets by the day on which they came in"),
        resource="tickets",
        rows=tickets,
        value=Count("pk"),
        day="created_at",
        moment=True,
        dimensions=OF_TICKETS,
    )
)
add_metric(
    Metric(
        name="tickets_resolved",
        label=_("Tickets resolved"),
        unit="count",
        formula=_("Tickets by the day of their solution"),
        resource="tickets",
        rows=lambda: tickets().exclude(resolved_at=None),
        value=Count("pk"),
        day="resolved_at",
        moment=True,
        dimensions=OF_TICKETS,
    )
)
add_metric(
    Metric(
        name="tickets_resolved_in_time",
        label=_("Tickets resolved in time"),
        unit="count",
        formula=_("Tickets answered and solved within their limits, by the day of their solution"),
        resource="tickets",
        rows=lambda: tickets().filter(
            Q(first_response_due=None) | Q(responded_at__lte=F("first_response_due")),
            Q(solution_due=None) | Q(resolved_at__lte=F("solution_due")),
            resolved_at__isnull=False,
        ),
        value=Count("pk"),
        day="resolved_at",
        moment=True,
        dimensions=OF_TICKETS,
    )
)
add_metric(
    Metric(
        name="callbacks_done",
        label=_("Call-backs done"),
        unit="count",
        formula=_("Call-backs by the day on which they were done"),
        resource="callbacks",
        rows=lambda: Callback.objects.filter(archived_at=None, status=CallbackStatus.DONE),
        value=Count("pk"),
        day="done_at",
        moment=True,
        dimensions=DIMENSIONS,
    )
)

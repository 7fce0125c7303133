"""Reads about deliveries: what is open of an order, and how far its delivery is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F, Max, Sum

from saleswright.kernel import clock
from saleswright.modules.fulfilment.models import Delivery, DeliveryLine
from saleswright.modules.fulfilment.states import DeliveryStatus
from saleswright.modules.sales.public import OrderLine


@dataclass(frozen=True, slots=True)
class Progress:
    """When an order was shipped and accepted in full (None: not yet), company days."""

    order_id: int
    shipped_on: date | None = None
    accepted_on: date | None = None


def on_drafts(order_ids: Collection[int]) -> dict[int, Decimal]:
    """Quantities by order line that stand on deliveries not yet shipped."""
    rows = DeliveryLine.objects.filter(
        delivery__order__in=order_ids, delivery__status=DeliveryStatus.DRAFT, delivery__archived_at=None
    )
    return dict(rows.values_list("order_line").annotate(Sum("quantity")).order_by())


def open_quantities(order_id: int) -> dict[int, Decimal]:
    """What is neither shipped nor on a draft yet, by order line, in the order's order."""
    planned = on_drafts([order_id])
    lines = OrderLine.objects.filter(order=order_id).order_by("position", "id")
    open_of = {line.pk: line.quantity - line.delivered_quantity - planned.get(line.pk, Decimal(0)) for line in lines}
    return {pk: quantity for pk, quantity in open_of.items() if quantity > 0}


def progress_of(order_ids: Collection[int]) -> dict[int, Progress]:
    """How far the delivery of some orders is.

    Shipped: everything ordered has left. Accepted: besides, no delivery waits for the customer's answer; what was
    refused doesn't hold it up. Three statements.
    """
    unshipped = set(
        OrderLine.objects.filter(order__in=order_ids, delivered_quantity__lt=F("quantity")).values_list(
            "order_id", flat=True
        )
    )
    gone = Delivery.objects.filter(order__in=order_ids).exclude(status=DeliveryStatus.DRAFT)
    waiting = set(gone.filter(status=DeliveryStatus.SHIPPED).values_list("order_id", flat=True))
    last = {
        pk: (shipped, accepted)
        for pk, shipped, accepted in gone.order_by()
        .values_list("order_id")
        .annotate(Max("shipped_at"), Max("accepted_at"))
    }
    found = {}
    for pk in order_ids:
        shipped, accepted = last.get(pk, (None, None))
        whole = pk not in unshipped and shipped is not None
        found[pk] = Progress(
            pk,
            clock.local_date(shipped) if whole else None,
            clock.local_date(accepted) if whole and pk not in waiting and accepted else None,
        )
    return found

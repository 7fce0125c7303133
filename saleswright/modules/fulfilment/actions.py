"""Deliveries: prepared, shipped, accepted (ORD-04)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.records import Batch, Draft, save_record
from saleswright.kernel.transitions import Arg, Table, transition
from saleswright.modules.fulfilment.events import DeliveryAccepted, DeliveryShipped
from saleswright.modules.fulfilment.models import Delivery, DeliveryLine
from saleswright.modules.fulfilment.queries import open_quantities
from saleswright.modules.fulfilment.states import DeliveryStatus
from saleswright.modules.sales.public import (
    OPEN_ORDERS,
    Order,
    OrderLine,
    OrderStatus,
    record_accepted,
    record_delivered,
)

MADE = (("id", int), ("number", str))
#: orders that still have something to deliver
DELIVERABLE = (OrderStatus.CONFIRMED, OrderStatus.PARTLY_DELIVERED)


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_deliveries(batch: Batch) -> None:
    """A delivery takes customer, owner and department from its order, and no more than is still to deliver."""
    orders = Order.objects.in_bulk({draft.record.order_id for draft in batch.good} - {None})
    lines = _order_lines(batch)
    for draft in batch.good:
        delivery, order = draft.record, orders.get(draft.record.order_id)
        if order is None:
            draft.error("order", "not_found", _("There is no such record."))
            continue
        if not draft.fresh and draft.changed("order"):
            draft.error("order", "read_only", _("A delivery stays with its order."))
            continue
        delivery.customer_id = order.customer_id
        delivery.owner_id, delivery.department_id = order.owner_id, order.department_id
        if batch.history:
            _take_as_history(draft)
        elif order.status not in DELIVERABLE and draft.fresh:
            draft.error("order", "invalid", _("The order is not confirmed, or everything of it was delivered."))
            continue
        _check_lines(draft, lines, batch.history)


def _order_lines(batch: Batch) -> dict[int, OrderLine]:
    wanted = {line.record.order_line_id for draft in batch.good for line in draft.line_drafts.get("lines", ())}
    return OrderLine.objects.in_bulk(wanted - {None})


def _check_lines(draft: Draft, lines: Mapping[int, OrderLine], history: bool) -> None:
    """Lines belong to the order, and together ask for no more than is open of each order line."""
    asked: dict[int, Decimal] = defaultdict(Decimal)
    for line in draft.line_drafts.get("lines", ()):
        row, order_line = line.record, lines.get(line.record.order_line_id)
        if order_line is None or order_line.order_id != draft.record.order_id:
            draft.error(f"lines.{line.index}.order_line", "not_found", _("The order has no such line."))
            continue
        asked[order_line.pk] += row.quantity
        left = order_line.quantity - order_line.delivered_quantity
        if asked[order_line.pk] > left and not history:
            text = _("At most %(left)s of this line are still to be delivered.") % {"left": plain(left)}
            draft.error(f"lines.{line.index}.quantity", "range", text)


def _take_as_history(draft: Draft) -> None:
    """What was accepted long ago was accepted in full."""
    if draft.record.status != DeliveryStatus.ACCEPTED:
        return
    for line in draft.line_drafts.get("lines", ()):
        line.record.accepted_quantity = line.record.quantity


def plain(quantity: Decimal) -> str:
    """A quantity without needless zeros."""
    return f"{quantity.normalize():f}"


# --- transitions -----------------------------------------------------------------------------------------------


def order_is_open(delivery: Delivery) -> Text | None:
    """Goods leave only for orders that are neither completed nor cancelled."""
    return None if delivery.order.status in OPEN_ORDERS else _("The order is not open for deliveries.")


@transition(
    "deliveries", "ship", label=gettext_lazy("Ship"), source=[DeliveryStatus.DRAFT], target=DeliveryStatus.SHIPPED,
    args=(Arg("shipped_at", gettext_lazy("Shipped at"), "datetime", required=False),), guards=(order_is_open,),
    event=DeliveryShipped, style="primary", icon="truck-delivery",
)  # fmt: skip
def ship_delivery(delivery: Delivery, *, actor: Actor, at: datetime, shipped_at: datetime | None) -> None:
    """The goods leave at `shipped_at`, else at the time on the delivery, else now; the order counts them.

    Raises ValidationFailed for a day in the future and Conflict when less than that is still to be delivered.
    """
    delivery.shipped_at = shipped_at or delivery.shipped_at or at
    _refuse_future("shipped_at", delivery.shipped_at, at)
    shipped: dict[int, Decimal] = defaultdict(Decimal)
    for line in delivery.lines.all():
        shipped[line.order_line_id] += line.quantity
    record_delivered(delivery.order_id, shipped, actor=actor, at=at)


def shipped_lines(delivery: Delivery, actor: Actor, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was shipped of each order line, taken as accepted until somebody types less."""
    rows: dict[int, dict[str, Any]] = {}
    for line in delivery.lines.select_related("order_line__product").order_by("position", "id"):
        row = rows.setdefault(line.order_line_id, {"order_line_id": line.order_line_id, "shipped": Decimal(0)})
        row["product"] = line.order_line.product.name
        row["shipped"] = row["quantity"] = row["shipped"] + line.quantity
    return list(rows.values())


@transition(
    "deliveries", "accept", label=pgettext_lazy("delivery", "Accepted"), source=[DeliveryStatus.SHIPPED],
    target=DeliveryStatus.ACCEPTED, event=DeliveryAccepted, style="success", icon="circle-check",
    args=(
        Arg("accepted_at", gettext_lazy("Accepted at"), "datetime", required=False),
        Arg("lines", gettext_lazy("Accepted quantities"), "rows", required=False, rows=(
            Arg("order_line_id", gettext_lazy("Order line"), "integer"),
            Arg("quantity", gettext_lazy("Quantity"), "quantity"),
        ), help=gettext_lazy("Lines that are left out are accepted in full."), table=Table(
            shipped_lines, typed="quantity", most="shipped", shown=(
                Arg("product", gettext_lazy("Product")),
                Arg("shipped", gettext_lazy("Shipped"), "quantity"),
            ),
        )),
    ),
)  # fmt: skip
def accept_delivery(
    delivery: Delivery,
    *,
    actor: Actor,
    at: datetime,
    accepted_at: datetime | None,
    lines: Sequence[Mapping[str, Any]] | None,
) -> None:
    """The customer took the goods; what is named with less than its quantity was refused for the rest.

    The order's delivered quantities stay: they count what was shipped; it is delivered when all of it is accepted.
    Raises ValidationFailed for a time before the shipping or in the future, and for more than was shipped, and Conflict
    when the order is not open.
    """
    delivery.accepted_at = accepted_at or at
    _refuse_future("accepted_at", delivery.accepted_at, at)
    assert delivery.shipped_at is not None
    if clock.local_date(delivery.accepted_at) < clock.local_date(delivery.shipped_at):
        raise ValidationFailed.of("accepted_at", "order", _("This is before the goods were shipped."))
    rows = list(delivery.lines.order_by("position", "id"))
    _share_out(rows, lines or ())
    DeliveryLine.objects.bulk_update(rows, ["accepted_quantity", "refused_quantity"])
    delivery.on_time_in_full = _is_on_time(delivery) and not any(row.refused_quantity for row in rows)
    accepted: dict[int, Decimal] = defaultdict(Decimal)
    for row in rows:
        accepted[row.order_line_id] += row.accepted_quantity or Decimal(0)
    record_accepted(delivery.order_id, accepted, actor=actor, at=at)


def _share_out(rows: list[DeliveryLine], accepted: Sequence[Mapping[str, Any]]) -> None:
    """Spread the accepted quantities of order lines over the delivery's lines, the first ones first."""
    left: dict[int, Decimal] = {}
    for index, row in enumerate(accepted):
        key, quantity = row["order_line_id"], row["quantity"]
        shipped = sum((line.quantity for line in rows if line.order_line_id == key), Decimal(0))
        if not shipped:
            raise ValidationFailed.of(f"lines.{index}.order_line_id", "not_found", _("The delivery has no such line."))
        if key in left:
            raise ValidationFailed.of(f"lines.{index}.order_line_id", "duplicate", _("The line is named twice."))
        if not 0 <= quantity <= shipped:
            text = _("From 0 to the %(shipped)s that were shipped.") % {"shipped": plain(shipped)}
            raise ValidationFailed.of(f"lines.{index}.quantity", "range", text)
        left[key] = quantity
    for line in rows:
        line.accepted_quantity = min(line.quantity, left.get(line.order_line_id, line.quantity))
        line.refused_quantity = line.quantity - line.accepted_quantity
        if line.order_line_id in left:
            left[line.order_line_id] -= line.accepted_quantity


def _is_on_time(delivery: Delivery) -> bool:
    promised = delivery.order.promised_date
    assert delivery.accepted_at is not None
    return promised is None or clock.local_date(delivery.accepted_at) <= promised


def _refuse_future(field: str, moment: datetime, at: datetime) -> None:
    if clock.local_date(moment) > clock.local_date(at):
        raise ValidationFailed.of(field, "order", _("The day lies in the future."))


def something_is_open(order: Order) -> Text | None:
    """There must be something left that stands on no delivery yet."""
    return None if open_quantities(order.pk) else _("Everything is delivered or on a delivery already.")


@transition(
    "orders", "create-delivery", label=gettext_lazy("Create delivery"), source=DELIVERABLE, result=MADE,
    guards=(something_is_open,), leads_to="deliveries", icon="truck-delivery", makes=("deliveries",),
)  # fmt: skip
def create_delivery(order: Order, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft delivery of everything that is open. The right to this suffices: nobody needs one to write deliveries."""
    lines = [{"order_line": pk, "quantity": quantity} for pk, quantity in open_quantities(order.pk).items()]
    may = actor.trusted_with("deliveries.create")
    delivery = save_record(Delivery, {"order": order.pk}, lines={"lines": lines}, actor=may, at=at)
    return {"id": delivery.pk, "number": delivery.number}

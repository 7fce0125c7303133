"""Orders: confirmed, delivered, invoiced, completed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, ExpressionWrapper, F, Q, Sum, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import base_currency, exchange_rate
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.fields import QuantityField
from saleswright.kernel.models import User
from saleswright.kernel.reading import read_values
from saleswright.kernel.records import Batch, snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_of
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import transition
from saleswright.modules.pool.public import followed_up
from saleswright.modules.pricing.public import approver_for, authority_of
from saleswright.modules.sales.actions import documents
from saleswright.modules.sales.actions.quotes import REASON, percent_text
from saleswright.modules.sales.events import OrderCancelled, OrderClosed, OrderConfirmed
from saleswright.modules.sales.models import Order, OrderLine, QuoteLine
from saleswright.modules.sales.states import BINDING, OPEN_ORDERS, ORDERED, OrderStatus, QuoteStatus

Quantities = Mapping[int, Decimal]


def prepare_orders(batch: Batch) -> None:
    """Check what the order refers to, and price the lines: as in its quote, else by today's price lists."""
    documents.check_currency(batch)
    today = clock.local_date(batch.at)
    documents.read_customers([draft.record for draft in batch.good], "contact", "quote", "contract")
    for draft in batch.good:
        documents.check_belongs(draft, "contact", "quote", "contract")
        promised = draft.record.promised_date
        if not batch.history and promised and draft.changed("promised_date") and promised < today:
            draft.error("promised_date", "order", _("The promised date lies in the past."))
    _check_sources(batch)
    agreed = _agreed_prices({draft.record.quote_id for draft in batch.good} - {None})
    if batch.history:
        _take_as_history(batch)
    documents.price_documents(batch, lambda order: order.confirmed_on or today, agreed)


def _check_sources(batch: Batch) -> None:
    """An order follows from one accepted quote, of which there is no other order, and from a binding contract."""
    quoted = [draft for draft in batch.good if draft.record.quote_id and draft.changed("quote")]
    taken = documents.orders_of({draft.record.quote_id for draft in quoted})
    for draft in quoted:
        quote = draft.record.quote
        if quote is None:
            continue
        if quote.status != QuoteStatus.ACCEPTED and not batch.history:
            draft.error("quote", "invalid", _("The quote is not accepted."))
        elif quote.pk in taken:
            text = _("The order %(number)s was made from it.") % {"number": taken[quote.pk]}
            draft.error("quote", "duplicate", text)
        taken[quote.pk] = draft.record.number or ""
    for draft in batch.good:
        contract = draft.record.contract
        if contract is not None and draft.changed("contract") and contract.status not in BINDING and not batch.history:
            draft.error("contract", "invalid", _("The contract is not signed, or it has ended."))


def _agreed_prices(quote_ids: set[int]) -> dict[tuple[int, int], Decimal]:
    """The list prices on which the quotes were settled, by quote and product."""
    rows = read_values(QuoteLine, ("quote_id", "product_id", "list_price"), "quote_id", quote_ids)
    return {(quote_id, product_id): price for quote_id, product_id, price in rows}


def _take_as_history(batch: Batch) -> None:
    """A confirmed order has a date of confirmation, a delivered one was delivered in full."""
    for draft in batch.good:
        order = draft.record
        if order.status in ORDERED and order.confirmed_on is None:
            order.confirmed_on = clock.local_date(order.created_at or batch.at)
        if draft.fresh and order.status in (OrderStatus.DELIVERED, OrderStatus.COMPLETED):
            for line in draft.line_drafts.get("lines", ()):
                line.record.delivered_quantity = line.record.accepted_quantity = line.record.quantity


# --- guards and authority --------------------------------------------------------------------------------------


def has_lines(order: Order) -> Text | None:
    """An order of nothing can't be confirmed."""
    return None if order.lines.exists() else _("The order has no lines.")


def is_untouched(order: Order) -> Text | None:
    """What was delivered or invoiced must be returned or reversed first."""
    if order.lines.filter(Q(delivered_quantity__gt=0) | Q(invoiced_quantity__gt=0)).exists():
        return _("Some of it was delivered or invoiced already.")
    return None


def check_price_authority(order: Order, actor: Actor) -> None:
    """Refuse a discount above the actor's authority and above what was agreed in the accepted quote (QUO-02).

    Raises Conflict naming the person who can confirm it. The system may confirm any.
    """
    if actor.user_id is None:
        return
    own = authority_of(actor.user_id)
    if order.effective_discount <= own or order.effective_discount <= _settled_discount(order):
        return
    approver = approver_for(User.objects.get(pk=actor.user_id), order.effective_discount)
    values = {
        "discount": percent_text(order.effective_discount),
        "own": percent_text(own),
        "name": approver.name if approver else _("nobody; name an approver of last resort in the settings"),
    }
    text = _("The discount of %(discount)s%% is above your authority of %(own)s%%. Who can confirm it: %(name)s.")
    raise Conflict(text % values, code="price_authority")


def _settled_discount(order: Order) -> Decimal:
    """What was agreed in the accepted quote of which the order was made."""
    quote = order.quote
    return quote.effective_discount if quote is not None and quote.status == QuoteStatus.ACCEPTED else Decimal(0)


# --- transitions -----------------------------------------------------------------------------------------------


@transition(
    "orders", "confirm", label=gettext_lazy("Confirm"), source=[OrderStatus.DRAFT], target=OrderStatus.CONFIRMED,
    guards=(has_lines, documents.customer_is_live), event=OrderConfirmed, style="success", icon="check",
)  # fmt: skip
def confirm_order(order: Order, *, actor: Actor, at: datetime) -> None:
    """Make the order binding, at the exchange rate of the day. Raises Conflict above the price authority."""
    check_price_authority(order, actor)
    followed_up("customers", {order.customer_id: at})
    order.confirmed_on = clock.local_date(at)
    if order.currency != base_currency():
        lines = list(order.lines.order_by("position", "id"))
        documents.set_base_amounts(order, lines, exchange_rate(order.currency, order.confirmed_on))
        OrderLine.objects.bulk_update(lines, ["base_net"])


@transition(
    "orders", "cancel", label=gettext_lazy("Cancel"), source=[OrderStatus.DRAFT, OrderStatus.CONFIRMED],
    target=OrderStatus.CANCELLED, guards=(is_untouched,), args=REASON, event=OrderCancelled, style="danger", icon="ban",
)  # fmt: skip
def cancel_order(order: Order, *, actor: Actor, at: datetime, reason: str) -> None:
    """The order is void."""
    order.reason, order.ended_on = reason, clock.local_date(at)


@transition(
    "orders", "close", label=gettext_lazy("Close"), source=OPEN_ORDERS, target=OrderStatus.COMPLETED, args=REASON,
    event=OrderClosed, icon="lock",
)  # fmt: skip
def close_order(order: Order, *, actor: Actor, at: datetime, reason: str) -> None:
    """Give up what is left of the order."""
    order.reason, order.ended_on = reason, clock.local_date(at)


# --- told by higher modules ------------------------------------------------------------------------------------


def record_delivered(order_id: int, quantities: Quantities, *, actor: Actor, at: datetime) -> None:
    """Add quantities by line id to what was shipped (negative: taken back), and move the order's status along.

    Raises Conflict, with nothing written, when a line would leave 0 to its quantity or the order isn't open.
    """
    with atomic():
        order = _locked(order_id)
        if order.status not in OPEN_ORDERS:
            raise Conflict(_("The order is not open for deliveries."))
        before = snapshot(order)
        _book(order, "delivered_quantity", quantities)
        order.status = _delivery_status(order)
        _store(order, before, "deliver", actor, at)


def record_accepted(order_id: int, quantities: Quantities, *, actor: Actor, at: datetime) -> None:
    """Add quantities by line id to what the customer accepted, and move the order's status along (ORD-04).

    Raises Conflict, with nothing written, when a line would leave 0 to what was shipped or the order isn't open.
    """
    with atomic():
        order = _locked(order_id)
        if order.status not in OPEN_ORDERS:
            raise Conflict(_("The order is not open for deliveries."))
        before = snapshot(order)
        _book(order, "accepted_quantity", quantities, most="delivered_quantity")
        order.status = _delivery_status(order)
        _store(order, before, "accept", actor, at)


def record_invoiced(order_id: int, quantities: Quantities, *, actor: Actor, at: datetime) -> None:
    """Add quantities by line id to what was invoiced (negative: reversed). Raises Conflict as `record_delivered`."""
    with atomic():
        order = _locked(order_id)
        if order.status not in ORDERED:
            raise Conflict(_("The order is not confirmed, or it was cancelled."))
        before = snapshot(order)
        _book(order, "invoiced_quantity", quantities)
        _store(order, before, "invoice", actor, at)


def complete_if_done(order_id: int, *, actor: Actor, at: datetime) -> bool:
    """Complete a delivered and invoiced order; called when it is collected. Whether it is completed now."""
    with atomic():
        order = _locked(order_id)
        if order.status != OrderStatus.DELIVERED:
            return order.status == OrderStatus.COMPLETED
        if order.lines.filter(gross__gt=0, invoiced_quantity__lt=F("quantity")).exists():
            return False
        before = snapshot(order)
        order.status, order.ended_on = OrderStatus.COMPLETED, clock.local_date(at)
        _store(order, before, "complete", actor, at)
        return True


def _locked(order_id: int) -> Order:
    return Order.objects.select_for_update(of=("self",)).get(pk=order_id)


def _store(order: Order, before: dict[str, Any], action: str, actor: Actor, at: datetime) -> None:
    stamp(order, actor, at)
    write_changes(resource_of(Order), order, before, action, actor=actor, at=at)


def _book(order: Order, column: str, quantities: Quantities, most: str = "quantity") -> None:
    """Add to a quantity column of the lines, up to what the column `most` says, in one conditional statement."""
    if not quantities:
        return
    steps = [When(pk=pk, then=Value(quantity, QuantityField())) for pk, quantity in quantities.items()]
    after = ExpressionWrapper(F(column) + Case(*steps, output_field=QuantityField()), output_field=QuantityField())
    rows = OrderLine.objects.filter(order=order, pk__in=list(quantities)).annotate(after=after)
    if rows.filter(after__gte=Decimal(0), after__lte=F(most)).update(**{column: after}) != len(quantities):
        raise Conflict(_("More than what is ordered and open, or less than nothing."), code="quantity")


def _delivery_status(order: Order) -> str:
    """How far the order is: delivered when all of it is accepted (ORD-04)."""
    sums = order.lines.aggregate(
        ordered=Sum("quantity"), delivered=Sum("delivered_quantity"), accepted=Sum("accepted_quantity")
    )
    if sums["accepted"] == sums["ordered"]:
        return OrderStatus.DELIVERED
    return OrderStatus.PARTLY_DELIVERED if sums["delivered"] else OrderStatus.CONFIRMED

"""Reads about receivables: what was invoiced, which plan an invoice belongs to, when instalments fall due."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, QuerySet, Sum

from saleswright.kernel.access.actors import Actor
from saleswright.modules.fulfilment.public import Progress, progress_of
from saleswright.modules.receivables.models import (
    ZERO,
    Allocation,
    CollectionPlan,
    Instalment,
    Invoice,
    InvoiceLine,
    Receipt,
)
from saleswright.modules.receivables.states import POSTED, InvoiceStatus, Trigger
from saleswright.modules.sales.public import Order, OrderLine, OrderStatus


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What was invoiced of an order line so far, red letters taken off."""

    quantity: Decimal = ZERO
    net: Decimal = ZERO
    tax: Decimal = ZERO
    base_net: Decimal = ZERO


def invoiced_of(order_line_ids: Collection[int]) -> dict[int, Invoiced]:
    """What was invoiced of some order lines."""
    rows = InvoiceLine.objects.filter(order_line__in=order_line_ids, invoice__status__in=POSTED)
    sums = rows.order_by().values_list("order_line").annotate(Sum("quantity"), Sum("net"), Sum("tax"), Sum("base_net"))
    return {pk: Invoiced(*values) for pk, *values in sums}


def open_to_invoice(order_id: int) -> dict[int, Decimal]:
    """What is neither invoiced nor on a draft yet, by order line, in the order's order."""
    drafts = InvoiceLine.objects.filter(
        order_line__order=order_id, invoice__status=InvoiceStatus.DRAFT, invoice__archived_at=None
    )
    planned = dict(drafts.order_by().values_list("order_line").annotate(Sum("quantity")))
    lines = OrderLine.objects.filter(order=order_id).order_by("position", "id")
    open_of = {line.pk: line.quantity - line.invoiced_quantity - planned.get(line.pk, ZERO) for line in lines}
    return {pk: quantity for pk, quantity in open_of.items() if quantity > 0}


def plans_of_invoices(invoices: Collection[Invoice]) -> dict[int, int]:
    """The collection plan of each invoice that has one: its order's, or else its contract's."""
    orders = {invoice.order_id for invoice in invoices} - {None}
    contracts = {invoice.contract_id for invoice in invoices} - {None}
    if not orders and not contracts:
        return {}
    plans = CollectionPlan.objects.filter(archived_at=None).order_by("-pk")
    of_order: dict[int | None, int] = dict(plans.filter(order__in=orders).values_list("order_id", "pk"))
    of_contract: dict[int | None, int] = dict(
        plans.filter(order=None, contract__in=contracts).values_list("contract_id", "pk")
    )
    found = {i.pk: of_order.get(i.order_id) or of_contract.get(i.contract_id) for i in invoices}
    return {pk: plan for pk, plan in found.items() if plan is not None}


def allocations_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[dict[str, Any]]]:
    """What still stands of the allocations of some receipts, the oldest first."""
    rows = Allocation.objects.filter(receipt__in=ids, via=None).select_related("invoice", "instalment").order_by("pk")
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if not row.kept:
            continue
        invoice = row.invoice and {"id": row.invoice.pk, "label": row.invoice.number or ""}
        found.setdefault(row.receipt_id, []).append(
            {"id": row.pk, "invoice": invoice, "instalment_id": row.instalment_id, "amount": str(row.kept)}
        )
    return found


# --- due dates of instalments ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Occasions:
    """The days of the events on which the instalments of a plan wait (None: not yet)."""

    signing: date | None = None
    delivery: date | None = None
    acceptance: date | None = None
    warranty_end: date | None = None

    def due(self, instalment: Instalment) -> date | None:
        """When the instalment is due: its own date, or some days after its event; none before that."""
        if instalment.trigger == Trigger.DATE:
            return instalment.due_on
        day: date | None = getattr(self, instalment.trigger)
        return None if day is None else day + timedelta(days=instalment.days)


def occasions_of(plans: Sequence[CollectionPlan]) -> dict[int, Occasions]:
    """The events of some plans, by their place in the sequence. A constant number of statements.

    A plan of a contract waits for all its live orders: it is delivered when all of them are. Warranty ends as many
    months after acceptance as the longest warranty of the products.
    """
    contracts = {plan.contract_id for plan in plans if plan.order_id is None}
    orders = list(
        Order.objects.filter(pk__in={plan.order_id for plan in plans if plan.order_id is not None}).select_related(
            "contract"
        )
    ) + list(
        Order.objects.filter(contract__in=contracts - {None}).exclude(
            status__in=(OrderStatus.DRAFT, OrderStatus.CANCELLED)
        )
    )
    progress = progress_of([order.pk for order in orders]) if orders else {}
    months = dict(
        OrderLine.objects.filter(order__in=list(progress))
        .order_by()
        .values_list("order_id")
        .annotate(Max("product__warranty_months"))
    )
    by_contract: dict[int | None, list[Order]] = defaultdict(list)
    for order in orders:
        by_contract[order.contract_id].append(order)
    by_order: dict[int | None, Order] = {order.pk: order for order in orders}
    found = {}
    for place, plan in enumerate(plans):
        own = by_order.get(plan.order_id)
        mine = [own] if own is not None else by_contract[plan.contract_id]
        found[place] = _occasions(plan, own, [progress[order.pk] for order in mine], [months[o.pk] for o in mine])
    return found


def _occasions(plan: CollectionPlan, order: Order | None, progress: list[Progress], months: list[int]) -> Occasions:
    contract = plan.contract or (order.contract if order else None)
    signing = contract.signed_on if contract else order.confirmed_on if order else None
    delivery = _latest(one.shipped_on for one in progress)
    acceptance = _latest(one.accepted_on for one in progress)
    warranty_end = months_after(acceptance, max(months, default=0)) if acceptance else None
    return Occasions(signing, delivery, acceptance, warranty_end)


def _latest(days: Iterable[date | None]) -> date | None:
    found = list(days)
    return None if not found or None in found else max(day for day in found if day is not None)


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last day of a shorter month."""
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def unpaid_invoices() -> QuerySet[Invoice]:
    """Invoices in the ledger with a balance, also such in favour of the customer."""
    return Invoice.objects.filter(status__in=POSTED).exclude(balance=ZERO)


def unapplied_receipts() -> QuerySet[Receipt]:
    """Money that no invoice has taken yet."""
    return Receipt.objects.exclude(unapplied=ZERO)

"""What follows from money: instalments count as collected, orders are completed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F, Sum

from saleswright.modules.fulfilment.public import progress_of
from saleswright.modules.receivables.actions.ledger import Moment, locked, snapshots, store
from saleswright.modules.receivables.models import ZERO, Allocation, CollectionPlan, Instalment, Invoice, Receipt
from saleswright.modules.receivables.queries import plans_of_invoices
from saleswright.modules.receivables.states import InvoiceStatus
from saleswright.modules.sales.public import complete_if_done


def by_due(instalment: Instalment) -> tuple[date, int, int]:
    """The order in which instalments are collected: those without a date come last."""
    return instalment.due_on or date.max, instalment.position, instalment.pk


def earmarked(receipts: Collection[int]) -> dict[int, Decimal]:
    """How much money of each receipt counts as collected on instalments."""
    rows = Allocation.objects.filter(receipt__in=receipts, instalment__isnull=False)
    sums = rows.order_by().values_list("receipt_id").annotate(Sum("amount"), Sum("released"))
    return {pk: amount - released for pk, amount, released in sums}


def collect(allocations: Sequence[Allocation], moment: Moment) -> None:
    """Count what invoices took as collected on the plans of their orders or contracts, the oldest due first.

    Money that was allocated to instalments of the plan before isn't counted twice, nor more than the receipt has.
    """
    plans = plans_of_invoices([row.invoice for row in allocations if row.invoice is not None])
    todo = [(row, plans[row.invoice_id]) for row in allocations if row.invoice_id in plans]
    if not todo:
        return
    instalments = locked(Instalment, open_instalments(plans.values()))
    receipts = {allocation.receipt_id for allocation, _plan in todo}
    spoken_for, ready = earmarked(receipts), _collected_before(receipts, [row for row, _plan in todo], plans)
    shares: list[Allocation] = []
    for allocation, plan in todo:
        receipt = allocation.receipt
        covered = min(allocation.amount, ready[receipt.pk, plan])
        ready[receipt.pk, plan] -= covered
        free = receipt.amount - receipt.refunded - spoken_for.get(receipt.pk, ZERO)
        left = min(allocation.amount - covered, free)
        for instalment in sorted((i for i in instalments.values() if i.plan_id == plan), key=by_due):
            part = min(left, instalment.amount - instalment.collected)
            if part > 0:
                shares.append(share(allocation.receipt, instalment, part, allocation.posted_on, allocation))
                spoken_for[receipt.pk] = spoken_for.get(receipt.pk, ZERO) + part
                left -= part
    Allocation.objects.bulk_create(shares)
    store_instalments(instalments.values(), moment)


def share(
    receipt: Receipt, instalment: Instalment, amount: Decimal, on: date, via: Allocation | None = None
) -> Allocation:
    """Money of a receipt that counts as collected on an instalment, which changes in memory."""
    instalment.collected += amount
    return Allocation(receipt=receipt, instalment=instalment, amount=amount, posted_on=on, via=via)


def open_instalments(plan_ids: Iterable[int]) -> set[int]:
    """Instalments of some plans that are not collected in full."""
    rows = Instalment.objects.filter(plan__in=set(plan_ids), plan__archived_at=None, collected__lt=F("amount"))
    return set(rows.values_list("pk", flat=True))


def _collected_before(
    receipts: Collection[int], new: Sequence[Allocation], plans: dict[int, int]
) -> dict[tuple[int, int], Decimal]:
    """Money by receipt and plan that was allocated to instalments directly and that no invoice has taken yet."""
    found: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    direct = Allocation.objects.filter(receipt__in=receipts, instalment__plan__in=plans.values(), via=None)
    for receipt, plan, amount, released in direct.values_list("receipt", "instalment__plan", "amount", "released"):
        found[receipt, plan] += amount - released
    if not found:
        return found
    fresh = {allocation.pk for allocation in new}
    taken = Allocation.objects.filter(receipt__in=receipts, invoice__isnull=False).exclude(pk__in=fresh)
    earlier = {a.pk: a for a in taken.select_related("invoice")}
    plan_of = plans_of_invoices([a.invoice for a in earlier.values() if a.invoice is not None])
    own = Allocation.objects.filter(via__in=earlier).order_by().values_list("via")
    shares = {pk: amount - released for pk, amount, released in own.annotate(Sum("amount"), Sum("released"))}
    for allocation in earlier.values():
        if allocation.invoice_id in plan_of:
            key = allocation.receipt_id, plan_of[allocation.invoice_id]
            found[key] = max(ZERO, found[key] - allocation.kept + shares.get(allocation.pk, ZERO))
    return found


def give_back(allocations: Collection[Allocation], moment: Moment) -> None:
    """Take shares in instalments back as far as they exceed what is left of the allocations they came with."""
    kept = {allocation.pk: allocation.kept for allocation in allocations}
    shares = list(Allocation.objects.filter(via__in=kept, amount__gt=F("released")).order_by("pk"))
    instalments = locked(Instalment, {row.instalment_id for row in shares if row.instalment_id is not None})
    for row in shares:
        assert row.via_id is not None  # what makes it a share
        assert row.instalment_id is not None
        stays = min(row.kept, kept[row.via_id])
        kept[row.via_id] -= stays
        instalments[row.instalment_id].collected -= row.kept - stays
        row.released = row.amount - stays
    Allocation.objects.bulk_update(shares, ["released"])
    store_instalments(instalments.values(), moment)


def store_instalments(instalments: Iterable[Instalment], moment: Moment) -> None:
    """Write what is collected on instalments and on their plans."""
    rows = list(instalments)
    if rows:
        Instalment.objects.bulk_update(rows, ["collected"])
        refresh_totals({row.plan_id for row in rows}, moment)


def refresh_totals(plan_ids: Collection[int], moment: Moment, action: str = "collect") -> None:
    """Keep on plans what is collected of them and when the next open instalment is due."""
    plans = locked(CollectionPlan, plan_ids)
    before = snapshots(plans.values())
    for plan in plans.values():
        plan.collected, plan.next_due_on = ZERO, None
    for row in Instalment.objects.filter(plan__in=plans):
        plan = plans[row.plan_id]
        plan.collected += row.collected
        if row.due_on and row.collected < row.amount:
            plan.next_due_on = min(plan.next_due_on or row.due_on, row.due_on)
    store(plans.values(), before, action, moment)


def complete_orders(order_ids: Iterable[int | None], moment: Moment) -> None:
    """Complete the orders that are delivered, accepted, invoiced and collected (ORD-04)."""
    ids = sorted({pk for pk in order_ids if pk is not None})
    if not ids:
        return
    unpaid = Invoice.objects.filter(order__in=ids, status=InvoiceStatus.ISSUED)
    progress, waiting = progress_of(ids), set(unpaid.values_list("order_id", flat=True))
    for pk in ids:
        if pk not in waiting and progress[pk].accepted_on is not None:
            complete_if_done(pk, actor=moment.actor, at=moment.at)


def complete_paid(invoices: Iterable[Invoice], moment: Moment) -> None:
    """Complete the orders of those invoices that are paid now."""
    complete_orders((invoice.order_id for invoice in invoices if invoice.status == InvoiceStatus.PAID), moment)

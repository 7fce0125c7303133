"""Receipts: booked, allocated to invoices and instalments, paid back (REC-03)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.company import exchange_rate
from saleswright.kernel.errors import Conflict, FieldError, Text, ValidationFailed
from saleswright.kernel.events import publish_all
from saleswright.kernel.fields import LIMITS
from saleswright.kernel.money import round_half_up
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import Extra
from saleswright.kernel.transitions import Arg, Table, transition
from saleswright.modules.customers.public import Customer
from saleswright.modules.receivables.actions.collecting import (
    collect,
    complete_paid,
    earmarked,
    give_back,
    share,
    store_instalments,
)
from saleswright.modules.receivables.actions.ledger import (
    Moment,
    Share,
    apply_shares,
    locked,
    of_receipt,
    part_of,
    post,
    snapshots,
    store,
    take_back,
    write,
)
from saleswright.modules.receivables.events import InvoicePaid, ReceiptBooked
from saleswright.modules.receivables.models import CENT, ZERO, Allocation, CollectionPlan, Instalment, Invoice, Receipt
from saleswright.modules.receivables.states import EntryKind, InvoiceStatus

Rows = Sequence[Mapping[str, Any]]
ROW_KEYS = {"invoice": "invoice_id", "instalment": "instalment_id"}


# --- booking ---------------------------------------------------------------------------------------------------


def clean_allocations(value: Any) -> list[dict[str, Any]]:
    """Rows of {invoice_id or instalment_id, amount}. Raises ValidationError."""
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise ValidationError(_("Give a list of objects."), code="invalid")
    return [_clean_row(row) for row in value]


def _clean_row(row: Mapping[str, Any]) -> dict[str, Any]:
    named = {ROW_KEYS.get(name, name): value for name, value in row.items()}
    if unknown := named.keys() - {"invoice_id", "instalment_id", "amount"}:
        raise ValidationError(_("There is no field “%s”.") % min(unknown), code="unknown")
    amount = named.get("amount")
    amount = Decimal(repr(amount)) if isinstance(amount, float) else amount
    found = {"amount": Allocation._meta.get_field("amount").clean(amount, None)}
    for name in ROW_KEYS.values():
        pk = named.get(name)
        if pk is not None and (isinstance(pk, bool) or not isinstance(pk, int) or not 0 < pk < 2**63):
            raise ValidationError(_("Enter a whole number."), code="invalid")
        found[name] = pk
    return found


def _later(given: list[tuple[Any, Any]], batch: Batch) -> None:
    """Allocations need the receipt's entries: `book_receipts` makes them after the batch is written."""


ALLOCATIONS = Extra(
    name="allocations",
    label=gettext_lazy("Allocations"),
    clean=clean_allocations,
    save=_later,
    schema={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "invoice_id": {"type": ["integer", "null"]},
                "instalment_id": {"type": ["integer", "null"]},
                "amount": {"type": "string"},
            },
            "required": ["amount"],
        },
    },
)


def prepare_receipts(batch: Batch) -> None:
    """Check dates, currencies and allocations; what is booked changes by actions only."""
    today = clock.local_date(batch.at)
    customers = Customer.objects.in_bulk({draft.record.customer_id for draft in batch.good} - {None})
    for draft in batch.good:
        receipt = draft.record
        if not draft.fresh:
            _refuse_changes(draft)
            continue
        receipt.currency = receipt.currency.upper()
        if receipt.received_on > today:
            draft.error("received_on", "order", _("The day lies in the future."))
        customer = customers.get(receipt.customer_id)
        if customer is not None and "owner" not in draft.values:
            receipt.owner_id, receipt.department_id = customer.owner_id, customer.department_id
        _open(draft)
    _check_allocations(batch)


def _refuse_changes(draft: Draft) -> None:
    for name in ("customer", "received_on", "amount", "currency"):
        if draft.changed(name):
            draft.error(name, "read_only", _("A booked receipt can't be changed in this; pay it back instead."))
    if draft.extras.get("allocations"):
        draft.error("allocations", "read_only", _("Use the action “allocate”."))


def _open(draft: Draft) -> None:
    """Nothing of a new receipt is taken yet."""
    receipt = draft.record
    try:
        base = round_half_up(receipt.amount * exchange_rate(receipt.currency, receipt.received_on))
    except ValidationFailed as problem:
        draft.errors += problem.errors
        return
    if base > LIMITS[2]:
        draft.error("amount", "range", _("The amount is too large."))
        return
    receipt.unapplied = receipt.amount
    receipt.base_amount = receipt.base_unapplied = base


def _check_allocations(batch: Batch) -> None:
    """Check the allocations that new receipts bring along against the invoices, which are locked by this."""
    fresh = [draft for draft in batch.good if draft.fresh]
    given = [(draft, draft.extras["allocations"]) for draft in fresh if draft.extras.get("allocations")]
    if not given:
        return
    invoices = locked(Invoice, {row["invoice_id"] for _draft, rows in given for row in rows} - {None})
    seen = set(visible(Invoice.objects.filter(pk__in=invoices), batch.actor).values_list("pk", flat=True))
    left = {pk: invoice.balance for pk, invoice in invoices.items()}
    for draft, rows in given:
        money = draft.record.unapplied
        for index, row in enumerate(rows):
            invoice = invoices.get(row["invoice_id"]) if row["invoice_id"] in seen else None
            place = f"allocations.{index}"
            problem = _problem(draft.record, invoice, place)
            if problem is None and row["amount"] > min(money, left[row["invoice_id"]]):
                problem = _too_much(place, min(money, left[row["invoice_id"]]))
            if problem is not None:
                draft.errors.append(problem)
                continue
            money -= row["amount"]
            left[row["invoice_id"]] -= row["amount"]


def _problem(receipt: Receipt, invoice: Invoice | None, place: str) -> FieldError | None:
    """Why the receipt's money can't go to the invoice."""
    if invoice is None:
        return FieldError(f"{place}.invoice_id", "not_found", _("There is no such record."))
    if invoice.customer_id != receipt.customer_id:
        return FieldError(f"{place}.invoice_id", "invalid", _("It belongs to another customer."))
    if invoice.currency != receipt.currency:
        text = _("The invoice is in %(one)s, the receipt in %(other)s: money is allocated within one currency.")
        text = text % {"one": invoice.currency, "other": receipt.currency}
        return FieldError(f"{place}.invoice_id", "invalid", text)
    if invoice.status != InvoiceStatus.ISSUED:
        return FieldError(f"{place}.invoice_id", "invalid", _("The invoice is not open."))
    return None


def _too_much(place: str, most: Decimal) -> FieldError:
    return FieldError(f"{place}.amount", "range", _("At most %(left)s are left.") % {"left": most})


def book_receipts(batch: Batch) -> None:
    """Post new receipts, and let the invoices that they name take their money."""
    fresh = [draft for draft in batch.drafts if draft.fresh]
    if not fresh:
        return
    moment = Moment(batch.actor, batch.at)
    post(
        [
            of_receipt(r, EntryKind.RECEIPT, -r.amount, -r.base_amount, r.received_on)
            for r in (draft.record for draft in fresh)
        ],
        moment,
    )
    publish_all([ReceiptBooked(record_id=draft.record.pk) for draft in fresh], actor=batch.actor, at=batch.at)
    given = [(draft.record, row) for draft in fresh for row in draft.extras.get("allocations") or ()]
    if given:
        invoices = locked(Invoice, {row["invoice_id"] for _receipt, row in given})
        _take([Share(receipt, invoices[row["invoice_id"]], row["amount"]) for receipt, row in given], moment)
        receipts = {receipt.pk: receipt for receipt, _row in given}
        rows = list(receipts.values())
        write(rows, {"unapplied", "base_unapplied"}, [receipt.version for receipt in rows])


def _take(shares: Sequence[Share], moment: Moment) -> None:
    """Let invoices take money, with all that follows; the receipts are written by the caller."""
    invoices = {one.invoice.pk: one.invoice for one in shares}
    before = snapshots(invoices.values())
    allocations = apply_shares(shares, moment)
    changed = store(invoices.values(), before, "collect", moment)
    collect(allocations, moment)
    paid = [invoice for invoice in changed if invoice.status == InvoiceStatus.PAID]
    publish_all([InvoicePaid(record_id=invoice.pk) for invoice in paid], actor=moment.actor, at=moment.at)
    complete_paid(paid, moment)


# --- allocating ------------------------------------------------------------------------------------------------


def has_money_left(receipt: Receipt) -> Text | None:
    """There must be money that no invoice has taken."""
    return None if receipt.unapplied > 0 else _("Nothing of the receipt is left.")


#: how many rows the dialog offers of each kind
OFFERED = 100


def open_items(receipt: Receipt, actor: Actor, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the money may go to: the customer's open invoices and instalments, the oldest due first."""
    invoices = _open_invoices(receipt, actor).values("pk", "number", "due_on", "balance")[:OFFERED]
    return [
        {"invoice_id": row["pk"], "item": row["number"], "due_on": row["due_on"], "open": row["balance"]}
        for row in invoices
    ] + _open_instalments(receipt, actor)


def _open_instalments(receipt: Receipt, actor: Actor) -> list[dict[str, Any]]:
    plans = CollectionPlan.objects.filter(
        customer=receipt.customer_id, currency=receipt.currency, archived_at=None, collected__lt=F("total")
    )
    numbers = dict(visible(plans, actor).values_list("pk", "number"))
    rows = Instalment.objects.filter(plan__in=numbers, collected__lt=F("amount"))
    return [
        {
            "instalment_id": row.pk,
            "item": _("%(plan)s, instalment %(place)s") % {"plan": numbers[row.plan_id], "place": row.position + 1},
            "due_on": row.due_on,
            "open": row.amount - row.collected,
        }
        for row in rows.order_by(F("due_on").asc(nulls_last=True), "pk")[:OFFERED]
    ]


@transition(
    "receipts", "allocate", label=gettext_lazy("Allocate"), guards=(has_money_left,), style="primary",
    icon="arrows-split",
    args=(
        Arg("allocations", gettext_lazy("Allocations"), "rows", required=False, rows=(
            Arg("invoice_id", gettext_lazy("Invoice"), "integer", required=False),
            Arg("instalment_id", gettext_lazy("Instalment"), "integer", required=False),
            Arg("amount", gettext_lazy("Amount"), "money"),
        ), help=gettext_lazy("Empty: the open invoices, the oldest due first."), table=Table(
            open_items, typed="amount", most="open", total=attrgetter("unapplied"),
            left=gettext_lazy("Left to allocate"), shown=(
                Arg("item", gettext_lazy("Invoice or instalment")),
                Arg("due_on", gettext_lazy("Due on"), "date"),
                Arg("open", gettext_lazy("Outstanding"), "money"),
            ),
        )),
    ),
)  # fmt: skip
def allocate_receipt(receipt: Receipt, *, actor: Actor, at: datetime, allocations: Rows | None) -> None:
    """Let invoices take money of the receipt, or count it as collected on instalments before there is an invoice.

    An instalment's money stays unapplied on the customer's account until an invoice takes it. Raises
    ValidationFailed for other customers, other currencies and more than is left.
    """
    moment = Moment(actor, at)
    if not allocations:
        _take(_oldest_first(receipt, actor), moment)
        return
    for index, row in enumerate(allocations):
        if (row["invoice_id"] is None) == (row["instalment_id"] is None):
            text = _("Name either an invoice or an instalment.")
            raise ValidationFailed.of(f"allocations.{index}.invoice_id", "required", text)
        if row["amount"] <= 0:
            raise ValidationFailed.of(f"allocations.{index}.amount", "range", _("Give an amount above zero."))
    for_instalments = [(index, row) for index, row in enumerate(allocations) if row["instalment_id"] is not None]
    for_invoices = [(index, row) for index, row in enumerate(allocations) if row["invoice_id"] is not None]
    if for_instalments:
        _earmark(receipt, for_instalments, moment)
    if for_invoices:
        _take(_shares(receipt, for_invoices, actor), moment)


def _open_invoices(receipt: Receipt, actor: Actor) -> QuerySet[Invoice]:
    rows = Invoice.objects.filter(
        customer=receipt.customer_id, currency=receipt.currency, status=InvoiceStatus.ISSUED, archived_at=None
    )
    return visible(rows, actor).order_by("due_on", "pk")


def _oldest_first(receipt: Receipt, actor: Actor) -> list[Share]:
    ids = _open_invoices(receipt, actor).values_list("pk", flat=True)
    open_ones = sorted(locked(Invoice, list(ids)).values(), key=lambda invoice: (invoice.due_on, invoice.pk))
    shares, left = [], receipt.unapplied
    for invoice in open_ones:
        part = min(left, invoice.balance)
        if part > 0:
            shares.append(Share(receipt, invoice, part))
            left -= part
    if not shares:
        raise Conflict(_("The customer has no open invoice in this currency."))
    return shares


def _shares(receipt: Receipt, rows: Sequence[tuple[int, Mapping[str, Any]]], actor: Actor) -> list[Share]:
    invoices = locked(Invoice, {row["invoice_id"] for _index, row in rows})
    seen = set(visible(Invoice.objects.filter(pk__in=invoices), actor).values_list("pk", flat=True))
    left, money, shares = {pk: invoice.balance for pk, invoice in invoices.items()}, receipt.unapplied, []
    for index, row in rows:
        place, pk = f"allocations.{index}", row["invoice_id"]
        problem = _problem(receipt, invoices[pk] if pk in seen else None, place)
        if problem is None and row["amount"] > min(left[pk], money):
            problem = _too_much(place, min(left[pk], money))
        if problem is not None:
            raise ValidationFailed([problem])
        shares.append(Share(receipt, invoices[pk], row["amount"]))
        left[pk] -= row["amount"]
        money -= row["amount"]
    return shares


def _earmark(receipt: Receipt, rows: Sequence[tuple[int, Mapping[str, Any]]], moment: Moment) -> None:
    """Count money as collected on instalments: no more than they ask for and than the receipt still has."""
    instalments = locked(Instalment, {row["instalment_id"] for _index, row in rows})
    plans = _plans_seen(instalments, moment.actor)
    spoken_for = earmarked([receipt.pk]).get(receipt.pk, ZERO)
    free = min(receipt.unapplied, receipt.amount - receipt.refunded - spoken_for)
    made = []
    for index, row in rows:
        place, instalment = f"allocations.{index}", instalments.get(row["instalment_id"])
        plan = plans.get(row["instalment_id"])
        if instalment is None or plan is None:
            raise ValidationFailed.of(f"{place}.instalment_id", "not_found", _("There is no such record."))
        if plan.customer_id != receipt.customer_id:
            raise ValidationFailed.of(f"{place}.instalment_id", "invalid", _("It belongs to another customer."))
        if plan.currency != receipt.currency:
            text = _("The plan is in %(one)s, the receipt in %(other)s: money is allocated within one currency.")
            text = text % {"one": plan.currency, "other": receipt.currency}
            raise ValidationFailed.of(f"{place}.instalment_id", "invalid", text)
        most = min(free, instalment.amount - instalment.collected)
        if row["amount"] > most:
            raise ValidationFailed([_too_much(place, most)])
        made.append(share(receipt, instalment, row["amount"], max(receipt.received_on, moment.today)))
        free -= row["amount"]
    Allocation.objects.bulk_create(made)
    store_instalments(instalments.values(), moment)


def _plans_seen(instalments: Mapping[int, Instalment], actor: Actor) -> dict[int, CollectionPlan]:
    """The plan of each of the instalments, as far as the actor may see it."""
    plans = CollectionPlan.objects.filter(pk__in={row.plan_id for row in instalments.values()}, archived_at=None)
    seen = {plan.pk: plan for plan in visible(plans, actor)}
    return {pk: seen[row.plan_id] for pk, row in instalments.items() if row.plan_id in seen}


@transition(
    "receipts", "unallocate", label=gettext_lazy("Take an allocation back"), icon="arrow-back-up",
    args=(Arg("allocation_id", gettext_lazy("Allocation"), "integer"),),
)  # fmt: skip
def unallocate_receipt(receipt: Receipt, *, actor: Actor, at: datetime, allocation_id: int) -> None:
    """Free the money of one allocation: the invoice is open again by as much. Raises ValidationFailed."""
    moment = Moment(actor, at)
    rows = Allocation.objects.select_for_update(of=("self",))
    allocation = rows.filter(pk=allocation_id, receipt=receipt, via=None).first()
    if allocation is None or not allocation.kept:
        raise ValidationFailed.of("allocation_id", "not_found", _("There is no such record."))
    if allocation.invoice_id is None:
        assert allocation.instalment_id is not None  # money goes to the one or the other
        instalments = locked(Instalment, {allocation.instalment_id})
        instalments[allocation.instalment_id].collected -= allocation.kept
        allocation.released = allocation.amount
        store_instalments(instalments.values(), moment)
    else:
        invoices = locked(Invoice, {allocation.invoice_id})
        before = snapshots(invoices.values())
        post(take_back(allocation, allocation.kept, invoices[allocation.invoice_id], receipt), moment)
        store(invoices.values(), before, "release", moment)
        give_back([allocation], moment)
    Allocation.objects.bulk_update([allocation], ["released"])


@transition(
    "receipts", "refund", label=gettext_lazy("Pay back"), guards=(has_money_left,), style="danger",
    icon="receipt-refund",
    args=(Arg("amount", gettext_lazy("Amount"), "money"),),
)  # fmt: skip
def refund_receipt(receipt: Receipt, *, actor: Actor, at: datetime, amount: Decimal) -> None:
    """Pay unapplied money back to the customer. Raises ValidationFailed for more than is left unspoken for."""
    free = min(receipt.unapplied, receipt.amount - receipt.refunded - earmarked([receipt.pk]).get(receipt.pk, ZERO))
    if not CENT <= amount <= free:
        text = _("From 0.01 to %(most)s; money on instalments must be taken back first.") % {"most": free}
        raise ValidationFailed.of("amount", "range", text)
    moment = Moment(actor, at)
    base = part_of(amount, receipt.unapplied, receipt.base_unapplied)
    receipt.unapplied, receipt.base_unapplied = receipt.unapplied - amount, receipt.base_unapplied - base
    receipt.refunded += amount
    post([of_receipt(receipt, EntryKind.REFUND, amount, base, moment.today)], moment)

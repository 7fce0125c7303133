"""Red-letter invoices: taking an invoice back, in whole or in part (REC-01)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.events import publish
from saleswright.kernel.money import round_half_up
from saleswright.kernel.records import announce, free_numbers, stamp
from saleswright.kernel.resources import resource_of
from saleswright.kernel.search import index_records
from saleswright.kernel.transitions import Arg, Table, transition
from saleswright.modules.receivables.actions.collecting import give_back
from saleswright.modules.receivables.actions.invoices import DEFAULT_PAYMENT_DAYS
from saleswright.modules.receivables.actions.ledger import (
    Moment,
    locked,
    of_invoice,
    part_of,
    post,
    settle,
    snapshots,
    store,
    take_back,
)
from saleswright.modules.receivables.events import InvoiceReversed
from saleswright.modules.receivables.models import ZERO, Allocation, Invoice, InvoiceLine, Receipt
from saleswright.modules.receivables.states import EntryKind, InvoiceStatus
from saleswright.modules.sales.public import record_invoiced


def is_no_red_letter(invoice: Invoice) -> Text | None:
    """What is taken back is invoiced anew, not taken back again."""
    return _("A red-letter invoice can't be reversed.") if invoice.reverses_id is not None else None


def reversible_lines(invoice: Invoice, actor: Actor, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of which something has not been taken back yet."""
    return [
        {"line_id": line.pk, "description": line.description, "left": line.quantity - line.reversed_quantity}
        for line in invoice.lines.order_by("position", "id")
        if line.quantity > line.reversed_quantity
    ]


@transition(
    "invoices", "reverse", label=gettext_lazy("Red letter"), source=[InvoiceStatus.ISSUED, InvoiceStatus.PAID],
    guards=(is_no_red_letter,), style="danger", icon="arrow-back-up",
    args=(
        Arg("reason", gettext_lazy("Reason"), "long"),
        Arg("lines", gettext_lazy("Lines"), "rows", required=False, rows=(
            Arg("order_line_id", gettext_lazy("Order line"), "integer", required=False),
            Arg("line_id", gettext_lazy("Invoice line"), "integer", required=False),
            Arg("quantity", gettext_lazy("Quantity"), "quantity"),
        ), help=gettext_lazy("Empty: the whole invoice."), table=Table(
            reversible_lines, typed="quantity", most="left", shown=(
                Arg("description", gettext_lazy("Description")),
                Arg("left", gettext_lazy("Not taken back yet"), "quantity"),
            ),
        )),
    ),
)  # fmt: skip
def reverse_invoice(
    invoice: Invoice, *, actor: Actor, at: datetime, reason: str, lines: Sequence[Mapping[str, Any]] | None
) -> None:
    """Issue a red-letter invoice for the invoice or for quantities of its lines, and free the money it doesn't need.

    Wholly reversed, the invoice ends; else it stays open or paid with the rest. The order has the quantities to
    invoice again. Receipts get back what the invoice took beyond its rest, the latest first.
    """
    moment = Moment(actor, at)
    own = list(invoice.lines.order_by("position", "id"))
    taken = _asked(own, lines) if lines else {line.pk: line.quantity - line.reversed_quantity for line in own}
    red, parts = _red_letter(invoice, own, taken, reason[:500], moment)
    credit = -red.total
    _free(invoice, credit - invoice.balance, moment)
    base = part_of(credit, invoice.balance, invoice.base_balance)
    red.base_total = -base
    for line in own:
        line.reversed_quantity += taken.get(line.pk, ZERO)
    InvoiceLine.objects.bulk_update(own, ["reversed_quantity"])
    invoice.balance, invoice.base_balance = invoice.balance - credit, invoice.base_balance - base
    if all(line.reversed_quantity == line.quantity for line in own):
        invoice.status, invoice.reason, invoice.paid_on = InvoiceStatus.REVERSED, reason[:500], None
    settle(invoice, moment.today)
    _count_back(invoice, own, taken, moment)
    _issue(red, parts, moment)
    post(
        [
            of_invoice(red, EntryKind.RED_LETTER, -credit, -base, moment.today),
            of_invoice(red, EntryKind.OFFSET, credit, base, moment.today),
            of_invoice(invoice, EntryKind.OFFSET, -credit, -base, moment.today),
        ],
        moment,
    )
    publish(InvoiceReversed(record_id=invoice.pk, red_id=red.pk), actor=actor, at=at)


def _asked(own: Sequence[InvoiceLine], rows: Sequence[Mapping[str, Any]]) -> dict[int, Decimal]:
    """The quantities to take back by line. Raises ValidationFailed for lines or quantities that aren't there."""
    found: dict[int, Decimal] = defaultdict(Decimal)
    for index, row in enumerate(rows):
        name = "line_id" if row["line_id"] is not None else "order_line_id"
        mine = [
            line for line in own
            if row[name] is not None and row[name] == (line.pk if name == "line_id" else line.order_line_id)
        ]  # fmt: skip
        if not mine:
            raise ValidationFailed.of(f"lines.{index}.{name}", "not_found", _("The invoice has no such line."))
        left = row["quantity"]
        open_of = {line.pk: line.quantity - line.reversed_quantity - found[line.pk] for line in mine}
        if not 0 < left <= sum(open_of.values()):
            text = _("More than 0, at most %(left)s.") % {"left": f"{sum(open_of.values()).normalize():f}"}
            raise ValidationFailed.of(f"lines.{index}.quantity", "range", text)
        for pk, most in open_of.items():
            part = min(left, most)
            found[pk] += part
            left -= part
    return {pk: quantity for pk, quantity in found.items() if quantity}


@dataclass(frozen=True, slots=True)
class _Done:
    """What red letters took back of a line before."""

    net: Decimal = ZERO
    tax: Decimal = ZERO
    base_net: Decimal = ZERO


def _red_letter(
    invoice: Invoice, own: Sequence[InvoiceLine], taken: Mapping[int, Decimal], reason: str, moment: Moment
) -> tuple[Invoice, list[InvoiceLine]]:
    """A red-letter invoice over the taken quantities, not yet saved; the last part of a line takes what is left."""
    before = InvoiceLine.objects.filter(reverses__in=list(taken)).order_by().values_list("reverses")
    done = {pk: _Done(*sums) for pk, *sums in before.annotate(Sum("net"), Sum("tax"), Sum("base_net"))}
    parts: list[InvoiceLine] = []
    for line in own:
        quantity = taken.get(line.pk, ZERO)
        if quantity:
            parts.append(_part(line, quantity, done.get(line.pk, _Done()), len(parts)))
    if not parts:
        raise Conflict(_("Nothing of the invoice is left to reverse."))
    untaxed, tax = sum((part.net for part in parts), ZERO), sum((part.tax for part in parts), ZERO)
    copied = ("customer_id", "order_id", "contract_id", "kind", "currency", "price_includes_tax", "owner_id",
              "department_id")  # fmt: skip
    red = Invoice(
        **{name: getattr(invoice, name) for name in copied}, status=InvoiceStatus.PAID, reverses=invoice,
        reason=reason, issued_on=moment.today, due_on=moment.today, paid_on=moment.today, untaxed=untaxed, tax=tax,
        total=untaxed + tax, base_untaxed=sum((part.base_net for part in parts), ZERO),
        payment_days=DEFAULT_PAYMENT_DAYS,
    )  # fmt: skip
    return red, parts


def _part(line: InvoiceLine, quantity: Decimal, done: _Done, position: int) -> InvoiceLine:
    red = InvoiceLine(
        position=position, order_line_id=line.order_line_id, description=line.description, quantity=-quantity,
        unit_price=line.unit_price, discount_percent=line.discount_percent, tax_rate=line.tax_rate, reverses=line,
    )  # fmt: skip
    last = quantity == line.quantity - line.reversed_quantity
    for name in ("net", "tax", "base_net"):
        whole: Decimal = getattr(line, name)
        part = -(whole + getattr(done, name)) if last else -round_half_up(whole * quantity / line.quantity)
        setattr(red, name, part)
    red.gross = red.net + red.tax
    return red


def _issue(red: Invoice, parts: Sequence[InvoiceLine], moment: Moment) -> None:
    """Save and number the red letter, with audit, outbox and search."""
    resource = resource_of(Invoice)
    stamp(red, moment.actor, moment.at, fresh=True)
    red.number = free_numbers(resource, "number", 1, on=moment.today)[0]
    red.save(force_insert=True)
    for part in parts:
        part.invoice = red
    InvoiceLine.objects.bulk_create(parts)
    changes = {"reverses_id": [None, red.reverses_id], "total": [None, red.total], "reason": [None, red.reason]}
    record_audit([AuditLine(resource.name, red.pk, str(red), "created", changes)], actor=moment.actor, at=moment.at)
    announce(resource, [(red.pk, "created")], moment)
    index_records(resource, [red], fresh=True)


def _free(invoice: Invoice, needed: Decimal, moment: Moment) -> None:
    """Give money back to receipts, the latest allocation first, until `needed` is free."""
    if needed <= 0:
        return
    rows = Allocation.objects.filter(invoice=invoice, amount__gt=F("released")).order_by("-posted_on", "-pk")
    allocations = list(rows.select_for_update(of=("self",)))
    receipts = locked(Receipt, {row.receipt_id for row in allocations})
    before = snapshots(receipts.values())
    entries, changed = [], []
    for row in allocations:
        part = min(needed, row.kept)
        if part > 0:
            entries += take_back(row, part, invoice, receipts[row.receipt_id])
            needed -= part
            changed.append(row)
    Allocation.objects.bulk_update(changed, ["released"])
    post(entries, moment)
    store(receipts.values(), before, "release", moment)
    give_back(changed, moment)
    if needed > 0:
        raise Conflict(_("The invoice was settled in another way; it can't be reversed by so much."))


def _count_back(invoice: Invoice, own: Sequence[InvoiceLine], taken: Mapping[int, Decimal], moment: Moment) -> None:
    quantities: dict[int, Decimal] = defaultdict(Decimal)
    for line in own:
        if line.order_line_id is not None and taken.get(line.pk):
            quantities[line.order_line_id] -= taken[line.pk]
    if invoice.order_id is not None and quantities:
        record_invoiced(invoice.order_id, quantities, actor=moment.actor, at=moment.at)

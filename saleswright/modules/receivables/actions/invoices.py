"""Invoices: prepared, issued, reversed by red letters (REC-01)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import exchange_rate
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.fields import LIMITS
from saleswright.kernel.money import line_amounts, round_half_up
from saleswright.kernel.records import Batch, Draft, LineDraft, save_record
from saleswright.kernel.transitions import transition
from saleswright.modules.customers.public import Customer
from saleswright.modules.receivables.actions.ledger import Moment, of_invoice, post
from saleswright.modules.receivables.events import InvoiceIssued
from saleswright.modules.receivables.models import ZERO, Invoice, InvoiceLine
from saleswright.modules.receivables.queries import Invoiced, invoiced_of, open_to_invoice
from saleswright.modules.receivables.states import POSTED, EntryKind, InvoiceStatus
from saleswright.modules.sales.public import ORDERED, Contract, Order, OrderLine, record_invoiced

FREE_LINES = "invoices.free-lines"
DEFAULT_PAYMENT_DAYS = 30
MADE = (("id", int), ("number", str))
#: what the amounts of lines depend on
PRICING_FIELDS = ("order", "currency", "price_includes_tax")


@dataclass(slots=True)
class Sources:
    """What the invoices of a batch refer to, read once."""

    orders: dict[int, Order]
    contracts: dict[int, Contract]
    customers: dict[int, Customer]
    order_lines: dict[int, OrderLine]
    invoiced: dict[int, Invoiced]
    rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: Batch) -> Sources:
        drafts = batch.good
        orders = Order.objects.in_bulk({draft.record.order_id for draft in drafts} - {None})
        contract_ids = {draft.record.contract_id for draft in drafts} | {o.contract_id for o in orders.values()}
        customer_ids = {draft.record.customer_id for draft in drafts} | {o.customer_id for o in orders.values()}
        line_ids = {line.record.order_line_id for draft in drafts for line in draft.line_drafts.get("lines", ())}
        line_ids -= {None}
        return cls(
            orders,
            Contract.objects.in_bulk(contract_ids - {None}),
            Customer.objects.in_bulk(customer_ids - {None}),
            OrderLine.objects.select_related("product", "order").in_bulk(line_ids) if line_ids else {},
            invoiced_of(line_ids) if line_ids else {},
        )

    def rate(self, currency: str, on: date) -> Decimal:
        """The exchange rate of a day. Raises ValidationFailed."""
        if (currency, on) not in self.rates:
            self.rates[currency, on] = exchange_rate(currency, on)
        return self.rates[currency, on]


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_invoices(batch: Batch) -> None:
    """Take from the order what follows from it, check dates and quantities, and work out the amounts."""
    sources, today = Sources.of(batch), clock.local_date(batch.at)
    for draft in batch.good:
        _follow(draft, sources)
        _check_dates(draft, today, batch.history)
        if batch.history:
            _take_as_history(draft, today)
        if draft.errors:
            continue
        if "lines" in draft.lines:
            _fill_lines(draft, sources, batch)
            _add_up(draft, sources, today)
        else:
            for name in PRICING_FIELDS:
                if draft.changed(name):
                    draft.error(name, "invalid", _("Give the lines again together with this."))


def _follow(draft: Draft, sources: Sources) -> None:
    """Customer, contract, currency and owner come from the order; the owner else from the customer."""
    invoice, order = draft.record, sources.orders.get(draft.record.order_id)
    if order is not None:
        invoice.customer_id = invoice.customer_id or order.customer_id
        invoice.contract_id = invoice.contract_id or order.contract_id
        if draft.changed("order"):
            invoice.currency, invoice.price_includes_tax = order.currency, order.price_includes_tax
    contract = sources.contracts.get(invoice.contract_id)
    if contract is not None and order is None:
        invoice.customer_id = invoice.customer_id or contract.customer_id
    if invoice.customer_id is None:
        draft.error("customer", "required", _("This field is required."))
    for name, other in (("order", order), ("contract", contract)):
        if other is not None and invoice.customer_id not in (None, other.customer_id):
            draft.error(name, "invalid", _("It belongs to another customer."))
    invoice.currency = invoice.currency.upper()
    if len(invoice.currency) != 3 or not invoice.currency.isascii() or not invoice.currency.isalpha():
        draft.error("currency", "invalid", _("A currency has three letters, such as CNY."))
    elif order is not None and invoice.currency != order.currency:
        draft.error("currency", "invalid", _("The order is in another currency."))
    source = order or sources.customers.get(invoice.customer_id)
    if draft.fresh and "owner" not in draft.values and source is not None:
        invoice.owner_id, invoice.department_id = source.owner_id, source.department_id


def _check_dates(draft: Draft, today: date, history: bool) -> None:
    invoice = draft.record
    if invoice.issued_on and invoice.issued_on > today and (draft.changed("issued_on") or history):
        draft.error("issued_on", "order", _("The day lies in the future."))
    if invoice.issued_on and invoice.due_on and invoice.due_on < invoice.issued_on:
        draft.error("due_on", "order", _("The invoice would be due before it is issued."))


def _take_as_history(draft: Draft, today: date) -> None:
    """An imported invoice stands as it is: numbered, dated, posted."""
    invoice = draft.record
    if invoice.status not in POSTED:
        if invoice.number:
            draft.error("status", "required", _("An invoice with a number has been issued: give its status."))
        return
    if not invoice.number:
        draft.error("number", "required", _("An issued invoice has a number."))
    if invoice.issued_on is None:
        draft.error("issued_on", "required", _("This field is required."))
    else:
        invoice.due_on = due_date(invoice)


def due_date(invoice: Invoice) -> date:
    """When an issued invoice is due: the day that was given, or its days to pay after the issue."""
    assert invoice.issued_on is not None
    days = DEFAULT_PAYMENT_DAYS if invoice.payment_days is None else invoice.payment_days
    return invoice.due_on or invoice.issued_on + timedelta(days=days)


def _fill_lines(draft: Draft, sources: Sources, batch: Batch) -> None:
    asked: dict[int, Decimal] = defaultdict(Decimal)
    for line in draft.line_drafts["lines"]:
        if line.record.order_line_id is None:
            _fill_free(draft, line, batch)
            continue
        order_line = sources.order_lines.get(line.record.order_line_id)
        if order_line is None or order_line.order_id != draft.record.order_id:
            draft.error(f"lines.{line.index}.order_line", "not_found", _("The order has no such line."))
            continue
        given = line.values.get("unit_price")
        if given not in (None, "") and line.record.unit_price != order_line.unit_price:
            text = _("The price is the order's: %(price)s.") % {"price": order_line.unit_price}
            draft.error(f"lines.{line.index}.unit_price", "read_only", text)
        asked[order_line.pk] += line.record.quantity
        left = order_line.quantity - order_line.invoiced_quantity
        if asked[order_line.pk] > left and not batch.history:
            text = _("At most %(left)s of this line are still to be invoiced.") % {"left": f"{left.normalize():f}"}
            draft.error(f"lines.{line.index}.quantity", "range", text)
        done = sources.invoiced.get(order_line.pk, Invoiced())
        fill_from_order(line.record, order_line, done, order_line.invoiced_quantity)


def _fill_free(draft: Draft, line: LineDraft, batch: Batch) -> None:
    """A line without an order line says everything itself, and takes a right of its own."""
    if not batch.history and not batch.actor.may(FREE_LINES):
        draft.error(f"lines.{line.index}.order_line", "not_allowed", _("You may only invoice what was ordered."))
        return
    for name in ("description", "unit_price", "tax_rate"):
        if getattr(line.record, name) in (None, ""):
            draft.error(f"lines.{line.index}.{name}", "required", _("This field is required."))
            return
    _set_amounts(line.record, draft.record.price_includes_tax)


def fill_from_order(line: InvoiceLine, order_line: OrderLine, done: Invoiced, counted: Decimal) -> None:
    """Price, discount, tax rate and amounts of a line that invoices a part of an order line.

    The part that completes the order line takes what is left of its amounts, so that the parts add up to it; if
    the invoices in `done` are all that the order has `counted`.
    """
    line.description = line.description or order_line.description or order_line.product.name
    line.unit_price, line.tax_rate = order_line.unit_price, order_line.tax_rate
    line.discount_percent = order_line.discount_percent
    if done.quantity + line.quantity == order_line.quantity and done.quantity == counted:
        line.net, line.tax = order_line.net - done.net, order_line.tax - done.tax
        line.gross = line.net + line.tax
    else:
        _set_amounts(line, order_line.order.price_includes_tax)


def _set_amounts(line: InvoiceLine, price_includes_tax: bool) -> None:
    assert line.unit_price is not None
    assert line.tax_rate is not None
    found = line_amounts(line.quantity, line.unit_price, line.discount_percent, line.tax_rate, price_includes_tax)
    line.net, line.tax, line.gross = found.net, found.tax, found.gross


def _add_up(draft: Draft, sources: Sources, today: date) -> None:
    if draft.errors:
        return
    invoice, lines = draft.record, [line.record for line in draft.line_drafts["lines"]]
    try:
        add_up(invoice, lines, sources.rate(invoice.currency, invoice.issued_on or today))
    except ValidationFailed as problem:
        draft.errors += problem.errors
        return
    if max(abs(invoice.total), abs(invoice.base_total)) > LIMITS[2]:
        draft.error("lines", "range", _("The amount is too large."))


def add_up(invoice: Invoice, lines: Sequence[InvoiceLine], rate: Decimal) -> None:
    """Totals are sums of the lines, also in base currency, where the tax takes the difference of rounding."""
    for line in lines:
        line.base_net = round_half_up(line.net * rate)
    invoice.untaxed = sum((line.net for line in lines), ZERO)
    invoice.tax = sum((line.tax for line in lines), ZERO)
    invoice.total = invoice.untaxed + invoice.tax
    invoice.base_untaxed = sum((line.base_net for line in lines), ZERO)
    invoice.base_total = round_half_up(invoice.total * rate)


# --- imported history ------------------------------------------------------------------------------------------


def set_opening_balances(batch: Batch) -> None:
    """Imported invoices are open with their total, or settled when they come as paid or reversed."""
    for draft in batch.good:
        if draft.fresh and draft.record.status == InvoiceStatus.ISSUED:
            draft.record.balance, draft.record.base_balance = draft.record.total, draft.record.base_total


def post_history(batch: Batch) -> None:
    """Post imported invoices: what they charged, and for settled ones that it was settled before."""
    entries = []
    quantities: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for draft in batch.drafts:
        invoice = draft.record
        if not draft.fresh or invoice.status not in POSTED:
            continue
        entries.append(of_invoice(invoice, EntryKind.INVOICE, invoice.total, invoice.base_total, invoice.issued_on))
        if invoice.status != InvoiceStatus.ISSUED:
            on = invoice.paid_on or invoice.due_on
            total, base = -invoice.total, -invoice.base_total
            entries.append(of_invoice(invoice, EntryKind.SETTLED_BEFORE, total, base, on))
        for line in draft.line_drafts.get("lines", ()):
            if line.record.order_line_id and invoice.status != InvoiceStatus.REVERSED:
                done = quantities[invoice.order_id]
                done[line.record.order_line_id] = done.get(line.record.order_line_id, ZERO) + line.record.quantity
    post(entries, Moment(batch.actor, batch.at))
    _count_on_orders(quantities, batch)


def _count_on_orders(quantities: Mapping[int, dict[int, Decimal]], batch: Batch) -> None:
    """Count imported invoices on their order lines, as far as these don't count them already."""
    lines = OrderLine.objects.in_bulk({pk for found in quantities.values() for pk in found}) if quantities else {}
    for order_id, found in quantities.items():
        left = {pk: min(q, lines[pk].quantity - lines[pk].invoiced_quantity) for pk, q in found.items()}
        if left := {pk: quantity for pk, quantity in left.items() if quantity > 0}:
            record_invoiced(order_id, left, actor=batch.actor, at=batch.at)


# --- transitions -----------------------------------------------------------------------------------------------


def charges_something(invoice: Invoice) -> Text | None:
    """An invoice over nothing would settle itself."""
    return None if invoice.total > 0 else _("The invoice has no amount.")


def order_is_binding(invoice: Invoice) -> Text | None:
    """Orders are invoiced once they are confirmed and unless they are cancelled."""
    if invoice.order is None or invoice.order.status in ORDERED:
        return None
    return _("The order is not confirmed, or it was cancelled.")


@transition(
    "invoices", "issue", label=gettext_lazy("Issue"), source=[InvoiceStatus.DRAFT], target=InvoiceStatus.ISSUED,
    guards=(charges_something, order_is_binding), number="number", event=InvoiceIssued, style="success",
    icon="file-invoice",
)  # fmt: skip
def issue_invoice(invoice: Invoice, *, actor: Actor, at: datetime) -> None:
    """Number the invoice and let the customer owe its total, at the exchange rate of its day.

    Raises Conflict when the order has less left to invoice.
    """
    today = clock.local_date(at)
    invoice.issued_on = invoice.issued_on or today
    if invoice.issued_on > today:
        raise ValidationFailed.of("issued_on", "order", _("The day lies in the future."))
    invoice.due_on = due_date(invoice)
    lines = _counted_lines(invoice, actor, at)
    add_up(invoice, lines, exchange_rate(invoice.currency, invoice.issued_on))
    InvoiceLine.objects.bulk_update(lines, ["unit_price", "tax_rate", "net", "tax", "gross", "base_net"])
    invoice.balance, invoice.base_balance = invoice.total, invoice.base_total
    entry = of_invoice(invoice, EntryKind.INVOICE, invoice.total, invoice.base_total, invoice.issued_on)
    post([entry], Moment(actor, at))


def _counted_lines(invoice: Invoice, actor: Actor, at: datetime) -> list[InvoiceLine]:
    """Count the quantities on the order, whose row is locked by that; the lines with its amounts as they are now."""
    quantities: dict[int, Decimal] = defaultdict(Decimal)
    for pk, quantity in invoice.lines.filter(order_line__isnull=False).values_list("order_line_id", "quantity"):
        quantities[pk] += quantity
    if invoice.order_id is not None and quantities:
        record_invoiced(invoice.order_id, quantities, actor=actor, at=at)
    done = invoiced_of(list(quantities)) if quantities else {}
    lines = list(invoice.lines.select_related("order_line__product", "order_line__order").order_by("position", "id"))
    for line in lines:
        if line.order_line is not None:
            counted = line.order_line.invoiced_quantity - quantities[line.order_line.pk]
            fill_from_order(line, line.order_line, done.get(line.order_line.pk, Invoiced()), counted)
    return lines


def something_to_invoice(order: Order) -> Text | None:
    """There must be something left that stands on no invoice yet."""
    return None if open_to_invoice(order.pk) else _("Everything is invoiced or on a draft already.")


@transition(
    "orders", "create-invoice", label=gettext_lazy("Create invoice"), source=ORDERED, result=MADE,
    guards=(something_to_invoice,), leads_to="invoices", icon="file-invoice", makes=("invoices",),
)  # fmt: skip
def create_invoice(order: Order, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft invoice of everything that is open. The right to this suffices: issuing it takes one of its own."""
    lines = [{"order_line": pk, "quantity": quantity} for pk, quantity in open_to_invoice(order.pk).items()]
    may = actor.trusted_with("invoices.create")
    invoice = save_record(Invoice, {"order": order.pk}, lines={"lines": lines}, actor=may, at=at)
    return {"id": invoice.pk, "number": invoice.number or ""}

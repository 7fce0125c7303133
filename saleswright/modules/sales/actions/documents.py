"""What quotes and orders have in common: their lines are priced and added up (QUO-01, QUO-02)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Model, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.fields import LIMITS
from saleswright.kernel.models import User
from saleswright.kernel.money import EXACT, HUNDRED, allocate, line_amounts, round_half_up
from saleswright.kernel.reading import read_records, read_values
from saleswright.kernel.records import Batch, Draft, LineDraft, announce
from saleswright.kernel.records import line_snapshot as line_values
from saleswright.kernel.resources import resource_of
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.pricing.public import PriceBook
from saleswright.modules.sales.models import Order
from saleswright.modules.sales.states import OrderStatus

LINES = "lines"
LINE_ORDER = ("position", "id")
#: fields of a document on which the amounts of its lines depend
PRICING_FIELDS = ("customer", "currency", "price_includes_tax", "quoted_on", "quote")
LARGEST = LIMITS[2]
Agreed = Mapping[tuple[int, int], Decimal]


def check_currency(batch: Batch) -> None:
    """Currencies are written in capitals."""
    for draft in batch.good:
        currency = draft.record.currency = draft.record.currency.upper()
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            draft.error("currency", "invalid", _("A currency has three letters, such as CNY."))


def check_belongs(draft: Draft, *names: str) -> None:
    """What the record refers to must be the same customer's. The references are expected to be read already."""
    for name in names:
        other = getattr(draft.record, name)
        if other is not None and other.customer_id not in (None, draft.record.customer_id):
            draft.error(name, "invalid", _("It belongs to another customer."))


def price_documents(batch: Batch, day_of: Callable[[Any], date], agreed: Agreed | None = None) -> Mapping[int, Product]:
    """Fill in the prices and tax rates that were left out, and work out amounts, totals and effective discount.

    `day_of` says for a document the day of its prices and exchange rate; `agreed` holds list prices by (quote,
    product) that were settled before. Answers the products of the lines. A constant number of statements for the
    batch; the customers are expected to be read already.
    """
    _open_untouched_lines(batch)
    drafts = [draft for draft in batch.good if LINES in draft.lines]
    products = {line.record.product_id for draft in drafts for line in draft.line_drafts[LINES]}
    book = PriceBook.load(products, {day_of(draft.record) for draft in drafts})
    for draft in drafts:
        lines = draft.line_drafts[LINES]
        if all(line.record.product_id in book.products for line in lines):
            _price_document(draft, lines, book, day_of(draft.record), agreed or {})
    return book.products


def read_customers(records: list[Any], *names: str) -> None:
    """Read the customers with their owners, and other references, of all records at once."""
    customers = {one.pk: one for one in read_records(Customer, {r.customer_id for r in records} - {None})}
    owners = {one.pk: one for one in read_records(User, {c.owner_id for c in customers.values()} - {None})}
    for customer in customers.values():
        customer.owner = owners.get(customer.owner_id) if customer.owner_id else None
    for record in records:
        type(record).customer.field.set_cached_value(record, customers.get(record.customer_id))
    present = [name for name in names if any(getattr(record, f"{name}_id") for record in records)]
    prefetch_related_objects(records, *present)


def _open_untouched_lines(batch: Batch) -> None:
    """When a change of the document moves the amounts of lines that were not sent, those are saved anew too."""
    known = {column.name for column in batch.resource.model._meta.concrete_fields}
    names = [name for name in PRICING_FIELDS if name in known]
    moved = {
        draft.pk: draft
        for draft in batch.good
        if not draft.fresh and LINES not in draft.lines and any(draft.changed(name) for name in names)
    }
    if not moved:
        return
    (spec,) = batch.resource.lines
    rows = spec.model._default_manager.filter(**{f"{spec.parent}__in": list(moved)})
    for row in rows.order_by("position", "id"):
        draft = moved[getattr(row, f"{spec.parent}_id")]
        line = LineDraft({}, len(draft.line_drafts.setdefault(LINES, [])), row, fresh=False)
        draft.line_drafts[LINES].append(line)
        draft.lines.setdefault(LINES, []).append({"id": row.pk})
        draft.lines_before.setdefault(LINES, []).append(line_values(spec, row))


def _price_document(draft: Draft, lines: list[LineDraft], book: PriceBook, on: date, agreed: Agreed) -> None:
    record = draft.record
    try:
        rate = book.rate(record.currency, on)
        for line in lines:
            _price_line(record, line, book, on, agreed)
    except ValidationFailed as problem:
        draft.errors += problem.errors
        return
    for line in lines:
        if line.values.get("net") not in (None, ""):
            _take_net(draft, line)
            continue
        amounts = line_amounts(
            line.record.quantity, line.record.unit_price, line.record.discount_percent, line.record.tax_rate,
            record.price_includes_tax,
        )  # fmt: skip
        if amounts.gross > LARGEST:
            draft.error(f"{LINES}.{line.index}.quantity", "range", _("The amount is too large."))
        line.record.net, line.record.tax, line.record.gross = amounts.net, amounts.tax, amounts.gross
    _add_up(draft, [line.record for line in lines], rate)


def _take_net(draft: Draft, line: LineDraft) -> None:
    """History that brings its net amount keeps it; a unit price that was left out follows from it, to six places."""
    row = line.record
    row.tax = round_half_up(EXACT.multiply(row.net, row.tax_rate) / HUNDRED)
    row.gross = row.net + row.tax
    if not 0 <= row.net <= row.gross <= LARGEST:
        draft.error(f"{LINES}.{line.index}.net", "range", _("The amount is negative or too large."))
        return
    sold = EXACT.multiply(row.quantity, HUNDRED - row.discount_percent) / HUNDRED
    if "unit_price" not in line.values and sold:
        paid = row.gross if draft.record.price_includes_tax else row.net
        row.unit_price = min(round_half_up(EXACT.divide(paid, sold), 6), LIMITS[6])


def _price_line(record: Any, line: LineDraft, book: PriceBook, on: date, agreed: Agreed) -> None:
    """Fill in what was left out: a new product brings its own tax rate and price."""
    row, product = line.record, book.products[line.record.product_id]
    renewed = "product" in line.values
    if row.tax_rate is None or (renewed and "tax_rate" not in line.values):
        row.tax_rate = product.tax_rate
    settled = agreed.get((getattr(record, "quote_id", None) or 0, row.product_id))
    if settled is not None:
        row.list_price = settled
    else:
        customer = getattr(record, "customer", None)  # none: the reference is refused later
        row.list_price = book.price(
            row.product_id,
            row.quantity,
            on=on,
            currency=record.currency,
            level=customer.level if customer else "",
            region=customer.owner.region_id if customer and customer.owner else None,
        ).unit_price
    if row.unit_price is None or (renewed and "unit_price" not in line.values):
        row.unit_price = row.list_price
        if record.price_includes_tax:
            row.unit_price = round_half_up(EXACT.multiply(row.list_price, 1 + row.tax_rate / HUNDRED), 6)


def _add_up(draft: Draft, lines: list[Any], rate: Decimal) -> None:
    record = draft.record
    record.untaxed = sum((line.net for line in lines), Decimal(0))
    record.tax = sum((line.tax for line in lines), Decimal(0))
    record.total = record.untaxed + record.tax
    record.effective_discount = effective_discount(lines, record.price_includes_tax)
    if not draft.errors and max(record.total, record.total * rate) > LARGEST:
        draft.error("", "range", _("The total is too large."))
    if draft.errors:
        return
    set_base_amounts(record, lines, rate)


def set_base_amounts(record: Any, lines: list[Any], rate: Decimal) -> None:
    """The amounts in base currency; those of the lines add up to the document's."""
    record.base_untaxed = round_half_up(record.untaxed * rate)
    record.base_total = round_half_up(record.total * rate)
    shares = [line.net for line in lines] if rate == 1 else allocate(record.base_untaxed, [line.net for line in lines])
    for line, share in zip(lines, shares, strict=True):
        line.base_net = share


def effective_discount(lines: Iterable[Any], price_includes_tax: bool) -> Decimal:
    """The discount in percent off the price-list price that the worst line gives, however it was entered (QUO-02).

    Taken before amounts are rounded to cents, so that small lines aren't punished for it; prices above the list
    count as no discount, and so do lines without a list price.
    """
    worst = Decimal(0)
    for line in lines:
        if not line.list_price:
            continue
        paid = EXACT.multiply(line.unit_price, HUNDRED - line.discount_percent)
        if price_includes_tax:
            paid = EXACT.divide(paid, 1 + line.tax_rate / HUNDRED)
        worst = max(worst, HUNDRED - EXACT.divide(paid, line.list_price))
    return round_half_up(worst, 4)


def customer_is_live(record: Any) -> Text | None:
    """Nothing is agreed with a customer that was put away."""
    return None if record.customer.archived_at is None else _("The customer is archived.")


def orders_of(quote_ids: set[int]) -> dict[int, str]:
    """The number of the live order that was made from each of the quotes."""
    rows = read_values(Order, ("quote_id", "number", "status"), "quote_id", quote_ids)
    return {quote_id: number or "" for quote_id, number, status in rows if status != OrderStatus.CANCELLED}


def copied_lines(document: Any) -> list[dict[str, Any]]:
    """The lines of a document as values for another one."""
    names = ("product_id", "description", "quantity", "unit_price", "discount_percent", "tax_rate")
    rows = read_values(document.lines.model, names, document.lines.field.attname, [document.pk], order=LINE_ORDER)
    return [dict(zip(("product", *names[1:]), row, strict=True)) for row in rows]


def copied_values(document: Any, *names: str) -> dict[str, Any]:
    """Fields of a document as values for another one, references by id."""
    return {name: getattr(document, document._meta.get_field(name).attname) for name in names}


def move_all(rows: QuerySet[Any], action: str, *, actor: Actor, at: datetime, **values: Any) -> int:
    """Set the same values on all rows, with audit and outbox, in a constant number of statements; how many."""
    model: type[Model] = rows.model
    resource = resource_of(model)
    found = list(rows.select_for_update(of=("self",)).order_by("pk"))
    if not found:
        return 0
    model._default_manager.filter(pk__in=[record.pk for record in found]).update(
        **values, version=F("version") + 1, updated_at=at, updated_by_id=actor.user_id
    )
    audit = []
    for record in found:
        changes = {name: [getattr(record, name), value] for name, value in values.items()}
        audit.append(AuditLine(resource.name, record.pk, resource.label_of(record)[:200], action, changes))
    record_audit(audit, actor=actor, at=at)
    announce(resource, [(record.pk, action) for record in found], Occasion(actor, at))
    return len(found)

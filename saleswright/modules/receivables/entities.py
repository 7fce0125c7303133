"""Invoices, receipts and collection plans as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import (
    Attached,
    Board,
    Calendar,
    Entity,
    Exchange,
    Limit,
    Related,
    Section,
    register,
)
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.resources import EXTRA_PERMISSIONS, Lines, contribute
from saleswright.modules.pool.public import Hold, add_hold
from saleswright.modules.receivables import queries
from saleswright.modules.receivables.actions import invoices, plans, receipts, reversal
from saleswright.modules.receivables.models import Allocation, CollectionPlan, Instalment, Invoice, InvoiceLine, Receipt
from saleswright.modules.receivables.states import InvoiceStatus
from saleswright.modules.sales.public import Order

EXTRA_PERMISSIONS.add(invoices.FREE_LINES)
LINE_FIELDS = ("order_line", "description", "quantity", "unit_price", "tax_rate")


def lines_to_invoice(order: Order, actor: Actor) -> list[tuple[int, str]]:
    """The lines of an order with what was ordered and what is on no issued invoice yet."""
    label = gettext("%(product)s: %(ordered)s ordered, %(left)s still to be invoiced")
    found = []
    for line in order.lines.select_related("product").order_by("position", "id"):
        ordered, left = (f"{one.normalize():f}" for one in (line.quantity, line.quantity - line.invoiced_quantity))
        found.append((line.pk, label % {"product": line.product.name, "ordered": ordered, "left": left}))
    return found


def everything_open(order: Order, actor: Actor) -> list[dict[str, Any]]:
    """Lines over all that stands on no invoice yet."""
    return [{"order_line": pk, "quantity": quantity} for pk, quantity in queries.open_to_invoice(order.pk).items()]


@register
class InvoiceEntity(Entity):
    """What customers are charged. Drafts have no number: it is taken on issue, without gaps."""

    name, model = "invoices", Invoice
    icon = "file-dollar"
    state_field = "status"
    draft_states = (InvoiceStatus.DRAFT,)
    history_fields = ("number", "paid_on", "reason")
    search = ("number",)
    columns = ("number", "customer", "status", "kind", "total", "balance", "issued_on", "due_on", "owner")
    sortable = (
        "number", "status", "issued_on", "due_on", "paid_on", "total", "balance", "created_at", "updated_at",
    )  # fmt: skip
    filters = (
        "number", "customer", "order", "contract", "kind", "status", "issued_on", "due_on", "paid_on", "total",
        "balance", "reverses", "created_at", "updated_at",
    )  # fmt: skip
    totals = ("base_total", "base_balance")
    form = (
        Section(_("Invoice"), ("customer", "order", "contract", "kind")),
        Section(_("Terms"), ("issued_on", "payment_days", "due_on", "currency", "price_includes_tax")),
    )
    limits = {
        "order": Limit("customer"), "contract": Limit("customer"), "lines.order_line": Limit("order", lines_to_invoice),
    }  # fmt: skip
    fills = {
        "order": ("customer", "contract", "currency", "price_includes_tax"), "contract": ("customer", "currency"),
    }  # fmt: skip
    line_fills = {"order": ("lines", everything_open)}
    api_write = ("owner",)
    detail = (
        Section(_("Invoice"), ("customer", "order", "contract", "kind", "reverses", "reason", "owner", "department")),
        Section(_("Terms"), ("issued_on", "payment_days", "due_on", "paid_on", "price_includes_tax")),
        Section(_("Amounts"), ("currency", "untaxed", "tax", "total", "balance", "base_total", "base_balance")),
    )
    path = (InvoiceStatus.DRAFT, InvoiceStatus.ISSUED, InvoiceStatus.PAID)
    lines = (
        Lines(
            "lines", InvoiceLine, "invoice", _("Lines"), LINE_FIELDS,
            ("discount_percent", "net", "tax", "gross", "reversed_quantity"),
        ),
    )  # fmt: skip
    transitions = (invoices.issue_invoice, reversal.reverse_invoice)
    related = (Related("invoices", "reverses", label=_("Red-letter invoices"), create=False),)
    board = Board(by="status", title="number", subtitle="customer", amount="balance", date="due_on")
    calendar = Calendar(by="due_on", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "customer__code", "order__number", "contract__number", "kind", "status", "issued_on", "due_on",
            "paid_on", "currency", "price_includes_tax", "owner__username",
            *(f"lines.{name}" for name in LINE_FIELDS[1:]),
        ),
    )  # fmt: skip
    empty_text = _("No invoices yet. Make one from a confirmed order.")

    def prepare(self, batch: Any) -> None:
        invoices.prepare_invoices(batch)
        if batch.history:
            invoices.set_opening_balances(batch)

    def saved(self, batch: Any) -> None:
        if batch.history:
            invoices.post_history(batch)


@register
class ReceiptEntity(Entity):
    """Money that came in. What is booked stays; allocations and repayments are actions."""

    name, model = "receipts", Receipt
    icon = "cash"
    number_field = "number"
    search = ("number", "reference")
    columns = ("number", "customer", "received_on", "amount", "unapplied", "method", "reference", "owner")
    sortable = ("number", "received_on", "amount", "unapplied", "created_at", "updated_at")
    filters = (
        "number", "customer", "received_on", "amount", "unapplied", "method", "reference", "created_at", "updated_at",
    )  # fmt: skip
    totals = ("base_amount", "base_unapplied")
    form = (Section(_("Receipt"), ("customer", "received_on", "amount", "currency", "method", "reference")),)
    api_write = ("owner",)
    detail = (
        Section(_("Receipt"), ("customer", "received_on", "method", "reference", "owner", "department")),
        Section(_("Amounts"), ("currency", "amount", "unapplied", "refunded", "base_amount", "base_unapplied")),
    )
    deletable = False
    extra = (receipts.ALLOCATIONS,)
    attached = (
        Attached(
            "allocations",
            _("Allocations"),
            queries.allocations_of,
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "integer"},
                        "invoice": {"type": ["object", "null"]},
                        "instalment_id": {"type": ["integer", "null"]},
                        "amount": {"type": "string"},
                    },
                },
            },
            detail_only=True,
        ),
    )
    transitions = (receipts.allocate_receipt, receipts.unallocate_receipt, receipts.refund_receipt)
    calendar = Calendar(by="received_on", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "customer__code", "received_on", "amount", "currency", "method", "reference", "owner__username",
        ),
        groups=(Lines("allocations", Allocation, "receipt", _("Allocations"), ("invoice", "amount")),),
    )  # fmt: skip
    empty_text = _("No receipts yet. Book the first one, or import the bank statement.")

    def prepare(self, batch: Any) -> None:
        receipts.prepare_receipts(batch)

    def saved(self, batch: Any) -> None:
        receipts.book_receipts(batch)


@register
class CollectionPlanEntity(Entity):
    """When contracts and orders are to be paid."""

    name, model = "collection-plans", CollectionPlan
    icon = "calendar-dollar"
    number_field = "number"
    search = ("number",)
    columns = ("number", "customer", "contract", "order", "total", "collected", "next_due_on", "owner")
    sortable = ("number", "total", "next_due_on", "created_at", "updated_at")
    filters = ("number", "customer", "contract", "order", "total", "next_due_on", "created_at", "updated_at")
    form = (Section(_("Collection plan"), ("contract", "order")),)
    api_write = ("owner",)
    detail = (Section(_("Collection plan"), (
        "customer", "contract", "order", "currency", "total", "collected", "next_due_on", "owner", "department",
    )),)  # fmt: skip
    lines = (
        Lines(
            "instalments", Instalment, "plan", _("Instalments"),
            ("trigger", "days", "due_on", "amount", "responsible"), ("collected",),
        ),
    )  # fmt: skip
    calendar = Calendar(by="next_due_on", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "contract__number", "order__number", "instalments.trigger", "instalments.days",
            "instalments.due_on", "instalments.amount", "instalments.responsible__username",
        ),
    )  # fmt: skip
    empty_text = _("No collection plans yet. Make one for a contract or an order.")

    def prepare(self, batch: Any) -> None:
        plans.prepare_plans(batch)


contribute(
    "customers",
    related=(
        Related("invoices", "customer"),
        Related("receipts", "customer"),
        Related("collection-plans", "customer", create=False),
    ),
)
contribute(
    "orders",
    related=(Related("invoices", "order"), Related("collection-plans", "order")),
    transitions=(invoices.create_invoice,),
)
contribute("contracts", related=(Related("invoices", "contract"), Related("collection-plans", "contract")))

choose_from("tax-rates", "invoices", "lines.tax_rate")
choose_from("currencies", "invoices", "currency")
choose_from("currencies", "receipts", "currency")
add_hold("customers", Hold("balance", _("It has an open balance."), queries.unpaid_invoices, "customer"))
add_hold("customers", Hold("balance", _("It has an open balance."), queries.unapplied_receipts, "customer"))

"""Quotes, contracts and orders as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import (
    Attached,
    Board,
    Calendar,
    Document,
    Entity,
    Exchange,
    Limit,
    Related,
    Section,
    register,
)
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.pool.public import WON, Hold, Source, add_clock, add_hold
from saleswright.modules.sales import printing, queries
from saleswright.modules.sales.actions import contracts, orders, quotes, solutions
from saleswright.modules.sales.models import Contract, Order, OrderLine, Quote, QuoteLine
from saleswright.modules.sales.states import ContractStatus, OrderStatus, QuoteStatus

LINE_FIELDS = ("product", "description", "quantity", "unit_price", "discount_percent", "tax_rate")
LINE_AMOUNTS = ("list_price", "net", "tax", "gross")
EXCHANGED_LINES = tuple(f"lines.{name}" for name in ("product__code", *LINE_FIELDS[1:]))
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
AMOUNTS = ("currency", "untaxed", "tax", "total", "effective_discount")
PRICE_FLAGS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "line_id": {"type": "integer"},
            "code": {"type": "string", "enum": ["below_floor", "below_cost"]},
            "label": {"type": "string"},
        },
    },
}


def main_contact(customer: Customer, actor: Actor) -> dict[str, Any]:
    """The person whom the customer's documents go to, if one is marked as such."""
    people = Contact.objects.filter(customer=customer, is_primary=True, archived_at=None)
    return {"customer": customer.pk, "contact": people.values_list("pk", flat=True).first()}


def agreed_in(quote: Quote, actor: Actor) -> dict[str, Any]:
    """What a contract takes over from a quote."""
    return {
        "customer": quote.customer_id,
        "contact": quote.contact_id,
        "currency": quote.currency,
        "amount": quote.total,
        "clauses": quote.terms,
    }


@register
class QuoteEntity(Entity):
    """Offers to customers."""

    name, model = "quotes", Quote
    icon = "file-invoice"
    number_field, state_field = "number", "status"
    draft_states = (QuoteStatus.DRAFT,)
    history_fields = ("answered_on", "reason")
    search = ("number",)
    columns = ("number", "customer", "status", "total", "effective_discount", "valid_until", "owner", "updated_at")
    sortable = ("number", "status", "total", "quoted_on", "valid_until", "created_at", "updated_at")
    filters = (
        "number", "customer", "contact", "opportunity", "status", "total", "quoted_on", "valid_until", "is_current",
        "root", "created_at", "updated_at",
    )  # fmt: skip
    totals = ("base_total",)
    form = (
        Section(_("Customer"), ("customer", "contact", "opportunity", "owner")),
        Section(_("Terms"), ("quoted_on", "valid_until", "currency", "price_includes_tax", "terms")),
    )
    limits = {"contact": Limit("customer"), "opportunity": Limit("customer")}
    fills = {
        "opportunity": ("customer", "contact", "currency"), "contact": ("customer",), "customer": main_contact,
    }  # fmt: skip
    detail = (
        Section(_("Customer"), ("customer", "contact", "opportunity", "owner", "department")),
        Section(_("Terms"), ("quoted_on", "valid_until", "price_includes_tax", "terms")),
        Section(_("Amounts"), AMOUNTS),
        Section(_("Course"), ("revision", "previous", "is_current", "answered_on", "reason")),
    )
    path = (QuoteStatus.DRAFT, QuoteStatus.APPROVED, QuoteStatus.SENT, QuoteStatus.ACCEPTED)
    lines = (Lines("lines", QuoteLine, "quote", _("Lines"), LINE_FIELDS, LINE_AMOUNTS, history_fields=("net",)),)
    transitions = (
        quotes.submit_quote, quotes.send_quote, quotes.accept_quote, quotes.decline_quote, quotes.revise_quote,
        quotes.create_order_from_quote, quotes.create_contract_from_quote, quotes.cancel_quote,
    )  # fmt: skip
    related = (Related("contracts", "quote", create=False), Related("orders", "quote", create=False))
    board = Board(by="status", title="number", subtitle="customer", amount="total", date="valid_until")
    calendar = Calendar(by="valid_until", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "customer__code", "contact__name", "status", "quoted_on", "valid_until", "currency",
            "price_includes_tax", "terms", "answered_on", "owner__username", *EXCHANGED_LINES,
        ),
    )  # fmt: skip
    documents = (
        Document("pdf", _("Quotation (PDF)"), "application/pdf", printing.quote_pdf),
        Document("docx", _("Quotation (Word)"), DOCX, printing.quote_docx),
    )
    attached = (Attached("price_flags", _("Below floor or cost"), queries.price_flags, PRICE_FLAGS, detail_only=True),)
    empty_text = _("No quotes yet. Make one from an opportunity, or a new one.")

    def prepare(self, batch: Any) -> None:
        quotes.prepare_quotes(batch)


@register
class ContractEntity(Entity):
    """Agreements with customers."""

    name, model = "contracts", Contract
    icon = "file-text"
    number_field, state_field = "number", "status"
    draft_states = (ContractStatus.DRAFT,)
    history_fields = ("signed_on", "ended_on", "reason")
    search = ("number", "title")
    columns = ("number", "title", "customer", "status", "amount", "start_date", "end_date", "owner")
    sortable = (
        "number", "status", "amount", "start_date", "end_date", "signed_on", "created_at", "updated_at",
    )  # fmt: skip
    filters = (
        "number", "customer", "contact", "quote", "status", "amount", "start_date", "end_date", "signed_on", "amends",
        "created_at", "updated_at",
    )  # fmt: skip
    totals = ("base_amount",)
    form = (
        Section(_("Contract"), ("title", "customer", "contact", "quote", "owner")),
        Section(_("Amount and time"), ("amount", "currency", "start_date", "end_date")),
        Section(_("Clauses"), ("clauses",)),
    )
    limits = {"contact": Limit("customer"), "quote": Limit("customer")}
    fills = {"quote": agreed_in, "contact": ("customer",), "customer": main_contact}
    detail = (
        Section(_("Contract"), ("title", "customer", "contact", "quote", "owner", "department")),
        Section(_("Amount and time"), ("amount", "currency", "base_amount", "start_date", "end_date", "signed_on")),
        Section(_("Clauses"), ("clauses",)),
        Section(_("Course"), ("amends", "ended_on", "reason")),
    )
    path = (
        ContractStatus.DRAFT, ContractStatus.APPROVED, ContractStatus.SIGNED, ContractStatus.IN_FORCE,
        ContractStatus.COMPLETED,
    )  # fmt: skip
    transitions = (
        contracts.submit_contract, contracts.sign_contract, contracts.create_order_from_contract,
        contracts.amend_contract, contracts.complete_contract, contracts.terminate_contract,
    )  # fmt: skip
    related = (
        Related("orders", "contract", create=False),
        Related("contracts", "amends", label=_("Amendments"), create=False),
    )
    calendar = Calendar(by="end_date", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "title", "customer__code", "contact__name", "quote__number", "status", "amount", "currency",
            "start_date", "end_date", "signed_on", "clauses", "owner__username",
        ),
    )  # fmt: skip

    def prepare(self, batch: Any) -> None:
        contracts.prepare_contracts(batch)


@register
class OrderEntity(Entity):
    """What customers bought."""

    name, model = "orders", Order
    icon = "shopping-cart"
    number_field, state_field = "number", "status"
    draft_states = (OrderStatus.DRAFT,)
    history_fields = ("confirmed_on", "ended_on", "reason")
    search = ("number", "customer_order_number")
    columns = ("number", "customer", "status", "total", "confirmed_on", "promised_date", "owner", "updated_at")
    sortable = ("number", "status", "total", "confirmed_on", "promised_date", "created_at", "updated_at")
    filters = (
        "number", "customer", "contact", "quote", "contract", "status", "total", "channel", "confirmed_on",
        "promised_date", "created_at", "updated_at",
    )  # fmt: skip
    totals = ("base_total",)
    form = (
        Section(_("Customer"), ("customer", "contact", "customer_order_number", "owner")),
        Section(_("Origin"), ("quote", "contract", "channel")),
        Section(_("Terms"), ("promised_date", "currency", "price_includes_tax")),
    )
    limits = {"contact": Limit("customer"), "quote": Limit("customer"), "contract": Limit("customer")}
    fills = {
        "quote": ("customer", "contact", "currency", "price_includes_tax"),
        "contract": ("customer", "contact", "currency"),
        "contact": ("customer",),
        "customer": main_contact,
    }
    detail = (
        Section(_("Customer"), ("customer", "contact", "customer_order_number", "owner", "department")),
        Section(_("Origin"), ("quote", "contract", "channel")),
        Section(_("Terms"), ("confirmed_on", "promised_date", "price_includes_tax", "ended_on", "reason")),
        Section(_("Amounts"), AMOUNTS),
    )
    path = (
        OrderStatus.DRAFT, OrderStatus.CONFIRMED, OrderStatus.PARTLY_DELIVERED, OrderStatus.DELIVERED,
        OrderStatus.COMPLETED,
    )  # fmt: skip
    lines = (
        Lines(
            "lines", OrderLine, "order", _("Lines"), LINE_FIELDS,
            (*LINE_AMOUNTS, "delivered_quantity", "accepted_quantity", "invoiced_quantity"), history_fields=("net",),
        ),
    )  # fmt: skip
    transitions = (orders.confirm_order, orders.cancel_order, orders.close_order)
    board = Board(by="status", title="number", subtitle="customer", amount="total", date="promised_date")
    calendar = Calendar(by="promised_date", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "customer__code", "customer_order_number", "status", "confirmed_on", "promised_date", "channel",
            "currency", "price_includes_tax", "quote__number", "contract__number", "owner__username", *EXCHANGED_LINES,
        ),
    )  # fmt: skip

    def prepare(self, batch: Any) -> None:
        orders.prepare_orders(batch)


contribute(
    "customers",
    related=(Related("quotes", "customer"), Related("contracts", "customer"), Related("orders", "customer")),
)
contribute("opportunities", related=(Related("quotes", "opportunity"),))
contribute("solutions", transitions=(solutions.quote_from_solution,))

for _name in ("quotes", "orders"):
    choose_from("tax-rates", _name, "lines.tax_rate")
for _name in ("quotes", "contracts", "orders"):
    choose_from("currencies", _name, "currency")
add_hold("customers", Hold("open_order", _("It has an open order."), queries.open_orders, "customer"))
add_hold(
    "customers",
    Hold("open_contract", _("It has an open contract."), queries.open_contracts, "customer", "spare_contracts"),
)
add_hold("customers", Hold(WON, _("A deal was won with it."), queries.sold_orders, "customer", "spare_won"))
add_clock(
    "customers", "deal", _("Days without a deal"), Source(queries.sold_orders, "customer", "confirmed_on", dated=True)
)

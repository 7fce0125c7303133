"""Quotes: from the draft to the customer's answer, and on to contract and order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.custom_making import taking_over
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.reading import read_values
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.catalog.public import Product
from saleswright.modules.pool.public import followed_up
from saleswright.modules.pricing.public import approver_for, authority_of
from saleswright.modules.sales.actions import documents
from saleswright.modules.sales.events import QuoteAccepted
from saleswright.modules.sales.models import Contract, Order, Quote
from saleswright.modules.sales.queries import margin_of
from saleswright.modules.sales.states import BINDING, ContractStatus, QuoteStatus

MADE = (("id", int), ("number", str))
REASON = (Arg("reason", gettext_lazy("Reason")),)
COPIED = ("customer", "contact", "currency", "price_includes_tax", "owner")


def prepare_quotes(batch: Batch) -> None:
    """Check dates, references and products, and price the lines by the day of the quote."""
    documents.check_currency(batch)
    documents.read_customers([draft.record for draft in batch.good], "contact", "opportunity")
    for draft in batch.good:
        quote = draft.record
        documents.check_belongs(draft, "contact", "opportunity")
        if quote.valid_until is not None and quote.valid_until < quote.quoted_on:
            draft.error("valid_until", "order", _("The quote would end before it begins."))
    products = documents.price_documents(batch, lambda quote: quote.quoted_on)
    if not batch.history:
        _refuse_discontinued(batch, products)


def _refuse_discontinued(batch: Batch, products: Mapping[int, Product]) -> None:
    fresh = [(d, line) for d in batch.good for line in d.line_drafts.get("lines", ()) if "product" in line.values]
    for draft, line in fresh:
        product = products.get(line.record.product_id)
        if product is not None and not product.offered:
            text = _("“%(product)s” is discontinued and no longer offered.") % {"product": product.name}
            draft.error(f"lines.{line.index}.product", "not_allowed", text)


# --- guards ----------------------------------------------------------------------------------------------------


def is_current(quote: Quote) -> Text | None:
    """A revision that was replaced is history."""
    return None if quote.is_current else _("A newer revision has replaced this quote.")


def is_valid(quote: Quote) -> Text | None:
    """The quote holds up to its last day."""
    if quote.valid_until is None or clock.today() <= quote.valid_until:
        return None
    return _("The quote was valid until %(date)s.") % {"date": quote.valid_until.isoformat()}


def has_no_order(quote: Quote) -> Text | None:
    """One live order comes of a quote."""
    number = documents.orders_of({quote.pk}).get(quote.pk)
    return None if number is None else _("The order %(number)s was made from it.") % {"number": number}


def has_no_contract(quote: Quote) -> Text | None:
    """One live contract comes of a quote."""
    ended = (ContractStatus.TERMINATED, ContractStatus.EXPIRED)
    contract = Contract.objects.filter(quote=quote).exclude(status__in=ended).first()
    return None if contract is None else _("The contract %(number)s was made from it.") % {"number": contract.number}


# --- approval --------------------------------------------------------------------------------------------------


def discount_need(quote: Quote, actor: Actor, arguments: Mapping[str, Any]) -> ApprovalNeed | None:
    """Above the submitter's own discount authority somebody with more has to agree (QUO-02).

    Within it only a flow of the company may ask for consent. Raises Conflict when there is nobody to ask.
    """
    if actor.user_id is None:
        return None
    facts = {
        "discount": quote.effective_discount,
        "amount": quote.base_total,
        "margin": partial(margin_of, quote),
    }
    if quote.effective_discount <= (own := authority_of(actor.user_id)):
        return ApprovalNeed(reason=_("A rule of the company asks for consent."), facts=facts)
    approver = approver_for(User.objects.get(pk=actor.user_id), quote.effective_discount)
    if approver is None:
        raise Conflict(_("Nobody may approve this discount. Name an approver of last resort in the settings."))
    values = {"discount": percent_text(quote.effective_discount), "own": percent_text(own)}
    return ApprovalNeed(
        reason=_("The discount of %(discount)s%% is above the own authority of %(own)s%%.") % values,
        facts=facts,
        approvers=((approver.pk,),),
    )


def percent_text(value: Decimal) -> str:
    """A percentage without needless zeros."""
    return f"{value.normalize():f}"


# --- transitions -----------------------------------------------------------------------------------------------


@transition(
    "quotes", "submit", label=gettext_lazy("Submit"), source=[QuoteStatus.DRAFT], target=QuoteStatus.APPROVED,
    pending=QuoteStatus.IN_APPROVAL, approval=discount_need, style="primary", icon="send",
    guards=(is_current, is_valid, documents.customer_is_live),
)  # fmt: skip
def submit_quote(quote: Quote, *, actor: Actor, at: datetime) -> None:
    """Approve the quote: at once within the submitter's authority, else after the approver's consent."""


@transition(
    "quotes", "send", label=gettext_lazy("Mark as sent"), source=[QuoteStatus.APPROVED], target=QuoteStatus.SENT,
    guards=(is_current, is_valid), style="primary", icon="mail-forward",
)  # fmt: skip
def send_quote(quote: Quote, *, actor: Actor, at: datetime) -> None:
    """The customer has it."""
    followed_up("customers", {quote.customer_id: at})


@transition(
    "quotes", "accept", label=gettext_lazy("Accepted"), source=[QuoteStatus.APPROVED, QuoteStatus.SENT],
    target=QuoteStatus.ACCEPTED, guards=(is_current, is_valid), event=QuoteAccepted, style="success", icon="check",
)  # fmt: skip
def accept_quote(quote: Quote, *, actor: Actor, at: datetime) -> None:
    """The customer said yes."""
    quote.answered_on = clock.local_date(at)


@transition(
    "quotes", "decline", label=gettext_lazy("Declined"), source=[QuoteStatus.APPROVED, QuoteStatus.SENT],
    target=QuoteStatus.DECLINED, guards=(is_current,), args=REASON, style="danger", icon="x",
)  # fmt: skip
def decline_quote(quote: Quote, *, actor: Actor, at: datetime, reason: str) -> None:
    """The customer said no."""
    quote.answered_on, quote.reason = clock.local_date(at), reason


@transition(
    "quotes", "cancel", label=gettext_lazy("Cancel"), target=QuoteStatus.CANCELLED, args=REASON, style="danger",
    source=[QuoteStatus.DRAFT, QuoteStatus.APPROVED, QuoteStatus.SENT], icon="ban",
)  # fmt: skip
def cancel_quote(quote: Quote, *, actor: Actor, at: datetime, reason: str) -> None:
    """We take it back; the revision before it is current again."""
    quote.reason = reason
    if quote.previous_id is not None:
        quote.hand_back()
        quote.is_current = False


@transition(
    "quotes", "revise", label=gettext_lazy("Revise"), guards=(is_current,), icon="copy", result=MADE, makes=("quotes",),
    leads_to="quotes", source=[QuoteStatus.APPROVED, QuoteStatus.SENT, QuoteStatus.DECLINED, QuoteStatus.EXPIRED],
)  # fmt: skip
def revise_quote(quote: Quote, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A new draft with the same content takes the place of the quote, which stays as it was said."""
    root, today = quote.root or quote, clock.local_date(at)
    keeps = quote.valid_until is not None and quote.valid_until >= today
    values = documents.copied_values(quote, *COPIED, "opportunity", "terms") | {
        "number": f"{root.number}-R{quote.revision + 1}",
        "quoted_on": today,
        "valid_until": quote.valid_until if keeps else None,
        "revision": quote.revision + 1,
        "root": root.pk,
        "previous": quote.pk,
    }
    with taking_over(quote):
        copy = save_record(Quote, values, lines={"lines": documents.copied_lines(quote)}, actor=actor, at=at)
    quote.is_current = False
    return {"id": copy.pk, "number": copy.number}


@transition(
    "quotes", "create-order", label=gettext_lazy("Create order"), source=[QuoteStatus.ACCEPTED], result=MADE,
    leads_to="orders", guards=(has_no_order, documents.customer_is_live), style="primary", icon="shopping-cart",
    makes=("orders",),
)  # fmt: skip
def create_order_from_quote(quote: Quote, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft order with what was agreed (QUO-07)."""
    contracts = read_values(Contract, ("id", "status"), "quote_id", [quote.pk], order=("id",))
    binding = [pk for pk, status in contracts if status in BINDING]
    return order_from(quote, binding[0] if binding else None, actor=actor, at=at)


def order_from(quote: Quote, contract_id: int | None, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """Make a draft order with the lines of the quote, under the contract if there is one."""
    values = documents.copied_values(quote, *COPIED) | {"quote": quote.pk, "contract": contract_id}
    order = save_record(Order, values, lines={"lines": documents.copied_lines(quote)}, actor=actor, at=at)
    return {"id": order.pk, "number": order.number}


@transition(
    "quotes", "create-contract", label=gettext_lazy("Create contract"), source=[QuoteStatus.ACCEPTED], result=MADE,
    leads_to="contracts", guards=(has_no_contract, documents.customer_is_live), icon="file-text",
    makes=("contracts",),
)  # fmt: skip
def create_contract_from_quote(quote: Quote, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft contract over what was agreed (QUO-07)."""
    values = documents.copied_values(quote, "customer", "contact", "currency", "owner") | {
        "quote": quote.pk,
        "title": _("Contract on quote %(number)s") % {"number": quote.number},
        "amount": quote.total,
        "clauses": quote.terms,
    }
    contract = save_record(Contract, values, actor=actor, at=at)
    return {"id": contract.pk, "number": contract.number}


def expire_quotes(*, actor: Actor, at: datetime) -> int:
    """Mark the quotes as expired whose last day has passed without an answer; how many."""
    open_states = (QuoteStatus.APPROVED, QuoteStatus.SENT)
    overdue = Quote.objects.filter(status__in=open_states, valid_until__lt=clock.local_date(at), archived_at=None)
    return documents.move_all(overdue, "expire", actor=actor, at=at, status=QuoteStatus.EXPIRED.value)

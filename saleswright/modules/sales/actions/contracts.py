"""Contracts: approved, signed, in force, ended, amended (CON-03)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import exchange_rate
from saleswright.kernel.custom_making import taking_over
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.events import publish
from saleswright.kernel.fields import LIMITS
from saleswright.kernel.money import round_half_up
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import Batch, save_record, snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_of
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.sales.actions import documents
from saleswright.modules.sales.actions.quotes import MADE, REASON, has_no_order, order_from
from saleswright.modules.sales.events import ContractReplaced, ContractSigned, ContractTerminated
from saleswright.modules.sales.models import Contract, Order
from saleswright.modules.sales.states import BINDING, ContractStatus, OrderStatus, QuoteStatus


def prepare_contracts(batch: Batch) -> None:
    """Check dates and references; the amount in base currency is at the rate of signing, before it at today's."""
    documents.check_currency(batch)
    documents.read_customers([draft.record for draft in batch.good], "contact", "quote", "amends")
    rates: dict[tuple[str, date], Decimal] = {}
    for draft in batch.good:
        contract = draft.record
        documents.check_belongs(draft, "contact", "quote")
        if contract.start_date and contract.end_date and contract.end_date < contract.start_date:
            draft.error("end_date", "order", _("The end lies before the start."))
        if contract.quote is not None and draft.changed("quote") and not batch.history:
            contract.effective_discount = contract.quote.effective_discount
            if contract.quote.status != QuoteStatus.ACCEPTED:
                draft.error("quote", "invalid", _("The quote is not accepted."))
        key = contract.currency, contract.signed_on or clock.local_date(batch.at)
        try:
            rates[key] = rates.get(key) or exchange_rate(*key)
        except ValidationFailed as problem:
            draft.errors += problem.errors
            continue
        if contract.amount * rates[key] > LIMITS[2]:
            draft.error("amount", "range", _("The amount is too large."))
            continue
        contract.base_amount = round_half_up(contract.amount * rates[key])
        contract.base_added = contract.base_amount - (contract.amends.base_amount if contract.amends else 0)


# --- guards ----------------------------------------------------------------------------------------------------


def has_an_amount(contract: Contract) -> Text | None:
    """A contract over nothing isn't approved."""
    return None if contract.amount > 0 else _("The contract has no amount.")


def has_a_quote(contract: Contract) -> Text | None:
    """The lines of an order come from the contract's quote."""
    return None if contract.quote_id else _("The contract has no quote whose lines could be ordered.")


def has_no_live_order(contract: Contract) -> Text | None:
    """One live order comes of a contract and its quote."""
    order = Order.objects.filter(contract=contract).exclude(status=OrderStatus.CANCELLED).first()
    if order is not None:
        return _("The order %(number)s was made from it.") % {"number": order.number}
    return has_no_order(contract.quote) if contract.quote is not None else None


def has_no_open_amendment(contract: Contract) -> Text | None:
    """One amendment at a time."""
    open_states = (ContractStatus.DRAFT, ContractStatus.IN_APPROVAL, ContractStatus.APPROVED)
    open_one = Contract.objects.filter(amends=contract, status__in=open_states, archived_at=None).first()
    if open_one is None:
        return None
    return _("The amendment %(number)s is not signed yet.") % {"number": open_one.number}


def amends_a_binding_one(contract: Contract) -> Text | None:
    """An amendment needs the contract that it amends."""
    if contract.amends is None or contract.amends.status in BINDING:
        return None
    return _("The contract that it amends has ended.")


def amount_need(contract: Contract, actor: Actor, arguments: Mapping[str, Any]) -> ApprovalNeed | None:
    """The approval flows decide by amount and discount who has to agree."""
    if actor.kind == "system":
        return None
    values = {"amount": contract.amount, "currency": contract.currency}
    return ApprovalNeed(
        reason=_("Contract over %(amount)s %(currency)s") % values,
        facts={"amount": contract.base_amount, "discount": contract.effective_discount},
    )


# --- transitions -----------------------------------------------------------------------------------------------


@transition(
    "contracts", "submit", label=gettext_lazy("Submit"), source=[ContractStatus.DRAFT], target=ContractStatus.APPROVED,
    pending=ContractStatus.IN_APPROVAL, approval=amount_need, guards=(has_an_amount, documents.customer_is_live),
    style="primary", icon="send",
)  # fmt: skip
def submit_contract(contract: Contract, *, actor: Actor, at: datetime) -> None:
    """Approve the contract, after the consent that the approval flows ask for."""


@transition(
    "contracts", "sign", label=gettext_lazy("Signed"), source=[ContractStatus.APPROVED], event=ContractSigned,
    args=(Arg("signed_on", gettext_lazy("Signed on"), "date", required=False, default=clock.today),),
    guards=(amends_a_binding_one,), style="success", icon="signature",
)  # fmt: skip
def sign_contract(contract: Contract, *, actor: Actor, at: datetime, signed_on: date) -> None:
    """Both sides signed: in force from the later of signature and start; an amendment replaces what it amends.

    Raises ValidationFailed for a day in the future or after the contract's end.
    """
    today = clock.local_date(at)
    if signed_on > today:
        raise ValidationFailed.of("signed_on", "order", _("The day lies in the future."))
    if contract.end_date is not None and signed_on > contract.end_date:
        raise ValidationFailed.of("signed_on", "order", _("The contract would have ended before it was signed."))
    contract.signed_on = signed_on
    contract.base_amount = round_half_up(contract.amount * exchange_rate(contract.currency, signed_on))
    contract.base_added = contract.base_amount
    in_force = contract.start_date is None or contract.start_date <= today
    contract.status = ContractStatus.IN_FORCE if in_force else ContractStatus.SIGNED
    if contract.amends_id is not None:
        _replace(contract.amends_id, contract, actor, at)


def _replace(amended_id: int, contract: Contract, actor: Actor, at: datetime) -> None:
    old = Contract.objects.select_for_update(of=("self",)).get(pk=amended_id)
    if old.status not in BINDING:
        raise Conflict(_("The contract that it amends has ended."))
    before = snapshot(old)
    old.status, old.ended_on = ContractStatus.TERMINATED, contract.signed_on
    old.reason = _("Replaced by %(number)s") % {"number": contract.number}
    stamp(old, actor, at)
    write_changes(resource_of(Contract), old, before, "replaced", actor=actor, at=at)
    contract.base_added = contract.base_amount - old.base_amount
    publish(ContractReplaced(record_id=old.pk, by_id=contract.pk), actor=actor, at=at)


@transition(
    "contracts", "terminate", label=gettext_lazy("Terminate"), source=BINDING, target=ContractStatus.TERMINATED,
    args=REASON, event=ContractTerminated, style="danger", icon="file-x",
)  # fmt: skip
def terminate_contract(contract: Contract, *, actor: Actor, at: datetime, reason: str) -> None:
    """End the contract before its time."""
    contract.reason, contract.ended_on = reason, clock.local_date(at)


@transition(
    "contracts", "complete", label=gettext_lazy("Completed"), source=[ContractStatus.IN_FORCE],
    target=ContractStatus.COMPLETED, style="success", icon="circle-check",
)  # fmt: skip
def complete_contract(contract: Contract, *, actor: Actor, at: datetime) -> None:
    """Both sides did what they owed."""
    contract.ended_on = clock.local_date(at)


@transition(
    "contracts", "amend", label=gettext_lazy("Amend"), source=BINDING, guards=(has_no_open_amendment,), result=MADE,
    leads_to="contracts", icon="file-diff", makes=("contracts",),
)  # fmt: skip
def amend_contract(contract: Contract, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft with the same content that replaces the contract once it is signed."""
    names = ("customer", "contact", "quote", "title", "amount", "currency", "start_date", "end_date", "clauses")
    values = documents.copied_values(contract, *names, "owner", "effective_discount") | {"amends": contract.pk}
    with taking_over(contract):
        copy = save_record(Contract, values, actor=actor, at=at)
    return {"id": copy.pk, "number": copy.number}


@transition(
    "contracts", "create-order", label=gettext_lazy("Create order"), source=BINDING, result=MADE,
    guards=(has_a_quote, has_no_live_order, documents.customer_is_live), leads_to="orders", style="primary",
    icon="shopping-cart", makes=("orders",),
)  # fmt: skip
def create_order_from_contract(contract: Contract, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft order with the lines of the contract's quote."""
    assert contract.quote is not None  # a guard saw to it
    return order_from(contract.quote, contract.pk, actor=actor, at=at)


def move_with_time(*, actor: Actor, at: datetime) -> dict[str, int]:
    """Put signed contracts into force on their start, and end those whose last day has passed; how many each."""
    today = clock.local_date(at)
    begun = Contract.objects.filter(Q(start_date=None) | Q(start_date__lte=today), status=ContractStatus.SIGNED)
    begun_count = documents.move_all(begun, "begin", actor=actor, at=at, status=ContractStatus.IN_FORCE.value)
    over = Contract.objects.filter(status=ContractStatus.IN_FORCE, end_date__lt=today)
    values = {"status": ContractStatus.EXPIRED.value, "ended_on": today}
    return {"in_force": begun_count, "expired": documents.move_all(over, "expire", actor=actor, at=at, **values)}

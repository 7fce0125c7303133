"""Collection plans: prepared, and dated by what happens (REC-02)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel.records import Batch, Draft
from saleswright.modules.receivables.actions.collecting import refresh_totals
from saleswright.modules.receivables.actions.ledger import Moment, locked
from saleswright.modules.receivables.models import ZERO, CollectionPlan, Instalment
from saleswright.modules.receivables.queries import Occasions, occasions_of
from saleswright.modules.receivables.states import Trigger
from saleswright.modules.sales.public import Contract, Order


def prepare_plans(batch: Batch) -> None:
    """A plan follows its order, or its contract; its instalments add up to that to the cent and know their dates."""
    orders = Order.objects.in_bulk({draft.record.order_id for draft in batch.good} - {None})
    contracts = Contract.objects.in_bulk({draft.record.contract_id for draft in batch.good} - {None})
    for draft in batch.good:
        plan = draft.record
        order, contract = orders.get(plan.order_id), contracts.get(plan.contract_id)
        _follow(draft, order, contract)
        if "instalments" not in draft.lines and (draft.changed("order") or draft.changed("contract")):
            draft.error("instalments", "required", _("Give the instalments again together with this."))
    occasions = occasions_of([draft.record for draft in batch.good])
    for place, draft in enumerate(batch.good):
        if "instalments" in draft.lines:
            _check_instalments(draft, occasions[place], batch.history)


def _follow(draft: Draft, order: Order | None, contract: Contract | None) -> None:
    plan = draft.record
    source: Any = order or contract
    if source is None:
        draft.error("contract", "required", _("Name the contract or the order that is to be paid."))
        return
    if order is not None and contract is not None and order.customer_id != contract.customer_id:
        draft.error("order", "invalid", _("It belongs to another customer."))
        return
    plan.customer_id, plan.currency = source.customer_id, source.currency
    plan.total = order.total if order is not None else contract.amount  # type: ignore[union-attr]
    if draft.fresh and "owner" not in draft.values:
        plan.owner_id, plan.department_id = source.owner_id, source.department_id


def _check_instalments(draft: Draft, occasions: Occasions, history: bool) -> None:
    plan, total, collected = draft.record, ZERO, ZERO
    removed = draft.removed_lines.get("instalments")
    if removed and Instalment.objects.filter(pk__in=removed, allocations__isnull=False).exists():
        draft.error("instalments", "invalid", _("Money was allocated to an instalment that you remove."))
    plan.next_due_on = None
    for line in draft.line_drafts["instalments"]:
        row = line.record
        if row.trigger == Trigger.DATE and row.due_on is None:
            draft.error(f"instalments.{line.index}.due_on", "required", _("This field is required."))
        elif not (history and row.due_on):
            row.due_on = occasions.due(row)
        if row.amount < row.collected:
            text = _("%(amount)s of it are collected already.") % {"amount": row.collected}
            draft.error(f"instalments.{line.index}.amount", "range", text)
        row.responsible_id = row.responsible_id or plan.owner_id
        total, collected = total + row.amount, collected + row.collected
        if row.due_on and row.collected < row.amount:
            plan.next_due_on = min(plan.next_due_on or row.due_on, row.due_on)
    plan.collected = collected
    if total != plan.total:
        text = _("The instalments add up to %(sum)s, not to %(total)s.") % {"sum": total, "total": plan.total}
        draft.error("instalments", "invalid", text)


def date_plans(plans: Sequence[CollectionPlan], moment: Moment) -> None:
    """Date the instalments of some plans by what has happened since; dates that are there stay."""
    if not plans:
        return
    occasions = occasions_of(plans)
    by_plan = {plan.pk: occasions[place] for place, plan in enumerate(plans)}
    waiting = Instalment.objects.filter(plan__in=by_plan, due_on=None).exclude(trigger=Trigger.DATE)
    rows = locked(Instalment, set(waiting.values_list("pk", flat=True)))
    dated = []
    for row in rows.values():
        row.due_on = by_plan[row.plan_id].due(row)
        if row.due_on is not None:
            dated.append(row)
    if dated:
        Instalment.objects.bulk_update(dated, ["due_on"])
        refresh_totals({row.plan_id for row in dated}, moment, action="due")

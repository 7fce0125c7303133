"""What is spent on customers: asking, budget and limits, claiming with an invoice, paying back (VIS-05)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.pipeline.public import Activity, ActivityKind, ActivityStatus, Opportunity
from saleswright.modules.visits.models import CountedInvoice, CustomerExpense, ExpenseBudget, ExpenseRule
from saleswright.modules.visits.states import ExpenseStatus
from saleswright.modules.work.public import managers_of

DRAFT, IN_APPROVAL, APPROVED = ExpenseStatus.DRAFT, ExpenseStatus.IN_APPROVAL, ExpenseStatus.APPROVED
CLAIMED, REIMBURSED, CANCELLED = ExpenseStatus.CLAIMED, ExpenseStatus.REIMBURSED, ExpenseStatus.CANCELLED
#: what counts against a budget and a limit: what is agreed to
AGREED = (APPROVED, CLAIMED, REIMBURSED)
ZERO = Decimal(0)
#: what was claimed, else what was asked for
SPENT = Sum(Coalesce(F("claimed"), F("amount")))
INVOICE = re.compile(r"[A-Z0-9]{6,40}")


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_expenses(batch: Batch) -> None:
    """Opportunity and visit are of the customer, and one expense is not above what its kind allows."""
    deals = _customers(Opportunity, {draft.record.opportunity_id for draft in batch.good})
    visits = _customers(Activity, {draft.record.visit_id for draft in batch.good})
    kinds = dict(Activity.objects.filter(pk__in=visits).values_list("pk", "kind")) if visits else {}
    limits = {rule.kind: rule for rule in ExpenseRule.objects.all()}
    for draft in batch.good:
        expense = draft.record
        for name, known in (("opportunity", deals), ("visit", visits)):
            pk = getattr(expense, f"{name}_id")
            if pk is not None and known.get(pk) not in {None, expense.customer_id}:
                draft.error(name, "invalid", _("It belongs to another customer."))
        if expense.visit_id and kinds.get(expense.visit_id, ActivityKind.VISIT) != ActivityKind.VISIT:
            draft.error("visit", "invalid", _("Name a visit."))
        _check_amount(draft, limits.get(expense.kind))


def _customers(model: Any, ids: set[int | None]) -> dict[int, int | None]:
    wanted = ids - {None}
    return dict(model.objects.filter(pk__in=wanted).values_list("pk", "customer_id")) if wanted else {}


def _check_amount(draft: Draft, rule: ExpenseRule | None) -> None:
    amount = draft.record.amount
    if amount is None:
        return
    if amount <= 0:
        draft.error("amount", "range", _("The amount must be above zero."))
    elif rule and rule.most_each is not None and amount > rule.most_each:
        text = _("At most %(amount)s for one expense of this kind.")
        draft.error("amount", "range", text % {"amount": rule.most_each})


# --- asking ----------------------------------------------------------------------------------------------------


def _need(expense: CustomerExpense, actor: Actor, args: Mapping[str, Any]) -> ApprovalNeed | None:
    """The nearest manager of the person agrees, and whoever the approval flows name by the amount."""
    user = User.objects.filter(pk=expense.owner_id or actor.user_id).first()
    managers = managers_of(user)[:1] if user is not None else []
    approvers = tuple((one.pk,) for one in managers if one.pk != actor.user_id)
    return ApprovalNeed(expense.purpose, facts={"amount": expense.amount}, approvers=approvers)


@transition(
    "customer-expenses", "submit", label=gettext_lazy("Submit"), source=[DRAFT], pending=IN_APPROVAL, target=APPROVED,
    approval=_need, icon="send", style="primary",
)  # fmt: skip
def submit_expense(expense: CustomerExpense, *, actor: Actor, at: datetime) -> None:
    """Agree to it within budget and limits, which are checked when it is agreed to, one after the other.

    Raises Conflict when the department's budget or the customer's limit of the year does not allow it.
    """
    _within_limit(expense)
    _within_budget(expense)


def quarter_of(day: date) -> tuple[int, str, Period]:
    """The fiscal year and quarter that hold the day, with their days."""
    year = clock.fiscal_year_of(day)
    for quarter in ("q1", "q2", "q3", "q4"):
        days = clock.fiscal_period(year, quarter)
        if day in days:
            return year, quarter, days
    raise AssertionError(day)


def left_of(ids: list[int], actor: Actor | None = None) -> dict[int, str]:
    """What is left of some budgets, with one statement for each quarter among them."""
    found: dict[int, str] = {}
    quarters: dict[tuple[int, str], list[ExpenseBudget]] = {}
    for budget in ExpenseBudget.objects.filter(pk__in=ids):
        quarters.setdefault((budget.year, budget.quarter), []).append(budget)
    for (year, quarter), budgets in quarters.items():
        span = clock.fiscal_period(year, quarter)
        rows = _agreed_rows(CustomerExpense.objects.all(), span)
        spent = dict(rows.order_by().values("department_id").annotate(n=SPENT).values_list("department_id", "n"))
        found |= {one.pk: str(one.amount - spent.get(one.department_id, ZERO)) for one in budgets}
    return found


def _agreed_rows(rows: QuerySet[CustomerExpense], span: Period) -> QuerySet[CustomerExpense]:
    return rows.filter(status__in=AGREED, archived_at=None, spent_on__gte=span.start, spent_on__lte=span.end)


def agreed(rows: QuerySet[CustomerExpense], span: Period) -> Decimal:
    """What was agreed to of these expenses in the days: what was claimed, else what was asked for."""
    return _agreed_rows(rows, span).aggregate(total=SPENT)["total"] or ZERO


def _within_limit(expense: CustomerExpense) -> None:
    """Lock the rule, so that two at once can't both take the rest of a customer's limit."""
    rule = ExpenseRule.objects.select_for_update().filter(kind=expense.kind).first()
    if rule is None or rule.most_a_year is None:
        return
    year = clock.fiscal_period(clock.fiscal_year_of(expense.spent_on))
    same = CustomerExpense.objects.filter(customer_id=expense.customer_id, kind=expense.kind).exclude(pk=expense.pk)
    left = rule.most_a_year - agreed(same, year)
    if expense.amount > left:
        text = _("The limit of the customer for this kind allows %(amount)s more this year.")
        raise Conflict(text % {"amount": max(left, ZERO)})


def budget_of(department_id: int | None, day: date) -> QuerySet[ExpenseBudget]:
    """The budget of a department for the quarter that holds the day."""
    year, quarter, _days = quarter_of(day)
    return ExpenseBudget.objects.filter(department_id=department_id or 0, year=year, quarter=quarter, archived_at=None)


def remaining(budget: ExpenseBudget, *, without: int | None = None) -> Decimal:
    """What is left of a budget."""
    span = clock.fiscal_period(budget.year, budget.quarter)
    return budget.amount - agreed(
        CustomerExpense.objects.filter(department_id=budget.department_id).exclude(pk=without or 0), span
    )


def _within_budget(expense: CustomerExpense) -> None:
    """Lock the budget and see what is left of it; a department without one is not held to any."""
    budget = budget_of(expense.department_id, expense.spent_on).select_for_update(of=("self",)).first()
    if budget is None:
        return
    left = remaining(budget, without=expense.pk)
    if expense.amount > left:
        text = _("The budget of the department has %(amount)s left in this quarter.")
        raise Conflict(text % {"amount": max(left, ZERO)})


@transition(
    "customer-expenses", "cancel", label=gettext_lazy("Cancel"), source=[DRAFT, APPROVED], target=CANCELLED, icon="x",
    style="danger", args=(Arg("reason", gettext_lazy("Reason")),),
)  # fmt: skip
def cancel_expense(expense: CustomerExpense, *, actor: Actor, at: datetime, reason: str) -> None:
    """It is not spent; what was agreed to is free again."""


# --- claiming and paying ---------------------------------------------------------------------------------------


def invoice_key(number: str) -> str:
    """An invoice number as it counts: capitals and digits alone. Raises ValidationFailed for what is none."""
    key = re.sub(r"[\s\-_/.]", "", number).upper()
    if not INVOICE.fullmatch(key):
        text = _("An invoice number has 6 to 40 letters and digits; with a code, write code and number together.")
        raise ValidationFailed.of("invoice_number", "invalid", text)
    return key


@transition(
    "customer-expenses", "claim", label=gettext_lazy("Claim"), source=[APPROVED], target=CLAIMED, style="success",
    icon="receipt", drop=False,
    args=(
        Arg("invoice_number", gettext_lazy("Invoice number")),
        Arg("claimed", gettext_lazy("Amount claimed"), "money"),
        Arg("visit_id", gettext_lazy("Visit"), "reference", required=False, to="activities",
            help=gettext_lazy("The visit at which it was spent, if it is not named yet.")),
    ),
)  # fmt: skip
def claim_expense(
    expense: CustomerExpense, *, actor: Actor, at: datetime, invoice_number: str, claimed: Decimal, visit_id: int | None
) -> None:
    """Ask for the money back with an invoice, which counts once in the whole company, and the visit as evidence.

    Raises ValidationFailed for more than was agreed to, for an invoice that was claimed before and without the visit
    that the rule of the kind asks for.
    """
    if not 0 < claimed <= expense.amount:
        text = _("Claim more than zero and at most what was approved: %(amount)s.")
        raise ValidationFailed.of("claimed", "range", text % {"amount": expense.amount})
    expense.visit_id = visit_id or expense.visit_id
    _check_evidence(expense, claimed)
    _count_invoice(expense, invoice_key(invoice_number))
    expense.claimed = claimed


def _check_evidence(expense: CustomerExpense, claimed: Decimal) -> None:
    rule = ExpenseRule.objects.filter(kind=expense.kind).first()
    needed = rule is not None and rule.visit_from is not None and claimed >= rule.visit_from
    visit = Activity.objects.filter(pk=expense.visit_id).first() if expense.visit_id else None
    if visit is None:
        if needed:
            raise ValidationFailed.of("visit_id", "required", _("Name the visit at which it was spent."))
        return
    if visit.kind != ActivityKind.VISIT or visit.customer_id != expense.customer_id:
        raise ValidationFailed.of("visit_id", "invalid", _("Name a visit of this customer."))
    if needed and visit.status != ActivityStatus.DONE:
        raise ValidationFailed.of("visit_id", "invalid", _("This visit has not been done."))


def _count_invoice(expense: CustomerExpense, key: str) -> None:
    """Take the number, or refuse it: the database lets one of two at once have it."""
    CountedInvoice.objects.bulk_create([CountedInvoice(number=key, expense=expense)], ignore_conflicts=True)
    holder = CountedInvoice.objects.filter(number=key).values_list("expense_id", flat=True).first()
    if holder != expense.pk:
        raise ValidationFailed.of("invoice_number", "duplicate", _("This invoice was claimed already."))
    expense.invoice_number = key


def refuse_hiding(expense: CustomerExpense) -> None:
    """What was agreed to counts: it is cancelled, never put away. Raises Conflict."""
    if expense.status in AGREED:
        raise Conflict(_("What was agreed to is cancelled, not put away."))


def count_imported(batch: Batch) -> None:
    """Imported history that was claimed takes its invoice numbers too. Raises ValidationFailed for a taken one."""
    for draft in batch.drafts:
        if batch.history and draft.record.invoice_number and draft.changed("invoice_number"):
            _count_invoice(draft.record, invoice_key(draft.record.invoice_number))


@transition(
    "customer-expenses", "return-claim", label=gettext_lazy("Return the claim"), source=[CLAIMED], target=APPROVED,
    icon="arrow-back-up", drop=False, args=(Arg("reason", gettext_lazy("Reason")),),
)  # fmt: skip
def return_claim(expense: CustomerExpense, *, actor: Actor, at: datetime, reason: str) -> None:
    """Something is wrong with the claim: its invoice is free again. Raises NotAllowed for one's own."""
    _somebody_else(expense, actor)
    CountedInvoice.objects.filter(expense=expense).delete()
    expense.claimed, expense.invoice_number = None, ""


@transition(
    "customer-expenses", "reimburse", label=gettext_lazy("Pay back"), source=[CLAIMED], target=REIMBURSED,
    style="success", icon="cash", drop=False,
    args=(
        Arg("paid_on", gettext_lazy("Paid back on"), "date", required=False, help=gettext_lazy("Left empty: today.")),
    ),
)  # fmt: skip
def reimburse_expense(expense: CustomerExpense, *, actor: Actor, at: datetime, paid_on: date | None) -> None:
    """The person has their money. Raises NotAllowed for one's own claim, ValidationFailed for a day to come."""
    _somebody_else(expense, actor)
    if paid_on and paid_on > clock.local_date(at):
        raise ValidationFailed.of("paid_on", "range", _("That day is still to come."))
    expense.paid_on = paid_on or clock.local_date(at)


def _somebody_else(expense: CustomerExpense, actor: Actor) -> None:
    if actor.user_id is not None and actor.user_id == expense.owner_id:
        raise NotAllowed(_("Somebody else decides on your claim."))

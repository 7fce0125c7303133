"""Visit plans, work reports, customer expenses and their rules as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Attached, Entity, Exchange, Limit, Related, Section, register
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.visits import queries
from saleswright.modules.visits.actions import check_in, expenses, plans, reports
from saleswright.modules.visits.models import (
    CustomerExpense,
    ExpenseBudget,
    ExpenseRule,
    PlannedStop,
    VisitPlan,
    VisitRules,
    VisitStandard,
    WorkReport,
)
from saleswright.modules.visits.states import ReportStatus
from saleswright.modules.work.public import NoticeKind, Pace, add_kind


class Shipped(Entity):
    """What every installation has from the start: it is changed, never made, deleted or put away."""

    creatable = deletable = archivable = False

    def put_away(self, record: Any, actor: Any) -> None:
        raise Conflict(_("This can be changed only."))


@register
class VisitRulesEntity(Shipped):
    """What holds for all visits and reports."""

    name, model = "visit-rules", VisitRules
    icon = "map-pin"
    columns = ("name", "radius", "report_hour")
    form = (
        Section(_("Check-in"), ("radius",)),
        Section(_("Work reports"), ("report_hour",)),
    )


@register
class VisitStandardEntity(Shipped):
    """How often customers of each level are visited."""

    name, model = "visit-standards", VisitStandard
    icon = "calendar-repeat"
    columns = ("level", "visits")
    sortable = ("visits",)
    filters = ("level",)
    ordering = "id"
    form = (Section(_("Visit standard"), ("visits",)),)


@register
class VisitPlanEntity(Entity):
    """Whom somebody wants to visit in a week."""

    name, model = "visit-plans", VisitPlan
    personal = True
    icon = "route"
    state_field = "status"
    draft_states = ("draft",)
    columns = ("week", "owner", "status", "aim", "remark")
    sortable = ("week", "status", "created_at")
    filters = ("week", "status", "created_at")
    ordering = "-week"
    form = (Section(_("Visit plan"), ("week", "owner", "aim")),)
    detail = (Section(_("Visit plan"), ("week", "owner", "aim", "remark")),)
    lines = (
        Lines(
            "stops", PlannedStop, "plan", _("Visits"), fields=("day", "begins", "customer", "purpose"),
            read=("activity",), required=False,
        ),
    )  # fmt: skip
    path = ("draft", "submitted", "confirmed")
    transitions = (
        plans.propose_visits, plans.order_stops, plans.submit_plan, plans.confirm_plan, plans.return_plan,
    )  # fmt: skip
    reaches = {"confirm": queries.plans_to_decide, "return": queries.plans_to_decide}
    panels = ("/visit-plans/{pk}/route/panel",)
    empty_text = _("No plan yet. Plan your week: the customers who are due are proposed.")

    def prepare(self, batch: Any) -> None:
        plans.prepare_plans(batch)

    def label_of(self, record: VisitPlan) -> str:
        return str(record)


@register
class WorkReportEntity(Entity):
    """What people did on a day or in a week."""

    name, model = "work-reports", WorkReport
    icon = "report"
    state_field = "status"
    draft_states = ("draft",)
    history_fields = ("submitted_at", "late", "read_at", "read_by")
    columns = ("day", "kind", "owner", "status", "late", "submitted_at", "summary")
    sortable = ("day", "status", "kind", "due_at", "submitted_at", "created_at")
    filters = ("day", "kind", "status", "due_at", "submitted_at", "created_at")
    ordering = "-day"
    form = (
        Section(_("Work report"), ("kind", "day", "owner")),
        Section(_("In one's own words"), ("summary", "problems", "plans")),
    )
    detail = (
        Section(_("In one's own words"), ("summary", "problems", "plans")),
        Section(
            _("Work report"), ("kind", "day", "until", "owner", "due_at", "submitted_at", "late", "read_by", "read_at")
        ),
    )
    path = ("draft", "submitted", "read")
    private = derived = ("facts",)
    personal = True
    transitions = (reports.submit_report, reports.read_report, reports.take_back_report)
    reaches = {"read": queries.of_others, "take-back": queries.of_ones_own}
    panels = ("/work-reports/{pk}/facts/panel",)
    exchange = Exchange(
        key="id",
        fields=("kind", "day", "owner__username", "status", "summary", "problems", "plans", "submitted_at", "late"),
    )
    empty_text = _("No report yet.")

    def prepare(self, batch: Any) -> None:
        reports.prepare_reports(batch)

    def edit_refusal(self, record: WorkReport) -> Text | None:
        if record.status != ReportStatus.DRAFT:
            return _("It is submitted. Take it back to change it.")
        return None


@register
class ExpenseRuleEntity(Shipped):
    """What holds for each kind of expense."""

    name, model = "expense-rules", ExpenseRule
    amounts_are_limits = True
    icon = "ruler"
    columns = ("kind", "most_each", "most_a_year", "visit_from")
    filters = ("kind",)
    ordering = "id"
    form = (Section(_("Expense rule"), ("most_each", "most_a_year", "visit_from")),)


@register
class ExpenseBudgetEntity(Entity):
    """What departments may spend on customers."""

    name, model = "expense-budgets", ExpenseBudget
    icon = "wallet"
    columns = ("department", "year", "quarter", "amount")
    sortable = ("year", "quarter", "amount")
    filters = ("department", "year", "quarter")
    ordering = "-year"
    form = (Section(_("Expense budget"), ("department", "year", "quarter", "amount")),)
    attached = (
        Attached("left", _("Left"), expenses.left_of, {"type": "string"}, default=lambda: "0.00", detail_only=True),
    )
    exchange = Exchange(key="department__name,year,quarter", fields=("department__name", "year", "quarter", "amount"))
    empty_text = _("No budget yet: departments without one are not held to any.")

    def label_of(self, record: ExpenseBudget) -> str:
        return str(record)


@register
class CustomerExpenseEntity(Entity):
    """Money spent on customers."""

    name, model = "customer-expenses", CustomerExpense
    icon = "report-money"
    number_field, state_field = "number", "status"
    draft_states = ("draft",)
    history_fields = ("claimed", "invoice_number", "paid_on")
    search = ("purpose", "number", "invoice_number")
    columns = ("number", "customer", "kind", "purpose", "spent_on", "amount", "claimed", "owner", "status")
    sortable = ("purpose", "spent_on", "amount", "status", "kind", "paid_on", "created_at")
    filters = (
        "customer", "opportunity", "visit", "kind", "status", "spent_on", "amount", "paid_on", "invoice_number",
        "created_at", "purpose", "number",
    )  # fmt: skip
    ordering = "-id"
    totals = ("amount",)
    form = (
        Section(_("Expense"), ("kind", "customer", "opportunity", "visit")),
        Section(_("What for"), ("purpose", "spent_on", "amount", "owner")),
    )
    detail = (
        *form,
        Section(_("Claim"), ("claimed", "invoice_number", "paid_on")),
    )
    limits = {"opportunity": Limit("customer"), "visit": Limit("customer")}
    fills = {"opportunity": ("customer",), "visit": ("customer",)}
    path = ("draft", "in_approval", "approved", "claimed", "reimbursed")
    transitions = (
        expenses.submit_expense, expenses.claim_expense, expenses.reimburse_expense, expenses.return_claim,
        expenses.cancel_expense,
    )  # fmt: skip
    exchange = Exchange(
        key="number",
        fields=(
            "number", "kind", "customer__name", "purpose", "spent_on", "amount", "status", "claimed",
            "invoice_number", "paid_on", "owner__username",
        ),
    )  # fmt: skip
    empty_text = _("No expenses yet. Ask before you spend.")

    def prepare(self, batch: Any) -> None:
        expenses.prepare_expenses(batch)

    def saved(self, batch: Any) -> None:
        expenses.count_imported(batch)

    def put_away(self, record: CustomerExpense, actor: Any) -> None:
        expenses.refuse_hiding(record)


contribute("activities", transitions=(check_in.check_in, check_in.check_out, check_in.give_place))
contribute("activities", panels=("/activities/{pk}/visit/panel",))
contribute(
    "customers",
    transitions=(check_in.visit_now,),
    panels=("/customers/{pk}/needs/panel", "/customers/{pk}/profit/panel"),
    related=(Related("customer-expenses", "customer"),),
)

add_kind(NoticeKind("work_report", _("Daily and weekly reports"), "report", {"email": Pace.DAILY, "*": Pace.NOW}))
add_kind(NoticeKind("visit_plan", _("Visit plans"), "route", {"email": Pace.DAILY, "*": Pace.NOW}))
add_setting(
    "process",
    Setting("visit-rules", _("How near a check-in must be, and by when reports are due")),
    Setting("visit-standards", _("How often customers of each level are visited")),
    Setting("expense-rules", _("Limits of each kind of customer expense, and from when on a visit is the evidence")),
    Setting("expense-budgets", _("What each department may spend on customers in a quarter")),
)

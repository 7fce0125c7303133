"""Rules of visiting, calendar feeds, visit plans, work reports and what is spent on customers."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import OwnedRecord, Record, person
from saleswright.modules.customers.public import Level
from saleswright.modules.visits.states import (
    ExpenseKind,
    ExpenseStatus,
    PlanStatus,
    Quarter,
    ReportKind,
    ReportStatus,
)


class VisitRules(Record):
    """What holds for all visits and reports of the company; there is one row."""

    title_field = "name"
    name = models.CharField(_("Name"), max_length=100, unique=True)
    radius = models.PositiveIntegerField(
        _("Range of a check-in"), default=500, validators=[MinValueValidator(10), MaxValueValidator(50_000)],
        help_text=_("Metres from the customer's coordinates within which a check-in counts as there."),
    )  # fmt: skip
    report_hour = models.PositiveSmallIntegerField(
        _("Reports are due at"), default=10, validators=[MaxValueValidator(23)],
        help_text=_("Hour of the working day after the one, or the week, that a report is about."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Rules of visiting"), _("Rules of visiting")


class VisitStandard(Record):
    """How often customers of a level are to be visited."""

    title_field = "level"
    level = models.CharField(_("Level"), max_length=1, choices=Level.choices, unique=True)
    visits = models.PositiveSmallIntegerField(
        _("Visits a quarter"), validators=[MaxValueValidator(90)], help_text=_("0: need not be visited.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Visit standard"), _("Visit standards")
        indexes = sort_indexes("visit_standard", "visits")

    def __str__(self) -> str:
        return str(self.get_level_display())


class CalendarFeed(models.Model):
    """The secret address of a person's calendar, of which only a digest is kept; a new one ends the one before."""

    user = person(_("Person"))
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user",), name="calendar_feed_once_a_person"),)


# --- plans -----------------------------------------------------------------------------------------------------


class VisitPlan(OwnedRecord):
    """Whom a person wants to visit in a week; `week` is its Monday."""

    week = models.DateField(_("Week from"), help_text=_("Any day of the week; it begins on Monday."))
    status = models.CharField(
        _("Status"), max_length=10, choices=PlanStatus.choices, default=PlanStatus.DRAFT, editable=False
    )
    aim = models.TextField(_("Aim of the week"), blank=True)
    remark = models.CharField(_("The manager says"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Visit plan"), _("Visit plans")
        constraints = (models.UniqueConstraint(fields=("owner", "week"), name="visit_plan_once_a_week"),)
        indexes = sort_indexes("visit_plan", "week", "status", "created_at")

    def __str__(self) -> str:
        return f"{self.week:%Y-%m-%d}" + (f" · {self.owner}" if self.owner_id else "")


class PlannedStop(models.Model):
    """A customer to be visited on a day of the plan; `activity` is the visit that came of it."""

    plan = models.ForeignKey(VisitPlan, models.CASCADE, related_name="stops")
    position = models.PositiveIntegerField(default=0, editable=False)
    day = models.DateField(_("Day"))
    begins = models.CharField(
        _("Begins at"), max_length=5, blank=True, help_text=_("Such as 09:30."),
        validators=[RegexValidator(r"^([01]\d|2[0-3]):[0-5]\d$", _("Enter a time such as 09:30."))],
    )  # fmt: skip
    customer = models.ForeignKey("customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="+")
    purpose = models.CharField(_("Purpose"), max_length=200, blank=True)
    activity = models.ForeignKey(
        "pipeline.Activity", models.SET_NULL, verbose_name=_("Visit"), null=True, blank=True, editable=False,
        related_name="+",
    )  # fmt: skip

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("plan", "day", "customer"), name="visit_plan_customer_once_a_day"),
        )


# --- reports ---------------------------------------------------------------------------------------------------


class WorkReport(OwnedRecord):
    """What a person did on a day or in a week, and means to do next. `facts` is what the system knew of it."""

    kind = models.CharField(_("Kind"), max_length=6, choices=ReportKind.choices, default=ReportKind.DAILY)
    day = models.DateField(_("Day or week"), help_text=_("Of a weekly report any day of the week."))
    until = models.DateField(_("Until"), editable=False)
    status = models.CharField(
        _("Status"), max_length=9, choices=ReportStatus.choices, default=ReportStatus.DRAFT, editable=False
    )
    summary = models.TextField(_("What was achieved"), blank=True)
    problems = models.TextField(_("Difficulties and help needed"), blank=True)
    plans = models.TextField(_("What comes next"), blank=True)
    facts = models.JSONField(_("Figures"), default=dict, editable=False)
    due_at = models.DateTimeField(_("Due"), editable=False)
    submitted_at = models.DateTimeField(_("Submitted at"), null=True, blank=True, editable=False)
    late = models.BooleanField(_("Late"), default=False, editable=False)
    read_at = models.DateTimeField(_("Read at"), null=True, blank=True, editable=False)
    read_by = person(_("Read by"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Work report"), _("Work reports")
        constraints = (
            models.UniqueConstraint(fields=("owner", "kind", "day"), name="work_report_once"),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(submitted_at__isnull=False), name="work_report_submitted_has_a_time"
            ),
        )
        indexes = (
            *sort_indexes("work_report", "day", "status", "kind", "due_at", "submitted_at", "created_at"),
            models.Index(fields=("kind", "day", "owner"), name="work_report_of_a_day"),
        )

    def __str__(self) -> str:
        text = f"{self.get_kind_display()} {self.day:%Y-%m-%d}"
        return f"{text} · {self.owner}" if self.owner_id else text


class ReportReminder(models.Model):
    """Somebody was reminded of a report; once for each."""

    user = person(_("Person"))
    kind = models.CharField(max_length=6, choices=ReportKind.choices)
    day = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "kind", "day"), name="report_reminder_once"),)


# --- expenses --------------------------------------------------------------------------------------------------


class ExpenseRule(Record):
    """What holds for a kind of expense; empty limits are none."""

    title_field = "kind"
    kind = models.CharField(_("Kind"), max_length=13, choices=ExpenseKind.choices, unique=True)
    most_each = MoneyField(_("Most for one"), null=True, blank=True, minimum=0)
    most_a_year = MoneyField(
        _("Most for a customer in a year"), null=True, blank=True, minimum=0, help_text=_("Of the fiscal year.")
    )
    visit_from = MoneyField(
        _("Visit needed from"), null=True, blank=True, minimum=0,
        help_text=_("From this amount on a visit that was done is the evidence for being paid."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Expense rule"), _("Expense rules")

    def __str__(self) -> str:
        return str(self.get_kind_display())


class ExpenseBudget(Record):
    """What a department may spend on customers in a quarter of a fiscal year, in base currency."""

    title_field = "year"
    department = models.ForeignKey("kernel.Department", models.PROTECT, verbose_name=_("Department"), related_name="+")
    year = models.PositiveSmallIntegerField(
        _("Fiscal year"), validators=[MinValueValidator(2000), MaxValueValidator(2199)]
    )
    quarter = models.CharField(_("Quarter"), max_length=2, choices=Quarter.choices)
    amount = MoneyField(_("Amount"), minimum=0)

    class Meta:
        verbose_name, verbose_name_plural = _("Expense budget"), _("Expense budgets")
        constraints = (
            models.UniqueConstraint(fields=("department", "year", "quarter"), name="expense_budget_once_a_quarter"),
        )
        indexes = sort_indexes("expense_budget", "year", "quarter", "amount")

    def __str__(self) -> str:
        return f"{self.department} {self.year} {self.quarter.upper()}"


class CustomerExpense(OwnedRecord):
    """Money spent on a customer: asked for, approved, spent, claimed with an invoice, paid back. In base currency."""

    title_field = "purpose"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    kind = models.CharField(_("Kind"), max_length=13, choices=ExpenseKind.choices)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="expenses"
    )
    opportunity = models.ForeignKey(
        "pipeline.Opportunity", models.PROTECT, verbose_name=_("Opportunity"), null=True, blank=True,
        related_name="expenses",
    )  # fmt: skip
    visit = models.ForeignKey(
        "pipeline.Activity", models.PROTECT, verbose_name=_("Visit"), null=True, blank=True, related_name="expenses"
    )
    purpose = models.CharField(_("Purpose"), max_length=200)
    spent_on = models.DateField(_("Day of the expense"))
    amount = MoneyField(_("Amount asked for"), minimum=0)
    status = models.CharField(
        _("Status"), max_length=11, choices=ExpenseStatus.choices, default=ExpenseStatus.DRAFT, editable=False
    )
    claimed = MoneyField(_("Amount claimed"), null=True, blank=True, editable=False, minimum=0)
    invoice_number = models.CharField(_("Invoice number"), max_length=40, blank=True, editable=False)
    paid_on = models.DateField(_("Paid back on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Customer expense"), _("Customer expenses")
        constraints = (
            models.CheckConstraint(
                condition=Q(claimed=None) | Q(claimed__lte=F("amount")), name="expense_claims_what_was_approved"
            ),
        )
        indexes = (
            *sort_indexes(
                "customer_expense", "purpose", "spent_on", "amount", "status", "kind", "paid_on", "created_at",
                "invoice_number",
            ),
            models.Index(fields=("department", "spent_on"), name="customer_expense_budget"),
        )  # fmt: skip


class CountedInvoice(models.Model):
    """An invoice that was claimed: its number counts once in the whole company."""

    number = models.CharField(max_length=40, unique=True)
    expense = models.OneToOneField(CustomerExpense, models.CASCADE, related_name="counted_invoice")

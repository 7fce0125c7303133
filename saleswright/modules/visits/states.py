"""States of plans, reports and expenses."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class PlanStatus(States):
    """How far the plan of a week is."""

    DRAFT = "draft", "secondary", pgettext_lazy("plan", "Draft")
    SUBMITTED = "submitted", "yellow", pgettext_lazy("plan", "Submitted")
    CONFIRMED = "confirmed", "green", pgettext_lazy("plan", "Confirmed")


class ReportKind(models.TextChoices):
    """How often a report is due."""

    DAILY = "daily", _("Daily report")
    WEEKLY = "weekly", _("Weekly report")


class ReportStatus(States):
    """Whether a report has reached the manager."""

    DRAFT = "draft", "secondary", pgettext_lazy("report", "Draft")
    SUBMITTED = "submitted", "blue", pgettext_lazy("report", "Submitted")
    READ = "read", "green", pgettext_lazy("report", "Read")


class ExpenseKind(models.TextChoices):
    """What is spent on a customer (VIS-05)."""

    ENTERTAINMENT = "entertainment", _("Entertainment")
    GIFT = "gift", _("Gift")
    SAMPLE = "sample", _("Samples given")
    TRAVEL = "travel", _("Travel to the customer")
    EVENT = "event", _("Event for the customer")
    OTHER = "other", _("Other expense")


class ExpenseStatus(States):
    """From the request to the money."""

    DRAFT = "draft", "secondary", pgettext_lazy("expense", "Draft")
    IN_APPROVAL = "in_approval", "yellow", pgettext_lazy("expense", "In approval")
    APPROVED = "approved", "blue", pgettext_lazy("expense", "Approved")
    CLAIMED = "claimed", "azure", pgettext_lazy("expense", "Claimed")
    REIMBURSED = "reimbursed", "green", pgettext_lazy("expense", "Reimbursed")
    CANCELLED = "cancelled", "secondary", pgettext_lazy("expense", "Cancelled")


class Quarter(models.TextChoices):
    """A quarter of the fiscal year."""

    Q1 = "q1", _("First quarter")
    Q2 = "q2", _("Second quarter")
    Q3 = "q3", _("Third quarter")
    Q4 = "q4", _("Fourth quarter")

"""Measures of what is spent on customers."""

from __future__ import annotations

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.visits.models import CustomerExpense
from saleswright.modules.visits.states import ExpenseStatus

DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "manager": "owner__manager_id",
    "customer": "customer_id",
}


def agreed_expenses() -> QuerySet[CustomerExpense]:
    """Expenses that were agreed to and not cancelled."""
    states = (ExpenseStatus.APPROVED, ExpenseStatus.CLAIMED, ExpenseStatus.REIMBURSED)
    return CustomerExpense.objects.filter(status__in=states, archived_at=None)


CUSTOMER_EXPENSES = add_metric(
    Metric(
        "customer_expenses", _("Customer expenses"), "money",
        _("Expenses agreed to, at what was claimed or else asked for, by the day of the expense, in base currency"),
        "customer-expenses", agreed_expenses, Sum(Coalesce(F("claimed"), F("amount"))), "spent_on",
        dimensions=DIMENSIONS,
    )
)  # fmt: skip

"""States, periods and scopes of targets, and the ways of dividing them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class TargetStatus(States):
    """Whether the responsibility sheet 目标责任书 is signed."""

    DRAFT = "draft", "secondary", _("Draft")
    AGREED = "agreed", "green", _("Agreed")


class PeriodCode(models.TextChoices):
    """A part of the fiscal year."""

    YEAR = "year", _("Year")
    Q1 = "q1", _("1st quarter")
    Q2 = "q2", _("2nd quarter")
    Q3 = "q3", _("3rd quarter")
    Q4 = "q4", _("4th quarter")
    M01 = "m01", _("1st month")
    M02 = "m02", _("2nd month")
    M03 = "m03", _("3rd month")
    M04 = "m04", _("4th month")
    M05 = "m05", _("5th month")
    M06 = "m06", _("6th month")
    M07 = "m07", _("7th month")
    M08 = "m08", _("8th month")
    M09 = "m09", _("9th month")
    M10 = "m10", _("10th month")
    M11 = "m11", _("11th month")
    M12 = "m12", _("12th month")


QUARTERS = tuple(f"q{n}" for n in range(1, 5))
MONTHS = tuple(f"m{n:02d}" for n in range(1, 13))


def months_of(period: str) -> tuple[str, ...]:
    """The months in a period of the fiscal year; of a month, the month itself."""
    if period == PeriodCode.YEAR:
        return MONTHS
    if period in QUARTERS:
        first = 3 * QUARTERS.index(period)
        return MONTHS[first : first + 3]
    return (period,)


class ScopeKind(models.TextChoices):
    """Whose target it is."""

    COMPANY = "company", _("Company")
    DEPARTMENT = "department", _("Department")
    REGION = "region", _("Region")
    PERSON = "person", _("Person")
    CATEGORY = "category", _("Product category")


class DivideBy(models.TextChoices):
    """Along what a target is divided."""

    PERIODS = "periods", _("Next shorter periods")
    QUARTERS = "quarters", _("Quarters")
    MONTHS = "months", _("Months")
    CHILDREN = "children", _("Departments, or else people, below")
    DEPARTMENTS = "departments", _("Departments")
    REGIONS = "regions", _("Regions")
    PEOPLE = "people", _("People")
    CATEGORIES = "categories", _("Product categories")


class Method(models.TextChoices):
    """By what weights a target is divided."""

    EVEN = "even", _("Evenly")
    HISTORY = "history", _("By last year's share and season")
    WEIGHTS = "weights", _("By given weights")


#: other words for the ways of dividing
SYNONYMS = {
    "period": DivideBy.PERIODS,
    "time": DivideBy.PERIODS,
    "quarter": DivideBy.QUARTERS,
    "month": DivideBy.MONTHS,
    "organisation": DivideBy.CHILDREN,
    "department": DivideBy.DEPARTMENTS,
    "region": DivideBy.REGIONS,
    "person": DivideBy.PEOPLE,
    "persons": DivideBy.PEOPLE,
    "employees": DivideBy.PEOPLE,
    "category": DivideBy.CATEGORIES,
    "evenly": Method.EVEN,
    "equal": Method.EVEN,
    "weighted": Method.WEIGHTS,
}
#: other words for the kinds of scope
SCOPE_SYNONYMS = {
    "employee": ScopeKind.PERSON,
    "owner": ScopeKind.PERSON,
    "user": ScopeKind.PERSON,
    "product_category": ScopeKind.CATEGORY,
    "product-category": ScopeKind.CATEGORY,
}


class Light(States):
    """How attainment stands against the time that has gone."""

    GREEN = "green", "green", _("On course")
    YELLOW = "yellow", "yellow", _("Slightly behind")
    RED = "red", "red", _("Behind")

"""The rules, standards and expense rules that a fresh database holds."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.modules.visits.models import ExpenseRule, VisitRules, VisitStandard
from saleswright.modules.visits.states import ExpenseKind

#: level of a customer -> visits a quarter
STANDARDS = {"A": 6, "B": 3, "C": 1, "D": 0}
#: kind -> most for one, most for a customer in a year, visit needed from
EXPENSES: dict[str, tuple[int | None, int | None, int | None]] = {
    ExpenseKind.ENTERTAINMENT: (5000, 30000, 0),
    ExpenseKind.GIFT: (500, 2000, None),
    ExpenseKind.SAMPLE: (3000, 12000, None),
    ExpenseKind.TRAVEL: (None, None, 0),
    ExpenseKind.EVENT: (20000, None, None),
    ExpenseKind.OTHER: (2000, None, 1000),
}


def ship() -> None:
    """Write what is missing; what was changed is left as it is."""
    stamps = {"created_at": clock.now(), "updated_at": clock.now()}
    if not VisitRules.objects.exists():
        VisitRules.objects.create(name=_("Rules of visiting"), **stamps)
    present = set(VisitStandard.objects.values_list("level", flat=True))
    VisitStandard.objects.bulk_create(
        VisitStandard(level=level, visits=visits, **stamps)
        for level, visits in STANDARDS.items()
        if level not in present
    )
    kinds = set(ExpenseRule.objects.values_list("kind", flat=True))
    ExpenseRule.objects.bulk_create(
        ExpenseRule(kind=kind, most_each=_money(each), most_a_year=_money(year), visit_from=_money(visit), **stamps)
        for kind, (each, year, visit) in EXPENSES.items()
        if kind not in kinds
    )


def _money(amount: int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)

"""A person's goal: the target that counts for them now, and the year month by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.clock import fiscal_period
from saleswright.kernel.metrics import metric_named
from saleswright.kernel.money import allocate, round_half_up
from saleswright.modules.analytics.queries import ZERO, monthly
from saleswright.modules.targets.public import (
    Attainment,
    PeriodCode,
    Target,
    attainment,
    filters_of,
    foremost,
    months_of,
    period_text,
    scope_label,
    targets_of,
)

#: what is shown to people without a target
USUAL = "ordered"


@dataclass(frozen=True, slots=True)
class Month:
    """What was reached in a month, and what was to be reached; `planned` is None without any target."""

    label: str
    actual: Decimal
    planned: Decimal | None
    future: bool


@dataclass(frozen=True, slots=True)
class Goal:
    """The target of a person, if there is one, and the months of the fiscal year."""

    metric: str
    unit: str
    months: tuple[Month, ...]
    target_id: int | None = None
    scope: str = ""
    period: str = ""
    value: Decimal = ZERO
    attainment: Attainment | None = None


def goal_of(actor: Actor, on: date) -> Goal:
    """What the person should look at on a day."""
    year = clock.fiscal_year_of(on)
    targets = targets_of(actor, year)
    target = foremost(targets, on)
    if target is None:
        return Goal(USUAL, metric_named(USUAL).unit, _months(USUAL, {}, [], year, actor, on))
    same = [one for one in targets if one.metric == target.metric]
    return Goal(
        target.metric,
        metric_named(target.metric).unit,
        _months(target.metric, filters_of(target), same, year, actor, on),
        target.pk,
        scope_label(target),
        period_text(target.year, target.period, target.starts_on),
        target.value,
        attainment(target, actor, on),
    )


def _months(
    metric: str, filters: dict[str, Any], targets: list[Target], year: int, actor: Actor, on: date
) -> tuple[Month, ...]:
    reached = monthly(metric_named(metric), actor, fiscal_period(year), **filters)
    by_month = {(day.year, day.month): value for day, value in reached.items()}
    planned = _planned(targets)
    months = []
    for code in months_of(PeriodCode.YEAR):
        start = fiscal_period(year, code).start
        value = by_month.get((start.year, start.month), ZERO)
        months.append(Month(f"{start:%Y-%m}", round_half_up(value), planned.get(code), start > on))
    return tuple(months)


def _planned(targets: list[Target]) -> dict[str, Decimal]:
    """The target of each month: its own, or else an even part of the quarter's or of the year's."""
    found: dict[str, Decimal] = {}
    for target in sorted(targets, key=lambda one: -one.span.days):
        months = months_of(target.period)
        found |= dict(zip(months, allocate(target.value, [1] * len(months)), strict=True))
    return found

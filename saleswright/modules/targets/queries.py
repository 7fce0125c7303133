"""How far targets are reached (TGT-04), and what last year's figures say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.company import company
from saleswright.kernel.metrics import Metric, all_metrics, measure, measure_by, metric_named
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.pipeline.public import Coverage, coverage_sources
from saleswright.modules.targets.models import SCOPE_FIELDS, Target
from saleswright.modules.targets.scopes import DIMENSIONS, Trees
from saleswright.modules.targets.states import Light, PeriodCode, ScopeKind
from saleswright.modules.visits.public import Goal

#: what the API says of an attainment
FIGURES = ("actual", "attainment", "elapsed", "gap", "needed_per_day", "expected", "light")
#: measures that come first where only one is shown
FOREMOST = ("ordered", "contracted", "invoiced", "collected")
SHARE = 4  # decimal places of shares
#: attainment against the time that has gone, from which on the light is green, yellow
ON_COURSE, SLIGHTLY_BEHIND = Decimal(1), Decimal("0.85")


@dataclass(frozen=True, slots=True)
class Slice:
    """What of a measure counts: the days and the scope."""

    metric: str
    period: Period
    kind: str
    scope_id: int | None


@dataclass(frozen=True, slots=True)
class Attainment:
    """How far a target is reached at the end of a day.

    `attainment` and `elapsed` are shares; None where there is nothing to compare with: a target of zero, a period
    that has not begun (`expected`, `light`), one that is over (`needed_per_day`). `expected` goes on in a straight
    line to the end of the period.
    """

    actual: Decimal
    attainment: Decimal | None
    elapsed: Decimal
    gap: Decimal
    needed_per_day: Decimal | None
    expected: Decimal | None
    light: Light | None

    def as_json(self) -> dict[str, Any]:
        """The API's form: amounts and shares as text."""
        return {name: None if getattr(self, name) is None else str(getattr(self, name)) for name in FIGURES}


def attainment_of(value: Decimal, actual: Decimal, period: Period, on: date) -> Attainment:
    """Compare what was reached with what is to be reached, at the end of the day `on`.

    The light is green from attainment / elapsed = 1 on, yellow from 0.85 on, otherwise red.
    """
    passed = min(max((on - period.start).days + 1, 0), period.days)
    left = period.days - passed
    share = EXACT.divide(actual, value) if value else None
    elapsed = EXACT.divide(Decimal(passed), Decimal(period.days))
    gap = value - actual
    light = None
    if passed:
        pace = EXACT.divide(share, elapsed) if share is not None else ON_COURSE
        light = Light.GREEN if pace >= ON_COURSE else Light.YELLOW if pace >= SLIGHTLY_BEHIND else Light.RED
    return Attainment(
        actual=round_half_up(actual),
        attainment=None if share is None else round_half_up(share, SHARE),
        elapsed=round_half_up(elapsed, SHARE),
        gap=round_half_up(gap),
        needed_per_day=round_half_up(max(gap, Decimal(0)) / left) if left else None,
        expected=round_half_up(EXACT.divide(actual * period.days, Decimal(passed))) if passed else None,
        light=light,
    )


def attainment(target: Target, actor: Actor, on: date | None = None) -> Attainment:
    """How far the target is reached, from the records that the actor may see."""
    return attainments([target], actor, on)[target.pk]


def attainments(targets: Sequence[Target], actor: Actor, on: date | None = None) -> dict[int, Attainment]:
    """The same for many targets, with one statement for each measure, period and kind of scope."""
    day = on or clock.today()
    found = actuals([slice_of(target) for target in targets], actor)
    pairs = zip(targets, found, strict=True)
    return {t.pk: attainment_of(t.value, actual, t.span, day) for t, actual in pairs}


def slice_of(target: Target) -> Slice:
    """What counts for the target."""
    return Slice(target.metric, target.span, target.scope_kind, target.scope_id)


def actuals(slices: Sequence[Slice], actor: Actor) -> list[Decimal]:
    """The measured value of each slice; departments, regions and categories include what lies below them."""
    trees, groups = Trees(), defaultdict[tuple[str, Period, str], list[int]](list)
    for place, one in enumerate(slices):
        groups[one.metric, one.period, one.kind].append(place)
    values = [Decimal(0)] * len(slices)
    for (name, period, kind), places in groups.items():
        metric = metric_named(name)
        if kind == ScopeKind.COMPANY:
            total = measure(metric, actor, period)
            for place in places:
                values[place] = total
            continue
        members = {place: trees.members(kind, slices[place].scope_id or 0) for place in places}
        for place, value in _cut(metric, DIMENSIONS[ScopeKind(kind)], members, actor, period).items():
            values[place] = value
    return values


def _cut(
    metric: Metric, dimension: str, members: dict[int, frozenset[int]], actor: Actor, period: Period
) -> dict[int, Decimal]:
    if not _adds_up(metric):
        return {place: measure(metric, actor, period, **{dimension: list(ids)}) for place, ids in members.items()}
    wanted: Any = list(frozenset().union(*members.values()))
    found = measure_by(metric, dimension, actor, period, **{dimension: wanted})
    return {place: sum((found.get(i, Decimal(0)) for i in ids), Decimal(0)) for place, ids in members.items()}


def _adds_up(metric: Metric) -> bool:
    """Whether the values of parts sum up to the value of the whole."""
    return isinstance(metric.value, Sum | Count) and not getattr(metric.value, "distinct", False)


# --- coverage --------------------------------------------------------------------------------------------------


def covers(targets: Sequence[Target], actor: Actor) -> dict[int, tuple[Decimal, Decimal, Decimal | None]]:
    """Of targets in money: what is left to reach, the weighted open amount expected to close in the period, and the
    second as a share of the first; None where nothing is left.
    """
    reached = actuals([slice_of(target) for target in targets], actor)
    hoped = actuals([replace(slice_of(target), metric="open_weighted") for target in targets], actor)
    found: dict[int, tuple[Decimal, Decimal, Decimal | None]] = {}
    for target, actual, weighted in zip(targets, reached, hoped, strict=True):
        left, weighted = round_half_up(max(target.value - actual, Decimal(0))), round_half_up(weighted)
        found[target.pk] = (left, weighted, round_half_up(EXACT.divide(weighted, left), SHARE) if left else None)
    return found


def coverage_of_people(ids: Sequence[int], actor: Actor) -> dict[int, Coverage]:
    """How far the open deals of people cover what is left of their foremost target in money on this day."""
    if not ids or not actor.may("targets.view"):
        return {}
    today = clock.today()
    rows = Target.objects.filter(
        scope_kind=ScopeKind.PERSON, scope_person__in=list(ids), year__in=(today.year - 1, today.year), archived_at=None
    )
    mine = defaultdict[int, list[Target]](list)
    for target in visible(rows, actor):
        if is_money(target.metric) and target.scope_person_id is not None:
            mine[target.scope_person_id].append(target)
    chosen = {pk: one for pk, some in mine.items() if (one := foremost(some, today)) is not None}
    found = covers(list(chosen.values()), actor)
    return {
        pk: Coverage(found[one.pk][2], found[one.pk][0], f"/targets/{one.pk}") for pk, one in chosen.items()
    }  # fmt: skip


coverage_sources.append(coverage_of_people)


# --- words and values around a target --------------------------------------------------------------------------


def period_text(year: int, period: str, start: date) -> str:
    """`2026`, `2026 Q3`, `2026-11`."""
    if period == PeriodCode.YEAR:
        return str(year)
    return f"{year} {period.upper()}" if period.startswith("q") else f"{start:%Y-%m}"


def is_money(name: str) -> bool:
    """Whether the measure of that name is an amount of money; one that is no longer there is not."""
    return any(metric.name == name and metric.unit == "money" for metric in all_metrics())


def metric_label(name: str) -> str:
    """The measure's name for people."""
    return next((str(metric.label) for metric in all_metrics() if metric.name == name), name)


def scope_label(target: Target) -> str:
    """The name of whose target it is; the scope's records must be at hand."""
    field = SCOPE_FIELDS.get(ScopeKind(target.scope_kind))
    return str(getattr(target, field).name) if field else company().name


def with_scopes(rows: QuerySet[Target]) -> QuerySet[Target]:
    """The same targets with the records that their scopes name."""
    return rows.select_related(*SCOPE_FIELDS.values())


def scopes_of(ids: list[int], actor: Actor) -> dict[int, Any]:
    """Whose targets they are, as {"kind", "id", "label"}."""
    return {
        target.pk: {"kind": target.scope_kind, "id": target.scope_id, "label": scope_label(target)}
        for target in with_scopes(Target.objects.filter(pk__in=ids))
    }


def gaps_of(ids: list[int], actor: Actor) -> dict[int, str]:
    """What of divided targets their children leave over: value less the sum of the children."""
    children = Target.objects.filter(parent__in=ids, archived_at=None).order_by().values("parent_id")
    rows = children.annotate(given=Sum("value")).values_list("parent_id", "parent__value", "given")
    return {pk: str(value - given) for pk, value, given in rows}


def attained_by(ids: list[int], actor: Actor) -> dict[int, Any]:
    """How far the targets are reached today."""
    found = attainments(list(Target.objects.filter(pk__in=ids)), actor)
    return {pk: one.as_json() for pk, one in found.items()}


def progress_of(ids: list[int], actor: Actor) -> dict[int, str]:
    """How far the targets are reached today, in words."""
    words = {}
    for pk, one in attainments(list(Target.objects.filter(pk__in=ids)), actor).items():
        if one.attainment is not None and one.light is not None:
            words[pk] = _("%(reached).1f %% after %(elapsed).1f %% of the time: %(light)s") % {
                "reached": one.attainment * 100,
                "elapsed": one.elapsed * 100,
                "light": one.light.label,
            }
    return words


def visible_targets_of(year: int, period: str, actor: Actor) -> list[Target]:
    """The targets of a period that the actor may see, by measure, widest scope first."""
    rows = visible(Target.objects.filter(year=year, period=period, archived_at=None), actor)
    order = {kind: place for place, kind in enumerate(ScopeKind.values)}
    return sorted(with_scopes(rows.order_by()), key=lambda t: (t.metric, order[t.scope_kind], t.name, t.pk))


def targets_of(actor: Actor, year: int) -> list[Target]:
    """The targets of a fiscal year that count for a person: their own, or else their department's, or else the
    company's, of those that they may see."""
    own = Q(scope_kind=ScopeKind.PERSON, scope_person_id=actor.user_id)
    department = Q(scope_kind=ScopeKind.DEPARTMENT, scope_department_id=actor.access.department_id)
    rows = Target.objects.filter(own | department | Q(scope_kind=ScopeKind.COMPANY), year=year, archived_at=None)
    found = list(with_scopes(visible(rows, actor)).order_by("id"))
    for kind in (ScopeKind.PERSON, ScopeKind.DEPARTMENT, ScopeKind.COMPANY):
        if nearest := [target for target in found if target.scope_kind == kind]:
            return nearest
    return []


def foremost(targets: Sequence[Target], on: date) -> Target | None:
    """The target to look at on a day: what is ordered before other measures, the month before longer periods."""
    present = [target for target in targets if on in target.span]
    order = {name: place for place, name in enumerate(FOREMOST)}
    return min(present, key=lambda t: (order.get(t.metric, len(order)), t.metric, t.span.days), default=None)


def goals_at(actor: Actor, on: date) -> list[Goal]:
    """The targets that count for a person on a day, with how far they are reached at its end; short periods first."""
    present = [target for target in targets_of(actor, clock.fiscal_year_of(on)) if on in target.span]
    reached = attainments(present, actor, on)
    order = {name: place for place, name in enumerate(FOREMOST)}
    present.sort(key=lambda t: (t.span.days, order.get(t.metric, len(order)), t.metric))
    return [
        Goal(
            target.metric, metric_named(target.metric).unit, period_text(target.year, target.period, target.starts_on),
            target.value, reached[target.pk].actual, reached[target.pk].attainment, reached[target.pk].elapsed,
        )
        for target in present
    ]  # fmt: skip


def filters_of(target: Target) -> dict[str, list[int]]:
    """The dimension of the metric layer by which the target's measure is cut, with the members that count."""
    if target.scope_kind == ScopeKind.COMPANY or target.scope_id is None:
        return {}
    return {DIMENSIONS[ScopeKind(target.scope_kind)]: list(Trees().members(target.scope_kind, target.scope_id))}

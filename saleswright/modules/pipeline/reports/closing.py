"""Reports on opportunities (OPP-06). Amounts in base currency; archived opportunities are left out.

Shares are `Decimal`s of four places and days of two, rounded half up; they leave as text in JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.presentation import Chart
from saleswright.interface.report_dimensions import KEY, Chosen, Dimension
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.kernel.holdings import held_by, holder_then
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.leads.public import source_names
from saleswright.modules.pipeline.metrics import WEIGHTED
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.queries import chosen_pipeline, furthest_stages, stages_of
from saleswright.modules.pipeline.states import OpportunityStatus

OPEN, WON, LOST = OpportunityStatus.OPEN, OpportunityStatus.WON, OpportunityStatus.LOST
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Group:
    """A way of grouping: its columns for id and name, the list filter behind a row, and what codes are called.

    A custom field is a `dimension`, whose values are named after the rows are read.
    """

    label: Text
    key: str
    name: str
    filter: str = ""
    of: Callable[[Any], Any] = field(default=lambda key: key)
    names: Callable[[], Mapping[str, Text]] = dict
    dimension: Dimension | None = None


def quarter_of(day: date) -> str:
    """The fiscal quarter of a day, such as `2026-Q4`; named by the year in which the fiscal year starts."""
    year = clock.fiscal_year_of(day)
    return next(f"{year}-Q{n}" for n in (1, 2, 3, 4) if day in clock.fiscal_period(year, f"q{n}"))


GROUPS: dict[str, Group] = {
    "owner": Group(gettext_lazy("Owner"), "owner_then", "owner_name_then", "owner_id"),
    "manager": Group(gettext_lazy("Manager"), "manager_then", "manager_name_then"),
    "product": Group(gettext_lazy("Product"), "product_id", "product__name", "product_id"),
    "quarter": Group(gettext_lazy("Quarter"), "closed_on", "closed_on", of=quarter_of),
    "source": Group(gettext_lazy("Source"), "source", "source", "source", names=source_names),
}

FILTERS = (
    Parameter("from", gettext_lazy("From day")),
    Parameter("to", gettext_lazy("To day")),
    Parameter("pipeline_id", gettext_lazy("Pipeline"), "reference", to="pipelines"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
    Parameter("product_id", gettext_lazy("Product"), "reference", to="products"),
)
GROUPED = Parameter(
    "by",
    gettext_lazy("Grouped by"),
    "choice",
    tuple((name, group.label) for name, group in GROUPS.items()),
    default="owner",
    grouping=True,
)
#: what an opportunity leads to, whose custom fields reports can be grouped by and cut to
SUBJECTS = {"opportunities": "", "customers": "customer", "products": "product"}


def group_of(parameters: Mapping[str, Any]) -> Group:
    """The way of grouping that was chosen."""
    chosen = parameters["custom"].by
    if chosen is None:
        return GROUPS[parameters["by"]]
    return Group(chosen.label, KEY, KEY, names=lambda: chosen.names, dimension=chosen)


#: where a closed opportunity has what changes hands, and its date
HELD = ("opportunities", "pk", "closed_on")
#: groups that follow the day of closing -> dimension or name of a past holding, column of the present one
THEN = {
    "owner_then": ("owner", "owner_id"),
    "owner_name_then": ("owner_name", "owner__name"),
    "manager_then": ("manager", "owner__manager_id"),
    "manager_name_then": ("manager_name", "owner__manager__name"),
}


def decided(parameters: Mapping[str, Any], actor: Actor, group: Group) -> QuerySet[Opportunity]:
    """The opportunities closed from `from` to `to`, with the group's columns; owner, department and manager are those
    of that day, whoever has the opportunity now."""
    rows = asked({**parameters, "owner_id": None, "department_id": None}, actor, "closed_on")
    for dimension in ("owner", "department"):
        if (member := parameters[f"{dimension}_id"]) is not None:
            rows = held_by(rows, [member], dimension, f"{dimension}_id", *HELD)
    return rows.annotate(**{one: holder_then(*THEN[one], *HELD) for one in (group.key, group.name) if one in THEN})


def asked(parameters: Mapping[str, Any], actor: Actor, day: str) -> QuerySet[Opportunity]:
    """The opportunities that the actor may see, cut by the filters and by `day` from and to, both inclusive."""
    rows = parameters["custom"].cut(visible(Opportunity.objects.filter(archived_at=None), actor).order_by())
    for name in ("pipeline_id", "owner_id", "department_id", "product_id"):
        if parameters[name] is not None:
            rows = rows.filter(**{name: parameters[name]})
    if parameters["from"] is not None:
        rows = rows.filter(**{f"{day}__gte": parameters["from"]})
    if parameters["to"] is not None:
        rows = rows.filter(**{f"{day}__lte": parameters["to"]})
    return rows


def share(part: int, whole: int) -> Decimal | None:
    """`part / whole` to four places; None of nothing."""
    return quotient(part, whole, 4) if whole else None


def quotient(part: int, whole: int, places: int) -> Decimal:
    """`part / whole`, rounded half up."""
    return round_half_up(EXACT.divide(Decimal(part), Decimal(whole)), places)


# --- funnel ----------------------------------------------------------------------------------------------------


@report(
    "funnel",
    gettext_lazy("Sales funnel"),
    Parameter("by", gettext_lazy("Grouped by"), "choice", (("stage", gettext_lazy("Stage")),), default="stage"),
    *FILTERS,
    icon="filter",
    subjects=SUBJECTS,
)
def funnel(parameters: dict[str, Any], actor: Actor) -> Result:
    """The stages of one pipeline, for opportunities opened from `from` to `to`.

    open_count, open_amount, open_weighted: open ones now in the stage, their amounts, and amount times probability.
    reached_count: all that were ever in this stage or a later one; won ones have reached every stage.
    won_count: those of them that were won. conversion = won_count / reached_count;
    next_conversion = reached_count of the next stage / reached_count (of the last stage: conversion).
    """
    pipeline_id = chosen_pipeline(parameters["pipeline_id"])
    rows = asked({**parameters, "pipeline_id": pipeline_id}, actor, "opened_on")
    figures = rows.filter(status=OPEN).values("stage_id")
    figures = figures.annotate(n=Count("pk"), amount=Sum("base_amount"), weighted=Sum(WEIGHTED))
    open_by_stage = {row["stage_id"]: row for row in figures}
    reached = rows.annotate(furthest=furthest_stages(pipeline_id)).values("status", "furthest").annotate(n=Count("pk"))
    ends = [(row["status"], row["furthest"], row["n"]) for row in reached]
    won = sum(n for status, _furthest, n in ends if status == WON)
    stages = stages_of(pipeline_id)
    counts = [sum(n for status, end, n in ends if status == WON or end >= stage.sequence) for stage in stages]
    table = []
    for place, stage in enumerate(stages):
        now: Mapping[str, Any] = open_by_stage.get(stage.pk, {})
        following = counts[place + 1] if place + 1 < len(stages) else won
        table.append(
            [
                stage.name,
                stage.title,
                now.get("n", 0),
                now.get("amount") or ZERO,
                round_half_up(now.get("weighted") or ZERO),
                counts[place],
                won,
                share(won, counts[place]),
                share(following, counts[place]),
            ]
        )
    chosen = parameters["custom"]
    drill = [chosen.address("/opportunities", {"stage_id": stage.pk, "status": "open"}, "") for stage in stages]
    return Result(FUNNEL, table, chart=_funnel_chart(table, won), drill=drill)


FUNNEL = [
    ReportColumn("stage", gettext_lazy("Code"), code=True),
    ReportColumn("title", gettext_lazy("Stage")),
    ReportColumn("open_count", gettext_lazy("Open deals"), "integer", total=True),
    ReportColumn("open_amount", gettext_lazy("Open amount"), "money", total=True),
    ReportColumn("open_weighted", gettext_lazy("Weighted open amount"), "money", total=True),
    ReportColumn("reached_count", gettext_lazy("Reached"), "integer"),
    ReportColumn("won_count", gettext_lazy("Deals won"), "integer"),
    ReportColumn("conversion", gettext_lazy("Won of those"), "percent"),
    ReportColumn("next_conversion", gettext_lazy("Went on"), "percent"),
]


def _funnel_chart(table: list[list[Any]], won: int) -> Chart | None:
    if not table or not table[0][5]:
        return None
    steps = [(row[1], row[5]) for row in table] + [(_("Deals won"), won)]
    option = {
        "series": [
            {
                "type": "funnel",
                "sort": "none",
                "gap": 2,
                "label": {"show": True, "position": "inside", "formatter": "{b}: {c}"},
                "data": [{"name": name, "value": count} for name, count in steps],
            }
        ]
    }
    title = _("Of %(all)d deals %(won)d were won") % {"all": table[0][5], "won": won}
    cells = [[name, str(count)] for name, count in steps]
    return Chart(title, _("Deals"), _("Opportunities"), option, [_("Stage"), _("Deals")], cells)


# --- win rate and sales cycle ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What is known of one group."""

    name: str
    won: int = 0
    lost: int = 0
    won_amount: Decimal = ZERO
    days: list[int] = field(default_factory=list)


def tallies(rows: Sequence[Mapping[str, Any]], group: Group) -> dict[Any, Tally]:
    """An empty tally for each group in the rows, by its key."""
    found: dict[Any, Tally] = {}
    told = group.dimension.told(row[KEY] for row in rows) if group.dimension else {}
    for row in rows:
        key = group.of(row[group.key])
        name = told.get(key) if group.dimension else key if group.key == group.name else row[group.name]
        found.setdefault(key, Tally(str(name or _("(none)"))))
    return found


@report("win-rate", gettext_lazy("Win rate"), GROUPED, *FILTERS, icon="trophy", subjects=SUBJECTS)
def win_rate(parameters: dict[str, Any], actor: Actor) -> Result:
    """Opportunities closed from `from` to `to`: won, lost, rate = won / (won + lost) and the amount won.

    The product is that of the first line, the manager the present one of the owner then, the quarter the fiscal one.
    """
    group = group_of(parameters)
    rows = list(
        decided(parameters, actor, group)
        .filter(status__in=(WON, LOST))
        .values(*dict.fromkeys((group.key, group.name)))
        .annotate(
            won=Count("pk", filter=Q(status=WON)),
            lost=Count("pk", filter=Q(status=LOST)),
            amount=Sum("base_amount", filter=Q(status=WON)),
        )
    )
    found = tallies(rows, group)
    for row in rows:
        tally = found[group.of(row[group.key])]
        tally.won += row["won"]
        tally.lost += row["lost"]
        tally.won_amount += row["amount"] or ZERO
    ordered = _ordered(found, parameters["by"], lambda tally: -tally.won_amount)
    rates = [quotient(t.won, t.won + t.lost, 4) for _key, t in ordered]
    table = [[t.name, t.won, t.lost, rate, t.won_amount] for (_key, t), rate in zip(ordered, rates, strict=True)]
    columns = [
        ReportColumn("group", group.label, names=group.names()),
        ReportColumn("won", gettext_lazy("Deals won"), "integer", total=True),
        ReportColumn("lost", gettext_lazy("Deals lost"), "integer", total=True),
        ReportColumn("rate", gettext_lazy("Win rate"), "percent"),
        ReportColumn("won_amount", gettext_lazy("Won amount"), "money", total=True),
    ]
    won, closed = sum(t.won for t in found.values()), sum(t.won + t.lost for t in found.values())
    title = _("%(won)d of %(closed)d closed deals were won") % {"won": won, "closed": closed}
    chart = _bars(
        title,
        _("Percent"),
        [(_called(group, t), round_half_up(rate * 100, 1)) for (_key, t), rate in zip(ordered, rates, strict=True)],
    )
    return Result(columns, table, chart=chart, drill=_drill(ordered, group, "won,lost", parameters["custom"]))


@report("sales-cycle", gettext_lazy("Sales cycle"), GROUPED, *FILTERS, icon="hourglass", subjects=SUBJECTS)
def sales_cycle(parameters: dict[str, Any], actor: Actor) -> Result:
    """Calendar days from opening to closing of opportunities won from `from` to `to`: mean and median.

    Opportunities of which the day of opening is unknown are left out, also of `won`.
    """
    group = group_of(parameters)
    names = dict.fromkeys((group.key, group.name, "opened_on", "closed_on"))
    rows = list(decided(parameters, actor, group).filter(status=WON, opened_on__isnull=False).values(*names))
    found = tallies(rows, group)
    for row in rows:
        found[group.of(row[group.key])].days.append((row["closed_on"] - row["opened_on"]).days)
    ordered = _ordered(found, parameters["by"], lambda tally: tally.name)
    table = [[t.name, len(t.days), quotient(sum(t.days), len(t.days), 2), _median(t.days)] for _key, t in ordered]
    columns = [
        ReportColumn("group", group.label, names=group.names()),
        ReportColumn("won", gettext_lazy("Deals won"), "integer", total=True),
        ReportColumn("mean_days", gettext_lazy("Mean days"), "days"),
        ReportColumn("median_days", gettext_lazy("Median days"), "days"),
    ]
    days = [one for tally in found.values() for one in tally.days]
    title = _("Half of the %(won)d deals took %(days)s days or less") % {"won": len(days), "days": _median(days)}
    chart = _bars(title, _("Days"), [(_called(group, t), _median(t.days)) for _key, t in ordered])
    return Result(columns, table, chart=chart, drill=_drill(ordered, group, "won", parameters["custom"]))


def _called(group: Group, tally: Tally) -> str:
    return str(group.names().get(tally.name, tally.name))


def _median(days: list[int]) -> Decimal:
    """The middle, or half way between the two middle ones; 0 of nothing."""
    return median(map(Decimal, days)) if days else Decimal(0)


def _ordered(found: Mapping[Any, Tally], by: str, rank: Callable[[Tally], Any]) -> list[tuple[Any, Tally]]:
    """Quarters in their order, others by rank and name."""
    if by == "quarter":
        return sorted(found.items(), key=lambda item: item[0])
    return sorted(found.items(), key=lambda item: (rank(item[1]), item[1].name))


def _drill(ordered: list[tuple[Any, Tally]], group: Group, states: str, chosen: Chosen) -> list[str]:
    """The address of the list behind each row, where the list has such a filter."""
    found = []
    for key, _tally in ordered:
        own = {} if group.dimension else {group.filter: key} if group.filter and key else None
        found.append("" if own is None else chosen.address("/opportunities", {"status": states} | own, "", key))
    return found


def _bars(title: str, unit: str, values: list[tuple[str, Decimal]]) -> Chart | None:
    """Bars of the first thirty groups."""
    shown = values[:30]
    if not shown:
        return None
    option = {
        "grid": {"left": 8, "right": 24, "top": 16, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value"},
        "yAxis": {"type": "category", "inverse": True, "data": [name for name, _value in shown]},
        "series": [{"type": "bar", "data": [float(value) for _name, value in shown]}],
    }
    return Chart(title, unit, _("Opportunities"), option, [_("Group"), unit], [[n, str(v)] for n, v in shown])

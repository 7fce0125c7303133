"""How far the targets are reached."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.presentation import Chart
from saleswright.interface.reports import ColumnKind, Parameter, ReportColumn, Result, report
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.modules.targets.models import Target, this_year
from saleswright.modules.targets.queries import (
    Attainment,
    attainments,
    covers,
    filters_of,
    is_money,
    metric_label,
    scope_label,
    visible_targets_of,
)
from saleswright.modules.targets.states import Light, PeriodCode, ScopeKind

COLOURS = {Light.GREEN: "#2fb344", Light.YELLOW: "#f59f00", Light.RED: "#d63939"}


@report(
    "target-attainment", gettext_lazy("Target attainment"),
    Parameter("year", gettext_lazy("Fiscal year"), "integer", default=this_year),
    Parameter("period", gettext_lazy("Period"), "choice", tuple(PeriodCode.choices), default=PeriodCode.YEAR.value),
    icon="target",
)  # fmt: skip
def target_attainment(parameters: dict[str, Any], actor: Actor) -> Result:
    """A row for each target of the period that the actor may see; shares are of 1."""
    year = min(max(parameters["year"], 1), 9000)
    targets = visible_targets_of(year, parameters["period"], actor)
    reached = attainments(targets, actor)
    columns = [
        ReportColumn("group", _("Target of")),
        ReportColumn("metric", _("Measure"), code=True),
        ReportColumn("label", _("Measure")),
        ReportColumn("target", _("Target"), "money", kind_in=_kind),
        ReportColumn("actual", _("Actual"), "money", kind_in=_kind),
        ReportColumn("attainment", _("Attainment"), "percent"),
        ReportColumn("elapsed", _("Time elapsed"), "percent"),
        ReportColumn("gap", _("Gap"), "money", kind_in=_kind),
        ReportColumn("expected", _("Expected at the end"), "money", kind_in=_kind),
        ReportColumn("light", _("Light"), names=dict(Light.choices)),
    ]
    rows = [_row(target, reached[target.pk]) for target in targets]
    chart = _chart(targets, reached) if targets else None
    return Result(columns, rows, chart=chart, drill=[f"/targets/{target.pk}" for target in targets])


@report(
    "coverage", gettext_lazy("Coverage of targets"),
    Parameter("year", gettext_lazy("Fiscal year"), "integer", default=this_year),
    Parameter("period", gettext_lazy("Period"), "choice", tuple(PeriodCode.choices), default=PeriodCode.YEAR.value),
    icon="shield-check",
)  # fmt: skip
def coverage(parameters: dict[str, Any], actor: Actor) -> Result:
    """coverage = open weighted / remaining target, for each target in money of the period that the actor may see.

    remaining = target - actual, at least 0; open_weighted is amount times probability of what is expected to close in
    the period. Nothing is said of a target that is reached.
    """
    year = min(max(parameters["year"], 1), 9000)
    targets = [one for one in visible_targets_of(year, parameters["period"], actor) if is_money(one.metric)]
    covered = covers(targets, actor)
    rows = [
        [scope_label(one), one.metric, metric_label(one.metric), one.value, *covered[one.pk]] for one in targets
    ]  # fmt: skip
    columns = [
        ReportColumn("group", _("Target of")),
        ReportColumn("metric", _("Measure"), code=True),
        ReportColumn("label", _("Measure")),
        ReportColumn("target", _("Target"), "money"),
        ReportColumn("remaining", _("Left to reach"), "money"),
        ReportColumn("open_weighted", _("Weighted open amount"), "money"),
        ReportColumn("coverage", _("Coverage"), "percent"),
    ]
    return Result(columns, rows, drill=[_open_deals(one) for one in targets])


def _open_deals(target: Target) -> str:
    """The open deals expected to close in the target's period, where the scope has a filter of the list."""
    filters = {ScopeKind.PERSON: "owner_id", ScopeKind.DEPARTMENT: "department_id"}
    span = f"expected_close__gte={target.span.start}&expected_close__lte={target.span.end}"
    name = filters.get(ScopeKind(target.scope_kind))
    scope = f"&{name}={','.join(map(str, sorted(next(iter(filters_of(target).values())))))}" if name else ""
    return f"/opportunities?status=open&{span}{scope}"


def _kind(row: Sequence[Any]) -> ColumnKind:
    """Whether the figures of the row are money or counted."""
    return "money" if is_money(row[1]) else "quantity"


def _row(target: Target, one: Attainment) -> list[Any]:
    amounts = [target.value, one.actual, one.attainment, one.elapsed, one.gap, one.expected]
    told = [None if amount is None else str(amount) for amount in amounts]
    return [
        scope_label(target),
        target.metric,
        metric_label(target.metric),
        *told,
        one.light.value if one.light else "",
    ]


def _chart(targets: Sequence[Target], reached: dict[int, Attainment]) -> Chart:
    """Attainment of each target as a bar, with the time that has gone as a line across."""
    names = [f"{scope_label(target)} · {metric_label(target.metric)}" for target in targets]
    found = [reached[target.pk] for target in targets]
    shares = [Decimal(0) if one.attainment is None else one.attainment * 100 for one in found]
    behind = sum(one.light in {Light.YELLOW, Light.RED} for one in found)
    title = (
        _("%(behind)d of %(all)d targets are behind the time") % {"behind": behind, "all": len(found)}
        if behind
        else _("All targets are on course")
    )
    bars = [
        {"value": float(share), "itemStyle": {"color": COLOURS[one.light] if one.light else "#868e96"}}
        for share, one in zip(shares, found, strict=True)
    ]
    elapsed = float(found[0].elapsed * 100)
    option = {
        "grid": {"containLabel": True},
        "xAxis": {"type": "value", "axisLabel": {"formatter": "{value} %"}},
        "yAxis": {"type": "category", "inverse": True, "data": names},
        "series": [
            {
                "type": "bar",
                "data": bars,
                "markLine": {"symbol": "none", "data": [{"xAxis": elapsed, "name": _("Time elapsed")}]},
            }
        ],
    }
    table = [
        [name, f"{share:.1f} %", str(target.value), str(one.actual)]
        for name, share, target, one in zip(names, shares, targets, found, strict=True)
    ]
    headers: list[Text] = [_("Target of"), _("Attainment"), _("Target"), _("Actual")]
    return Chart(title, _("Percent"), _("Targets and the measures behind them"), option, headers, table)

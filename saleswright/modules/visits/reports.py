"""How customers of each level are covered by visits (VIS-03)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.modules.customers.public import Customer, Level
from saleswright.modules.visits.queries import Covered, coverage, quarter_of


def share(part: int, whole: int) -> Decimal | None:
    """A share of 1 with four places; None of nothing."""
    return (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None


@report(
    "visit-coverage", gettext_lazy("Coverage by visits"),
    Parameter("on", gettext_lazy("In the quarter of"), default=clock.today),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
    icon="route",
)  # fmt: skip
def visit_coverage(parameters: dict[str, Any], actor: Actor) -> Result:
    """A row for each level with a standard: customers, visits wanted, planned and done in the fiscal quarter.

    More visits than wanted to one customer do not make up for another: of each customer at most as many count for the
    share as are wanted. Shares are of 1.
    """
    chosen = {name: parameters[name] for name in ("owner_id", "department_id") if parameters[name] is not None}
    customers = visible(Customer.objects.filter(**chosen), actor)
    on: date = parameters["on"]
    quarter = quarter_of(on)
    levels: dict[str, list[Covered]] = {}
    for one in coverage(customers, quarter):
        levels.setdefault(one.level, []).append(one)
    rows = [_row(level, levels[level]) for level in Level.values if level in levels]
    columns = [
        ReportColumn("level", _("Level"), names=dict(Level.choices)),
        ReportColumn("customers", _("Customers"), "integer", total=True),
        ReportColumn("wanted", _("Visits wanted"), "integer", total=True),
        ReportColumn("planned", _("Visits planned"), "integer", total=True),
        ReportColumn("done", _("Visits done"), "integer", total=True),
        ReportColumn("share", _("Done of wanted"), "percent"),
        ReportColumn("unvisited", _("Not visited in the quarter"), "integer", total=True),
        ReportColumn("never", _("Never visited"), "integer", total=True),
    ]
    drill = [f"/customers?level={row[0]}" for row in rows]
    return Result(columns, rows, chart=_chart(rows) if rows else None, drill=drill)


def _row(level: str, found: list[Covered]) -> list[Any]:
    wanted = sum(one.wanted for one in found)
    return [
        level,
        len(found),
        wanted,
        sum(one.planned for one in found),
        sum(one.done for one in found),
        share(sum(min(one.done, one.wanted) for one in found), wanted),
        sum(not one.done for one in found),
        sum(one.last is None for one in found),
    ]


def _chart(rows: list[list[Any]]) -> Chart:
    names = dict(Level.choices)
    worst = min(rows, key=lambda row: (row[5] or Decimal(0), row[0]))
    title = _("Level %(level)s is visited least: %(share)s %% of what is wanted") % {
        "level": worst[0], "share": f"{(worst[5] or Decimal(0)) * 100:.0f}",
    }  # fmt: skip
    labels = [str(names[row[0]]) for row in rows]
    series = [
        {"type": "bar", "name": str(label), "data": [row[place] for row in rows]}
        for place, label in ((2, _("Visits wanted")), (3, _("Visits planned")), (4, _("Visits done")))
    ]
    option = {
        "tooltip": {"trigger": "axis"}, "legend": {"bottom": 0}, "xAxis": {"type": "category", "data": labels},
        "yAxis": {"type": "value", "minInterval": 1}, "series": series,
        "grid": {"left": 40, "right": 16, "top": 16, "bottom": 48},
    }  # fmt: skip
    headers: list[Text] = [_("Level"), _("Visits wanted"), _("Visits planned"), _("Visits done")]
    table = [[label, *(str(row[place]) for place in (2, 3, 4))] for label, row in zip(labels, rows, strict=True)]
    return Chart(title, _("visits"), _("Activities of the kind visit"), option, headers, table)

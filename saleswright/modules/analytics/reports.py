"""Reports on what was sold, and on every measure of the metric layer (ANA-01, ANA-04)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.fields import plain
from saleswright.interface.formatting import format_money, format_percent
from saleswright.interface.presentation import Chart
from saleswright.interface.report_dimensions import KEY, Subjects, subjects_of
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.clock import Period, month_start
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.metrics import all_metrics, metric_named
from saleswright.kernel.money import EXACT
from saleswright.modules.analytics import queries
from saleswright.modules.leads.public import source_names

NONE = gettext_lazy("(none)")
DAYS = (Parameter("from", gettext_lazy("From")), Parameter("to", gettext_lazy("To")))


@dataclass(frozen=True, slots=True)
class Grouping:
    """A way of grouping sold lines: the columns of the key and of its name, and the filter of the order list."""

    label: Text
    key: str
    name: str
    drill: Callable[[Any], dict[str, Any]] | None = None


#: what a sold line leads to, whose custom fields the report can be grouped by and cut to
SUBJECTS = {"orders": "order", "customers": "order__customer", "products": "product"}


def _days_of(month: date) -> dict[str, Any]:
    last = month_start(month.year, month.month + 1) - timedelta(days=1)
    return {"confirmed_on__gte": month.isoformat(), "confirmed_on__lte": last.isoformat()}


GROUPINGS = {
    "product": Grouping(gettext_lazy("Product"), "product_id", "product__name"),
    "region": Grouping(gettext_lazy("Region"), "region_then", "region_name_then"),
    "channel": Grouping(gettext_lazy("Channel"), "order__channel", "order__channel", lambda key: {"channel": key}),
    "customer": Grouping(
        gettext_lazy("Customer"), "order__customer_id", "order__customer__name", lambda key: {"customer_id": key}
    ),
    "owner": Grouping(gettext_lazy("Owner"), "owner_then", "owner_name_then", lambda key: {"owner_id": key}),
    "month": Grouping(gettext_lazy("Month"), "month", "month", _days_of),
}


@report(
    "sales", gettext_lazy("Sales amount"),
    Parameter("by", gettext_lazy("By"), "choice", tuple((n, g.label) for n, g in GROUPINGS.items()), default="product",
              grouping=True),
    *DAYS,
    Parameter("customer_id", gettext_lazy("Customer"), "reference", to="customers"),
    Parameter("product_id", gettext_lazy("Product"), "reference", to="products"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
    Parameter("region_id", gettext_lazy("Region"), "reference", to="regions"),
    Parameter("channel", gettext_lazy("Channel"), "text"),
    icon="report-money",
    subjects=SUBJECTS,
)  # fmt: skip
def sales(parameters: dict[str, Any], actor: Actor) -> Result:
    """What was sold by the date on which orders were confirmed, in base currency; cancelled orders are left out.

    An order that belongs to several products counts once with each of them. Owners and regions are
    those of the date, whoever has the order now.
    """
    chosen = parameters["custom"]
    lines = chosen.cut(queries.sold_lines(actor, parameters))
    if chosen.by is None:
        grouping = GROUPINGS[parameters["by"]]
        found = queries.sales_by(lines, grouping.key, grouping.name)
    else:
        grouping = Grouping(chosen.by.label, KEY, KEY, lambda _key: {})
        found = queries.sales_by(lines, KEY, KEY)
        told = chosen.by.told(group.key for group in found)
        for group in found:
            group.name = told.get(group.key, "")
    by_month = parameters["by"] == "month"
    found.sort(key=lambda group: (group.key,) if by_month else (-group.untaxed, group.name))
    rows: list[list[Any]] = []
    for group in found:
        name = f"{group.key:%Y-%m}" if by_month else group.name or str(NONE)
        rows.append([name, group.orders, plain(group.quantity, 0), group.untaxed, group.total])
    columns = [
        ReportColumn("group", grouping.label, names=chosen.names),
        ReportColumn("orders", _("Orders"), "integer", total=not by_product(parameters)),
        ReportColumn("quantity", _("Quantity"), "quantity", total=True),
        ReportColumn("untaxed", _("Untaxed"), "money", total=True),
        ReportColumn("total", _("Total"), "money", total=True),
    ]
    drill = [_drill(grouping, group.key, parameters) for group in found] if grouping.drill else []
    title = _sales_title(found, rows, by_month, chosen.names)
    result = Result(columns, rows, drill=drill)
    result.chart = _bars(title, result.for_people()[1], 3, base_currency(), by_month)
    return result


def by_product(parameters: dict[str, Any]) -> bool:
    """Whether orders may count in several rows, so that their numbers must not be added up."""
    return parameters["by"].partition(".")[0] in {"product", "products"}


def _drill(grouping: Grouping, key: Any, parameters: dict[str, Any]) -> str:
    """The orders behind a row, if the list can be cut to them."""
    custom = parameters["custom"]
    if grouping.drill is None or (key in (None, "") and custom.by is None):
        return ""
    found = {}
    if parameters["from"]:
        found["confirmed_on__gte"] = parameters["from"].isoformat()
    if parameters["to"]:
        found["confirmed_on__lte"] = parameters["to"].isoformat()
    for name in ("customer_id", "owner_id", "department_id", "channel"):
        if parameters[name] not in (None, ""):
            found[name] = parameters[name]
    status = {"status": ",".join(queries.SOLD)}
    for name, value in grouping.drill(key).items():
        latest = {"confirmed_on__gte": max, "confirmed_on__lte": min}.get(name)
        found[name] = latest(value, found[name]) if latest and name in found else value
    return custom.address("/orders", status | found, "order", key)


def _sales_title(found: list[queries.Sold], rows: list[list[Any]], by_month: bool, names: Mapping[str, Text]) -> str:
    """The finding: who leads, or how the last month compares with the one before."""
    whole = sum((group.untaxed for group in found), Decimal(0))
    if not whole:
        return _("Nothing was sold")
    place = max(range(len(found)), key=lambda n: found[n].untaxed)
    best, share = found[place], EXACT.divide(found[place].untaxed, whole)
    if by_month:
        amount = format_money(best.untaxed, base_currency(), short=True)
        return _("The best month was %(month)s with %(amount)s") % {"month": rows[place][0], "amount": amount}
    name = names.get(rows[place][0], rows[place][0])
    return _("%(name)s made %(share)s of the sales") % {"name": name, "share": format_percent(share)}


def _bars(title: str, rows: Iterable[list[Any]], column: int, unit: str, in_time: bool) -> Chart | None:
    """The first twenty rows as bars (the last ones in time)."""
    rows = list(rows)
    shown = rows[-20:] if in_time else rows[:20]
    if not shown:
        return None
    names, values = [str(row[0]) for row in shown], [float(row[column]) for row in shown]
    categories = {"type": "category", "data": names, "inverse": not in_time}
    option = {
        "grid": {"containLabel": True},
        "xAxis": categories if in_time else {"type": "value"},
        "yAxis": {"type": "value"} if in_time else categories,
        "series": [{"type": "bar", "data": values}],
    }
    cells = [[name, str(row[column])] for name, row in zip(names, shown, strict=True)]
    return Chart(title, unit, _("Confirmed orders"), option, [_("Group"), _("Value")], cells)


# --- every measure ---------------------------------------------------------------------------------------------

_KINDS: dict[str, Literal["money", "integer", "quantity", "percent", "days"]] = {
    "money": "money", "count": "integer", "quantity": "quantity", "percent": "percent", "days": "days",
}  # fmt: skip


def _dimensions() -> tuple[tuple[str, Text], ...]:
    """Every dimension that any measure has, and the month."""
    names = dict.fromkeys(name for metric in all_metrics() for name in metric.dimensions)
    known = {name: grouping.label for name, grouping in GROUPINGS.items()} | {
        "department": gettext_lazy("Department"), "manager": gettext_lazy("Manager"), "source": gettext_lazy("Source"),
        "category": gettext_lazy("Product category"), "kind": gettext_lazy("Kind"),
        "priority": gettext_lazy("Priority"),
    }  # fmt: skip
    return (("month", gettext_lazy("Month")), *((name, known.get(name, name)) for name in names))


def _subjects(given: Mapping[str, str] | None) -> Subjects:
    """What the facts of the chosen measure lead to; of every measure for the description of the API."""
    if given is not None:
        chosen = given.get("name") or MEASURE
        return next((subjects_of(metric) for metric in all_metrics() if metric.name == chosen), {})
    found: dict[str, str] = {}
    for metric in all_metrics():
        found = subjects_of(metric) | found
    return found


MEASURE = "ordered"


@report(
    "metric", gettext_lazy("Any measure"),
    Parameter("name", gettext_lazy("Measure"), "choice", tuple((m.name, m.label) for m in all_metrics()),
              default=MEASURE),
    Parameter("by", gettext_lazy("By"), "choice", _dimensions(), default="month", grouping=True),
    *DAYS,
    icon="chart-histogram",
    subjects=_subjects,
)  # fmt: skip
def any_metric(parameters: dict[str, Any], actor: Actor) -> Result:
    """A measure of the metric layer by one of its dimensions or by month, from the records that the actor may see."""
    metric, by, chosen = metric_named(parameters["name"]), parameters["by"], parameters["custom"]
    if chosen.by is None and by != "month" and by not in metric.dimensions:
        raise ValidationFailed.of("by", "choice", _("This measure is not kept by that."))
    period = Period(parameters["from"] or date(1900, 1, 1), parameters["to"] or date(2199, 12, 31))
    found = queries.metric_by(metric, by, actor, period, chosen)
    kind = _KINDS[metric.unit]
    as_shown: Callable[[Decimal], Any] = int if kind == "integer" else lambda value: value
    rows = [[name or str(NONE), as_shown(value)] for name, value in found]
    label = dict(_dimensions())[by] if chosen.by is None else chosen.by.label
    names = source_names() if by == "source" else chosen.names
    columns = [ReportColumn("group", label, names=names), ReportColumn("value", metric.label, kind, total=True)]
    unit = base_currency() if metric.unit == "money" else ""
    title = f"{metric.label} · {label}"
    result = Result(columns, rows)
    result.chart = _bars(title, result.for_people()[1], 1, unit, by == "month")
    return result


from saleswright.modules.analytics import channel_quality  # noqa: E402, F401 - a report of its own file

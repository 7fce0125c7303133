"""What each channel of leads is worth: a report over the leads that came in within a period (LEAD-01)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.formatting import format_money, format_percent
from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Text
from saleswright.kernel.metrics import facts, metric_named
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.leads.public import Lead, LeadStatus, cost_of_sources, source_names
from saleswright.modules.market.public import Campaign

NONE = gettext_lazy("(none)")
#: days that are looked at when nothing is said
USUAL_DAYS = 90
BARS = 12
QUALIFIED = Q(status__in=(LeadStatus.QUALIFIED, LeadStatus.CONVERTED)) | Q(
    need_confirmed=True, budget_confirmed=True, authority_confirmed=True, time_confirmed=True
)
#: put aside before anybody ever reached them
INVALID = Q(status=LeadStatus.DISQUALIFIED, first_contact_at=None, responded_at=None)
WAITED = ExpressionWrapper(F("responded_at") - F("created_at"), output_field=DurationField())


@dataclass(frozen=True, slots=True)
class Grouping:
    """A way of grouping leads: the columns of the key and of its name, and the filter of the list of leads."""

    label: Text
    key: str
    name: str
    filter: str


GROUPINGS = {
    "source": Grouping(gettext_lazy("Source"), "source", "source", "source"),
    "campaign": Grouping(gettext_lazy("Campaign"), "campaign_id", "campaign__name", "campaign_id"),
    "link": Grouping(gettext_lazy("Tracked link"), "link_id", "link__name", "link_id"),
    "owner": Grouping(gettext_lazy("Owner"), "owner_id", "owner__name", "owner_id"),
}


@dataclass(slots=True)
class Channel:
    """The figures of a channel."""

    key: Any
    name: str
    leads: int = 0
    invalid: int = 0
    qualified: int = 0
    won: int = 0
    revenue: Decimal = field(default_factory=lambda: Decimal(0))
    cost: Decimal | None = None
    days: Decimal | None = None


def share(part: int, whole: int) -> Decimal | None:
    """`part / whole` to four places, half up; None of nothing."""
    return round_half_up(EXACT.divide(Decimal(part), Decimal(whole)), 4) if whole else None


def per(amount: Decimal | None, count: int) -> Decimal | None:
    """The amount for each, to the cent; None without an amount or without any."""
    return round_half_up(EXACT.divide(amount, Decimal(count)), 2) if amount is not None and count else None


@report(
    "channel-quality", gettext_lazy("Quality of channels"),
    Parameter("by", gettext_lazy("By"), "choice", tuple((n, g.label) for n, g in GROUPINGS.items()), default="source"),
    Parameter("from", gettext_lazy("From"), default=lambda: clock.today() - timedelta(days=USUAL_DAYS - 1)),
    Parameter("to", gettext_lazy("To"), default=lambda: clock.today()),
    Parameter("campaign_id", gettext_lazy("Campaign"), "reference", to="campaigns"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
    icon="affiliate",
)  # fmt: skip
def channel_quality(parameters: dict[str, Any], actor: Actor) -> Result:
    """The leads that came in from `from` to `to`, as far as the actor sees them, and what has become of them by now.

    valid: not put aside before anybody reached them. qualified: that were ever qualified. won: with a deal won;
    revenue: the amounts of those deals (measure `won_amount`), in base currency. Rates are shares of the leads.
    cost: of the source over the same days, or of the campaign as a whole. response_days: calendar days from capture
    to the first response, of those that had one.
    """
    grouping = GROUPINGS[parameters["by"]]
    leads = asked(parameters, actor)
    channels = measured(leads, grouping, actor)
    _add_costs(channels, parameters)
    found = sorted(channels.values(), key=lambda one: (-one.leads, one.name))
    names = source_names() if parameters["by"] == "source" else {}
    rows = [_row(one) for one in found]
    columns = [
        ReportColumn("group", grouping.label, names=names),
        ReportColumn("leads", _("Leads"), "integer", total=True),
        ReportColumn("valid", _("Valid"), "integer", total=True),
        ReportColumn("valid_rate", _("Valid %"), "percent"),
        ReportColumn("qualified", _("Qualified leads"), "integer", total=True),
        ReportColumn("qualified_rate", _("Qualified %"), "percent"),
        ReportColumn("won", _("Won"), "integer", total=True),
        ReportColumn("won_rate", _("Won %"), "percent"),
        ReportColumn("revenue", _("Revenue"), "money", total=True),
        ReportColumn("cost", _("Cost"), "money", total=True),
        ReportColumn("cost_per_lead", _("Cost per lead"), "money"),
        ReportColumn("cost_per_won", _("Cost per won deal"), "money"),
        ReportColumn("response_days", _("Days to first response"), "days"),
    ]
    result = Result(columns, rows, drill=[_drill(one, grouping, parameters) for one in found])
    result.chart = _chart(result.for_people()[1], found)
    return result


def asked(parameters: dict[str, Any], actor: Actor) -> QuerySet[Lead]:
    """The leads of the period that the actor sees, cut by the filters."""
    rows = visible(Lead.objects.filter(archived_at=None), actor).order_by()
    for name in ("campaign_id", "owner_id", "department_id"):
        if parameters[name] is not None:
            rows = rows.filter(**{name: parameters[name]})
    if parameters["from"] is not None:
        rows = rows.filter(created_at__gte=clock.day_start(parameters["from"]))
    if parameters["to"] is not None:
        rows = rows.filter(created_at__lt=clock.day_start(parameters["to"] + timedelta(days=1)))
    return rows


def measured(leads: QuerySet[Lead], grouping: Grouping, actor: Actor) -> dict[Any, Channel]:
    """The figures of the leads by group, without costs."""
    counted = leads.values_list(grouping.key, grouping.name).annotate(
        leads=Count("pk"), invalid=Count("pk", filter=INVALID), qualified=Count("pk", filter=QUALIFIED),
        waited=Avg(WAITED, filter=Q(responded_at__isnull=False)),
    )  # fmt: skip
    found = {
        key: Channel(key, name or str(NONE), count, invalid, qualified, days=_days(waited))
        for key, name, count, invalid, qualified, waited in counted
    }
    won = facts(metric_named("won_amount"), actor).filter(lead__in=leads.values("pk")).order_by()
    deals = won.values_list(f"lead__{grouping.key}").annotate(
        won=Count("lead_id", distinct=True), revenue=Sum("base_amount")
    )
    for key, count, revenue in deals:
        found[key].won, found[key].revenue = count, revenue or Decimal(0)
    return found


def _days(waited: timedelta | None) -> Decimal | None:
    return None if waited is None else round_half_up(Decimal(waited.total_seconds()) / 86400, 2)


def _add_costs(channels: dict[Any, Channel], parameters: dict[str, Any]) -> None:
    """What each channel costs; a source that costs something is shown even if it brings nothing."""
    narrowed = any(parameters[name] is not None for name in ("campaign_id", "owner_id", "department_id"))
    if parameters["by"] == "source" and not narrowed and parameters["from"] and parameters["to"]:
        for code, cost in cost_of_sources(Period(parameters["from"], parameters["to"])).items():
            if cost:
                channels.setdefault(code, Channel(code, code)).cost = cost
    elif parameters["by"] == "campaign":
        costs = Campaign.objects.filter(pk__in=[key for key in channels if key], cost__isnull=False)
        for pk, spent in costs.values_list("pk", "cost"):
            channels[pk].cost = spent


def _row(one: Channel) -> list[Any]:
    valid = one.leads - one.invalid
    return [
        one.name, one.leads, valid, share(valid, one.leads), one.qualified, share(one.qualified, one.leads), one.won,
        share(one.won, one.leads), one.revenue, one.cost, per(one.cost, one.leads), per(one.cost, one.won), one.days,
    ]  # fmt: skip


def _drill(one: Channel, grouping: Grouping, parameters: dict[str, Any]) -> str:
    """The leads behind a row, if the list can be cut to them."""
    if one.key in (None, "") or not one.leads:
        return ""
    given = {"campaign_id": parameters["campaign_id"], "owner_id": parameters["owner_id"],
             "department_id": parameters["department_id"], "created_at__gte": parameters["from"],
             "created_at__lte": parameters["to"]}  # fmt: skip
    asked_for = {name: value for name, value in given.items() if value is not None}
    return "/leads?" + urlencode({**asked_for, grouping.filter: one.key})


def _chart(rows: list[list[Any]], found: list[Channel]) -> Chart | None:
    shown = rows[:BARS]
    if not sum(one.leads for one in found):
        return None
    series: tuple[tuple[str, Callable[[list[Any]], int]], ...] = (
        (_("Leads"), lambda row: row[1]), (_("Valid"), lambda row: row[2]), (_("Qualified leads"), lambda row: row[4]),
        (_("Won"), lambda row: row[6]),
    )  # fmt: skip
    option = {
        "legend": {"right": 0},
        "grid": {"containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [str(row[0]) for row in shown]},
        "yAxis": {"type": "value"},
        "series": [{"name": name, "type": "bar", "data": [read(row) for row in shown]} for name, read in series],
    }
    cells = [[str(row[0]), *(str(read(row)) for _name, read in series)] for row in shown]
    headers: list[Text] = [_("Group"), *(name for name, _read in series)]
    return Chart(_finding(rows), _("Leads"), _("Leads and the deals won with them"), option, headers, cells)


def _finding(rows: list[list[Any]]) -> str:
    """Which channel wins most of its leads, or the cheapest deals."""
    paid = [row for row in rows if row[11] is not None]
    if len(paid) > 1:
        best = min(paid, key=lambda row: row[11])
        amount = format_money(best[11], base_currency(), short=True)
        return _("%(name)s costs least for a won deal: %(amount)s") % {"name": best[0], "amount": amount}
    best = max(rows, key=lambda row: (row[7] or 0, row[1]))
    if best[6]:
        return _("%(name)s wins most of its leads: %(share)s") % {"name": best[0], "share": format_percent(best[7])}
    most = max(rows, key=lambda row: row[1])
    return _("%(name)s brings most leads: %(count)s") % {"name": most[0], "count": most[1]}

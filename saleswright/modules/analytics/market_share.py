"""Own sales beside the size of target markets (MKT-01).

share = own sales / market size, to four places, rounded half up. Own sales are the measure `ordered` (untaxed lines of
confirmed orders, in base currency) of the days of the period, cut by the market: the owner's region at the date of the
order with those below it, industry and size of the customer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models.functions import TruncMonth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import format_money, format_percent
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, below
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.clock import Period, fiscal_period, fiscal_year_of
from saleswright.kernel.company import base_currency
from saleswright.kernel.holdings import holder_then
from saleswright.kernel.metrics import facts, metric_named
from saleswright.kernel.models import Region
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.analytics.queries import HELD, THEN
from saleswright.modules.market.public import MarketPeriod, MarketSize, TargetMarket, attractiveness

MEASURE = "ordered"
MOST_YEARS, MOST_LINES = 10, 8
#: own sales: month, region of the owner then, industry and size of the customer -> amount
Sales = list[tuple[date, int | None, str, str, Decimal]]


@dataclass(frozen=True, slots=True)
class Share:
    """A market in a period: its size, what we sold there, and our part of it; None where the size is nothing."""

    size: MarketSize
    days: Period
    sales: Decimal
    share: Decimal | None
    before: Decimal | None  # the share in the same period of the year before
    elapsed: Decimal

    @property
    def period(self) -> str:
        """Such as `2026` or `2026-Q1`."""
        whole = self.size.period == MarketPeriod.YEAR
        return str(self.size.year) if whole else f"{self.size.year}-{self.size.period.upper()}"


def shares(sizes: Iterable[MarketSize], actor: Actor) -> list[Share]:
    """Each size with our sales as far as the actor may see them, in the order given."""
    sizes = list(sizes)
    if not sizes:
        return []
    days = {one.pk: fiscal_period(one.year, one.period) for one in sizes}
    sold = _sales(Period(min(one.start for one in days.values()), max(one.end for one in days.values())), actor)
    tree: dict[int, int | None] = dict(Region.objects.values_list("id", "parent_id"))
    regions = {one.market.region_id for one in sizes if one.market.region_id is not None}
    trees = {pk: frozenset(below(tree, pk)) for pk in regions}
    amounts = {one.pk: _within(one.market, days[one.pk], sold, trees) for one in sizes}
    parts = {one.pk: _part(amounts[one.pk], one.amount) for one in sizes}
    known = {(one.market_id, one.year, one.period): parts[one.pk] for one in sizes}
    today = clock.today()
    return [
        Share(
            one, days[one.pk], amounts[one.pk], parts[one.pk], known.get((one.market_id, one.year - 1, one.period)),
            round_half_up(Decimal(str(days[one.pk].elapsed(today))), 4),
        )
        for one in sizes
    ]  # fmt: skip


def _sales(days: Period, actor: Actor) -> Sales:
    """What was sold by month and by what markets are cut by, with one query."""
    metric = metric_named(MEASURE)
    rows = facts(metric, actor, days).order_by()
    rows = rows.annotate(month_=TruncMonth(metric.day), region_=holder_then(*THEN["region_then"], *HELD))
    names = ("month_", "region_", "order__customer__industry", "order__customer__size")
    found = rows.values(*names).annotate(value=metric.value)
    return [(*(row[name] for name in names), row["value"] or Decimal(0)) for row in found]


def _within(market: TargetMarket, days: Period, sold: Sales, trees: dict[int, frozenset[int]]) -> Decimal:
    regions = trees.get(market.region_id) if market.region_id is not None else None
    return sum(
        (
            amount
            for month, region, industry, size, amount in sold
            if month in days
            and (regions is None or region in regions)
            and (not market.industry or industry == market.industry)
            and (not market.size or size == market.size)
        ),
        Decimal("0.00"),
    )


def _part(amount: Decimal, whole: Decimal) -> Decimal | None:
    return round_half_up(EXACT.divide(amount, whole), 4) if whole else None


def _sizes(actor: Actor) -> Any:
    """The sizes of the markets that the actor may see."""
    markets: Any = visible(TargetMarket.objects.filter(archived_at=None), actor).order_by().values("pk")
    return MarketSize.objects.filter(archived_at=None, market__in=markets).select_related("market")


@report(
    "market-share",
    gettext_lazy("Market share"),
    Parameter("year", gettext_lazy("Fiscal year"), "integer", default=lambda: fiscal_year_of(clock.today())),
    Parameter("years", gettext_lazy("Years up to then"), "integer", default=1),
    Parameter(
        "period",
        gettext_lazy("Period"),
        "choice",
        (("year", gettext_lazy("Year")), ("quarter", gettext_lazy("Quarter"))),
        default="year",
    ),
    Parameter("market_id", gettext_lazy("Target market"), "reference", to="target-markets"),
    Parameter("region_id", gettext_lazy("Region"), "reference", to="regions"),
    Parameter("industry", gettext_lazy("Industry"), "text"),
    icon="target",
)
def market_share(parameters: dict[str, Any], actor: Actor) -> Result:
    """A row for each market and period whose size is known, in the order of market and time; shares are of 1."""
    last = min(max(parameters["year"], 1), 9000)
    years = min(max(parameters["years"], 1), MOST_YEARS)
    rows = _sizes(actor)
    for name in ("market_id", "region_id", "industry"):
        if parameters[name] not in (None, ""):
            rows = rows.filter(**{name if name == "market_id" else f"market__{name}": parameters[name]})
    whole = parameters["period"] == "year"
    rows = rows.filter(period=MarketPeriod.YEAR) if whole else rows.exclude(period=MarketPeriod.YEAR)
    # the year before the first is read for what the share was then
    rows = rows.filter(year__gt=last - years - 1, year__lte=last).order_by("market__name", "market", "year", "period")
    found = [one for one in shares(rows, actor) if one.size.year > last - years]
    points = attractiveness({one.size.market_id for one in found})
    columns = [
        ReportColumn("group", _("Target market")),
        ReportColumn("period", _("Period")),
        ReportColumn("attractiveness", _("Attractiveness (of 100)"), "quantity"),
        ReportColumn("size", _("Market size"), "money"),
        ReportColumn("source", _("Source")),
        ReportColumn("sales", _("Own sales"), "money"),
        ReportColumn("share", _("Market share"), "percent"),
        ReportColumn("share_before", _("A year before"), "percent"),
        ReportColumn("elapsed", _("Time elapsed"), "percent"),
    ]
    table: list[list[Any]] = [
        [
            one.size.market.name, one.period, points.get(one.size.market_id), one.size.amount, one.size.source,
            one.sales, one.share, one.before, one.elapsed,
        ]
        for one in found
    ]  # fmt: skip
    drill = [f"/target-markets/{one.size.market_id}" for one in found]
    return Result(columns, table, chart=_chart(found), drill=drill)


def _chart(found: list[Share]) -> Chart | None:
    """The shares through time as a line for each market, or as bars where there is one period."""
    known = [one for one in found if one.share is not None]
    if not known:
        return None
    periods = sorted({one.period for one in known})
    names = list(dict.fromkeys(one.size.market.name for one in known))[:MOST_LINES]
    values = {(one.size.market.name, one.period): one.share for one in known}
    percents = {key: float(share * 100) for key, share in values.items() if share is not None}
    best = max(known, key=lambda one: (one.days.end, one.share or 0))
    said = {"market": best.size.market.name, "share": format_percent(best.share or 0), "period": best.period}
    title = (
        _("In %(period)s our share is largest in %(market)s: %(share)s") % said
        if len(names) > 1
        else _("%(market)s, %(period)s: our share is %(share)s") % said
    )
    if len(periods) == 1:
        option: dict[str, Any] = {
            "grid": {"containLabel": True},
            "xAxis": {"type": "value"},
            "yAxis": {"type": "category", "data": names, "inverse": True},
            "series": [{"type": "bar", "data": [percents.get((name, periods[0])) for name in names]}],
        }
    else:
        option = {
            "legend": {"right": 0} if len(names) > 1 else None,
            "xAxis": {"type": "category", "data": periods},
            "yAxis": {"type": "value"},
            "series": [
                {"name": name, "type": "line", "data": [percents.get((name, period)) for period in periods]}
                for name in names
            ],
        }
    rows = [[f"{one.size.market.name} · {one.period}", format_percent(one.share or 0)] for one in known]
    return Chart(title, "%", _("Confirmed orders"), option, [_("Target market"), _("Market share")], rows)


# --- on the page of a market -----------------------------------------------------------------------------------


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the page of a target market finds our share of it."""
    wanted = resource == "target-markets" and actor.may("reports.view") and actor.may("orders.view")
    return f"/target-markets/{pk}/share/panel" if wanted else None


details.everywhere.append(panel_address)


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Our share of a market in every period whose size is known, as a part of its page."""
    actor = actor_of(request)
    actor.require("reports.view")
    actor.require("orders.view")
    market = fetch(TargetMarket, in_range(pk), actor=actor)
    sizes = _sizes(actor).filter(market=market).order_by("year", "period")
    found = shares(sizes, actor)
    years = [one for one in found if one.size.period == MarketPeriod.YEAR]
    content = {
        "market": market, "shares": found[::-1], "chart": _chart(years if len(years) > 1 else found),
        "money": lambda amount: format_money(amount, base_currency(), short=True),
        "percent": format_percent, "today": clock.today(), "empty": not found,
    }  # fmt: skip
    return render(request, "market/share_panel.html", content)


urlpatterns = [path("target-markets/<int:pk>/share/panel", panel)]

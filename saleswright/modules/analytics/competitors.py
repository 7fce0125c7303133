"""Deals won and lost against competitors (MKT-05): opportunities that name the competitor, by day of closing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from saleswright.interface.entity import Related
from saleswright.interface.formatting import format_money, format_percent
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Text
from saleswright.kernel.holdings import held_by, holder_then
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.kernel.resources import contribute
from saleswright.modules.market.public import Competitor
from saleswright.modules.pipeline.public import Opportunity, OpportunityStatus

WON, LOST = OpportunityStatus.WON, OpportunityStatus.LOST
ZERO = Decimal("0.00")
#: so many quarters the page of a competitor looks back
QUARTERS = 8
#: where a closed deal has its owner, and the day that counts
HELD = ("opportunities", "pk", "closed_on")
#: way of grouping -> label, column of the key, column of the name, filter of the list
GROUPS = {
    "competitor": (gettext_lazy("Competitor"), "competitor_id", "competitor__name", "competitor_id"),
    "product": (gettext_lazy("Product"), "product_id", "product__name", "product_id"),
    "owner": (gettext_lazy("Owner"), "owner_then", "owner_name_then", "owner_id"),
    "loss_reason": (gettext_lazy("Loss reason"), "loss_reason_id", "loss_reason__name", "loss_reason_id"),
    "quarter": (gettext_lazy("Quarter"), "closed_on", "closed_on", ""),
}


@dataclass(slots=True)
class Against:
    """Deals of one group that were closed against a competitor; amounts in base currency."""

    name: str
    won: int = 0
    lost: int = 0
    won_amount: Decimal = ZERO
    lost_amount: Decimal = ZERO
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> Decimal | None:
        """won / (won + lost) to four places, rounded half up; None of nothing."""
        closed = self.won + self.lost
        return round_half_up(EXACT.divide(Decimal(self.won), Decimal(closed)), 4) if closed else None

    @property
    def reason(self) -> str:
        """Why most were lost; the first by name where several are as frequent."""
        return min(self.reasons, key=lambda name: (-self.reasons[name], name)) if self.reasons else ""


def contested(actor: Actor, since: date | None = None, until: date | None = None) -> QuerySet[Opportunity]:
    """Deals closed against a competitor in these days, as far as the actor may see them."""
    rows = visible(Opportunity.objects.filter(archived_at=None), actor).order_by()
    rows = rows.filter(competitor__isnull=False, status__in=(WON, LOST))
    if since is not None:
        rows = rows.filter(closed_on__gte=since)
    return rows if until is None else rows.filter(closed_on__lte=until)


def against(rows: QuerySet[Opportunity], by: str) -> list[tuple[Any, Against]]:
    """Won and lost by group: quarters in time, the others by lost amount, the greatest first."""
    _label, key, name, _filter = GROUPS[by]
    if by == "owner":
        rows = rows.annotate(
            owner_then=holder_then("owner", "owner_id", *HELD),
            owner_name_then=holder_then("owner_name", "owner__name", *HELD),
        )
    names = dict.fromkeys((key, name, "status", "loss_reason__name"))
    found: dict[Any, Against] = {}
    for row in rows.values(*names).annotate(n=Count("pk"), amount=Sum("base_amount")):
        group = _quarter(row[key]) if by == "quarter" else row[key]
        one = found.setdefault(group, Against(str((group if by == "quarter" else row[name]) or "")))
        if row["status"] == WON:
            one.won += row["n"]
            one.won_amount += row["amount"] or ZERO
        else:
            one.lost += row["n"]
            one.lost_amount += row["amount"] or ZERO
            if row["loss_reason__name"]:
                one.reasons[row["loss_reason__name"]] += row["n"]
    if by == "quarter":
        return sorted(found.items())
    return sorted(found.items(), key=lambda item: (-item[1].lost_amount, -item[1].won_amount, item[1].name))


def _quarter(day: date) -> str:
    """The fiscal quarter of a day, such as `2026-Q4`."""
    year = clock.fiscal_year_of(day)
    return next(f"{year}-Q{n}" for n in (1, 2, 3, 4) if day in clock.fiscal_period(year, f"q{n}"))


@report(
    "competitor-win-loss",
    gettext_lazy("Won and lost against competitors"),
    Parameter(
        "by", gettext_lazy("Grouped by"), "choice", tuple((name, group[0]) for name, group in GROUPS.items()),
        default="competitor",
    ),
    Parameter("from", gettext_lazy("From day")),
    Parameter("to", gettext_lazy("To day")),
    Parameter("competitor_id", gettext_lazy("Competitor"), "reference", to="competitors"),
    Parameter("product_id", gettext_lazy("Product"), "reference", to="products"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    icon="swords",
)  # fmt: skip
def win_loss(parameters: dict[str, Any], actor: Actor) -> Result:
    """Deals closed against competitors: won, lost, rate = won / (won + lost), amounts, and why most were lost.

    The owner is that of the day of closing, the product the main one, the quarter the fiscal one.
    """
    rows = contested(actor, parameters["from"], parameters["to"])
    for name in ("competitor_id", "product_id"):
        if parameters[name] is not None:
            rows = rows.filter(**{name: parameters[name]})
    if parameters["owner_id"] is not None:
        rows = held_by(rows, [parameters["owner_id"]], "owner", "owner_id", *HELD)
    by = parameters["by"]
    found = against(rows, by)
    columns = [
        ReportColumn("group", GROUPS[by][0]),
        ReportColumn("won", gettext_lazy("Deals won"), "integer", total=True),
        ReportColumn("lost", gettext_lazy("Deals lost"), "integer", total=True),
        ReportColumn("rate", gettext_lazy("Win rate"), "percent"),
        ReportColumn("won_amount", gettext_lazy("Won amount"), "money", total=True),
        ReportColumn("lost_amount", gettext_lazy("Lost amount"), "money", total=True),
        ReportColumn("main_reason", gettext_lazy("Mostly lost because")),
    ]
    nothing = _("(none)")
    table: list[list[Any]] = [
        [one.name or nothing, one.won, one.lost, one.rate, one.won_amount, one.lost_amount, one.reason]
        for _key, one in found
    ]
    return Result(columns, table, chart=_chart(found), drill=_drill(found, by, parameters))


def _drill(found: list[tuple[Any, Against]], by: str, parameters: dict[str, Any]) -> list[str]:
    """The deals behind each row, where the list can be cut to them: not to who had them then."""
    name = GROUPS[by][3]
    if not name or by == "owner" or parameters["owner_id"] is not None:
        return []
    cuts = {one: parameters[one] for one in ("competitor_id", "product_id") if parameters[one] is not None}
    if parameters["from"] is not None:
        cuts["closed_on__gte"] = parameters["from"].isoformat()
    if parameters["to"] is not None:
        cuts["closed_on__lte"] = parameters["to"].isoformat()
    if by != "competitor" and parameters["competitor_id"] is None:
        return []  # the list would show deals without a competitor as well
    return [_address(cuts | {name: key}) if key is not None else "" for key, _one in found]


def _address(cuts: dict[str, Any]) -> str:
    return "/opportunities?status=won,lost&" + "&".join(f"{name}={value}" for name, value in cuts.items())


def _chart(found: list[tuple[Any, Against]], title: str = "") -> Chart | None:
    """Won and lost deals side by side; without a title it says how many were won."""
    shown = found[:20]
    if not shown:
        return None
    won, lost = sum(one.won for _key, one in found), sum(one.lost for _key, one in found)
    names = [one.name or _("(none)") for _key, one in shown]
    series = [
        {"type": "bar", "stack": "all", "name": _("Deals won"), "data": [one.won for _key, one in shown]},
        {"type": "bar", "stack": "all", "name": _("Deals lost"), "data": [one.lost for _key, one in shown]},
    ]
    option = {
        "legend": {"right": 0}, "grid": {"containLabel": True}, "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "data": names, "inverse": True}, "series": series,
    }  # fmt: skip
    facts = {"won": won, "closed": won + lost}
    title = title or _("Against competitors %(won)d of %(closed)d closed deals were won") % facts
    rows = [[name, str(one.won), str(one.lost)] for name, (_key, one) in zip(names, shown, strict=True)]
    heads: list[Text] = [_("Group"), _("Deals won"), _("Deals lost")]
    return Chart(title, _("Deals"), _("Opportunities"), option, heads, rows)


# --- on the page of a competitor -------------------------------------------------------------------------------


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the page of a competitor finds what was won and lost against it."""
    return f"/competitors/{pk}/record/panel" if resource == "competitors" and _may(actor) else None


def _may(actor: Actor) -> bool:
    return actor.may("reports.view") and actor.may("opportunities.view")


details.everywhere.append(panel_address)
contribute("competitors", related=(Related("opportunities", "competitor", create=False),))


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What was won and lost against a competitor, why, and what is still open, as a part of its page."""
    actor = actor_of(request)
    actor.require("reports.view")
    actor.require("opportunities.view")
    rival = fetch(Competitor, in_range(pk), actor=actor)
    rows = contested(actor).filter(competitor=rival)
    whole = next((one for _key, one in against(rows, "competitor")), Against(rival.name))
    open_ones = visible(Opportunity.objects.filter(archived_at=None, competitor=rival), actor).order_by()
    running = open_ones.filter(Q(status=OpportunityStatus.OPEN)).aggregate(n=Count("pk"), amount=Sum("base_amount"))
    quarters = against(rows, "quarter")[-QUARTERS:]
    content = {
        "rival": rival, "whole": whole, "chart": _chart(quarters, _("By quarter of closing")),
        "reasons": sorted(whole.reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:5],
        "running": running["n"], "running_amount": running["amount"] or ZERO, "percent": format_percent,
        "money": lambda amount: format_money(amount, base_currency(), short=True),
    }  # fmt: skip
    return render(request, "market/record_panel.html", content)


urlpatterns = [path("competitors/<int:pk>/record/panel", panel)]

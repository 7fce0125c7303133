"""Value, risk and who is to be won back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.pages.common import address
from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.money import round_half_up
from saleswright.modules.customers.public import ChurnRisk, Customer, LifeCycle, RfmGroup
from saleswright.modules.insight import queries
from saleswright.modules.insight.actions.care import looked_after
from saleswright.modules.insight.actions.figures import why
from saleswright.modules.insight.models import CareDuty, CustomerStanding
from saleswright.modules.insight.rfm import QUINTILES, Buying, Scores, scores
from saleswright.modules.insight.states import CareState

AT_ONCE = 5000
ZERO = Decimal(0)
PATH = "/reports/rfm"
ANY = ("", "—")


def rfm_days() -> int:
    """The period that the rules say."""
    return queries.rules().rfm_days


@report(
    "rfm",
    gettext_lazy("Recency, frequency, monetary (RFM)"),
    Parameter("as_of", gettext_lazy("As of"), default=clock.today),
    Parameter("days", gettext_lazy("Days back"), "integer", default=rfm_days),
    Parameter(
        "by", gettext_lazy("By"), "choice",
        (("group", gettext_lazy("Group")), ("customer", gettext_lazy("Customer"))), default="group",
    ),
    Parameter("rfm_group", gettext_lazy("RFM group"), "choice", (ANY, *RfmGroup.choices)),
    Parameter("recency", gettext_lazy("Recency"), "integer"),
    Parameter("value", gettext_lazy("Value score"), "integer"),
    icon="layout-board",
)  # fmt: skip
def rfm(values: dict[str, Any], actor: Actor) -> Result:
    """Customers scored among those that the actor may see, over the orders of the period that they may see.

    Scores as in `insight.rfm`: quintiles, equal values alike. `by=group` adds them up, `by=customer` names them.
    """
    actor.require("customers.view")
    days = values["days"]
    if not 1 <= days <= 36_500:
        raise ValidationFailed.of("days", "range", _("From 1 to %(most)d.") % {"most": 36_500})
    bought = _seen(queries.buyings(actor, values["as_of"], days), actor)
    scored = scores(bought)
    chosen = {pk: three for pk, three in scored.items() if _fits(three, values)}
    kept = {"as_of": values["as_of"].isoformat(), "days": days}
    found = _by_customer(bought, chosen) if values["by"] == "customer" else _by_group(bought, chosen, kept)
    found.chart = _heat(scored, bought, kept) if scored else None
    return found


def _seen(bought: dict[int, Buying], actor: Actor) -> dict[int, Buying]:
    """What customers bought that the actor sees; archived ones are left out."""
    ids = visible(Customer.objects.filter(archived_at=None), actor).order_by("pk").values_list("pk", flat=True)
    return {pk: bought[pk] for pk in ids if pk in bought}


def _fits(three: Scores, values: Mapping[str, Any]) -> bool:
    asked = (values["rfm_group"], values["recency"], values["value"])
    found = (three.group.value, three.recency, three.value)
    return all(one is None or one == other for one, other in zip(asked, found, strict=True))


def _by_group(bought: Mapping[int, Buying], scored: Mapping[int, Scores], kept: Mapping[str, Any]) -> Result:
    members: dict[str, list[Buying]] = defaultdict(list)
    for pk, three in scored.items():
        members[three.group.value].append(bought[pk])
    columns = [
        ReportColumn("group", _("Group"), names=dict(RfmGroup.choices)),
        ReportColumn("customers", _("Customers"), "integer", total=True),
        ReportColumn("share", _("Share"), "percent"),
        ReportColumn("amount", _("Orders taken"), "money", total=True),
        ReportColumn("mean_orders", _("Orders each"), "quantity"),
        ReportColumn("mean_days", _("Days since the last order"), "days"),
    ]
    rows, drill = [], []
    for group in RfmGroup:
        some = members.get(group.value, [])
        if not some:
            continue
        count = Decimal(len(some))
        rows.append(
            [
                group.value,
                len(some),
                round_half_up(count / len(scored), 4),
                sum((one.amount for one in some), ZERO),
                round_half_up(sum(one.orders for one in some) / count, 1),
                round_half_up(sum(one.days for one in some) / count, 0),
            ]
        )
        drill.append(address(PATH, {**kept, "by": "customer", "rfm_group": group.value}))
    return Result(columns, rows, drill=drill)


def _by_customer(bought: Mapping[int, Buying], scored: Mapping[int, Scores]) -> Result:
    columns = [
        ReportColumn("name", _("Customer")),
        ReportColumn("customer", _("Customer"), "integer", code=True),
        ReportColumn("code", _("Code")),
        ReportColumn("group", _("Group"), names=dict(RfmGroup.choices)),
        ReportColumn("rfm_score", _("RFM")),
        ReportColumn("recency_days", _("Days since the last order"), "days"),
        ReportColumn("frequency", _("Orders"), "integer"),
        ReportColumn("monetary", _("Orders taken"), "money", total=True),
        ReportColumn("recency", _("Recency"), "integer"),
        ReportColumn("frequency_score", _("Frequency"), "integer"),
        ReportColumn("monetary_score", _("Monetary"), "integer"),
    ]
    names = names_of(scored)
    order = sorted(scored, key=lambda pk: (-scored[pk].recency, -scored[pk].value, -bought[pk].amount, pk))
    rows = [
        [
            names[pk][0], pk, names[pk][1] or "", scored[pk].group.value, scored[pk].text, bought[pk].days,
            bought[pk].orders, bought[pk].amount, *scored[pk],
        ]
        for pk in order
    ]  # fmt: skip
    return Result(columns, rows, drill=[f"/customers/{pk}" for pk in order])


def names_of(ids: Iterable[int]) -> dict[int, tuple[str, str | None]]:
    """Names and codes of customers."""
    wanted, found = list(ids), dict[int, tuple[str, str | None]]()
    for start in range(0, len(wanted), AT_ONCE):
        rows = Customer.objects.filter(pk__in=wanted[start : start + AT_ONCE]).values_list("pk", "name", "code")
        found |= {pk: (name, code) for pk, name, code in rows}
    return found


def _heat(scored: Mapping[int, Scores], bought: Mapping[int, Buying], kept: Mapping[str, Any]) -> Chart:
    """Customers by recency and value; a cell leads to its customers."""
    cells = Counter((three.recency, three.value) for three in scored.values())
    amounts: dict[bool, Decimal] = defaultdict(Decimal)
    for pk, three in scored.items():
        amounts[three.group in {RfmGroup.CHAMPIONS, RfmGroup.LOYAL}] += bought[pk].amount
    good = sum(1 for three in scored.values() if three.group in {RfmGroup.CHAMPIONS, RfmGroup.LOYAL})
    whole = sum(amounts.values(), ZERO)
    share = round_half_up(amounts[True] * 100 / whole, 0) if whole else ZERO
    levels = [str(level) for level in range(1, QUINTILES + 1)]
    middle = {"nameLocation": "middle", "nameGap": 26}
    data = [
        {
            "value": [recency - 1, value - 1, count],
            "url": address(PATH, {**kept, "by": "customer", "recency": recency, "value": value}),
        }
        for (recency, value), count in sorted(cells.items())
    ]
    title = _("%(count)d of %(all)d customers are champions or loyal and bring %(share)s %% of the money")
    return Chart(
        title=title % {"count": good, "all": len(scored), "share": share},
        unit=_("customers"),
        source=_("Confirmed orders"),
        option={
            "tooltip": {"position": "top"},
            "grid": {"top": 12, "bottom": 60, "left": 28},
            "xAxis": {"type": "category", "data": levels, "name": _("Recency"), **middle},
            "yAxis": {"type": "category", "data": levels, "name": _("Value score"), **middle},
            "visualMap": {
                "min": 0, "max": max(cells.values()), "calculable": False, "orient": "horizontal", "left": "center",
                "bottom": 0, "itemHeight": 120, "itemWidth": 12,
                "inRange": {"color": ["#e8f0fc", "#8fb6f0", "#1463d8"]},
            },
            "series": [
                {
                    "type": "heatmap", "name": _("Customers"), "data": data, "label": {"show": True},
                    "itemStyle": {"borderColor": "#fff", "borderWidth": 2, "borderRadius": 4},
                }
            ],
        },
        headers=[_("Recency"), _("Value score"), _("Customers")],
        rows=[[str(recency), str(value), str(count)] for (recency, value), count in sorted(cells.items())],
    )  # fmt: skip


# --- rhythm ----------------------------------------------------------------------------------------------------

OWNER = Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees")


def _standings(actor: Actor, owner_id: int | None, **where: Any) -> QuerySet[CustomerStanding]:
    customers = visible(Customer.objects.filter(archived_at=None, **where), actor).order_by()
    if owner_id is not None:
        customers = customers.filter(owner_id=owner_id)
    return CustomerStanding.objects.filter(customer__in=customers.values("pk"))


def _rhythm_columns() -> list[ReportColumn]:
    return [
        ReportColumn("name", _("Customer")),
        ReportColumn("customer", _("Customer"), "integer", code=True),
        ReportColumn("owner", _("Owner")),
        ReportColumn("risk", _("Churn risk"), names=dict(ChurnRisk.choices)),
        ReportColumn("life_cycle", _("Life cycle"), names=dict(LifeCycle.choices)),
        ReportColumn("last_order_on", _("Last order"), "date"),
        ReportColumn("usual_gap", _("Usual days between orders"), "days"),
        ReportColumn("silent_days", _("Days since the last order"), "days"),
        ReportColumn("lost", _("Probability of loss"), "percent"),
        ReportColumn("revenue_year", _("Revenue of 12 months"), "money", total=True),
        ReportColumn("revenue_before", _("Revenue of the 12 months before"), "money", total=True),
        ReportColumn("reason", _("Why")),
    ]


def _rhythm_rows(found: QuerySet[CustomerStanding]) -> list[list[Any]]:
    columns = (
        "customer__name", "customer_id", "customer__owner__name", "customer__churn_risk", "customer__life_cycle",
        "last_order_on", "usual_gap", "silent_days", "alive_percent", "revenue_year", "revenue_before",
    )  # fmt: skip
    return [
        [name, pk, owner or "", risk, phase, last, gap, silent, _lost(alive), year, before, why(gap, silent, alive)]
        for name, pk, owner, risk, phase, last, gap, silent, alive, year, before in found.values_list(*columns)
    ]


def _lost(alive: int | None) -> Decimal | None:
    return None if alive is None else Decimal(100 - alive) / 100


@report(
    "churn-risk",
    gettext_lazy("Churn risk"),
    Parameter(
        "risk", gettext_lazy("Churn risk"), "choice",
        (ANY, *((one.value, one.label) for one in (ChurnRisk.HIGH, ChurnRisk.MEDIUM))),
    ),
    OWNER,
    icon="activity",
)  # fmt: skip
def churn_risk(values: dict[str, Any], actor: Actor) -> Result:
    """Customers that are not lost yet whose rhythm says that they may be, those that brought most first.

    The figures are last night's.
    """
    actor.require("customer-standings.view")
    wanted = [values["risk"]] if values["risk"] else [ChurnRisk.HIGH.value, ChurnRisk.MEDIUM.value]
    found = _standings(actor, values["owner_id"], churn_risk__in=wanted).exclude(customer__life_cycle=LifeCycle.LOST)
    rows = _rhythm_rows(found.order_by("-revenue_year", "-revenue_before", "pk"))
    return Result(_rhythm_columns(), rows, drill=[f"/customers/{row[1]}" for row in rows])


@report(
    "win-back",
    gettext_lazy("To win back"),
    Parameter(
        "life_cycle", gettext_lazy("Life cycle"), "choice",
        (ANY, *((one.value, one.label) for one in (LifeCycle.DORMANT, LifeCycle.LOST))),
    ),
    OWNER,
    icon="heart-handshake",
)  # fmt: skip
def to_win_back(values: dict[str, Any], actor: Actor) -> Result:
    """Dormant and lost customers, those that brought most in the two years up to now first; last night's figures."""
    actor.require("customer-standings.view")
    wanted = [values["life_cycle"]] if values["life_cycle"] else [LifeCycle.DORMANT.value, LifeCycle.LOST.value]
    found = _standings(actor, values["owner_id"], life_cycle__in=wanted)
    rows = _rhythm_rows(found.order_by("-last_order_on", "pk"))
    rows.sort(key=lambda row: -(row[9] + row[10]))
    return Result(_rhythm_columns(), rows, drill=[f"/customers/{row[1]}" for row in rows])


@report(
    "care-coverage",
    gettext_lazy("Care of customers"),
    Parameter(
        "by", gettext_lazy("By"), "choice",
        (("plan", gettext_lazy("Care plan")), ("owner", gettext_lazy("Owner"))), default="plan",
    ),
    icon="heart-handshake",
)  # fmt: skip
def care_coverage(values: dict[str, Any], actor: Actor) -> Result:
    """How many of the customers under a plan have nothing overdue; those that the actor sees."""
    actor.require("care-duties.view")
    seen = set(visible(Customer.objects.filter(archived_at=None), actor).order_by().values_list("pk", flat=True))
    overdue = CareDuty.objects.filter(state=CareState.OPEN, due_on__lt=clock.today()).order_by()
    late = dict(overdue.values_list("customer_id").annotate(Count("pk")))
    by_owner = values["by"] == "owner"
    groups: dict[int, list[int]] = defaultdict(list)
    names: dict[int, str] = {}
    for plan, mine in looked_after(system("insight")).items():
        names |= {} if by_owner else {plan.pk: plan.name}
        for pk, owner_id in mine.items():
            if pk in seen:
                groups[owner_id if by_owner else plan.pk].append(pk)
    if by_owner:
        names = dict(User.objects.filter(pk__in=groups).values_list("pk", "name"))
    columns = [
        ReportColumn("group", _("Group")),
        ReportColumn("customers", _("Customers"), "integer", total=True),
        ReportColumn("covered", _("With nothing overdue"), "integer", total=True),
        ReportColumn("coverage", _("Care coverage"), "percent"),
        ReportColumn("overdue", _("Overdue duties"), "integer", total=True),
    ]
    rows, drill = [], []
    for pk in sorted(groups, key=lambda one: names[one]):
        members = groups[pk]
        good = sum(1 for one in members if one not in late)
        share = round_half_up(Decimal(good) / len(members), 4)
        rows.append([names[pk], len(members), good, share, sum(late.get(one, 0) for one in members)])
        drill.append("/care-duties?state=open&due_on__lt=today" + ("" if by_owner else f"&plan_id={pk}"))
    return Result(columns, rows, drill=drill)

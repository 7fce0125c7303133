"""How fast deals flow: velocity, how long they stand in their stages, and those whose closing is put off (OPP-06)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.modules.pipeline.models import CloseChange, Opportunity
from saleswright.modules.pipeline.queries import chosen_pipeline, stages_of, stuck
from saleswright.modules.pipeline.reports.closing import (
    FILTERS,
    GROUPS,
    LOST,
    OPEN,
    THEN,
    WON,
    ZERO,
    Group,
    asked,
    decided,
    quotient,
)

#: groups by which open deals can be counted too
FLOWING = {name: group for name, group in GROUPS.items() if name != "quarter"}


def rounded(value: Fraction, places: int = 2) -> Decimal:
    """A fraction as a decimal, half up."""
    shift = 10**places
    whole = abs(value) * shift + Fraction(1, 2)
    number = Decimal(whole.numerator // whole.denominator).scaleb(-places)
    return -number if value < 0 else number


@dataclass(slots=True)
class Flow:
    """What the velocity of one group is made of; `timed` are the won deals of which both days are known."""

    name: str
    open: int = 0
    won: int = 0
    lost: int = 0
    amount: Decimal = ZERO
    timed: int = 0
    days: int = 0

    @property
    def rate(self) -> Fraction | None:
        """won / closed, by count."""
        return Fraction(self.won, self.won + self.lost) if self.won + self.lost else None

    @property
    def deal(self) -> Fraction | None:
        """The mean amount of the deals won."""
        return Fraction(self.amount) / self.won if self.won else None

    @property
    def cycle(self) -> Fraction | None:
        """The mean calendar days from opening to closing of the deals won."""
        return Fraction(self.days, self.timed) if self.timed else None

    @property
    def velocity(self) -> Fraction | None:
        """open x win rate x mean deal / mean cycle: what the open deals bring a day; None where a part is unknown."""
        if self.rate is None or self.deal is None or not self.cycle:
            return None
        return self.open * self.rate * self.deal / self.cycle

    def add(self, other: Flow) -> None:
        """Take the other's counts in."""
        for name in ("open", "won", "lost", "amount", "timed", "days"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def flows(parameters: Mapping[str, Any], actor: Actor, group: Group) -> dict[Any, Flow]:
    """The groups with what was closed from `from` to `to` and what is open now, by key."""
    found: dict[Any, Flow] = {}
    names = dict.fromkeys((group.key, group.name))
    closed = decided(parameters, actor, group).filter(status__in=(WON, LOST)).values(*names, "opened_on", "closed_on")
    for row in closed.annotate(
        won=Count("pk", filter=Q(status=WON)),
        lost=Count("pk", filter=Q(status=LOST)),
        amount=Sum("base_amount", filter=Q(status=WON)),
    ):
        flow = found.setdefault(row[group.key], Flow(str(row[group.name] or _("(none)"))))
        flow.won += row["won"]
        flow.lost += row["lost"]
        flow.amount += row["amount"] or ZERO
        if row["opened_on"] is not None:
            flow.timed += row["won"]
            flow.days += row["won"] * (row["closed_on"] - row["opened_on"]).days
    present = {one: F(THEN[one][1]) for one in names if one in THEN}
    rows = asked({**parameters, "from": None, "to": None}, actor, "opened_on").filter(status=OPEN)
    for row in rows.annotate(**present).values(*names).annotate(n=Count("pk")):
        flow = found.setdefault(row[group.key], Flow(str(row[group.name] or _("(none)"))))
        flow.open += row["n"]
    return found


@report(
    "velocity", gettext_lazy("Sales velocity"),
    Parameter(
        "by", gettext_lazy("Grouped by"), "choice", tuple((n, g.label) for n, g in FLOWING.items()), default="owner"
    ),
    *FILTERS, icon="gauge",
)  # fmt: skip
def velocity(parameters: dict[str, Any], actor: Actor) -> Result:
    """velocity = open x win rate x mean deal / mean cycle, an amount a calendar day.

    open: deals open now, of who has them; rate, mean_deal and mean_days of what was closed from `from` to `to`, of
    who had it then. Deals of which the day of opening is unknown are left out of mean_days only.
    """
    group = FLOWING[parameters["by"]]
    found = flows(parameters, actor, group)
    ordered = sorted(found.items(), key=lambda item: (-(item[1].velocity or 0), item[1].name))
    rows = [_flow_row(flow) for _key, flow in ordered]
    whole = Flow(str(_("All")))
    for flow in found.values():
        whole.add(flow)
    if len(rows) > 1:
        rows.append(_flow_row(whole))
    columns = [
        ReportColumn("group", group.label, names=group.names()),
        ReportColumn("open", _("Open deals"), "integer"),
        ReportColumn("rate", _("Win rate"), "percent"),
        ReportColumn("mean_deal", _("Mean deal"), "money"),
        ReportColumn("mean_days", _("Mean days"), "days"),
        ReportColumn("velocity", _("Velocity a day"), "money"),
    ]
    drill = [f"/opportunities?status=open&{group.filter}={key}" if group.filter and key else "" for key, _f in ordered]
    return Result(columns, rows, drill=drill)


def _flow_row(flow: Flow) -> list[Any]:
    def said(value: Fraction | None, places: int = 2) -> Decimal | None:
        return None if value is None else rounded(value, places)

    return [flow.name, flow.open, said(flow.rate, 4), said(flow.deal), said(flow.cycle), said(flow.velocity)]


# --- stages ----------------------------------------------------------------------------------------------------


@report("stage-ageing", gettext_lazy("Ageing in the stages"), *FILTERS[2:], icon="hourglass")
def stage_ageing(parameters: dict[str, Any], actor: Actor) -> Result:
    """How long the open deals of one pipeline stand in their stage, in calendar days, and which are over its limit.

    over_limit counts those that are past the stage's working days (OPP-03).
    """
    pipeline_id, today = chosen_pipeline(parameters["pipeline_id"]), clock.today()
    given = {**parameters, "pipeline_id": pipeline_id, "from": None, "to": None}
    rows = asked(given, actor, "opened_on").filter(status=OPEN)
    stands: dict[int, list[int]] = {}
    for stage_id, since, count in (
        rows.values("stage_id", "stage_since").annotate(n=Count("pk")).values_list("stage_id", "stage_since", "n")
    ):
        stands.setdefault(stage_id, []).extend([max((today - since).days, 0)] * count)
    over = _by_stage(stuck(rows))
    table, drill = [], []
    for stage in stages_of(pipeline_id):
        days = stands.get(stage.pk, [])
        late, amount = over.get(stage.pk, (0, ZERO))
        mean = quotient(sum(days), len(days), 2) if days else None
        table.append([stage.title, len(days), mean, max(days, default=None), stage.time_limit_days, late, amount])
        drill.append(f"/opportunities?stage_id={stage.pk}&status=open&ordering=stage_since")
    columns = [
        ReportColumn("group", _("Stage")),
        ReportColumn("open_count", _("Open deals"), "integer", total=True),
        ReportColumn("mean_days", _("Mean days"), "days"),
        ReportColumn("max_days", _("Longest, days"), "integer"),
        ReportColumn("limit", _("Limit, working days"), "integer"),
        ReportColumn("over_limit", _("Over the limit"), "integer", total=True),
        ReportColumn("over_amount", _("Amount over the limit"), "money", total=True),
    ]
    return Result(columns, table, drill=drill)


def _by_stage(rows: QuerySet[Opportunity]) -> dict[int, tuple[int, Decimal]]:
    found = rows.order_by().values("stage_id").annotate(n=Count("pk"), amount=Sum("base_amount"))
    return {row["stage_id"]: (row["n"], row["amount"] or ZERO) for row in found}


# --- slipped ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slip:
    """How the closing of a deal was put off: how often to a later day, from which day at first, by how many days."""

    times: int
    first: date
    days: int


def slips(rows: QuerySet[Opportunity]) -> dict[int, Slip]:
    """Of these open deals, those whose expected close was put to a later day at least once; days are net."""
    later = CloseChange.objects.filter(to_day__gt=F("from_day"), opportunity__in=rows.order_by().values("pk"))
    counted = later.order_by().values("opportunity_id").annotate(n=Count("pk"), first=Min("id"))
    firsts = dict(
        CloseChange.objects.filter(
            pk__in=CloseChange.objects.filter(opportunity__in=later.values("opportunity_id"))
            .order_by()
            .values("opportunity_id")
            .annotate(first=Min("id"))
            .values("first")
        ).values_list("opportunity_id", "from_day")
    )
    ends = dict(rows.order_by().values_list("pk", "expected_close"))
    found = {}
    for row in counted:
        pk = row["opportunity_id"]
        end = ends.get(pk) or firsts[pk]
        found[pk] = Slip(row["n"], firsts[pk], (end - firsts[pk]).days)
    return found


def slipped(rows: QuerySet[Opportunity]) -> QuerySet[Opportunity]:
    """Those of these open deals whose expected close is past or was put to a later day."""
    moved = CloseChange.objects.filter(to_day__gt=F("from_day")).values("opportunity_id")
    return rows.filter(Q(expected_close__lt=clock.today()) | Q(pk__in=moved), status=OPEN)


@report("slipped-deals", gettext_lazy("Slipped deals"), *FILTERS, icon="calendar-due")
def slipped_deals(parameters: dict[str, Any], actor: Actor) -> Result:
    """Open deals whose expected close is past, or was put to a later day: how often, and by how many days in all.

    `from` and `to` cut by the day on which the deal is expected to close now.
    """
    rows = slipped(asked(parameters, actor, "expected_close"))
    moved, today = slips(rows), clock.today()
    found = []
    names = ("pk", "name", "owner__name", "stage__title", "base_amount", "expected_close")
    for pk, name, owner, stage, amount, end in rows.values_list(*names):
        slip = moved.get(pk)
        past = (today - end).days if end is not None and end < today else 0
        first, times, days = (slip.first, slip.times, slip.days) if slip else (end, 0, 0)
        found.append((pk, [name, owner or "", stage, amount, first, end, times, days, past]))
    found.sort(key=lambda one: (-(one[1][7] + one[1][8]), -one[1][3], one[0]))
    columns = [
        ReportColumn("group", _("Deal")),
        ReportColumn("owner", _("Owner")),
        ReportColumn("stage", _("Stage")),
        ReportColumn("amount", _("Amount"), "money", total=True),
        ReportColumn("first_close", _("Expected at first"), "date"),
        ReportColumn("expected_close", _("Expected close"), "date"),
        ReportColumn("times", _("Put off, times"), "integer", total=True),
        ReportColumn("days", _("Put off, days"), "integer"),
        ReportColumn("past_days", _("Past by, days"), "integer"),
    ]
    return Result(columns, [row for _pk, row in found], drill=[f"/opportunities/{pk}" for pk, _row in found])

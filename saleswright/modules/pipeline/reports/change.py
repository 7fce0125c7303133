"""The pipeline as of a day, and what changed between two days, from the nightly snapshots (OPP-06)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.pages.common import address
from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.money import round_half_up
from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.nights import Stood, stood
from saleswright.modules.pipeline.states import OpportunityStatus

ZERO = Decimal("0.00")
FILTERS = (
    Parameter("pipeline_id", gettext_lazy("Pipeline"), "reference", to="pipelines"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
)
#: what can become of a deal in the pipeline, in the order in which it is told
CHANGES: dict[str, Text] = {
    "start": gettext_lazy("Pipeline at the start"),
    "new": gettext_lazy("New deals"),
    "returned": gettext_lazy("Reopened or taken over"),
    "pulled_in": gettext_lazy("Expected earlier: now within"),
    "grown": gettext_lazy("Grown"),
    "shrunk": gettext_lazy("Shrunk"),
    "slipped": gettext_lazy("Expected later: now outside"),
    "won": gettext_lazy("Deals won"),
    "lost": gettext_lazy("Deals lost"),
    "left": gettext_lazy("Put away or handed over"),
    "end": gettext_lazy("Pipeline at the end"),
}


def cuts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters of the snapshots."""
    return {name: parameters[name] for name in ("pipeline_id", "owner_id", "department_id")}


def month_ago() -> str:
    """The day a month of thirty days ago."""
    return (clock.today() - timedelta(days=30)).isoformat()


# --- as of a day -----------------------------------------------------------------------------------------------


@report(
    "pipeline-as-of", gettext_lazy("Pipeline on a day"),
    Parameter("day", gettext_lazy("Day"), default=None),
    Parameter(
        "by", gettext_lazy("Grouped by"), "choice",
        (("stage", gettext_lazy("Stage")), ("owner", gettext_lazy("Owner"))), default="stage",
    ),
    *FILTERS, icon="history",
)  # fmt: skip
def pipeline_as_of(parameters: dict[str, Any], actor: Actor) -> Result:
    """The open deals at the end of a day (left empty: now) by the stage or owner of then: count, amount, weighted.

    `night` is the night that the figures are of: the last one taken up to that day.
    """
    day = parameters["day"] or clock.today()
    night, found = stood(day, actor, **cuts(parameters))
    by_owner = parameters["by"] == "owner"
    groups: dict[int | None, list[Stood]] = defaultdict(list)
    for one in found.values():
        groups[one.owner_id if by_owner else one.stage_id].append(one)
    rows = []
    for key, name in _group_names(set(groups), by_owner):
        some = groups[key]
        amount = sum((one.amount for one in some), ZERO)
        weighted = sum((one.amount * one.probability for one in some), ZERO) / 100
        rows.append([name, len(some), amount, round_half_up(weighted), night])
    columns = [
        ReportColumn("group", _("Owner") if by_owner else _("Stage")),
        ReportColumn("open_count", _("Open deals"), "integer", total=True),
        ReportColumn("open_amount", _("Open amount"), "money", total=True),
        ReportColumn("open_weighted", _("Weighted open amount"), "money", total=True),
        ReportColumn("night", _("State of"), "date"),
    ]
    return Result(columns, rows)


def _group_names(keys: set[int | None], by_owner: bool) -> list[tuple[int | None, str]]:
    """The groups in their order: stages as they follow, people by name."""
    if by_owner:
        people = User.objects.filter(pk__in=[pk for pk in keys if pk is not None]).order_by("name", "id")
        named: list[tuple[int | None, str]] = [(one.pk, one.get_short_name()) for one in people]
        return named + ([(None, str(_("(none)")))] if None in keys else [])
    stages = Stage.objects.filter(pk__in=[pk for pk in keys if pk is not None]).order_by(
        "pipeline__sequence", "pipeline_id", "sequence", "id"
    )
    return [(pk, title) for pk, title in stages.values_list("pk", "title")]


# --- between two days ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a deal: its amounts in the pipeline before and after, nothing being zero."""

    kind: str
    opportunity_id: int
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return self.after - self.before


def changes_between(
    then: Mapping[int, Stood],
    now: Mapping[int, Stood],
    born: Mapping[int, date],
    ended: Mapping[int, str],
    start: date,
    until: date | None = None,
) -> list[Change]:
    """What became of each deal between two states. The differences add up to the difference of the two sums.

    `born` says on which day a deal was entered, `ended` which were won or lost meanwhile. With `until` only what is
    expected to close up to that day is in the pipeline: deals slip out of it or are pulled in by their dates.
    """

    def within(one: Stood | None) -> bool:
        return one is not None and (until is None or (one.expected_close is not None and one.expected_close <= until))

    found = []
    for pk in sorted({*then, *now}):
        old, new = then.get(pk), now.get(pk)
        before = old.amount if old is not None and within(old) else ZERO
        after = new.amount if new is not None and within(new) else ZERO
        if within(old) and within(new):
            kind = "grown" if after > before else "shrunk" if after < before else ""
        elif within(new):
            kind = "pulled_in" if old is not None else "new" if born.get(pk, start) > start else "returned"
        elif within(old):
            kind = "slipped" if new is not None else ended.get(pk, "left")
        else:
            continue
        if kind:
            found.append(Change(kind, pk, before, after))
    return found


@report(
    "pipeline-change", gettext_lazy("Change of the pipeline"),
    Parameter("from", gettext_lazy("From the end of"), default=lambda: date.fromisoformat(month_ago())),
    Parameter("to", gettext_lazy("To the end of"), default=clock.today),
    Parameter("until", gettext_lazy("Expected to close up to")),
    Parameter(
        "by", gettext_lazy("Grouped by"), "choice",
        (("change", gettext_lazy("Change")), ("deal", gettext_lazy("Deal"))), default="change",
    ),
    Parameter(
        "change", gettext_lazy("Only"), "choice",
        (("all", gettext_lazy("All changes")), *tuple(CHANGES.items())[1:-1]), default="all",
    ),
    *FILTERS, icon="chart-arrows",
)  # fmt: skip
def pipeline_change(parameters: dict[str, Any], actor: Actor) -> Result:
    """How the open amount of one day became that of another: what came, grew, shrank, slipped, was won, lost or left.

    Start and changes sum up to the end, to the cent. Deals of the actor's sight now; owner and department those of
    the night. Raises ValidationFailed when no night was taken up to the first day.
    """
    start, end = parameters["from"], parameters["to"]
    night, then = stood(start, actor, **cuts(parameters))
    if night is None:
        raise ValidationFailed.of("from", "range", _("The pipeline was not yet recorded on that day."))
    _night, now = stood(end, actor, **cuts(parameters))
    changes = changes_between(then, now, *_fates(then, now, end), night, parameters["until"])
    if parameters["by"] == "deal":
        return _by_deal([one for one in changes if parameters["change"] in ("all", one.kind)])
    return _by_change(then, changes, parameters, night)


def _fates(then: Mapping[int, Stood], now: Mapping[int, Stood], end: date) -> tuple[dict[int, date], dict[int, str]]:
    """On which day the deals that came were entered; which of those that went were won or lost by the end."""
    came, went = set(now) - set(then), set(then) - set(now)
    rows = Opportunity.objects.filter(pk__in=came).values_list("pk", "created_at", "opened_on")
    born = {pk: opened or clock.local_date(created) for pk, created, opened in rows}
    closed = Opportunity.objects.filter(pk__in=went, closed_on__lte=end).exclude(status=OpportunityStatus.OPEN)
    ended = dict(closed.values_list("pk", "status"))
    unknown = went - set(ended)
    if unknown:  # closed then, and open again since
        acts = {"win": "won", "lose": "lost"}
        entries = AuditEntry.objects.filter(
            resource="opportunities", record_id__in=unknown, action__in=(*acts, "archived"),
            at__lt=clock.day_start(end + timedelta(days=1)),
        ).order_by("id")  # fmt: skip
        last = dict(entries.values_list("record_id", "action"))
        ended |= {pk: acts[action] for pk, action in last.items() if pk is not None and action in acts}
    return born, ended


def _by_change(then: Mapping[int, Stood], changes: list[Change], parameters: Mapping[str, Any], night: date) -> Result:
    until = parameters["until"]
    inside = [
        one for one in then.values() if until is None or (one.expected_close and one.expected_close <= until)
    ]  # fmt: skip
    start = sum((one.amount for one in inside), ZERO)
    total = start + sum((one.difference for one in changes), ZERO)
    counts: dict[str, int] = defaultdict(int)
    amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in changes:
        counts[one.kind] += 1
        amounts[one.kind] += one.difference
    came = sum(counts[kind] for kind in ("new", "returned", "pulled_in"))
    went = sum(counts[kind] for kind in ("slipped", "won", "lost", "left"))
    counts |= {"start": len(inside), "end": len(inside) + came - went}
    amounts |= {"start": start, "end": total}
    rows = [[kind, counts[kind], amounts[kind]] for kind in CHANGES]
    given = {name: value for name, value in parameters.items() if name not in {"by", "change"} and value is not None}
    drill = [
        "" if kind in {"start", "end"} else address("/reports/pipeline-change", given, by="deal", change=kind)
        for kind in CHANGES
    ]
    columns = [
        ReportColumn("change", _("Change"), names=CHANGES),
        ReportColumn("deals", _("Deals"), "integer"),
        ReportColumn("amount", _("Amount"), "money"),
    ]
    return Result(columns, rows, chart=_waterfall(rows, night), drill=drill)


def _waterfall(rows: list[list[Any]], night: date) -> Chart | None:
    """Floating bars from the start to the end."""
    if not any(count for _kind, count, _amount in rows):
        return None
    base, up, down, level = [], [], [], ZERO
    for kind, _count, amount in rows:
        if kind in {"start", "end"}:
            level = amount
            base.append(0.0)
            up.append(float(amount))
            down.append(0.0)
            continue
        base.append(float(min(level, level + amount)))
        up.append(float(max(amount, ZERO)))
        down.append(float(max(-amount, ZERO)))
        level += amount
    names = [str(CHANGES[kind]) for kind, _count, _amount in rows]
    option = {
        "grid": {"left": 8, "right": 24, "top": 16, "bottom": 8, "containLabel": True},
        "xAxis": {"type": "value"},
        "yAxis": {"type": "category", "inverse": True, "data": names},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "itemStyle": {"color": "transparent", "decal": {"symbol": "none"}},
                "silent": True,
                "data": base,
            },
            {"type": "bar", "stack": "all", "itemStyle": {"color": "#2fb344"}, "data": up},
            {"type": "bar", "stack": "all", "itemStyle": {"color": "#d63939"}, "data": down},
        ],
    }
    values = {"day": night, "difference": f"{rows[-1][2] - rows[0][2]:+,.2f}"}
    title = _("Since %(day)s the pipeline has changed by %(difference)s") % values
    cells = [[name, str(count), str(amount)] for name, (_kind, count, amount) in zip(names, rows, strict=True)]
    return Chart(
        title, _("Amount"), _("Nightly states of the pipeline"), option, [_("Change"), _("Deals"), _("Amount")], cells
    )


def _by_deal(changes: list[Change]) -> Result:
    names = dict(Opportunity.objects.filter(pk__in=[one.opportunity_id for one in changes]).values_list("pk", "name"))
    ordered = sorted(changes, key=lambda one: (-abs(one.difference), one.opportunity_id))
    rows = [[names[one.opportunity_id], one.kind, one.before, one.after, one.difference] for one in ordered]
    columns = [
        ReportColumn("group", _("Deal")),
        ReportColumn("change", _("Change"), names=CHANGES),
        ReportColumn("before", _("Amount before"), "money", total=True),
        ReportColumn("after", _("Amount after"), "money", total=True),
        ReportColumn("difference", _("Difference"), "money", total=True),
    ]
    return Result(columns, rows, drill=[f"/opportunities/{one.opportunity_id}" for one in ordered])

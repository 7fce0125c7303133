"""How long approvals take, and where they wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import mean, median
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock, worktime
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.resources import resource_named
from saleswright.modules.work.models import Approval, ApprovalTask
from saleswright.modules.work.queries import transition_label
from saleswright.modules.work.states import StepState

BY = (
    ("step", gettext_lazy("Step")),
    ("approver", gettext_lazy("Approver")),
    ("kind", gettext_lazy("What is approved")),
)
DECIDED = (StepState.APPROVED, StepState.REJECTED, StepState.RETURNED)


@dataclass(slots=True)
class Waiting:
    """The working hours that parts of approvals took, and those that they wait by now."""

    taken: list[Decimal] = field(default_factory=list)
    open: list[Decimal] = field(default_factory=list)


def _months_ago() -> Any:
    return clock.today() - timedelta(days=90)


@report(
    "approval-times", gettext_lazy("Waiting times of approvals"),
    Parameter("from", gettext_lazy("Asked from"), default=_months_ago),
    Parameter("to", gettext_lazy("Asked up to"), default=clock.today),
    Parameter("by", gettext_lazy("By"), "choice", BY, default="step"),
    Parameter("flow", gettext_lazy("Approval flow"), "reference", to="approval-flows"),
    icon="hourglass", internal=True,
)  # fmt: skip
def approval_times(parameters: dict[str, Any], actor: Actor) -> Result:
    """Working hours from asking a person to their decision, of the approvals that the actor may see."""
    now = clock.now()
    found: dict[str, Waiting] = defaultdict(Waiting)
    for task in _tasks(parameters, actor):
        hours = _hours(task.opened_at, task.decided_at or now)  # type: ignore[arg-type]
        waiting = found[_group(task, parameters["by"])]
        (waiting.taken if task.state in DECIDED else waiting.open).append(hours)
    columns = [
        ReportColumn("group", dict(BY)[parameters["by"]]),
        ReportColumn("asked", _("Times asked"), "integer", total=True),
        ReportColumn("decided", _("Decided"), "integer", total=True),
        ReportColumn("mean_hours", _("Mean, working hours"), "quantity"),
        ReportColumn("median_hours", _("Median, working hours"), "quantity"),
        ReportColumn("waiting", _("Waiting now"), "integer", total=True),
        ReportColumn("longest_hours", _("Waiting longest, working hours"), "quantity"),
    ]
    rows = sorted((_row(group, one) for group, one in found.items()), key=lambda row: (-row[5], -Decimal(row[3] or 0)))
    return Result(columns, rows, chart=_chart(rows) if rows else None)


def _tasks(parameters: dict[str, Any], actor: Actor) -> Iterable[ApprovalTask]:
    """The parts that were put to somebody in the time, decided or open."""
    seen: Any = visible(Approval.objects.filter(archived_at=None), actor)
    tasks = ApprovalTask.objects.filter(approval__in=seen.order_by().values("pk"))
    if parameters["from"]:
        tasks = tasks.filter(opened_at__gte=clock.day_start(parameters["from"]))
    if parameters["to"]:
        tasks = tasks.filter(opened_at__lt=clock.day_start(parameters["to"] + timedelta(days=1)))
    if parameters["flow"]:
        tasks = tasks.filter(approval__flow_id=parameters["flow"])
    states = (*DECIDED, StepState.OPEN)
    return tasks.filter(state__in=states).select_related("approval__flow", "approver").order_by("id")


def _group(task: ApprovalTask, by: str) -> str:
    approval = task.approval
    if by == "approver":
        return task.approver.get_short_name()
    kind = _("%(record)s · %(action)s") % {
        "record": resource_named(approval.resource).label,
        "action": transition_label(approval),
    }
    if by == "kind":
        return kind
    step = task.step_name or _("Step %(number)s") % {"number": task.step}
    return _("%(flow)s · %(step)s") % {"flow": approval.flow.name if approval.flow else kind, "step": step}


def _hours(start: datetime, end: datetime) -> Decimal:
    return Decimal(round(worktime.working_between(start, end).total_seconds() / 360)) / 10


def _row(group: str, one: Waiting) -> list[Any]:
    decided = [_tenths(mean(one.taken)), _tenths(median(one.taken))] if one.taken else [None, None]
    longest = _tenths(max(one.open)) if one.open else None
    return [group, len(one.taken) + len(one.open), len(one.taken), *decided, len(one.open), longest]


def _tenths(hours: Any) -> str:
    return str(Decimal(hours).quantize(Decimal("0.1")))


def _chart(rows: list[list[Any]]) -> Chart:
    """Mean working hours of each group, or what waits where nothing is decided yet; those where most waits first."""
    shown = rows[:12]
    waiting, decided = sum(row[5] for row in rows), any(row[2] for row in rows)
    title = (
        _("%(count)d decisions are waited for, most of them at “%(group)s”") % {"count": waiting, "group": rows[0][0]}
        if waiting
        else _("No decision is waited for")
    )
    name, unit = (_("Mean, working hours"), _("Working hours")) if decided else (_("Waiting now"), _("Approvals"))
    data = [float(row[3] or 0) if decided else row[5] for row in shown]
    option = {
        "grid": {"containLabel": True},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "inverse": True, "data": [row[0] for row in shown]},
        "series": [{"type": "bar", "name": name, "data": data}],
    }
    table = [[row[0], row[3] or "–", str(row[5])] for row in shown]
    headers: list[Any] = [_("Group"), _("Mean, working hours"), _("Waiting now")]
    return Chart(title, unit, _("Steps of approvals"), option, headers, table)

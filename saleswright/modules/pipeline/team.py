"""A manager's view of a pipeline: who has what in which stage, what needs a look, and who isn't following up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.money import round_half_up
from saleswright.kernel.worktime import is_working_day
from saleswright.modules.pipeline.metrics import WEIGHTED
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.queries import stuck
from saleswright.modules.pipeline.reports.flow import slipped
from saleswright.modules.pipeline.states import ActivityStatus, OpportunityStatus

ZERO = Decimal("0.00")
IDLE_DAYS, MOST_DAYS, SHOWN = 5, 60, 100


@dataclass(frozen=True, slots=True)
class Coverage:
    """open weighted / remaining target of a person; `share` is None when nothing of the target remains."""

    share: Decimal | None
    remaining: Decimal
    url: str


#: a higher module that knows targets adds: ids of people, actor -> how far their open deals cover what is left
coverage_sources: list[Callable[[Sequence[int], Actor], dict[int, Coverage]]] = []


@dataclass(slots=True)
class Seat:
    """A person's row: deals and amount of each stage, and what needs a look."""

    owner_id: int | None
    name: str
    stages: dict[int, tuple[int, Decimal]] = field(default_factory=dict)
    count: int = 0
    amount: Decimal = ZERO
    weighted: Decimal = ZERO
    stuck: int = 0
    slipped: int = 0
    last_activity: datetime | None = None
    idle: bool = False
    coverage: Coverage | None = None


def working_days_ago(day: date, count: int) -> date:
    """The day so many working days before this one; a year back at most, should nobody ever work."""
    first = day - timedelta(days=366)
    while count and day > first:
        day -= timedelta(days=1)
        count -= is_working_day(day)
    return day


def open_deals(pipeline_id: int, actor: Actor) -> QuerySet[Opportunity]:
    """The open deals of the pipeline that the actor may see."""
    rows = Opportunity.objects.filter(pipeline=pipeline_id, status=OpportunityStatus.OPEN, archived_at=None)
    return visible(rows, actor).order_by()


def seats(pipeline_id: int, actor: Actor, idle_days: int = IDLE_DAYS) -> list[Seat]:
    """A row for everyone with open deals in the pipeline, the largest amount first; a constant number of statements.

    Somebody is idle who has noted nothing as done in the last `idle_days` working days.
    """
    rows, found = open_deals(pipeline_id, actor), dict[int | None, Seat]()
    figures = rows.values("owner_id", "owner__name", "stage_id").annotate(
        n=Count("pk"), amount=Sum("base_amount"), weighted=Sum(WEIGHTED)
    )
    for row in figures:
        seat = found.setdefault(row["owner_id"], Seat(row["owner_id"], row["owner__name"] or str(_("(none)"))))
        seat.stages[row["stage_id"]] = (row["n"], row["amount"])
        seat.count += row["n"]
        seat.amount += row["amount"]
        seat.weighted += row["weighted"]
    for name, some in (("stuck", stuck(rows)), ("slipped", slipped(rows))):
        for owner_id, count in some.values("owner_id").annotate(n=Count("pk")).values_list("owner_id", "n"):
            setattr(found[owner_id], name, count)
    people = [pk for pk in found if pk is not None]
    _activity(found, people, idle_days)
    for source in coverage_sources:
        for pk, coverage in source(people, actor).items():
            found[pk].coverage = coverage
    for seat in found.values():
        seat.weighted = round_half_up(seat.weighted)
    return sorted(found.values(), key=lambda seat: (-seat.amount, seat.name))


def _activity(found: dict[int | None, Seat], people: list[int], idle_days: int) -> None:
    """When each of them last noted something as done: that they did is known to who sees their deals."""
    done = Activity.objects.filter(owner__in=people, status=ActivityStatus.DONE, archived_at=None)
    last: dict[int | None, datetime | None] = dict(
        done.order_by().values("owner_id").annotate(at=Max("done_at")).values_list("owner_id", "at")
    )
    since = clock.day_start(working_days_ago(clock.today(), idle_days))
    for pk in people:
        at = last.get(pk)
        found[pk].last_activity, found[pk].idle = at, at is None or at < since


def in_need(pipeline_id: int, actor: Actor, owner_id: int | None = None) -> list[dict[str, Any]]:
    """The open deals that are stuck, slipped or late with their next step, the largest amount first; of each `why`."""
    rows, today, now = open_deals(pipeline_id, actor), clock.today(), clock.now()
    if owner_id is not None:
        rows = rows.filter(owner_id=owner_id)
    put_off = set(slipped(rows).values_list("pk", flat=True))
    needing = rows.filter(Q(stage_due_on__lt=today) | Q(next_step_at__lt=now) | Q(pk__in=put_off))
    names = (
        "pk", "name", "owner__name", "stage__title", "base_amount", "expected_close", "stage_due_on", "next_step_at",
    )  # fmt: skip
    found = []
    for row in needing.order_by("-base_amount", "pk").values(*names)[:SHOWN]:
        why = []
        if row["stage_due_on"] is not None and row["stage_due_on"] < today:
            why.append(_("stuck"))
        if row["expected_close"] is not None and row["expected_close"] < today:
            why.append(_("past its day"))
        elif row["pk"] in put_off:
            why.append(_("put off"))
        if row["next_step_at"] is not None and row["next_step_at"] < now:
            why.append(_("next step overdue"))
        found.append({**row, "why": why})
    return found

"""What the system knows of somebody's day or week: the ready-made part of a work report (VIS-04).

It is read from the activities, the audit and the metric registry, so that it holds what higher modules know as well
without asking their tables. Nothing in it is words of one language but what people typed.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.clock import Period
from saleswright.kernel.metrics import all_metrics, measure
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.resources import all_resources
from saleswright.kernel.worktime import next_working_day
from saleswright.modules.pipeline.public import Activity, ActivityStatus, Stage, planned_between
from saleswright.modules.visits.goals import goals_of
from saleswright.modules.visits.queries import about_of, of_person
from saleswright.modules.visits.states import ReportKind

#: kinds of record whose making is worth telling, and figures, as far as modules have them
CREATED = ("leads", "customers", "contacts", "opportunities", "quotes", "contracts", "orders", "tickets")
FIGURES = ("won_amount", "ordered", "contracted", "collected", "customer_expenses")
MOVES = ("move", "win", "lose", "reopen")
MOST = 60


def facts_of(user: User, span: Period, kind: str, at: datetime) -> dict[str, Any]:
    """The facts of the days, as JSON; `at` is when they were gathered."""
    actor = actor_for(user, origin="report")
    start, end = clock.day_start(span.start), clock.day_start(span.end + timedelta(days=1))
    done = _done(user, start, end)
    open_still = planned_between(start, end).filter(owner_id=user.pk)
    return {
        "activities": {
            "done": len(done),
            "kinds": dict(Counter(str(one.kind) for one in done)),
            "customers": len({one.customer_id for one in done if one.customer_id}),
            "missed": open_still.filter(status=ActivityStatus.MISSED).count(),
            "open": open_still.filter(status=ActivityStatus.PLANNED, planned_at__lt=min(end, at)).count(),
            "checked_in": sum(one.checked_in_at is not None for one in done),
        },
        "done": [_told(one) for one in done[:MOST]],
        "created": _created(user, start, end),
        "moves": _moves(user, start, end),
        "figures": _figures(user, actor, span),
        "goals": _goals(actor, span.end),
        "next": [_ahead(one) for one in coming(user, span.end, kind)[:MOST]],
        "as_of": clock.local_time(at).isoformat(timespec="minutes"),
    }


def _done(user: User, start: datetime, end: datetime) -> list[Activity]:
    rows = Activity.objects.filter(
        owner_id=user.pk, status=ActivityStatus.DONE, archived_at=None, done_at__gte=start, done_at__lt=end
    )
    return list(rows.select_related("customer", "lead").order_by("done_at", "id"))


def _told(one: Activity) -> dict[str, Any]:
    return {
        "id": one.pk, "kind": str(one.kind), "subject": one.subject, "about": about_of(one), "outcome": one.outcome,
        "needs": one.needs, "minutes": one.minutes_there, "place": str(one.place),
    }  # fmt: skip


def _ahead(one: Activity) -> dict[str, Any]:
    assert one.planned_at is not None
    at = clock.local_time(one.planned_at).isoformat(timespec="minutes")
    return {"id": one.pk, "kind": str(one.kind), "subject": one.subject, "about": about_of(one), "at": at}


def _entries(user: User, start: datetime, end: datetime) -> Any:
    return AuditEntry.objects.filter(actor_id=user.pk, at__gte=start, at__lt=end)


def _created(user: User, start: datetime, end: datetime) -> dict[str, int]:
    """How many records of each kind the person made, by the audit."""
    known = {resource.name for resource in all_resources()}
    rows = _entries(user, start, end).filter(action="created", resource__in=CREATED)
    counts = Counter(rows.values_list("resource", flat=True))
    return {name: counts[name] for name in CREATED if counts[name] and name in known}


def _moves(user: User, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Which opportunities the person moved, won or lost, by the audit."""
    rows = _entries(user, start, end).filter(resource="opportunities", action__in=MOVES).order_by("at", "id")
    found = list(rows.values_list("record_id", "label", "action", "changes")[:MOST])
    wanted = {pair[1] for *_rest, changes in found if (pair := _stage_pair(changes))}
    titles = dict(Stage.objects.filter(pk__in=wanted).values_list("pk", "title"))
    return [
        {"id": pk, "label": label, "action": action, "stage": titles.get(pair[1], "") if pair else ""}
        for pk, label, action, changes in found
        for pair in [_stage_pair(changes)]
    ]


def _stage_pair(changes: dict[str, Any]) -> list[Any] | None:
    pair = changes.get("stage_id", changes.get("stage"))
    return pair if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], int) else None


def _figures(user: User, actor: Actor, span: Period) -> list[dict[str, Any]]:
    """The measures of money of the person, in the days and in the month that holds the last of them."""
    month = Period(clock.month_start(span.end.year, span.end.month), span.end)
    known = {metric.name: metric for metric in all_metrics()}
    return [
        {
            "metric": name,
            "unit": metric.unit,
            "value": str(measure(metric, actor, span, owner=user.pk)),
            "month": str(measure(metric, actor, month, owner=user.pk)),
        }
        for name in FIGURES
        if (metric := known.get(name)) and "owner" in metric.dimensions and actor.may(f"{metric.resource}.view")
    ]


def _goals(actor: Actor, on: date) -> list[dict[str, Any]]:
    return [
        {
            "metric": goal.metric, "unit": goal.unit, "period": goal.period, "target": str(goal.target),
            "actual": str(goal.actual), "share": None if goal.share is None else str(goal.share),
            "elapsed": str(goal.elapsed),
        }
        for goal in goals_of(actor, on)
    ]  # fmt: skip


def coming(user: User, last: date, kind: str) -> list[Activity]:
    """What the person has planned for the next working day, or for the next week, after a day."""
    first = last + timedelta(days=1)
    end = first + timedelta(days=6) if kind == ReportKind.WEEKLY else next_working_day(first)
    rows = of_person(Activity.objects.filter(status=ActivityStatus.PLANNED, archived_at=None), user.pk)
    rows = rows.filter(planned_at__gte=clock.day_start(first), planned_at__lt=clock.day_start(end + timedelta(days=1)))
    return list(rows.select_related("customer", "lead").order_by("planned_at", "id"))

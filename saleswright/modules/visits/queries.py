"""Reads: the rules, whose activities, who is busy, how customers are covered, who has to report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import standard_scope, visible
from saleswright.kernel.clock import Period
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_named, resource_of
from saleswright.modules.customers.public import Customer
from saleswright.modules.notices.public import Meeting, MeetingStatus, Participant
from saleswright.modules.pipeline.public import (
    Activity,
    ActivityKind,
    ActivityParticipant,
    ActivityStatus,
    planned_between,
)
from saleswright.modules.visits.models import VisitRules, VisitStandard

QUARTER_DAYS = 91


def rules() -> VisitRules:
    """What holds for all visits; what a fresh installation has where nothing is said."""
    return VisitRules.objects.order_by("pk").first() or VisitRules()


def of_person(rows: QuerySet[Activity], user_id: int) -> QuerySet[Activity]:
    """Those of the activities that the person owns or takes part in."""
    taking_part = ActivityParticipant.objects.filter(person_id=user_id).values("activity_id")
    return rows.filter(Q(owner_id=user_id) | Q(pk__in=taking_part))


def about_of(activity: Activity) -> str:
    """With whom an activity is: the customer, or else the lead."""
    if activity.customer is not None:
        return activity.customer.name
    return str(activity.lead) if activity.lead is not None else ""


def address_of(customer: Customer) -> str:
    """Where a customer is, in one line: city and district as far as the address doesn't say them itself."""
    parts = [part for part in (customer.city, customer.district) if part and part not in customer.address]
    return "".join([*parts, customer.address])


# --- the calendar ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Entry:
    """Something in a person's calendar. Of what the reader may not see only the time is told: `busy`."""

    start: datetime
    end: datetime
    title: str
    id: int = 0
    url: str = ""
    kind: str = "busy"
    status: str = ""
    detail: str = ""
    version: int = 0
    movable: bool = False
    conflict: bool = False

    @property
    def busy(self) -> bool:
        return self.kind == "busy"


def entries(user_id: int, start: datetime, end: datetime, actor: Actor) -> list[Entry]:
    """A person's activities and meetings that touch the time, by beginning, as far as the actor may see them.

    Those that were called off are left out; two open ones at once are marked as a conflict.
    """
    found = [*_activities(user_id, start, end, actor), *_meetings(user_id, start, end, actor)]
    found.sort(key=lambda one: (one.start, one.end, one.id))
    mark_conflicts(found)
    return found


def _activities(user_id: int, start: datetime, end: datetime, actor: Actor) -> Iterable[Entry]:
    rows = of_person(planned_between(start, end), user_id).exclude(status=ActivityStatus.CANCELLED)
    rows = rows.select_related("customer", "lead")
    seen = set(visible(rows.order_by(), actor).values_list("pk", flat=True))
    mine = set(visible(rows.order_by(), actor, "reschedule").values_list("pk", flat=True))
    for one in rows:
        assert one.planned_at is not None
        assert one.ends_at is not None
        if one.pk not in seen:
            if one.status == ActivityStatus.PLANNED:
                yield Entry(one.planned_at, one.ends_at, _("Busy"))
            continue
        movable = one.pk in mine and one.status == ActivityStatus.PLANNED and one.checked_in_at is None
        yield Entry(
            one.planned_at, one.ends_at, one.subject, one.pk, f"/activities/{one.pk}", str(one.kind), str(one.status),
            about_of(one), one.version, movable,
        )  # fmt: skip


def _meetings(user_id: int, start: datetime, end: datetime, actor: Actor) -> Iterable[Entry]:
    going = Participant.objects.filter(person_id=user_id).exclude(answer="no").values("meeting_id")
    rows = Meeting.objects.filter(status=MeetingStatus.CALLED, archived_at=None, starts_at__lt=end, ends_at__gt=start)
    rows = rows.filter(Q(owner_id=user_id) | Q(pk__in=going))
    seen = set(visible(rows.order_by(), actor).values_list("pk", flat=True))
    for one in rows:
        if one.pk in seen:
            yield Entry(
                one.starts_at, one.ends_at, one.title, one.pk, f"/meetings/{one.pk}", "meeting-called", "planned",
                one.place,
            )  # fmt: skip
        else:
            yield Entry(one.starts_at, one.ends_at, _("Busy"))


def mark_conflicts(found: list[Entry]) -> None:
    """Mark open entries that overlap; they must be sorted by beginning."""
    running: list[Entry] = []
    for one in found:
        if one.status not in {"planned", ""}:
            continue
        running = [other for other in running if other.end > one.start]
        if running:
            one.conflict = True
            for other in running:
                other.conflict = True
        running.append(one)


# --- coverage --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Covered:
    """How a customer stands in a quarter: visits wanted, done and still planned; `overdue` days since one was due."""

    customer_id: int
    level: str
    owner_id: int | None
    wanted: int
    done: int = 0
    planned: int = 0
    last: date | None = None
    due: date | None = None
    name: str = ""
    latitude: Any = None
    longitude: Any = None

    def overdue(self, on: date) -> int:
        """Days since a visit was due; negative ones are still to come."""
        return (on - self.due).days if self.due else 0


def standards() -> dict[str, int]:
    """Visits a quarter by level of the customer, of levels that are to be visited."""
    rows = VisitStandard.objects.filter(archived_at=None, visits__gt=0)
    return dict(rows.values_list("level", "visits"))


def coverage(customers: QuerySet[Customer], quarter: Period) -> list[Covered]:
    """How those of the customers whose level is to be visited are covered, with four statements whatever their number.

    A visit counts for the quarter in which it was done, a planned one for that in which it is planned. The next one is
    due as many days after the last as a quarter has for each (91 / visits); a customer who was never visited counts
    from when the owner got them, else from when they were entered.
    """
    wanted = standards()
    columns = ("pk", "level", "owner_id", "name", "latitude", "longitude", "owned_since", "created_at")
    rows = customers.filter(level__in=wanted, archived_at=None).order_by("pk").values(*columns)
    found = {
        row["pk"]: Covered(
            row["pk"], row["level"], row["owner_id"], wanted[row["level"]], name=row["name"],
            latitude=row["latitude"], longitude=row["longitude"],
            due=clock.local_date(row["owned_since"] or row["created_at"])
            + timedelta(days=round(QUARTER_DAYS / wanted[row["level"]])),
        )
        for row in rows
    }  # fmt: skip
    start, end = clock.day_start(quarter.start), clock.day_start(quarter.end + timedelta(days=1))
    these = customers.filter(level__in=wanted).order_by().values("pk")
    visits = Activity.objects.filter(kind=ActivityKind.VISIT, archived_at=None, customer__in=these).order_by()
    done = visits.filter(status=ActivityStatus.DONE)
    for pk, count, last in done.values("customer_id").annotate(
        n=Count("pk", filter=Q(done_at__gte=start, done_at__lt=end)), last=Max("done_at")
    ).values_list("customer_id", "n", "last"):  # fmt: skip
        if (one := found.get(pk)) and last is not None:
            one.done, one.last = count, clock.local_date(last)
            one.due = one.last + timedelta(days=round(QUARTER_DAYS / one.wanted))
    planned = visits.filter(status=ActivityStatus.PLANNED, planned_at__gte=start, planned_at__lt=end)
    for pk, count in planned.values("customer_id").annotate(n=Count("pk")).values_list("customer_id", "n"):
        if one := found.get(pk):
            one.planned = count
    return list(found.values())


def quarter_of(day: date) -> Period:
    """The fiscal quarter in which the day lies."""
    return clock.relative_period("this_quarter", day)


def proposals(owner_id: int, week: date, *, most: int = 20) -> list[Covered]:
    """Whom a person should visit in the week from Monday on, those overdue the longest first.

    Those who are due within the week or were due before, and for whom no visit is planned from today to its end.
    """
    sunday = week + timedelta(days=6)
    start, end = clock.day_start(min(week, clock.today())), clock.day_start(sunday + timedelta(days=1))
    open_ones = Activity.objects.filter(kind=ActivityKind.VISIT, status=ActivityStatus.PLANNED, archived_at=None)
    seen = open_ones.filter(planned_at__gte=start, planned_at__lt=end, customer__isnull=False).values("customer_id")
    rows = Customer.objects.filter(owner_id=owner_id).exclude(pk__in=seen)
    found = [one for one in coverage(rows, quarter_of(week)) if one.due and one.due <= sunday]
    return sorted(found, key=lambda one: (one.due, one.level, one.customer_id))[:most]


# --- whose turn it is -----------------------------------------------------------------------------------------


def plans_to_decide(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """The plans on which the actor decides: not their own, unless there is nobody above."""
    rows = standard_scope(resource_named("visit-plans"), queryset, actor, scopes)
    return rows if actor.kind == "system" else rows.exclude(owner_id=actor.user_id, owner__manager__isnull=False)


def of_others(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """The records within the scopes that are somebody else's."""
    rows = standard_scope(resource_of(queryset.model), queryset, actor, scopes)
    return rows if actor.kind == "system" else rows.exclude(owner_id=actor.user_id)


def of_ones_own(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """The actor's own records."""
    return queryset if actor.kind == "system" else queryset.filter(owner_id=actor.user_id or 0)


# --- needs -----------------------------------------------------------------------------------------------------


def needs_of(customer_id: int, actor: Actor, most: int = 12) -> list[Activity]:
    """The activities in which something was learned about what a customer needs, newest first."""
    rows = Activity.objects.filter(customer_id=customer_id, archived_at=None).exclude(needs="")
    rows = visible(rows, actor).select_related("owner", "opportunity")
    return list(rows.order_by("-done_at", "-id")[:most])


def colleagues(actor: Actor) -> QuerySet[User]:
    """The people who work here and whom the actor may look up."""
    return visible(User.objects.filter(archived_at=None), actor)

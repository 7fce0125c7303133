"""Who has to report about which days, and who has not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from saleswright.kernel import clock
from saleswright.kernel.access.actors import EVERYTHING, Actor
from saleswright.kernel.access.scopes import owner_within
from saleswright.kernel.clock import Period
from saleswright.kernel.models import EmploymentState, Grant, RoleMembership, User
from saleswright.kernel.worktime import calendar, is_working_day
from saleswright.modules.org.public import managers_upward
from saleswright.modules.visits.models import WorkReport
from saleswright.modules.visits.states import ReportKind, ReportStatus
from saleswright.modules.work.public import away_between

DAY = timedelta(days=1)
#: rights by which somebody writes reports of their own; who may do everything does not have to
WRITES = ("work-reports.submit", "work-reports.*")


def span_of(kind: str, day: date) -> Period:
    """The day itself, or the week from Monday to Sunday in which it lies."""
    if kind == ReportKind.WEEKLY:
        monday = day - day.weekday() * DAY
        return Period(monday, monday + 6 * DAY)
    return Period(day, day)


def last_span(kind: str, on: date) -> Period:
    """The newest day or week that is over: the last working day before, or the last week."""
    if kind == ReportKind.WEEKLY:
        return span_of(kind, on - 7 * DAY)
    day = on - DAY
    while not is_working_day(day):
        day -= DAY
    return Period(day, day)


def reporters() -> list[User]:
    """The people who have to report: who work here, may write reports and have somebody who reads them."""
    roles = Grant.objects.filter(permission__in=WRITES, role__archived_at=None).values("role_id")
    members = RoleMembership.objects.filter(role__in=roles).values("user_id")
    people = User.objects.filter(pk__in=members, archived_at=None, manager__isnull=False)
    return list(people.exclude(state=EmploymentState.LEFT).select_related("department").order_by("name", "pk"))


def reporters_for(actor: Actor) -> list[User]:
    """Those of them whose reports the actor may read, but for the actor and who stands above."""
    scopes = actor.scopes("work-reports.read")
    if not scopes:
        return []
    me = User.objects.filter(pk=actor.user_id or 0).first()
    above = {user.pk for user in (me, *managers_upward(me))} if me is not None else set()
    people = [user for user in reporters() if user.pk not in above]
    return people if scopes == EVERYTHING else [user for user in people if owner_within(actor, scopes, user)]


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with a report: `report` if there is one, `away` when they were absent all the time."""

    user: User
    report: WorkReport | None
    away: bool

    @property
    def submitted(self) -> bool:
        return self.report is not None and self.report.status != ReportStatus.DRAFT

    @property
    def missing(self) -> bool:
        return not self.submitted and not self.away


def standing(people: Iterable[User], kind: str, span: Period) -> dict[int, Standing]:
    """How people stand with the report about these days, by their ids; two statements for any number."""
    people = list(people)
    ids = [user.pk for user in people]
    rows = WorkReport.objects.filter(owner__in=ids, kind=kind, day=span.start, archived_at=None)
    reports = {report.owner_id: report for report in rows}
    working = [day for n in range(span.days) if calendar().spans(day := span.start + n * DAY)]
    away: dict[int, set[date]] = {}
    for pk, first, last in away_between(ids, span.start, span.end):
        away.setdefault(pk, set()).update(day for day in working if first <= day <= last)
    nobody_works = not working
    return {
        user.pk: Standing(user, reports.get(user.pk), nobody_works or len(away.get(user.pk, ())) == len(working))
        for user in people
    }


def is_due(kind: str, span: Period) -> bool:
    """Whether the days are over."""
    return span.end < clock.today()

"""Reads of announcements and meetings: for whom they are, who has read or answered, who is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from saleswright.interface.formatting import format_datetime
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, below
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.models import Department, EmploymentState, Grant, Region, Role, RoleMembership, User
from saleswright.kernel.resources import resource_of
from saleswright.modules.notices.models import Announcement, Audience, Decision, Meeting, Participant, Receipt
from saleswright.modules.notices.states import AnnouncementStatus, Answer, AudienceKind, MeetingStatus
from saleswright.modules.org.public import Body, BodyMember, Post, members_of
from saleswright.modules.work.public import TaskState, away_between

TARGETS: dict[str, Any] = {
    AudienceKind.DEPARTMENT: Department,
    AudienceKind.REGION: Region,
    AudienceKind.POST: Post,
    AudienceKind.ROLE: Role,
    AudienceKind.BODY: Body,
    AudienceKind.PERSON: User,
}
TOLD = (AnnouncementStatus.PUBLISHED, AnnouncementStatus.EXPIRED)


# --- announcements ---------------------------------------------------------------------------------------------


def working() -> QuerySet[User]:
    """The people who work here."""
    return User.objects.filter(archived_at=None).exclude(state=EmploymentState.LEFT)


def readers() -> QuerySet[User]:
    """The people who work here and may see announcements at all; guests such as partners are told of none."""
    views = ("announcements.view", "announcements.*", "*.view", "*")
    roles = Grant.objects.filter(permission__in=views, role__archived_at=None).values("role_id")
    return working().filter(pk__in=RoleMembership.objects.filter(role__in=roles).values("user_id"))


def targets_of(ids: list[int]) -> dict[int, dict[str, list[int]]]:
    """For whom announcements are: {id: {kind: ids}}."""
    found: dict[int, dict[str, list[int]]] = {}
    rows = Audience.objects.filter(announcement__in=ids).order_by("id")
    for pk, kind, target in rows.values_list("announcement_id", "kind", "target_id"):
        found.setdefault(pk, {}).setdefault(kind, []).append(target)
    return found


def audience_labels(ids: list[int], actor: Actor) -> dict[int, list[dict[str, Any]]]:
    """For whom announcements are, by name: {"kind", "id", "label"}; one query a kind."""
    wanted = targets_of(ids)
    names: dict[tuple[str, int], str] = {}
    for kind, model in TARGETS.items():
        if members := {pk for one in wanted.values() for pk in one.get(kind, ())}:
            label_of = resource_of(model).label_of
            names |= {(kind, row.pk): label_of(row) for row in model.objects.filter(pk__in=members)}
    everybody = Announcement.objects.filter(pk__in=ids, everybody=True).values_list("pk", flat=True)
    found: dict[int, list[dict[str, Any]]] = {
        pk: [{"kind": "everybody", "id": None, "label": _("Everybody")}] for pk in everybody
    }
    for pk, kinds in wanted.items():
        found.setdefault(pk, []).extend(
            {"kind": str(kind), "id": target, "label": names.get((kind, target), f"#{target}")}
            for kind, targets in kinds.items()
            for target in targets
        )
    return found


def audience_of(announcement: Announcement) -> set[int]:
    """The people whom an announcement is for now, but for its owner: trees with what is below."""
    people = readers().exclude(pk=announcement.owner_id or 0)
    if announcement.everybody:
        return set(people.values_list("pk", flat=True))
    named = targets_of([announcement.pk]).get(announcement.pk, {})
    if not named:
        return set()
    condition = Q(pk__in=named.get(AudienceKind.PERSON, ()))
    for kind, model, column in (
        (AudienceKind.DEPARTMENT, Department, "department_id"),
        (AudienceKind.REGION, Region, "region_id"),
    ):
        if tops := named.get(kind):
            parents: dict[int, int | None] = dict(model.objects.values_list("id", "parent_id"))
            condition |= Q(**{f"{column}__in": frozenset().union(*(below(parents, top) for top in tops))})
    if posts := named.get(AudienceKind.POST):
        condition |= Q(holdings__post_id__in=posts, holdings__until=None)
    if roles := named.get(AudienceKind.ROLE):
        condition |= Q(roles__in=roles)
    if bodies := named.get(AudienceKind.BODY):
        condition |= Q(pk__in=BodyMember.objects.filter(body_id__in=bodies).values("member_id"))
        condition |= Q(pk__in=Body.objects.filter(pk__in=bodies).exclude(chair=None).values("chair_id"))
    return set(people.filter(condition).values_list("pk", flat=True))


def told_to(actor: Actor) -> Q:
    """Announcements that the actor was told of; one that was withdrawn stays with who had read it."""
    mine = Receipt.objects.filter(user_id=actor.user_id or 0)
    read = mine.exclude(read_at=None).values("announcement_id")
    return Q(pk__in=mine.values("announcement_id"), status__in=TOLD) | Q(
        pk__in=read, status=AnnouncementStatus.WITHDRAWN
    )


def outstanding(announcement: Announcement) -> QuerySet[Receipt]:
    """The people who still have to read the announcement, or to confirm it; who has left needs not."""
    rows = Receipt.objects.filter(announcement=announcement, user__archived_at=None)
    rows = rows.exclude(user__state=EmploymentState.LEFT)
    return rows.filter(confirmed_at=None) if announcement.must_confirm else rows.filter(read_at=None)


def readings(ids: list[int], actor: Actor | None = None) -> dict[int, dict[str, int]]:
    """How many people were told of announcements, have read them and have confirmed them."""
    rows = Receipt.objects.filter(announcement__in=ids).exclude(user__state=EmploymentState.LEFT)
    found = rows.order_by().values("announcement_id").annotate(
        told=Count("pk"), read=Count("read_at"), confirmed=Count("confirmed_at")
    )  # fmt: skip
    return {
        row["announcement_id"]: {"told": row["told"], "read": row["read"], "confirmed": row["confirmed"]}
        for row in found
    }


def managed(actor: Actor) -> Any:
    """The announcements whose readers the actor may see: those that they may remind of."""
    return visible(Announcement.objects.all(), actor, "remind").order_by().values("pk")


def current_for(actor: Actor) -> QuerySet[Receipt]:
    """The receipts of a person's announcements that stand now and need attention: unread, unconfirmed or pinned."""
    now = clock.now()
    live = Q(announcement__expires_at=None) | Q(announcement__expires_at__gt=now)
    needed = Q(read_at=None) | Q(announcement__pinned=True)
    needed |= Q(announcement__must_confirm=True, confirmed_at=None)
    rows = Receipt.objects.filter(live, needed, user_id=actor.user_id or 0, announcement__archived_at=None)
    return rows.filter(announcement__status=AnnouncementStatus.PUBLISHED)


# --- meetings --------------------------------------------------------------------------------------------------


def concerns(actor: Actor, action: str) -> Q | None:
    """Meetings to which the actor is invited, or of whose signed minutes something is theirs to do.

    They may see them and answer; the chair may also sign off.
    """
    me = actor.user_id or 0
    if action == "sign-off":
        return Q(chair_id=me)
    if action not in {"view", "answer"}:
        return None
    invited = Participant.objects.filter(person_id=me).values("meeting_id")
    to_do = Decision.objects.filter(responsible_id=me).values("meeting_id")
    return (
        Q(pk__in=invited) & ~Q(status=MeetingStatus.DRAFT)
        | Q(chair_id=me) & ~Q(status=MeetingStatus.DRAFT)
        | Q(pk__in=to_do, status=MeetingStatus.SIGNED)
    )


def rows_of_body(body: Body, actor: Actor) -> list[dict[str, Any]]:
    """The members of a body as participants."""
    return [{"person": user.pk, "optional": False} for user in members_of(body.pk)]


@dataclass(frozen=True, slots=True)
class Busy:
    """A person is not free: from when to when, and with what, without telling more than that."""

    user_id: int
    start: datetime
    end: datetime
    what: str


#: (ids of people, from, to) -> when they are busy then; higher modules add theirs
BusySource = Callable[[list[int], datetime, datetime], Iterable[Busy]]
busy_sources: list[BusySource] = []


def conflicts_of(meeting: Meeting) -> list[Busy]:
    """When participants are busy during a meeting: with others, away, or with what higher modules know of."""
    people = list(meeting.participants.exclude(answer=Answer.NO).values_list("person_id", flat=True))
    found = [*_in_meetings(meeting, people), *_away(people, meeting.starts_at, meeting.ends_at)]
    for source in busy_sources:
        found += source(people, meeting.starts_at, meeting.ends_at)
    return sorted(found, key=lambda one: (one.start, one.user_id))


def _in_meetings(meeting: Meeting, people: list[int]) -> list[Busy]:
    rows = Participant.objects.filter(
        person__in=people,
        meeting__status=MeetingStatus.CALLED,
        meeting__archived_at=None,
        meeting__starts_at__lt=meeting.ends_at,
        meeting__ends_at__gt=meeting.starts_at,
    )
    rows = rows.exclude(meeting_id=meeting.pk).exclude(answer=Answer.NO)
    columns = ("person_id", "meeting__starts_at", "meeting__ends_at")
    found = rows.values_list(*columns)
    return [Busy(user_id, start, end, _("another meeting")) for user_id, start, end in found]


def _away(people: list[int], start: datetime, end: datetime) -> list[Busy]:
    rows = away_between(people, clock.local_date(start), clock.local_date(end))
    return [Busy(user_id, _first(first), _first(last), _("absent")) for user_id, first, last in rows]


def _first(day: date) -> datetime:
    return clock.day_start(day)


def when(busy: Busy) -> str:
    """From when to when somebody is busy, for people."""
    start, end = format_datetime(busy.start), format_datetime(busy.end)
    return f"{start} – {end[11:] if end[:10] == start[:10] else end}"


def points_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[dict[str, Any]]]:
    """The decisions of meetings with where they stand: open, done, cancelled, or noted when nobody has to act."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = Decision.objects.filter(meeting__in=ids).select_related("responsible", "task").order_by("position", "id")
    for one in rows:
        found.setdefault(one.meeting_id, []).append(
            {
                "id": one.pk,
                "label": one.text,
                "responsible": one.responsible.get_short_name() if one.responsible else None,
                "due_on": one.due_on.isoformat() if one.due_on else None,
                "task_id": one.task_id,
                "state": state_of(one),
            }
        )
    return found


def state_of(decision: Decision) -> str:
    """Where a decision stands."""
    if decision.task is not None:
        return str(decision.task.state)
    return str(TaskState.OPEN) if decision.responsible_id else "noted"

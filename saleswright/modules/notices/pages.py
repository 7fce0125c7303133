"""Pages that are not generated: who has read an announcement, where a meeting stands, the tiles of the first screen."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.home import tile
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.interface.presentation import Cell, Tile, TileItem
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import NotFound
from saleswright.kernel.models import User
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.notices import queries
from saleswright.modules.notices.actions import announcements
from saleswright.modules.notices.models import Announcement, Meeting, Participant, Receipt
from saleswright.modules.notices.states import AnnouncementStatus, Answer, MeetingStatus
from saleswright.modules.work.public import TaskState

#: so many of those who have not read are named on the page of an announcement
NAMED = 30
SHOWN = 6


# --- announcements ---------------------------------------------------------------------------------------------


@require_GET
def reading(request: HttpRequest, pk: int) -> HttpResponse:
    """What the person still has to do about an announcement, and for who manages it who has read it."""
    actor = actor_of(request)
    one = fetch(Announcement, in_range(pk), actor=actor)
    return _reading(request, one, actor)


def _reading(request: HttpRequest, one: Announcement, actor: Actor) -> HttpResponse:
    mine = Receipt.objects.filter(announcement=one, user_id=actor.user_id or 0).first()
    manages = visible(Announcement.objects.filter(pk=one.pk), actor, "remind").exists()
    figures = queries.readings([one.pk]).get(one.pk) if manages else None
    waiting: list[str] = []
    if figures is not None:
        rows = queries.outstanding(one).select_related("user").order_by("user__name", "id")
        waiting = [receipt.user.get_short_name() for receipt in rows[: NAMED + 1]]
    content = {
        "one": one,
        "mine": mine,
        "unread": mine is not None and mine.read_at is None,
        "to_confirm": mine is not None and one.must_confirm and mine.confirmed_at is None,
        "live": one.status == AnnouncementStatus.PUBLISHED,
        "late": one.confirm_by is not None and one.confirm_by < clock.now(),
        "confirm_by": format_datetime(one.confirm_by) if one.confirm_by else "",
        "confirmed_at": format_datetime(mine.confirmed_at) if mine is not None and mine.confirmed_at else "",
        "figures": figures,
        "waiting": waiting[:NAMED],
        "more": len(waiting) > NAMED,
    }
    return render(request, "interface/announcement_reading.html", content)


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """The person has the announcement before their eyes."""
    actor = actor_of(request)
    one = fetch(Announcement, in_range(pk), actor=actor)
    run_atomic(lambda: announcements.note_reading(one.pk, actor))
    return _reading(request, one, actor)


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The person confirms, and the page shows it."""
    actor = actor_of(request)
    one = fetch(Announcement, in_range(pk), actor=actor)
    mine = Receipt.objects.filter(announcement=one, user_id=actor.user_id or 0).first()
    if mine is None:
        raise NotFound
    run_atomic(lambda: announcements.confirm_announcement(mine.pk, actor=announcements.receiving(actor)))
    return goes_to(request, f"/announcements/{one.pk}")


@tile(5)
def news(actor: Actor) -> Tile | None:
    """Announcements that the person has to read or confirm, and those that are pinned."""
    if actor.user_id is None or not actor.may("announcements.view"):
        return None
    rows = queries.current_for(actor).select_related("announcement")
    first = F("announcement__confirm_by").asc(nulls_last=True)
    found = list(rows.order_by(F("confirmed_at").asc(nulls_first=True), first, "-announcement__pinned", "-id")[:SHOWN])
    if not found:
        return None
    return Tile(_("Announcements"), items=[_news(one) for one in found], url="/announcements")


def _news(receipt: Receipt) -> TileItem:
    one, spoken = receipt.announcement, get_language() or "zh-hans"
    detail, late = relative_datetime(one.publish_at, spoken) if one.publish_at else "", False
    if one.must_confirm and receipt.confirmed_at is None:
        detail = _("to be confirmed")
        if one.confirm_by is not None:
            detail = _("confirm by %(time)s") % {"time": format_datetime(one.confirm_by)}
            late = one.confirm_by < clock.now()
    elif receipt.read_at is None:
        detail = _("unread")
    symbol = "pin" if one.pinned else "mail" if receipt.read_at is None else "speakerphone"
    return TileItem(one.title, f"/announcements/{one.pk}", detail, late=late, icon=symbol)


# --- meetings --------------------------------------------------------------------------------------------------


@require_GET
def standing(request: HttpRequest, pk: int) -> HttpResponse:
    """Who comes, who is busy then, and where the decisions stand."""
    actor = actor_of(request)
    meeting = fetch(Meeting, in_range(pk), actor=actor)
    participants = list(meeting.participants.select_related("person").order_by("position", "id"))
    called = meeting.status == MeetingStatus.CALLED
    open_still = meeting.status in {MeetingStatus.DRAFT, MeetingStatus.CALLED} and meeting.ends_at > clock.now()
    conflicts = queries.conflicts_of(meeting) if open_still else []
    names = User.objects.in_bulk({one.user_id for one in conflicts})
    points = queries.points_of([meeting.pk]).get(meeting.pk, [])
    content = {
        "meeting": meeting,
        "answers": [(one.person.get_short_name(), _badge(one), one.optional, one.remark) for one in participants],
        "mine": next((one for one in participants if one.person_id == actor.user_id), None) if called else None,
        "can_answer": called and actor.may("meetings.answer"),
        "conflicts": [(names[one.user_id].get_short_name(), queries.when(one), one.what) for one in conflicts],
        "checked": open_still and bool(participants),
        "points": [(one, _point(one["state"])) for one in points],
        "open_points": sum(one["state"] == TaskState.OPEN for one in points),
    }
    return render(request, "interface/meeting_standing.html", content)


def _badge(one: Participant) -> Cell:
    answer = Answer(one.answer)
    return Cell(str(answer.label), "badge", colour=answer.colour)


def _point(state: str) -> Cell:
    if state not in TaskState.values:
        return Cell(_("Noted"), "badge", colour="secondary")
    return Cell(str(TaskState(state).label), "badge", colour=TaskState(state).colour)


@tile(22)
def my_meetings(actor: Actor) -> Tile | None:
    """The next meetings of the person, those that wait for an answer marked."""
    if actor.user_id is None or not actor.may("meetings.view"):
        return None
    mine = Participant.objects.filter(person_id=actor.user_id)
    going = mine.exclude(answer=Answer.NO)
    rows = Meeting.objects.filter(status=MeetingStatus.CALLED, archived_at=None, ends_at__gte=clock.now())
    rows = rows.filter(Q(owner_id=actor.user_id) | Q(pk__in=going.values("meeting_id"))).order_by("starts_at", "id")
    found = list(rows[:SHOWN])
    if not found:
        return None
    unanswered = set(mine.filter(meeting__in=found, answer=Answer.NONE).values_list("meeting_id", flat=True))
    items = [_meeting_item(one, one.pk in unanswered and one.owner_id != actor.user_id) for one in found]
    return Tile(_("My meetings"), items=items, url="/meetings/calendar")


def _meeting_item(meeting: Meeting, unanswered: bool) -> TileItem:
    detail: Any = relative_datetime(meeting.starts_at, language())
    if unanswered:
        detail = _("%(time)s · please answer") % {"time": detail}
    return TileItem(meeting.title, f"/meetings/{meeting.pk}", detail, icon="presentation")


urlpatterns = [
    path("announcements/<int:pk>/reading", reading),
    path("announcements/<int:pk>/read", read),
    path("announcements/<int:pk>/confirm", confirm),
    path("meetings/<int:pk>/standing", standing),
]

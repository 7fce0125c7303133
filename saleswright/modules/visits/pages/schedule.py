"""The calendar of a person: day, week and month with moving by hand, an agenda on a phone, and the feed."""

from __future__ import annotations

from calendar import Calendar as MonthOfWeeks
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.formatting import format_datetime
from saleswright.interface.pages.common import actor_of, address, in_range, parameters
from saleswright.interface.presentation import Switch
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotFound, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.visits.actions import feeds
from saleswright.modules.visits.feeds import calendar_of
from saleswright.modules.visits.models import CalendarFeed
from saleswright.modules.visits.queries import Entry, colleagues, entries

DAY = timedelta(days=1)
#: what the grid shows at least, in hours of the day
FIRST_HOUR, LAST_HOUR = 8, 19
MODES = ("day", "week", "month")
COLOURS = {
    "visit": "blue", "call": "teal", "meeting": "indigo", "message": "cyan", "demo": "purple", "sample": "orange",
    "meeting-called": "pink", "busy": "secondary",
}  # fmt: skip


@dataclass(slots=True)
class Block:
    """An entry on one day of the grid: `top` and `height` in percent, `left` and `width` beside others."""

    entry: Entry
    colour: str
    times: str
    start: str
    until: str
    top: float = 0
    height: float = 0
    left: float = 0
    width: float = 100


@dataclass(slots=True)
class Column:
    """A day."""

    day: str
    number: int
    name: str
    today: bool
    outside: bool = False
    blocks: list[Block] = field(default_factory=list)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The calendar of oneself, or of a colleague as far as their activities may be seen: the rest is only busy."""
    actor, given = actor_of(request), parameters(request)
    actor.require("activities.view")
    whose = _whose(actor, given.get("person", ""))
    mode = given.get("mode", "") if given.get("mode", "") in MODES else "week"
    day = _day(given.get("day", ""))
    days = _days(day, mode)
    found = entries(whose.pk, clock.day_start(days[0]), clock.day_start(days[-1] + DAY), actor)
    first, last = _hours(found, days) if mode != "month" else (0, 24)
    columns = [_column(one, found, (first, last), day, mode) for one in days]
    mine = whose.pk == actor.user_id
    kept: dict[str, Any] = {"person": None if mine else whose.pk, "mode": mode}
    context = {
        "mode": mode,
        "title": _title(day, days, mode),
        "whose": whose,
        "mine": mine,
        "weeks": [columns[n : n + 7] for n in range(0, len(columns), 7)] if mode == "month" else [],
        "columns": columns,
        "hours": list(range(first, last)),
        "first": first,
        "last": last,
        "previous_url": address("/schedule", kept, day=_step(day, mode, -1).isoformat()),
        "next_url": address("/schedule", kept, day=_step(day, mode, 1).isoformat()),
        "today_url": address("/schedule", kept),
        "here_url": address("/schedule", kept, day=day.isoformat()),
        "modes": [
            Switch(label, "", address("/schedule", kept, mode=key, day=day.isoformat()), key == mode)
            for key, label in (("day", _("Day")), ("week", _("Week")), ("month", _("Month")))
        ],
        "conflicts": sum(one.conflict for one in found),
        "creates": mine and actor.may("activities.create"),
        "day": day.isoformat(),
    }
    return render(request, "visits/schedule.html", context)


def _whose(actor: Actor, text: str) -> User:
    """The person asked for, or the actor. Raises NotFound for who can't be looked up."""
    if not text:
        user = User.objects.filter(pk=actor.user_id or 0).first()
    elif text.isascii() and text.isdigit() and len(text) < 19:
        user = colleagues(actor).filter(pk=int(text)).first()
    else:
        user = None
    if user is None:
        raise NotFound
    return user


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text) if text else clock.today()
    except ValueError:
        raise ValidationFailed.of("day", "invalid", _("Enter a date such as 2026-11-23.")) from None
    if not 1901 <= day.year <= 2199:
        raise ValidationFailed.of("day", "range", _("The calendar shows the years 1901 to 2199."))
    return day


def _days(day: date, mode: str) -> list[date]:
    if mode == "month":
        return [one for week in MonthOfWeeks(firstweekday=0).monthdatescalendar(day.year, day.month) for one in week]
    if mode == "week":
        monday = day - day.weekday() * DAY
        return [monday + n * DAY for n in range(7)]
    return [day]


def _step(day: date, mode: str, direction: int) -> date:
    if mode == "month":
        return clock.month_start(day.year, day.month + direction)
    return day + direction * (7 if mode == "week" else 1) * DAY


def _title(day: date, days: list[date], mode: str) -> str:
    if mode == "month":
        return date_format(day, "YEAR_MONTH_FORMAT")
    return f"{days[0]:%Y-%m-%d} – {days[-1]:%m-%d}" if mode == "week" else f"{day:%Y-%m-%d} {date_format(day, 'l')}"


def _hours(found: list[Entry], days: list[date]) -> tuple[int, int]:
    """The hours of the grid: the usual ones, and those in which something is."""
    first, last = FIRST_HOUR, LAST_HOUR
    for one in found:
        start, end = clock.local_time(one.start), clock.local_time(one.end)
        if start.date() in days:
            first = min(first, start.hour)
        if end.date() in days and end.date() == start.date():
            last = max(last, end.hour + (1 if end.minute else 0))
        elif end.date() != start.date():
            last = 24
            if end.date() in days:
                first = 0
    return first, last


def _column(day: date, found: list[Entry], hours: tuple[int, int], shown: date, mode: str) -> Column:
    """A day with what is on it, things at the same time beside each other."""
    start, end = clock.day_start(day), clock.day_start(day + DAY)
    outside = mode == "month" and day.month != shown.month
    column = Column(day.isoformat(), day.day, date_format(day, "D"), day == clock.today(), outside)
    low, length = start + timedelta(hours=hours[0]), (hours[1] - hours[0]) * 3600
    for one in found:
        if one.start >= end or one.end <= start:
            continue
        begins, until = clock.local_time(one.start), clock.local_time(one.end)
        top = max(0.0, (max(one.start, start) - low).total_seconds() / length)
        bottom = min(1.0, (min(one.end, end) - low).total_seconds() / length)
        times = f"{begins:%H:%M}–{until:%H:%M}"
        block = Block(
            one, "orange" if one.status == "missed" else "green" if one.status == "done" else COLOURS[one.kind], times,
            f"{begins:%Y-%m-%dT%H:%M}", f"{until:%Y-%m-%dT%H:%M}", top * 100, max(bottom - top, 0.02) * 100,
        )  # fmt: skip
        column.blocks.append(block)
    _beside(column.blocks)
    return column


def _beside(blocks: list[Block]) -> None:
    """Give overlapping blocks a lane each."""
    group: list[Block] = []
    ends: list[datetime] = []

    def settle() -> None:
        for one in group:
            one.width = 100 / len(ends)
            one.left *= one.width
        group.clear()
        ends.clear()

    for block in blocks:
        if group and block.entry.start >= max(ends):
            settle()
        lane = next((n for n, end in enumerate(ends) if end <= block.entry.start), len(ends))
        ends[lane : lane + 1] = [block.entry.end]
        block.left = lane
        group.append(block)
    if group:
        settle()


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """An entry was dragged or moved by key: plan it anew; says with what it is at the same time now."""
    actor = actor_of(request)
    values: dict[str, Any] = {name: request.POST.get(name, "") for name in ("planned_at", "planned_until")}
    version = request.POST.get("version", "")
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
    reschedule = resource_named("activities").transition("reschedule")
    activity = run_atomic(lambda: reschedule(in_range(pk), actor=actor, version=known, **values))
    found = entries(activity.owner_id or 0, activity.planned_at, activity.ends_at, actor)
    others = [one for one in found if one.conflict and one.id != activity.pk]
    if others:
        text = _("Moved. At the same time: %(what)s") % {"what": ", ".join(one.title for one in others[:3])}
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


# --- the feed --------------------------------------------------------------------------------------------------


@require_GET
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar of whose secret it is; 404 for any other."""
    at = clock.now()
    user = feeds.reader_of(token, at)
    if user is None:
        raise NotFound
    base = request.build_absolute_uri("/").rstrip("/")
    response = HttpResponse(calendar_of(user, base, at), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="calendar.ics"'
    response["Cache-Control"] = "private, max-age=300"
    return response


def _dialog(request: HttpRequest, actor: Actor, url: str = "") -> HttpResponse:
    known = CalendarFeed.objects.filter(user_id=actor.user_id or 0).first()
    context = {
        "url": url,
        "known": known,
        "made": format_datetime(known.created_at) if known else "",
        "used": format_datetime(known.used_at) if known and known.used_at else "",
    }
    return render(request, "visits/feed.html", context)


@require_GET
def feed_dialog(request: HttpRequest) -> HttpResponse:
    """How one subscribes to one's calendar."""
    actor = actor_of(request)
    actor.require("activities.view")
    return _dialog(request, actor)


@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Make an address, shown this once; the one before is over."""
    actor = actor_of(request)
    token = run_atomic(lambda: feeds.renew_feed(actor, clock.now()))
    return _dialog(request, actor, request.build_absolute_uri(f"/calendar/{token}.ics"))


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the address."""
    actor = actor_of(request)
    run_atomic(lambda: feeds.end_feed(actor, clock.now()))
    return _dialog(request, actor)

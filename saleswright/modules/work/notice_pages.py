"""Pages about notices: one's list, how one is told, the company's defaults, what went out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from saleswright.interface.formatting import format_date, format_datetime, relative_datetime
from saleswright.interface.pages import account
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language
from saleswright.interface.presentation import Option, Switch
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotFound, Text, ValidationFailed
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.words import read_words
from saleswright.modules.work import kinds, queries
from saleswright.modules.work.actions import notifications, preferences, sending_again
from saleswright.modules.work.actions.delivery import path_of, standing, words_of
from saleswright.modules.work.actions.preferences import COMPANY, Hours
from saleswright.modules.work.channels import channel_named, personal_channels
from saleswright.modules.work.models import NoticeDelivery, NoticeHours, NoticePreference, Notification
from saleswright.modules.work.states import NoticeState, Pace

PAGE, FAILURES = 60, 50


# --- one's own list --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NoticeItem:
    """A notice as it is listed; `more` are the earlier ones of the same day about the same record."""

    id: int
    text: str
    kind: Text
    icon: str
    at: str
    at_exact: str
    unread: bool
    opens: bool
    more: list[NoticeItem] = field(default_factory=list)

    @property
    def unread_count(self) -> int:
        return self.unread + sum(one.unread for one in self.more)


@require_GET
def counts(request: HttpRequest) -> HttpResponse:
    """How much waits for the person, for the numbers in the head of the page, asked for again and again."""
    actor = actor_of(request)
    found = {"approvals": queries.waiting_for(actor).count(), "notifications": queries.unread_of(actor).count()}
    return JsonResponse(found, headers={"Cache-Control": "no-store"})


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """The person's notifications by day, those about one record together."""
    actor = actor_of(request)
    view, kind, before = (request.GET.get(name, "") for name in ("view", "kind", "before"))
    mine = Notification.objects.filter(user_id=queries.me(actor), archived_at=None).order_by("-id")
    unread = mine.filter(read_at=None).count()
    rows = mine.filter(read_at=None) if view == "unread" else mine
    rows = rows.filter(kind=kind) if kind else rows
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE + 1])
    given = {"view": view, "kind": kind}
    context = {
        "title": _("Notifications"),
        "unread": unread,
        "days": list(_days(found[:PAGE])),
        "tabs": [
            Switch(_("All"), "list", address("/notifications", {"kind": kind}), view != "unread"),
            Switch(_("Unread"), "bell-ringing", address("/notifications", {"view": "unread", "kind": kind}),
                   view == "unread"),
        ],
        "kinds": [Option("", _("All kinds"), not kind)]
        + [Option(name, label, name == kind) for name, label in kinds.choices()],
        "view": view,
        "here": address("/notifications", {**given, "before": before}),
        "next_url": address("/notifications", given, before=found[PAGE - 1].pk) if len(found) > PAGE else "",
    }  # fmt: skip
    return render(request, "interface/notifications.html", context)


def _days(rows: Iterable[Notification]) -> Iterator[tuple[str, list[NoticeItem]]]:
    for day, group in groupby(rows, key=lambda one: clock.local_date(one.created_at)):
        found: dict[tuple[str, int], NoticeItem] = {}
        items = []
        for one in group:
            item, about = _item(one), (one.resource, one.record_id or -one.pk)
            if about in found:
                found[about].more.append(item)
            else:
                found[about] = item
                items.append(item)
        yield _day_name(day), items


def _day_name(day: date) -> str:
    today = clock.today()
    if day == today:
        return _("Today")
    return _("Yesterday") if day == today - timedelta(days=1) else format_date(day)


def _item(one: Notification) -> NoticeItem:
    kind = kinds.kind_named(one.kind)
    times = relative_datetime(one.created_at, language()), format_datetime(one.created_at)
    return NoticeItem(one.pk, words_of(one), kind.label, kind.icon, *times, one.read_at is None, bool(path_of(one)))


def _mine(request: HttpRequest, pk: int) -> tuple[Notification, int]:
    user_id = queries.me(actor_of(request))
    found = Notification.objects.filter(user_id=user_id, pk=in_range(pk)).first()
    if found is None:
        raise NotFound
    return found, user_id


@require_POST
def open_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a notification, and others about the same record, as read and go to what it is about."""
    mine, user_id = _mine(request, pk)
    notifications.read_about(user_id, mine, at=clock.now())
    return goes_to(request, path_of(mine) or "/notifications")


@require_POST
def read_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a notification, and others about the same record, as read and stay in the list."""
    mine, user_id = _mine(request, pk)
    notifications.read_about(user_id, mine, at=clock.now())
    return goes_to(request, "/notifications")


@require_POST
def read_notices(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    notifications.read_all(queries.me(actor_of(request)), at=clock.now())
    return goes_to(request, "/notifications")


# --- how one is told -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Choice:
    """How soon one kind comes by one channel."""

    name: str
    channel: Text
    options: list[Option]


@dataclass(slots=True)
class KindRow:
    """A kind of notice and its choices, a channel each."""

    label: Text
    icon: str
    urgent: bool
    choices: list[Choice]


@require_http_methods(["GET", "POST"])
def my_preferences(request: HttpRequest) -> HttpResponse:
    """How the person is told."""
    actor = actor_of(request)
    context = {"tabs": account.tabs(actor, "notices"), "own": True, "title": _("Notices")}
    return _preferences(request, queries.me(actor), actor, "/account/notifications", context)


@require_http_methods(["GET", "POST"])
def defaults(request: HttpRequest) -> HttpResponse:
    """How people are told who have not chosen for themselves."""
    actor = actor_of(request)
    actor.require(preferences.RIGHT)
    context = {"tabs": [], "own": False, "title": _("How people are told")}
    return _preferences(request, COMPANY, actor, "/settings/notice-defaults", context)


def _preferences(request: HttpRequest, whose: int, actor: Actor, url: str, context: dict[str, Any]) -> HttpResponse:
    errors: dict[str, str] = {}
    typed: dict[str, str] | None = None
    if request.method == "POST":
        try:
            run_atomic(lambda: _save(request, whose, actor))
        except ValidationFailed as refused:
            errors, typed = (
                {one.field: str(one.message) for one in refused.errors},
                {n: str(v) for n, v in request.POST.items()},
            )
        else:
            messages.success(request, _("Saved"))
            return goes_to(request, url)
    given = _hours_typed(whose)
    if typed is not None:
        given = {name: typed.get(name, "") for name in given}
    context |= {
        "url": url, "channels": personal_channels(), "rows": list(_rows(whose, typed)), "hours": given,
        "errors": errors, "company_hours": preferences.wishes_of([COMPANY])[COMPANY].hours,
    }  # fmt: skip
    return render(request, "interface/account_notices.html", context, status=422 if errors else 200)


def _rows(whose: int, typed: dict[str, str] | None) -> Iterator[KindRow]:
    chosen = {(one.kind, one.channel): one.pace for one in NoticePreference.objects.filter(whose=whose)}
    usual = preferences.wishes_of([COMPANY])[COMPANY]
    channels = personal_channels()
    for kind in kinds.all_kinds():
        if kind.silent:
            continue
        choices = []
        for channel in channels:
            name = f"pace.{kind.name}.{channel.name}"
            now = typed.get(name, "") if typed else chosen.get((kind.name, channel.name), "")
            before = usual.pace(kind.name, channel.name) if whose else kind.pace(channel.name)
            options = [Option("", _("As usual: %(pace)s") % {"pace": before.label}, not now)]
            options += [Option(value, label, value == now) for value, label in Pace.choices]
            choices.append(Choice(name, channel.label, options))
        yield KindRow(kind.label, kind.icon, kind.urgent, choices)


def _hours_typed(whose: int) -> dict[str, str]:
    own = NoticeHours.objects.filter(whose=whose).first()
    usual = preferences.wishes_of([COMPANY])[COMPANY].hours
    hours = Hours(own.quiet_from, own.quiet_to, own.days_off, own.digest_at) if own else usual
    return {
        "own_hours": "1" if own else "",
        "quiet_from": f"{hours.quiet_from:%H:%M}" if hours.quiet_from else "",
        "quiet_to": f"{hours.quiet_to:%H:%M}" if hours.quiet_to else "",
        "days_off": "1" if hours.days_off else "",
        "digest_at": f"{hours.digest_at:%H:%M}",
    }


def _save(request: HttpRequest, whose: int, actor: Actor) -> None:
    at = clock.now()
    paces = {}
    for name, value in request.POST.items():
        if name.startswith("pace."):
            kind, _dot, channel = name.removeprefix("pace.").partition(".")
            paces[kind, channel] = str(value)
    preferences.set_paces(whose, paces, actor=actor, at=at)
    hours = read_hours(request.POST) if request.POST.get("own_hours") else None
    preferences.set_hours(whose, hours, actor=actor, at=at)


def read_hours(given: Any) -> Hours:
    """Quiet hours as typed. Raises ValidationFailed naming the field."""
    found: dict[str, time | None] = {}
    for name in ("quiet_from", "quiet_to", "digest_at"):
        text = str(given.get(name) or "").strip()
        try:
            found[name] = time.fromisoformat(text).replace(tzinfo=None) if text else None
        except ValueError:
            raise ValidationFailed.of(name, "invalid", _("Give a time such as 09:00.")) from None
    if found["digest_at"] is None:
        raise ValidationFailed.of("digest_at", "required", _("This field is required."))
    return Hours(found["quiet_from"], found["quiet_to"], bool(given.get("days_off")), found["digest_at"])


# --- what went out ---------------------------------------------------------------------------------------------


@require_GET
def sending(request: HttpRequest) -> HttpResponse:
    """The channels and how they fare, and what was given up, to be sent again."""
    actor_of(request).require(preferences.RIGHT)
    failed = NoticeDelivery.objects.filter(state=NoticeState.FAILED).select_related("user", "bot").order_by("-id")
    count = failed.count()
    rows = [
        {
            "id": one.pk,
            "kind": kinds.kind_named(one.kind).label,
            "channel": found.label if (found := channel_named(one.channel)) else one.channel,
            "to": one.user.get_short_name() if one.user else one.bot.name if one.bot else one.address,
            "address": one.address if one.user else "",
            "at": relative_datetime(one.updated_at, language()),
            "at_exact": format_datetime(one.updated_at, seconds=True),
            "attempts": one.attempts,
            "problem": read_words(one.problem_source, one.problem_arguments, one.problem),
        }
        for one in failed[:FAILURES]
    ]
    states = (NoticeState.WAITING, NoticeState.SENT, NoticeState.DROPPED, NoticeState.FAILED)
    channels = [
        {
            "name": one.name, "label": one.label, "ready": one.ready(), "personal": one.personal,
            "counts": [counts.get(state, 0) + (counts.get("sending", 0) if state == "waiting" else 0)
                       for state in states],
        }
        for one, counts in standing()
    ]  # fmt: skip
    context = {"rows": rows, "count": count, "channels": channels, "states": [state.label for state in states]}
    return render(request, "interface/notice_sending.html", context)


@require_POST
def send_all_again(request: HttpRequest) -> HttpResponse:
    """Send everything again that failed."""
    actor = actor_of(request)
    count = run_atomic(lambda: sending_again.send_all_again(actor=actor, at=clock.now()))
    text = ngettext("%(count)s notice is being sent again.", "%(count)s notices are being sent again.", count)
    messages.success(request, text % {"count": count})
    return goes_to(request, "/settings/notices")


@require_POST
def send_one_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one again that failed."""
    actor = actor_of(request)
    run_atomic(lambda: sending_again.send_again(in_range(pk), actor=actor, at=clock.now()))
    messages.success(request, _("It is being sent again."))
    return goes_to(request, "/settings/notices")


@require_POST
def send_test(request: HttpRequest, channel: str) -> HttpResponse:
    """Send the administrator a message by a channel."""
    actor = actor_of(request)
    run_atomic(lambda: sending_again.send_test(channel, actor=actor, at=clock.now()))
    messages.success(request, _("A test is on its way to you."))
    return goes_to(request, "/settings/notices")


urlpatterns = [
    path("notifications", notices),
    path("notifications/read", read_notices),
    path("notifications/<int:pk>/open", open_notice),
    path("notifications/<int:pk>/read", read_notice),
    path("counts", counts),
    path("account/notifications", my_preferences),
    path("settings/notice-defaults", defaults),
    path("settings/notices", sending),
    path("settings/notices/again", send_all_again),
    path("settings/notices/<int:pk>/again", send_one_again),
    path("settings/notices/test/<str:channel>", send_test),
]

"""Sends what of notices goes out: single ones, digests of a period, messages to group bots.

A worker marks rows as `sending` and notes afterwards what became of them; in between no transaction is open. Killed
there, nobody knows whether the receiver got it: when the claim has run out the same rows are sent again as the same
message (`batch`), so that it is never lost and a repetition can be known by its id.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override, pgettext

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.kernel.models import EmploymentState, User
from saleswright.kernel.transactions import atomic, run_atomic
from saleswright.kernel.words import Words, kept_words, read_words
from saleswright.modules.work import kinds
from saleswright.modules.work.actions.notifications import language_of
from saleswright.modules.work.actions.planning_out import start
from saleswright.modules.work.actions.preferences import wishes_of
from saleswright.modules.work.actions.targets import target
from saleswright.modules.work.channels import (
    Channel,
    Message,
    MessageAction,
    Undelivered,
    all_channels,
    channel_named,
)
from saleswright.modules.work.models import Delegation, GroupBot, NoticeDelivery, NoticeDigest, Said
from saleswright.modules.work.states import NoticeState, Pace

MOST_ATTEMPTS = 8
CLAIM = timedelta(seconds=90)
SPELL = 20.0  # seconds that one job sends, so that a slow receiver doesn't keep other work waiting
IN_A_MESSAGE = 20  # of a bot's waiting messages that are sent as one
BETWEEN = timedelta(seconds=3.1)  # between two messages of a bot: the services take 20 a minute
OPEN = (NoticeState.WAITING, NoticeState.SENDING)


def start_all(at: datetime) -> int:
    """Ask for every channel with something due, also what a killed worker left; returns how many there are."""
    names = _due(at).order_by().values_list("channel", flat=True).distinct()
    found = [name for name in names if (one := channel_named(name)) is not None and one.ready()]
    for name in found:
        start(name, at=at)
    return len(found)


def send_waiting(name: str, go_on: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Send what is due by a channel until it is all sent or the spell is over; what is left is asked for anew."""
    channel, counts = channel_named(name), {"sent": 0, "failed": 0, "dropped": 0}
    if channel is None or not channel.ready():
        return counts
    until = time.monotonic() + SPELL
    while time.monotonic() < until:
        go_on()
        if not _due(clock.now()).filter(channel=name).exists():  # asked without a lock
            break
        batch = run_atomic(lambda: claim(name))
        if batch is None:
            break
        if batch:
            counts[send(channel, batch)] += 1
    at = clock.now()
    if (due := _next_due(name)) is not None and due <= at + timedelta(minutes=1):
        start(name, at=max(due, at))
    return counts


# --- taking ----------------------------------------------------------------------------------------------------


def _due(at: datetime) -> Any:
    fresh = Q(state=NoticeState.WAITING, due_at__lte=at)
    left_behind = Q(state=NoticeState.SENDING, claimed_until__lt=at)
    return NoticeDelivery.objects.filter(fresh | left_behind, state__in=OPEN)


def _resting(at: datetime) -> Any:
    """The bots that have been sent something a moment ago."""
    return GroupBot.objects.filter(next_at__gt=at).values("pk")


def _next_due(name: str) -> datetime | None:
    open_ones = NoticeDelivery.objects.filter(channel=name, state=NoticeState.WAITING)
    times = open_ones.order_by("due_at").values_list("due_at", "bot__next_at")[:50]
    return min((max(due, rest or due) for due, rest in times), default=None)


def claim(name: str) -> list[NoticeDelivery] | None:
    """Take the rows of the next message that is due by a channel, now marked as being sent.

    None when there is none, [] when another worker was quicker.
    """
    at = clock.now()
    due = _due(at).filter(channel=name).order_by("due_at", "id")
    with atomic():
        first = due.filter(Q(bot=None) | ~Q(bot__in=_resting(at))).first()
        if first is None:
            return None
        if first.batch:
            rows, batch = _due(at).filter(batch=first.batch), first.batch
        elif first.bot_id is not None:
            if not _take_turn(first.bot_id, at):
                return []
            fresh = due.filter(bot=first.bot_id, state=NoticeState.WAITING, batch="")
            rows, batch = _some(fresh.values_list("pk", flat=True)[:IN_A_MESSAGE]), uuid4().hex
        else:
            rows, batch = _digest(first, at)
        if first.batch and first.bot_id is not None and not _take_turn(first.bot_id, at):
            return []
        values = {"state": NoticeState.SENDING, "claimed_until": at + CLAIM, "batch": batch}
        if not batch or not rows.update(attempts=F("attempts") + 1, **values):
            return []
        mine = NoticeDelivery.objects.filter(batch=batch, state=NoticeState.SENDING, claimed_until=at + CLAIM)
        return list(mine.select_related("user", "bot").order_by("id"))


def _some(ids: Any) -> Any:
    return NoticeDelivery.objects.filter(pk__in=list(ids), state=NoticeState.WAITING, batch="")


def _take_turn(bot_id: int, at: datetime) -> bool:
    """Whether the bot may be sent something now; then the next one has to wait."""
    free = GroupBot.objects.filter(Q(next_at=None) | Q(next_at__lte=at), pk=bot_id)
    return bool(free.update(next_at=at + BETWEEN))


def _digest(first: NoticeDelivery, at: datetime) -> tuple[Any, str]:
    """The rows of a digest and its batch; "" when it was begun before: what came late goes into the next one."""
    same = NoticeDelivery.objects.filter(
        channel=first.channel, user_id=first.user_id or 0, pace=first.pace, due_at=first.due_at, batch="",
        state=NoticeState.WAITING,
    )  # fmt: skip
    batch = uuid4().hex
    key = f"{first.channel}:{first.user_id}:{first.pace}:{first.due_at.isoformat()}"
    NoticeDigest.objects.bulk_create([NoticeDigest(key=key, batch=batch, at=at)], ignore_conflicts=True)
    if NoticeDigest.objects.get(key=key).batch == batch:
        return same, batch
    hours = wishes_of([first.user_id or 0])[first.user_id or 0].hours
    same.update(due_at=hours.due(Pace(first.pace), at))
    return same, ""


# --- sending ---------------------------------------------------------------------------------------------------


def send(channel: Channel, rows: list[NoticeDelivery]) -> str:
    """Hand one message over and note what became of it: `sent`, `failed` or `dropped`. Not within a transaction."""
    user, bot = rows[0].user, rows[0].bot
    if rows[0].attempts > MOST_ATTEMPTS:
        return _note_failure(rows, gettext_lazy("The worker died each time it sent this."), temporary=False)
    with override(language_of(user)):
        try:
            kept = rows if user is None else _still_theirs(rows, user)
            if not kept:
                return "dropped"
            address = str(bot.pk) if bot is not None else _address(channel, user)
            channel.send(address, [message(row) for row in kept])
        except Undelivered as problem:
            return _note_failure(rows, problem.why, problem.reason, temporary=problem.temporary)
        except Exception as error:
            return _note_failure(rows, f"{type(error).__name__}: {error}", temporary=True)
    _held(rows).update(
        state=NoticeState.SENT, sent_at=clock.now(), updated_at=clock.now(), claimed_until=None,
        problem="", problem_source="", problem_arguments={},
        **({} if bot is not None else {"address": address[:300]}),
    )  # fmt: skip
    return "sent"


def _address(channel: Channel, user: User | None) -> str:
    address = channel.address_of([user.pk]).get(user.pk, "") if user else ""
    if not address:
        raise Undelivered(gettext_lazy("The person has no address for this channel any more."), temporary=False)
    return address


def _still_theirs(rows: list[NoticeDelivery], user: User) -> list[NoticeDelivery]:
    """What the person may still be told; what not is left out, with the reason."""
    why = _why_not(user)
    seen = rows if not why else []
    if not why:
        actor = actor_for(user, origin="notification")
        named: dict[str, set[int]] = {}
        for row in rows:
            if row.record_id:
                named.setdefault(row.resource, set()).add(row.record_id)
        known: dict[str, set[int]] = {}
        for name, ids in named.items():
            resource = target(name)
            model = resource.model._default_manager.filter(pk__in=ids) if resource else None
            known[name] = set(visible(model, actor).values_list("pk", flat=True)) if model is not None else set()
        seen = [row for row in rows if not row.record_id or row.record_id in known[row.resource]]
        why = gettext_lazy("The person does not see the record any more.")
    if lost := [row for row in rows if row not in seen]:
        at = clock.now()
        _held(lost).update(state=NoticeState.DROPPED, claimed_until=None, updated_at=at, **_told(why, str(why)))
    return seen


def _why_not(user: User) -> Text:
    if not user.is_active:
        return gettext_lazy("The person has left.")
    today: date = clock.today()
    absent = Delegation.objects.filter(owner=user, archived_at=None, start_on__lte=today, end_on__gte=today)
    if user.state == EmploymentState.ON_LEAVE or absent.exists():
        return gettext_lazy("The person is away.")
    return ""


def message(row: NoticeDelivery) -> Message:
    """What is said, in the language that is active."""
    kind, url = kinds.kind_named(row.kind), url_of(row)
    text = words_of(row)
    if row.bot_id is not None and row.people:
        found = User.objects.in_bulk(row.people[:5])
        names = pgettext("list", ", ").join(found[pk].get_short_name() for pk in row.people[:5] if pk in found)
        text = _("To %(people)s: %(text)s") % {"people": names, "text": text}
    actions = (MessageAction(_("Open"), url),) if url else ()
    many = row.bot_id is not None or row.pace != Pace.NOW
    return Message(f"{row.batch}.{row.pk}" if many else row.batch, row.kind, str(kind.label), text, url,
                   row.created_at, actions)  # fmt: skip


def words_of(row: Said) -> str:
    """What a notice says, in the language that is active."""
    return read_words(row.source, row.arguments, row.text)


def path_of(row: Said) -> str:
    """Where a notice leads; "" to nothing."""
    return f"/{row.resource}/{row.record_id}" if row.resource and row.record_id else row.path


def url_of(row: Said) -> str:
    """The same as an absolute address."""
    path = path_of(row)
    return settings.SITE_URL + path if path else ""


# --- noting ----------------------------------------------------------------------------------------------------


def _held(rows: list[NoticeDelivery]) -> Any:
    """The rows, as far as this worker still has them."""
    ids = [row.pk for row in rows]
    return NoticeDelivery.objects.filter(pk__in=ids, state=NoticeState.SENDING, claimed_until=rows[0].claimed_until)


def _told(why: Words | Text, text: str) -> dict[str, Any]:
    """A reason as its columns: what it says now, and what says it to readers of other languages."""
    source, arguments = kept_words(why)
    return {"problem": text[:500], "problem_source": source, "problem_arguments": arguments}


def _note_failure(rows: list[NoticeDelivery], why: Words | Text, text: str = "", *, temporary: bool) -> str:
    at = clock.now()
    values: dict[str, Any] = {"claimed_until": None, **_told(why, text or str(why))}
    if temporary and rows[0].attempts < MOST_ATTEMPTS:
        values |= {"state": NoticeState.WAITING, "due_at": at + pause(rows[0].attempts)}
    else:
        values |= {"state": NoticeState.FAILED}
    _held(rows).update(updated_at=at, **values)
    return "failed"


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 30 s, 2 min, 8 min, ... four hours at most, mixed by a fifth."""
    return timedelta(seconds=min(30 * 4 ** (attempts - 1), 4 * 3600) * random.uniform(0.8, 1.2))


def tidy(at: datetime, keep: timedelta) -> int:
    """Forget what was sent or left out long ago, and the marks of digests; returns how many rows."""
    over = NoticeDelivery.objects.filter(state__in=(NoticeState.SENT, NoticeState.DROPPED), updated_at__lt=at - keep)
    NoticeDigest.objects.filter(at__lt=at - keep).delete()
    return over.delete()[0]


def standing() -> list[tuple[Channel, dict[str, int]]]:
    """Every channel with how much of the kept log is in which state."""
    rows = NoticeDelivery.objects.order_by().values_list("channel", "state").annotate(count=Count("pk"))
    counts: dict[str, dict[str, int]] = {}
    for channel, state, count in rows:
        counts.setdefault(channel, {})[state] = count
    return [(channel, counts.get(channel.name, {})) for channel in all_channels()]

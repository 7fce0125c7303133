"""What of a notice goes out: a row for each person's channel and each group bot, written with the notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from saleswright.kernel.access.actors import below
from saleswright.kernel.jobs import enqueue_once
from saleswright.kernel.models import Department, User
from saleswright.kernel.resources import Resource
from saleswright.modules.work import kinds
from saleswright.modules.work.actions.preferences import Wishes, wishes_of
from saleswright.modules.work.actions.targets import target
from saleswright.modules.work.channels import channel_named, personal_channels
from saleswright.modules.work.models import Approval, GroupBot, NoticeDelivery, Notification
from saleswright.modules.work.states import Pace

KIND = "notices.send"
SOON = timedelta(minutes=1)
"""What is due later than this is found by the job that runs every minute."""


@dataclass(frozen=True, slots=True)
class Written:
    """A notice as it was written, and the person if they work here."""

    notice: Notification
    user: User | None


def plan(occasions: Sequence[Written], *, at: datetime) -> None:
    """Note what goes out by which channel, in the present transaction, and ask a worker to send it."""
    rows = [*_to_people(occasions, at), *_to_bots(occasions, at)]
    if not rows:
        return
    NoticeDelivery.objects.bulk_create(rows, batch_size=1000)
    first: dict[str, datetime] = {}
    for row in rows:
        first[row.channel] = min(row.due_at, first.get(row.channel, row.due_at))
    for channel, due in first.items():
        if due <= at + SOON:
            start(channel, at=due)


def start(channel: str, *, at: datetime) -> None:
    """Have a worker send what waits for a channel from `at` on, unless one has been asked for it already."""
    enqueue_once(KIND, arguments={"channel": channel}, at=at)


def _to_people(occasions: Sequence[Written], at: datetime) -> list[NoticeDelivery]:
    reached = [one for one in occasions if one.user is not None and not kinds.kind_named(one.notice.kind).silent]
    channels = personal_channels() if reached else []
    if not channels:
        return []
    ids = sorted({one.notice.user_id for one in reached})
    wishes, rows = wishes_of(ids), []
    for channel in channels:
        addresses = channel.address_of(ids)
        for one in reached:
            address, wish = addresses.get(one.notice.user_id, ""), wishes[one.notice.user_id]
            if address and (row := _row(one.notice, channel.name, wish, at)):
                row.address = address[:300]
                rows.append(row)
    return rows


def _row(notice: Notification, channel: str, wish: Wishes, at: datetime) -> NoticeDelivery | None:
    pace = wish.pace(notice.kind, channel)
    if pace == Pace.OFF:
        return None
    due = wish.hours.due(pace, at, urgent=kinds.kind_named(notice.kind).urgent)
    return NoticeDelivery(
        **_words(notice), notification=notice, user_id=notice.user_id, channel=channel, pace=pace,
        batch=uuid4().hex if pace == Pace.NOW else "", due_at=due, created_at=at, updated_at=at,
    )  # fmt: skip


def _words(notice: Notification) -> dict[str, object]:
    return {
        name: getattr(notice, name) for name in ("kind", "text", "source", "arguments", "resource", "record_id", "path")
    }


def _to_bots(occasions: Sequence[Written], at: datetime) -> list[NoticeDelivery]:
    """One row for each bot and each thing said, however many people it is said to."""
    bots = list(GroupBot.objects.filter(active=True, archived_at=None).order_by("pk"))
    bots = [bot for bot in bots if (found := channel_named(bot.service)) is not None and found.ready()]
    if not bots:
        return []
    told: dict[tuple[str, str, int, str], list[Notification]] = {}
    for one in occasions:
        notice = one.notice
        about = (notice.kind, f"{notice.source}{notice.arguments}" if notice.source else notice.text)
        told.setdefault((*about, notice.record_id, notice.resource), []).append(notice)
    trees: dict[int, frozenset[int]] = {}
    if any(bot.department_id for bot in bots):
        parents: dict[int, int | None] = dict(Department.objects.values_list("pk", "parent_id"))
        trees = {bot.department_id: below(parents, bot.department_id) for bot in bots if bot.department_id}
    rows = []
    for notices in told.values():
        first = notices[0]
        wanted = [bot for bot in bots if first.kind in bot.kinds]
        place = _department(first.resource, first.record_id) if any(bot.department_id for bot in wanted) else None
        for bot in wanted:
            if bot.department_id is None or place in trees[bot.department_id]:
                rows.append(
                    NoticeDelivery(
                        **_words(first),
                        bot=bot,
                        channel=bot.service,
                        address=bot.name,
                        people=[one.user_id for one in notices],
                        due_at=at,
                        created_at=at,
                        updated_at=at,
                    )
                )
    return rows


def _department(name: str, record_id: int) -> int | None:
    """The department of the record that a notice is about; of an approval, that of its subject."""
    if name == "approvals":
        subject = Approval.objects.filter(pk=record_id).values_list("resource", "record_id").first()
        name, record_id = subject or ("", 0)
    resource: Resource | None = target(name) if name else None
    if resource is None or not hasattr(resource.model, "department_id"):
        return None
    return resource.model._default_manager.filter(pk=record_id).values_list("department_id", flat=True).first()

"""From the draft of an announcement to the last person who has read it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.errors import Conflict, NotAllowed, Text, ValidationFailed
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, snapshot, stamp, write_changes
from saleswright.kernel.resources import Extra, resource_named
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import Arg, Availability, Reached, Transition, transition
from saleswright.modules.notices import queries
from saleswright.modules.notices.models import Announcement, Audience, Receipt
from saleswright.modules.notices.states import AnnouncementStatus, AudienceKind

#: how long before its end a time for confirming is reminded of
AHEAD = timedelta(days=1)
ENDED = (AnnouncementStatus.EXPIRED, AnnouncementStatus.WITHDRAWN)


# --- for whom it is --------------------------------------------------------------------------------------------


def _clean_targets(model: Any) -> Callable[[Any], list[int]]:
    def clean(value: Any) -> list[int]:
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
            raise ValidationError(_("Give a list of ids."), code="invalid")
        ids = list(dict.fromkeys(value))
        known = model.objects.filter(pk__in=[i for i in ids if 0 < i < 2**63], archived_at=None)
        if known.count() != len(ids):
            raise ValidationError(_("There is no such record."), code="not_found")
        return ids

    return clean


def _save_targets(kind: str) -> Callable[[list[tuple[Any, list[int]]], Batch], None]:
    def save(given: list[tuple[Any, list[int]]], batch: Batch) -> None:
        Audience.objects.filter(kind=kind, announcement__in=[record.pk for record, _ids in given]).delete()
        Audience.objects.bulk_create(
            Audience(announcement_id=record.pk, kind=kind, target_id=pk) for record, ids in given for pk in ids
        )

    return save


def _read_targets(kind: str) -> Callable[[list[int]], dict[int, list[int]]]:
    return lambda ids: {pk: named[kind] for pk, named in queries.targets_of(ids).items() if kind in named}


RESOURCES = {
    AudienceKind.DEPARTMENT: "departments", AudienceKind.REGION: "regions", AudienceKind.POST: "posts",
    AudienceKind.ROLE: "roles", AudienceKind.BODY: "bodies", AudienceKind.PERSON: "employees",
}  # fmt: skip
#: what is written with an announcement: `department_ids` and so on
AUDIENCE = tuple(
    Extra(
        f"{kind.value}_ids", kind.label, _clean_targets(queries.TARGETS[kind]), _save_targets(kind),
        {"type": "array", "items": {"type": "integer"}}, to=RESOURCES[kind], read=_read_targets(kind),
    )
    for kind in AudienceKind
)  # fmt: skip


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_announcements(batch: Batch) -> None:
    """Times lie ahead, and what people may have read already becomes a new edition when it changes."""
    for draft in batch.good:
        one: Announcement = draft.record
        if not batch.history and draft.changed("expires_at") and one.expires_at and one.expires_at <= batch.at:
            draft.error("expires_at", "range", _("Choose a time that lies ahead."))
        if not one.must_confirm:
            one.confirm_by = None
        if draft.fresh or draft.changed("confirm_by"):
            one.chased_at = None
        said = draft.fresh or draft.changed("title") or draft.changed("body")
        if not draft.fresh and one.status == AnnouncementStatus.PUBLISHED and said:
            one.edition += 1
        elif draft.fresh or not said:
            one.ask_again = False


def spread_announcements(batch: Batch) -> None:
    """Who has become part of the audience of a published announcement is told; a new edition asks again if marked."""
    for draft in batch.drafts:
        one: Announcement = draft.record
        if one.status != AnnouncementStatus.PUBLISHED or draft.fresh:
            continue
        if draft.changed("edition") and one.ask_again:
            _ask_again(one, batch.at)
        tell_newcomers(one, batch.at)
    asked = [draft.record for draft in batch.drafts if draft.record.ask_again]
    if asked:
        Announcement.objects.filter(pk__in=[one.pk for one in asked]).update(ask_again=False)
        for one in asked:
            one.ask_again = False


def _ask_again(one: Announcement, at: datetime) -> None:
    rows = Receipt.objects.filter(announcement=one)
    rows.update(read_at=None, confirmed_at=None, reminded_at=None, updated_at=at, version=F("version") + 1)
    Announcement.objects.filter(pk=one.pk).update(chased_at=None)
    people = list(rows.filter(user__in=queries.working()).order_by("user_id").values_list("user_id", flat=True))
    _tell(one, people, _("Changed, please read again: %(title)s"), at)


def edit_refusal(one: Announcement) -> Text | None:
    """What is over stays as it is."""
    if one.status in ENDED:
        return _("The announcement is over. Write a new one.")
    return None


def remark_refusal(one: Announcement) -> Text | None:
    """Whether it may be commented on."""
    return None if one.comments_open else _("Comments are closed here.")


# --- telling people --------------------------------------------------------------------------------------------


def tell_newcomers(one: Announcement, at: datetime) -> int:
    """Tell those of the audience who were not told yet; returns how many. The announcement must be locked."""
    told = set(Receipt.objects.filter(announcement=one).values_list("user_id", flat=True))
    fresh = sorted(queries.audience_of(one) - told)
    names = ("announcement_id", "user_id", "created_at", "updated_at")
    if fresh:
        insert_many(Receipt, names, [(one.pk, user_id, at, at) for user_id in fresh])
        text = _("Please read and confirm: %(title)s") if one.must_confirm else _("Announcement: %(title)s")
        _tell(one, fresh, text, at)
    return len(fresh)


def _tell(one: Announcement, people: list[int], text: str, at: datetime) -> None:
    if people:
        told = text % {"title": one.title}
        ports.notification.notify(user_ids=people, text=told, resource="announcements", record_id=one.pk, at=at)


def _for_somebody(one: Announcement) -> Text | None:
    if one.everybody or one.audience.exists():
        return None
    return _("Say first for whom it is.")


@transition(
    "announcements", "publish", label=gettext_lazy("Publish"), icon="speakerphone", style="primary",
    source=[AnnouncementStatus.DRAFT, AnnouncementStatus.SCHEDULED], guards=(_for_somebody,),
    args=(Arg("publish_at", gettext_lazy("Publish at"), "datetime", required=False, help=gettext_lazy("Empty: now.")),),
)  # fmt: skip
def publish_announcement(one: Announcement, *, actor: Actor, at: datetime, publish_at: datetime | None) -> None:
    """Tell everybody whom it is for, now or at that time. Raises ValidationFailed when it would be over by then."""
    start = publish_at if publish_at is not None and publish_at > at else at
    if one.expires_at is not None and one.expires_at <= start:
        raise ValidationFailed.of("publish_at", "order", _("It would have expired by then."))
    if one.confirm_by is not None and one.confirm_by <= start:
        raise ValidationFailed.of("publish_at", "order", _("The time for confirming would be over by then."))
    one.publish_at = start
    if start > at:
        one.status = AnnouncementStatus.SCHEDULED
        return
    one.status = AnnouncementStatus.PUBLISHED
    tell_newcomers(one, at)


@transition(
    "announcements", "unschedule", label=gettext_lazy("Back to draft"), source=[AnnouncementStatus.SCHEDULED],
    target=AnnouncementStatus.DRAFT, icon="arrow-back-up",
)  # fmt: skip
def unschedule_announcement(one: Announcement, *, actor: Actor, at: datetime) -> None:
    """It is not published at its time."""
    one.publish_at = None


@transition(
    "announcements", "withdraw", label=gettext_lazy("Withdraw"), source=[AnnouncementStatus.PUBLISHED],
    target=AnnouncementStatus.WITHDRAWN, args=(Arg("reason", gettext_lazy("Reason")),), style="danger", icon="x",
)  # fmt: skip
def withdraw_announcement(one: Announcement, *, actor: Actor, at: datetime, reason: str) -> None:
    """It holds no longer: gone for those who had not read it, told to those who had."""
    one.withdrawal = reason
    read = Receipt.objects.filter(announcement=one, user__in=queries.working()).exclude(read_at=None)
    people = list(read.order_by("user_id").values_list("user_id", flat=True))
    _tell(one, people, _("Withdrawn: %(title)s"), at)


@transition(
    "announcements", "end", label=gettext_lazy("End now"), source=[AnnouncementStatus.PUBLISHED],
    target=AnnouncementStatus.EXPIRED, icon="clock-check",
)  # fmt: skip
def end_announcement(one: Announcement, *, actor: Actor, at: datetime) -> None:
    """It has served its purpose: it can still be read, but nobody is asked to."""
    one.expires_at = min(one.expires_at or at, at)


@transition(
    "announcements", "remind", label=gettext_lazy("Remind the rest"), source=[AnnouncementStatus.PUBLISHED],
    icon="bell", result=(("reminded", int),),
)  # fmt: skip
def remind_of_announcement(one: Announcement, *, actor: Actor, at: datetime) -> dict[str, int]:
    """Remind everybody who has not read it yet, or not confirmed it where that is asked for."""
    return {"reminded": _remind(one, queries.outstanding(one), at)}


def _remind(one: Announcement, rows: QuerySet[Receipt], at: datetime) -> int:
    people = dict(rows.order_by("user_id").values_list("user_id", "pk"))
    Receipt.objects.filter(pk__in=people.values()).update(reminded_at=at)
    text = _("Reminder, please confirm: %(title)s") if one.must_confirm else _("Reminder, please read: %(title)s")
    _tell(one, list(people), text, at)
    return len(people)


# --- what the clock does ---------------------------------------------------------------------------------------


def run_clock(at: datetime) -> dict[str, int]:
    """Publish what is scheduled, end what has expired, tell who has joined, and chase confirmations."""
    published = Announcement.objects.filter(status=AnnouncementStatus.PUBLISHED, archived_at=None)
    scheduled = Announcement.objects.filter(status=AnnouncementStatus.SCHEDULED, archived_at=None)
    return {
        "published": _each(scheduled.filter(publish_at__lte=at), _publish, at),
        "expired": _each(published.filter(expires_at__lte=at), _expire, at),
        "newly_told": _each(published, tell_newcomers, at),
        "reminded": _each(published.filter(must_confirm=True, confirm_by__lte=at + AHEAD), _chase, at),
    }


def _each(rows: QuerySet[Announcement], act: Callable[[Announcement, datetime], int], at: datetime) -> int:
    """Do it to each one, locked; one that changed meanwhile or that another worker has is left alone."""
    count = 0
    for pk in list(rows.order_by("id").values_list("pk", flat=True)):
        with atomic():
            one = rows.filter(pk=pk).select_for_update(of=("self",), skip_locked=True).first()
            count += act(one, at) if one is not None else 0
    return count


def _publish(one: Announcement, at: datetime) -> int:
    before, actor = snapshot(one), system("announcements")
    one.status = AnnouncementStatus.PUBLISHED
    stamp(one, actor, at)
    write_changes(resource_named("announcements"), one, before, "publish", actor=actor, at=at)
    tell_newcomers(one, at)
    return 1


def _expire(one: Announcement, at: datetime) -> int:
    end_announcement(one.pk, actor=system("announcements"), at=at)
    return 1


def _chase(one: Announcement, at: datetime) -> int:
    """Remind once a day before the time for confirming, and once when it is over; then the owner is told too."""
    assert one.confirm_by is not None
    over = one.confirm_by <= at
    due = one.confirm_by if over else one.confirm_by - AHEAD
    if one.chased_at is not None and one.chased_at >= due:
        return 0
    Announcement.objects.filter(pk=one.pk).update(chased_at=at)
    rows = queries.outstanding(one).filter(Q(reminded_at=None) | Q(reminded_at__lt=due))
    missing = queries.outstanding(one).count()
    reminded = _remind(one, rows, at)
    if over and missing and one.owner_id is not None:
        text = ngettext(
            "%(count)d person has not confirmed in time: %(title)s",
            "%(count)d people have not confirmed in time: %(title)s",
            missing,
        ) % {"count": missing, "title": one.title}
        ports.notification.notify(user_ids=[one.owner_id], text=text, resource="announcements", record_id=one.pk, at=at)
    return reminded


# --- reading ---------------------------------------------------------------------------------------------------


class Own(Transition):
    """A transition of a receipt, for the person alone whose receipt it is."""

    def availability(self, record: Receipt, actor: Actor, reached: Reached | None = None) -> Availability:
        if record.user_id != actor.user_id:
            return Availability(shown=False)
        return super().availability(record, actor, reached)


def _stands(receipt: Receipt) -> Text | None:
    if receipt.announcement.status == AnnouncementStatus.WITHDRAWN:
        return _("The announcement was withdrawn.")
    return None


def _unread(receipt: Receipt) -> Text | None:
    return _("You have read it already.") if receipt.read_at is not None else None


def _to_confirm(receipt: Receipt) -> Text | None:
    if not receipt.announcement.must_confirm:
        return _("This need not be confirmed.")
    return _("You have confirmed it already.") if receipt.confirmed_at is not None else None


def _read(receipt: Receipt, *, actor: Actor, at: datetime) -> None:
    """The person has read the present edition. Raises NotAllowed for others."""
    if receipt.user_id != actor.user_id:
        raise NotAllowed
    receipt.read_at, receipt.edition = receipt.read_at or at, receipt.announcement.edition


def _confirm(receipt: Receipt, *, actor: Actor, at: datetime) -> None:
    """The person confirms to have read the present edition. Raises NotAllowed for others."""
    _read(receipt, actor=actor, at=at)
    receipt.confirmed_at = at


read_announcement = Own(
    "announcement-receipts", "read", gettext_lazy("Mark as read"), _read, guards=(_stands, _unread), icon="check"
)
confirm_announcement = Own(
    "announcement-receipts", "confirm", gettext_lazy("Confirm"), _confirm, guards=(_stands, _to_confirm),
    icon="checks", style="primary",
)  # fmt: skip


def note_reading(announcement_id: int, actor: Actor) -> None:
    """The person looks at an announcement: from now on they have read it. Nothing happens a second time."""
    receipt = Receipt.objects.filter(announcement_id=announcement_id, user_id=actor.user_id or 0, read_at=None).first()
    if receipt is not None:
        with suppress(Conflict):  # read in another window, or withdrawn, at the same moment
            read_announcement(receipt.pk, actor=receiving(actor))


def receiving(actor: Actor) -> Actor:
    """Whoever was told of an announcement may read and confirm it, whatever else their roles allow."""
    return actor.trusted_with("announcement-receipts.read").trusted_with("announcement-receipts.confirm")

"""Telling people things."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.models import EmploymentState, User
from saleswright.kernel.transitions import transition
from saleswright.kernel.words import Words, kept_words
from saleswright.modules.work.actions.planning_out import Written, plan
from saleswright.modules.work.kinds import OTHER
from saleswright.modules.work.models import Notification


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is to be told: a notice about a record, or (without one) leading to `path`."""

    user_id: int
    text: Words | Text
    resource: str
    record_id: int
    kind: str = OTHER
    path: str = ""


class NoticeBoard:
    """Fills the kernel's notification port: notices wait in the page, and go out as each person wants it."""

    def notify(
        self,
        *,
        user_ids: list[int],
        text: Words | Text,
        resource: str,
        record_id: int,
        at: datetime,
        kind: str = OTHER,
        path: str = "",
    ) -> None:
        """Tell each of these people once."""
        tell([Notice(user_id, text, resource, record_id, kind, path) for user_id in dict.fromkeys(user_ids)], at=at)


def tell(notices: Iterable[Notice], *, at: datetime, out: bool = True) -> None:
    """Write notices with one insert, and in the same transaction what of them goes out to whom.

    Without `out` they are for the page alone, such as those of the past.
    """
    given = list(notices)
    if not given:
        return
    people = User.objects.in_bulk({one.user_id for one in given})
    rows = Notification.objects.bulk_create(_row(one, people.get(one.user_id), at) for one in given)
    if out:
        here = {pk: user for pk, user in people.items() if user.state != EmploymentState.LEFT and not user.archived_at}
        plan([Written(row, here.get(row.user_id)) for row in rows], at=at)


def _row(notice: Notice, user: User | None, at: datetime) -> Notification:
    source, arguments = kept_words(notice.text)
    with override(language_of(user)):
        text = str(notice.text)[:500]
    if len(source) > 500:
        source, arguments = "", {}
    return Notification(
        user_id=notice.user_id, kind=notice.kind, text=text, source=source, arguments=arguments,
        resource=notice.resource, record_id=notice.record_id, path=notice.path, created_at=at, updated_at=at,
    )  # fmt: skip


def language_of(user: User | None) -> str:
    """The language in which a person is told things."""
    return (user.language if user else "") or settings.LANGUAGE_CODE


@transition("notifications", "read", label=_("Mark as read"), icon="check")
def read_notification(notification: Notification, *, actor: Actor, at: datetime) -> None:
    """The person has seen it; the first time counts."""
    notification.read_at = notification.read_at or at


def read_all(user_id: int, *, at: datetime) -> int:
    """Mark all of a person's notifications as read; returns how many were not."""
    return Notification.objects.filter(user_id=user_id, read_at=None).update(read_at=at)


def read_about(user_id: int, notification: Notification, *, at: datetime) -> None:
    """Mark a notification as read, and with it the other ones about the same record."""
    rows = Notification.objects.filter(user_id=user_id, read_at=None)
    same = rows.filter(resource=notification.resource, record_id=notification.record_id)
    (same if notification.record_id else rows.filter(pk=notification.pk)).update(read_at=at)

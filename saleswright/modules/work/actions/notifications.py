"""Telling people things."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.transitions import transition
from saleswright.modules.work.models import Notification


class NoticeBoard:
    """Fills the kernel's notification port: notices wait in the page until they are read."""

    def notify(self, *, user_ids: list[int], text: str, resource: str, record_id: int, at: datetime) -> None:
        """Tell each of these people once."""
        tell([(user_id, text, resource, record_id) for user_id in dict.fromkeys(user_ids)], at=at)


def tell(notices: Iterable[tuple[int, str, str, int]], *, at: datetime) -> None:
    """Write notices (person, text, resource, record id) with one insert."""
    Notification.objects.bulk_create(
        Notification(
            user_id=user_id, text=text[:500], resource=resource, record_id=record_id, created_at=at, updated_at=at
        )
        for user_id, text, resource, record_id in notices
    )


@transition("notifications", "read", label=_("Mark as read"), icon="check")
def read_notification(notification: Notification, *, actor: Actor, at: datetime) -> None:
    """The person has seen it; the first time counts."""
    notification.read_at = notification.read_at or at


def read_all(user_id: int, *, at: datetime) -> int:
    """Mark all of a person's notifications as read; returns how many were not."""
    return Notification.objects.filter(user_id=user_id, read_at=None).update(read_at=at)

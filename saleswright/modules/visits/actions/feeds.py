"""The secret address under which a calendar program reads a person's visits."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import NotAllowed
from saleswright.kernel.models import User
from saleswright.kernel.transactions import atomic
from saleswright.modules.visits.models import CalendarFeed

#: how often it is noted that a feed was read
EXACTNESS = timedelta(hours=1)


def digest_of(token: str) -> str:
    """What is kept of a secret: nobody can read the address out of the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def renew_feed(actor: Actor, at: datetime) -> str:
    """Make the actor's address, or another one in its place, which ends the one before; returns its secret part.

    Raises NotAllowed for programs and the system, which have no calendar.
    """
    if actor.user_id is None or actor.kind != "person":
        raise NotAllowed
    actor.require("activities.view")
    token = secrets.token_urlsafe(32)
    with atomic():
        values = {"digest": digest_of(token), "created_at": at, "used_at": None}
        CalendarFeed.objects.update_or_create(user_id=actor.user_id, defaults=values)
        _note(actor, "calendar-feed-renewed", at)
    return token


def end_feed(actor: Actor, at: datetime) -> bool:
    """End the actor's address; returns whether there was one."""
    with atomic():
        ended = bool(CalendarFeed.objects.filter(user_id=actor.user_id or 0).delete()[0])
        if ended:
            _note(actor, "calendar-feed-ended", at)
    return ended


def reader_of(token: str, at: datetime) -> User | None:
    """Whose calendar the secret opens; None for a wrong or ended one and for who has left."""
    feed = CalendarFeed.objects.select_related("user").filter(digest=digest_of(token)).first()
    if feed is None or not feed.user.is_active:
        return None
    if feed.used_at is None or feed.used_at < at - EXACTNESS:
        CalendarFeed.objects.filter(pk=feed.pk).update(used_at=at)
    return feed.user


def _note(actor: Actor, action: str, at: datetime) -> None:
    record_audit([AuditLine("employees", actor.user_id, actor.name, action)], actor=actor, at=at)

"""Bearer tokens of programs that act as a person; only their digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import connection
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import ApiToken, EmploymentState, User
from saleswright.kernel.transactions import atomic

PREFIX = "sw_"
RESOURCE = "api-tokens"
#: plain, since every request of a program asks
PERSON = """
    SELECT person.* FROM kernel_apitoken token JOIN kernel_user person ON person.id = token.user_id
    WHERE token.digest = %s AND token.ended_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > %s)
        AND person.archived_at IS NULL AND person.state <> %s
"""


def create_token(user: User, name: str, days: int | None, actor: Actor) -> str:
    """Make a token for `user` that ends after `days` days (None: never); it is shown this once only.

    Raises Conflict for a person who has left, ValueError for less than one day.
    """
    if days is not None and days < 1:
        raise ValueError("days must be at least 1")
    if not user.is_active:
        raise Conflict(_("The person has left."))
    raw = PREFIX + secrets.token_urlsafe(30)
    at = clock.now()
    expires = at + timedelta(days=days) if days else None
    with atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            digest=digest_of(raw),
            created_at=at,
            expires_at=expires,
            created_by_id=actor.user_id,
        )
        changes = {"user": [None, user.username], "expires_at": [None, expires]}
        record_audit([AuditLine(RESOURCE, token.pk, name, "create", changes)], actor=actor, at=at)
    return raw


def end_token(token: ApiToken, actor: Actor) -> None:
    """Make a token useless from now on; nothing happens to one that has ended."""
    at = clock.now()
    with atomic():
        if ApiToken.objects.filter(pk=token.pk, ended_at=None).update(ended_at=at):
            line = AuditLine(RESOURCE, token.pk, token.name, "end", {"ended_at": [None, at]})
            record_audit([line], actor=actor, at=at)


def user_for_token(raw: str) -> User | None:
    """The person a token stands for, in one query; None for an unknown, ended or expired one or who has left."""
    if not raw.startswith(PREFIX):
        return None
    now = connection.ops.adapt_datetimefield_value(clock.now())
    return next(iter(User.objects.raw(PERSON, [digest_of(raw), now, EmploymentState.LEFT.value])), None)


def digest_of(raw: str) -> str:
    """The SHA-256 of a token, in hexadecimal, as it is kept."""
    return hashlib.sha256(raw.encode()).hexdigest()

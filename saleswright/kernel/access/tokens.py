"""Bearer tokens of programs that act as a person; only their digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import READ, Actor, actor_for
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import ApiToken, EmploymentState, User
from saleswright.kernel.resources import all_permissions
from saleswright.kernel.transactions import atomic, update_if_free

PREFIX = "sw_"
RESOURCE = "api-tokens"
EVERYTHING = "*"
#: when a token was last used is known to this exactness, to spare a write on each request
EXACTNESS = timedelta(minutes=5)
#: plain, since every request of a program asks
PERSON = """
    SELECT person.*, token.id AS token_id, token.scopes AS token_scopes,
        token.last_used_at IS NULL OR token.last_used_at < %s AS token_rested
    FROM kernel_apitoken token JOIN kernel_user person ON person.id = token.user_id
    WHERE token.digest = %s AND token.ended_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > %s)
        AND person.archived_at IS NULL AND person.state <> %s
"""


def create_token(user: User, name: str, days: int | None, actor: Actor, scopes: Sequence[str] = (EVERYTHING,)) -> str:
    """Make a token for `user` that ends after `days` days (None: never); it is shown this once only.

    It may do what its scopes and the person's rights both allow: `*`, `read`, or permissions such as `orders.view`
    and `orders.*`. Raises Conflict for a person who has left, ValidationFailed for a scope that the person does not
    have, ValueError for less than one day.
    """
    if days is not None and days < 1:
        raise ValueError("days must be at least 1")
    if not user.is_active:
        raise Conflict(_("The person has left."))
    kept = " ".join(_checked(scopes, user))
    raw = PREFIX + secrets.token_urlsafe(30)
    at = clock.now()
    expires = at + timedelta(days=days) if days else None
    with atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            digest=digest_of(raw),
            scopes=kept,
            created_at=at,
            expires_at=expires,
            created_by_id=actor.user_id,
        )
        changes = {"user": [None, user.username], "expires_at": [None, expires], "scopes": [None, kept]}
        record_audit([AuditLine(RESOURCE, token.pk, name, "create", changes)], actor=actor, at=at)
    return raw


def _checked(scopes: Sequence[str], user: User) -> list[str]:
    """The scopes without repetition. Raises ValidationFailed for none, or for one that gives the person nothing."""
    wanted = list(dict.fromkeys(scopes))
    if not wanted:
        raise ValidationFailed.of("scopes", "required", _("Choose what the token may do."))
    permissions = all_permissions()
    own = actor_for(user, origin="token").access
    for scope in wanted:
        reach = own.within(scope)
        known = scope in {EVERYTHING, READ} or any(reach.scopes(permission) for permission in permissions)
        if not known or scope.split() != [scope]:
            raise ValidationFailed.of("scopes", "not_allowed", _("You don't have the right “%s”.") % scope)
    return wanted


def end_token(token: ApiToken, actor: Actor) -> None:
    """Make a token useless from now on; nothing happens to one that has ended."""
    at = clock.now()
    with atomic():
        if ApiToken.objects.filter(pk=token.pk, ended_at=None).update(ended_at=at):
            line = AuditLine(RESOURCE, token.pk, token.name, "end", {"ended_at": [None, at]})
            record_audit([line], actor=actor, at=at)


def user_for_token(raw: str) -> User | None:
    """The person a token stands for, with its scopes; None for an unknown, ended or expired one or who has left."""
    if not raw.startswith(PREFIX):
        return None
    at = clock.now()
    now, rested = (connection.ops.adapt_datetimefield_value(moment) for moment in (at, at - EXACTNESS))
    user = next(iter(User.objects.raw(PERSON, [rested, digest_of(raw), now, EmploymentState.LEFT.value])), None)
    if user is not None and user.token_rested:
        update_if_free(ApiToken.objects.filter(pk=user.token_id), last_used_at=at)
    return user


def digest_of(raw: str) -> str:
    """The SHA-256 of a token, in hexadecimal, as it is kept."""
    return hashlib.sha256(raw.encode()).hexdigest()

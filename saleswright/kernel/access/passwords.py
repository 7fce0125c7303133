"""Changing one's own password."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.sessions import end_sessions
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.transactions import atomic

#: wrong present passwords, for whoever found an unlocked screen
WRONG_PASSWORDS = Limit("password", 5, 900)


def change_password(user: User, present: str, new: str, actor: Actor, *, keep: str | None = None) -> None:
    """Replace one's password and end one's sessions but the one with the key `keep`.

    Raises ValidationFailed for a wrong present password or a weak new one, TooMany after five wrong ones.
    """
    WRONG_PASSWORDS.require(str(user.pk))
    if not user.check_password(present):
        WRONG_PASSWORDS.count(str(user.pk))
        raise ValidationFailed.of("present", "invalid", _("The present password is wrong."))
    if new == present:
        raise ValidationFailed.of("new", "invalid", _("The new password is the old one."))
    try:
        validate_password(new, user)
    except ValidationError as weak:
        raise ValidationFailed([FieldError("new", "invalid", message) for message in weak.messages]) from None
    at = clock.now()
    with atomic():
        end_sessions(user, actor, keep=keep)
        user.set_password(new)
        values = {"password": user.password, "updated_at": at, "updated_by_id": actor.user_id}
        User.objects.filter(pk=user.pk).update(version=F("version") + 1, **values)
        line = AuditLine("employees", user.pk, user.username, "password_changed")
        record_audit([line], actor=actor, at=at)

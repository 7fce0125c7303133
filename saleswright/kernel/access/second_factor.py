"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, TooMany, ValidationFailed
from saleswright.kernel.models import RecoveryCode, Role, SecondFactor, User
from saleswright.kernel.transactions import atomic

STEP = 30  # seconds that a code of the app lasts
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike
CODE_LENGTH = 10
#: after so many wrong codes the next are refused until the pause since the last one is over
TRIES, PAUSE = 5, timedelta(minutes=15)


# --- having one ------------------------------------------------------------------------------------------------


def is_enrolled(user: User) -> bool:
    """Whether the person signs in with a second factor."""
    return SecondFactor.objects.filter(user=user).exists()


def is_required(user: User) -> bool:
    """Whether one of the person's roles asks for a second factor."""
    return user.roles.filter(second_factor=True, archived_at=None).exists()


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    return pyotp.random_base32()


def app_address(user: User, secret: str, issuer: str) -> str:
    """What an authenticator app reads from the picture: `otpauth://totp/...`."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=issuer)


def enrol(user: User, secret: str, code: str, actor: Actor) -> list[str]:
    """Begin to ask for a second factor, when a code shows that the app has the secret; returns recovery codes.

    Raises ValidationFailed for a wrong code, Conflict when the person has one already.
    """
    at = clock.now()
    step = _step_of(secret, plain(code), at)
    if step is None:
        raise _wrong_code()
    with atomic():
        if is_enrolled(user):
            raise Conflict(_("The second factor is set up already."))
        SecondFactor.objects.create(user=user, secret=_locked(secret), created_at=at, last_step=step)
        codes = _write_codes(user)
        _note(user, "second_factor_on", actor, at)
    return codes


def renew_codes(user: User, code: str, actor: Actor) -> list[str]:
    """Put ten new recovery codes in place of the old ones. Raises ValidationFailed for a wrong code, TooMany."""
    _require_code(user, code, actor)
    with atomic():
        codes = _write_codes(user)
        _note(user, "recovery_codes_renewed", actor, clock.now())
    return codes


def codes_left(user: User) -> int:
    """How many recovery codes still work."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def remove(user: User, code: str, actor: Actor) -> None:
    """Sign in with the password alone from now on.

    Raises Conflict when a role asks for a second factor, ValidationFailed for a wrong code, TooMany.
    """
    if is_required(user):
        raise Conflict(_("Your role requires a second factor."))
    _require_code(user, code, actor)
    _remove(user, "second_factor_off", actor)


def reset(user: User, actor: Actor) -> None:
    """Take away the second factor of somebody who lost it. Raises NotAllowed, Conflict when there is none."""
    actor.require("admin.manage")
    if not is_enrolled(user):
        raise Conflict(_("There is no second factor."))
    _remove(user, "second_factor_reset", actor)


def _remove(user: User, action: str, actor: Actor) -> None:
    with atomic():
        SecondFactor.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        _note(user, action, actor, clock.now())


def require_for(role_ids: Collection[int], actor: Actor) -> None:
    """Ask people of exactly these roles for a second factor from their next sign-in on. Raises NotAllowed."""
    actor.require("admin.manage")
    at = clock.now()
    with atomic():
        changed = [role for role in Role.objects.select_for_update() if role.second_factor != (role.pk in role_ids)]
        lines = []
        for role in changed:
            values = {"second_factor": not role.second_factor, "updated_at": at, "version": F("version") + 1}
            Role.objects.filter(pk=role.pk).update(updated_by_id=actor.user_id, **values)
            change = {"second_factor": [role.second_factor, not role.second_factor]}
            lines.append(AuditLine("roles", role.pk, role.name, "changed", change))
        record_audit(lines, actor=actor, at=at)


# --- codes -----------------------------------------------------------------------------------------------------


def accepts(user: User, code: str, actor: Actor) -> bool:
    """Take a code of the app or a recovery code: each is good once. A wrong one is in the audit.

    Raises TooMany after too many wrong ones; then the right one does not help either.
    """
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        return False
    at, code = clock.now(), plain(code)
    _take_try(factor, at)
    with atomic():
        right = _take_app_code(factor, code, at) or _take_recovery_code(user, code, actor, at)
        if right:
            SecondFactor.objects.filter(pk=factor.pk).update(tries=0, forgotten_at=None)
        else:
            _note(user, "second_factor_refused", system(actor.origin), at)
    return right


def plain(code: str) -> str:
    """A code as typed, without spaces, dashes and full-width digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", code).lower() if sign.isalnum())


def _take_try(factor: SecondFactor, at: datetime) -> None:
    """Use up one try before looking at the code, so that many at a time are not more than a few in turn."""
    row = SecondFactor.objects.filter(pk=factor.pk)
    with atomic():
        row.filter(forgotten_at__lte=at).update(tries=0, forgotten_at=None)
        taken = row.filter(tries__lt=TRIES).update(tries=F("tries") + 1, forgotten_at=at + PAUSE)
    if not taken:
        until = row.values_list("forgotten_at", flat=True)[0] or at
        wait = int((until - at).total_seconds()) + 1
        raise TooMany(_("Too many wrong codes. Try again in a quarter of an hour."), retry_after=wait)


def _take_app_code(factor: SecondFactor, code: str, at: datetime) -> bool:
    try:
        secret = _unlocked(factor.secret)
    except InvalidToken:  # SECRET_KEY was changed: only an administrator can help
        return False
    step = _step_of(secret, code, at)
    if step is None:
        return False
    return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))


def _step_of(secret: str, code: str, at: datetime) -> int | None:
    """The step of time whose code this is; clocks may differ by one step."""
    app, now = pyotp.TOTP(secret, interval=STEP), int(at.timestamp()) // STEP
    matching = (step for step in (now, now - 1, now + 1) if hmac.compare_digest(app.generate_otp(step), code))
    return next(matching, None) if code.isascii() else None


def _take_recovery_code(user: User, code: str, actor: Actor, at: datetime) -> bool:
    unused = RecoveryCode.objects.filter(user=user, digest=_digest(user, code), used_at=None)
    if not unused.update(used_at=at):
        return False
    _note(user, "recovery_code_used", actor, at, {"left": [None, codes_left(user)]})
    return True


def _write_codes(user: User) -> list[str]:
    codes = ["".join(secrets.choice(ALPHABET) for _place in range(CODE_LENGTH)) for _code in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    half = CODE_LENGTH // 2
    return [f"{code[:half]}-{code[half:]}" for code in codes]


def _require_code(user: User, code: str, actor: Actor) -> None:
    if not accepts(user, code, actor):
        raise _wrong_code()


def _wrong_code() -> ValidationFailed:
    return ValidationFailed.of("code", "invalid", _("The code is wrong or was used before."))


def _note(user: User, action: str, actor: Actor, at: datetime, changes: dict[str, list[object]] | None = None) -> None:
    record_audit([AuditLine("employees", user.pk, user.username, action, changes or {})], actor=actor, at=at)


# --- what is kept ----------------------------------------------------------------------------------------------


def _digest(user: User, code: str) -> str:
    """Keyed, for the codes are short enough to be tried out by whoever has the database alone."""
    return salted_hmac("saleswright.recovery-code", f"{user.pk} {code}", algorithm="sha256").hexdigest()


def _lock() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac("saleswright.second-factor", "", algorithm="sha256").digest()))


def _locked(secret: str) -> str:
    return _lock().encrypt(secret.encode()).decode()


def _unlocked(secret: str) -> str:
    return _lock().decrypt(secret.encode()).decode()

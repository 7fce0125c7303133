"""Every way in which the system refuses, with its code: the one list of error codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Promise
else:
    from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of a record or document.

    `field` is the field's API name, `lines.2.quantity` for a line, empty for the whole record.
    """

    field: str
    code: str
    message: Text

    def as_dict(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "message": str(self.message)}


class DomainError(Exception):
    """A refusal with a stable code, an HTTP status and a sentence for people."""

    code = "refused"
    status = 400
    title: Text = _("The request was refused")

    def __init__(self, detail: Text = "", *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail: Text = detail or self.title
        self.code = code or self.code
        self.extra = extra

    def __str__(self) -> str:
        return str(self.detail)


class ValidationFailed(DomainError):
    """Bad input: nothing was written; `errors` says what is wrong with which field."""

    code = "invalid"
    status = 422
    title = _("Some of the input is not valid")

    def __init__(self, errors: Iterable[FieldError], detail: Text = "", **extra: Any) -> None:
        self.errors = list(errors)
        super().__init__(detail, **extra)

    @classmethod
    def of(cls, field: str, code: str, message: Text) -> ValidationFailed:
        """The failure of a single field."""
        return cls([FieldError(field, code, message)])

    def __str__(self) -> str:
        return "; ".join(f"{e.field}: {e.message}" if e.field else str(e.message) for e in self.errors) or str(
            self.detail
        )


class NotSignedIn(DomainError):
    """Nobody is signed in, or the token is unknown, ended or expired."""

    code = "not_signed_in"
    status = 401
    title = _("Sign in first")


class NotAllowed(DomainError):
    """The caller may see the record but not do this with it."""

    code = "not_allowed"
    status = 403
    title = _("You may not do this")


class NotFound(DomainError):
    """It does not exist, or the caller may not see it: the two are not told apart."""

    code = "not_found"
    status = 404
    title = _("Not found")


class Conflict(DomainError):
    """The state of the record, or of another record, forbids it."""

    code = "conflict"
    status = 409
    title = _("The present state does not allow this")


class Stale(DomainError):
    """Someone else changed the record since the caller read it."""

    code = "stale"
    status = 412
    title = _("Someone else changed this record meanwhile")


class TooLarge(DomainError):
    """The request or the file is larger than allowed."""

    code = "too_large"
    status = 413
    title = _("The request is too large")


class TooMany(DomainError):
    """Too many requests or attempts."""

    code = "too_many"
    status = 429
    title = _("Too many requests; try again later")


class Busy(DomainError):
    """The database cannot take the write right now; the same request may succeed later."""

    code = "busy"
    status = 503
    title = _("The system is busy; try again in a moment")


#: codes of field errors, beside the codes of the exceptions above
FIELD_CODES: dict[str, Text] = {
    "required": _("This field is required."),
    "invalid": _("The value is not valid."),
    "unknown": _("There is no such field."),
    "read_only": _("This field can't be set."),
    "not_found": _("There is no such record."),
    "ambiguous": _("This stands for several records."),
    "choice": _("This is not one of the choices."),
    "duplicate": _("The same record exists already."),
    "range": _("The value is outside the allowed range."),
    "order": _("The dates are out of order."),
    "too_long": _("The text is too long."),
    "not_allowed": _("You may not choose this."),
}

"""The plumbing of the API: who calls, JSON in and out, problem documents, entity tags, idempotency."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, connection
from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.access.tokens import user_for_token
from saleswright.kernel.errors import (
    Busy,
    DomainError,
    FieldError,
    NotAllowed,
    NotSignedIn,
    Stale,
    TooLarge,
    ValidationFailed,
)
from saleswright.kernel.models import IdempotencyKey
from saleswright.kernel.transactions import as_busy, run_atomic

log = logging.getLogger("saleswright.api")
View = Callable[..., HttpResponse]


class MethodNotAllowed(DomainError):
    """The address does not know this method."""

    code = "method_not_allowed"
    status = 405
    title = _("This method is not possible here")


def json_default(value: Any) -> Any:
    """What orjson can't write by itself: decimals and lazy texts become text."""
    return str(value)


def dumps(value: Any) -> bytes:
    """JSON as sent by the API."""
    return orjson.dumps(value, default=json_default, option=orjson.OPT_NON_STR_KEYS)


def answer(value: Any, status: int = 200, *, etag: str = "", location: str = "") -> HttpResponse:
    """A JSON answer."""
    response = HttpResponse(dumps(value), status=status, content_type="application/json")
    if etag:
        response["ETag"] = etag
    if location:
        response["Location"] = location
    return response


def problem(error: DomainError) -> HttpResponse:
    """An RFC 9457 problem document."""
    body: dict[str, Any] = {
        "type": f"urn:saleswright:problem:{error.code}",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.detail),
    }
    if isinstance(error, ValidationFailed):
        body["errors"] = [one.as_dict() for one in error.errors]
    response = HttpResponse(dumps(body), status=error.status, content_type="application/problem+json")
    if isinstance(error, Busy):
        response["Retry-After"] = "1"
    if isinstance(error, NotSignedIn):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = ", ".join(error.extra.get("allow", ()))
    return response


def as_domain_error(error: Exception) -> DomainError | None:
    """The refusal that a technical error amounts to, or None for a fault of ours."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, DataError):
        return ValidationFailed([FieldError("", "invalid", _("A value does not fit the database."))])
    if isinstance(error, DatabaseError):
        return as_busy(error)
    if isinstance(error, (SuspiciousOperation, UnreadablePostError, RawPostDataException)):
        return ValidationFailed([FieldError("", "invalid", _("The request could not be read."))])
    return None


def api(*methods: str) -> Callable[[View], View]:
    """A view of the API: signs the caller in, speaks their language, turns refusals into problem documents."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            asked = language_of(request)
            with translation.override(asked or settings.LANGUAGE_CODE):
                try:
                    if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
                        raise MethodNotAllowed(allow=methods)
                    request.actor = caller(request)  # type: ignore[attr-defined]
                    if request.actor.language and not asked:  # type: ignore[attr-defined]
                        translation.activate(request.actor.language)  # type: ignore[attr-defined]
                    response = view(request, *args, **kwargs)
                    response.headers.setdefault("Cache-Control", "private, no-cache")
                    return response
                except Exception as error:
                    known = as_domain_error(error)
                    if known is None:
                        if settings.TESTING and not getattr(request, "keep_faults", False):
                            raise
                        log.exception("%s %s", request.method, request.path)
                        known = DomainError(_("Something went wrong on our side. It has been recorded."), code="fault")
                        known.status = 500
                    if isinstance(known, TooLarge):
                        read_to_the_end(request)
                    return problem(known)

        return wrapper

    return decorate


def read_to_the_end(request: HttpRequest) -> None:
    """Read what was sent and is not wanted: whoever is cut off while sending does not get to see the answer."""
    left = settings.UPLOAD_LIMIT
    with suppress(UnreadablePostError):
        while left > 0 and (piece := request.read(64 * 1024)):
            left -= len(piece)


def language_of(request: HttpRequest) -> str:
    """The language of ours that the caller likes best, or an empty text."""
    asked = request.headers.get("Accept-Language", "")
    for tag, _weight in parse_accept_lang_header(asked[:200].lower()):
        if tag.split("-")[0] in {"zh", "en"}:
            return "zh-hans" if tag.startswith("zh") else "en"
    return ""


def caller(request: HttpRequest) -> Actor:
    """Who calls: by bearer token, or by the session of the page (then with the CSRF token).

    Raises NotSignedIn or NotAllowed.
    """
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _sep, raw = header.partition(" ")
        user = user_for_token(raw.strip()) if scheme.lower() == "bearer" and raw.isascii() else None
        if user is None:
            raise NotSignedIn(_("The token is unknown, ended or expired."))
        return actor_for(user, origin=f"api {request.META.get('REMOTE_ADDR', '')}", kind="token")
    if not request.user.is_authenticated:
        raise NotSignedIn
    check = CsrfViewMiddleware(lambda _request: HttpResponse())
    check.process_request(request)
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    if check.process_view(request, HttpResponse, (), {}) is not None:
        raise NotAllowed(_("The CSRF token is missing or wrong."))
    return actor_for(request.user, origin=f"web {request.META.get('REMOTE_ADDR', '')}")


def body_of(request: HttpRequest, *, empty: bool = False) -> dict[str, Any]:
    """The JSON object that was sent. Raises ValidationFailed or TooLarge."""
    raw = request.body
    if not raw.strip() and empty:
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        text = _("The body is not JSON: %(reason)s") % {"reason": str(error)}
        raise ValidationFailed([FieldError("", "invalid", text)]) from None
    if not isinstance(value, dict):
        raise ValidationFailed([FieldError("", "invalid", _("Send a JSON object."))])
    return value


def parameters(request: HttpRequest) -> dict[str, str]:
    """What stands behind the question mark; of a repeated name the last value."""
    return {name: str(value) for name, value in request.GET.items()}


def etag_of(version: int) -> str:
    """The entity tag of a record."""
    return f'"{version}"'


def asked_version(request: HttpRequest) -> int | None:
    """The version in If-Match, or None. Raises Stale for a tag that can't be one of ours."""
    header = request.headers.get("If-Match", "").strip()
    if header in {"", "*"}:
        return None
    tag = header.removeprefix("W/").strip('"')
    if not (tag.isascii() and tag.isdigit()) or len(tag) > 12:
        raise Stale
    return int(tag)


def unchanged(request: HttpRequest, etag: str) -> bool:
    """Whether the caller has this version already; proxies that compress make tags weak."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags


def tagged(request: HttpRequest, value: Any) -> HttpResponse:
    """A list's answer with a tag of its content, or 304."""
    raw = dumps(value)
    etag = f'W/"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'
    if unchanged(request, etag):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(raw, content_type="application/json")
    response["ETag"] = etag
    return response


def idempotent(request: HttpRequest, actor: Actor, run: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a POST once for each Idempotency-Key of a caller: repeated, it gets the first answer again.

    Raises ValidationFailed when the key was used with another body. Only successes are remembered.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return run_atomic(run)
    if len(key) > 200 or "\x00" in key:
        raise ValidationFailed.of("Idempotency-Key", "too_long", _("The key is too long."))
    seen = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()
    caller_name = f"user:{actor.user_id}"

    def once() -> HttpResponse:
        row_id = _reserve(caller_name, key, seen)
        if row_id is None:
            return _again(caller_name, key, seen)
        response = run()
        kept = {name: response[name] for name in ("ETag", "Location") if name in response}
        _remember(row_id, response, kept)
        return response

    return run_atomic(once)


def _reserve(caller_name: str, key: str, seen: str) -> int | None:
    sql = (
        "INSERT INTO kernel_idempotencykey (caller, key, request, status, headers, body, at) "
        "VALUES (%s, %s, %s, 0, '{}', %s, %s) ON CONFLICT (caller, key) DO NOTHING RETURNING id"
    )
    with connection.cursor() as cursor:
        moment = connection.ops.adapt_datetimefield_value(clock.now())
        cursor.execute(sql, [caller_name, key, seen, b"", moment])
        row = cursor.fetchone()
    return row[0] if row else None


def _remember(row_id: int, response: HttpResponse, headers: dict[str, str]) -> None:
    sql = "UPDATE kernel_idempotencykey SET status = %s, headers = %s, body = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [response.status_code, dumps(headers).decode(), response.content, row_id])


def _again(caller_name: str, key: str, seen: str) -> HttpResponse:
    row = IdempotencyKey.objects.get(caller=caller_name, key=key)
    if row.request != seen:
        text = _("This key was used with another request.")
        raise ValidationFailed([FieldError("Idempotency-Key", "invalid", text)], code="idempotency_mismatch")
    response = HttpResponse(bytes(row.body), status=row.status, content_type="application/json")
    for name, value in row.headers.items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response

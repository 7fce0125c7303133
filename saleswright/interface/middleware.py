"""Who is asking and in which language; what becomes of refusals on pages."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from saleswright.interface.api.http import as_domain_error, language_of, problem
from saleswright.interface.presentation import ErrorPage
from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.sessions import EXACTNESS, touch
from saleswright.kernel.access.tokens import digest_of
from saleswright.kernel.errors import DomainError, NotSignedIn, TooLarge, TooMany, ValidationFailed

log = logging.getLogger("saleswright.pages")
GetResponse = Callable[[HttpRequest], HttpResponse]
LANGUAGES = {code for code, _name in settings.LANGUAGES}


class ProxyMiddleware:
    """Behind the proxy that ends HTTPS, the caller's address is the last one that the proxy names."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if named:
            request.META["REMOTE_ADDR"] = named[:45]
        return self.get_response(request)


class LimitMiddleware:
    """A token may ask so often a minute and no more: the others are to have their turn."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2].strip()
        if token and request.path.startswith("/api/"):
            try:
                Limit("api", settings.API_LIMIT, 60).take(digest_of(token))
            except TooMany as refusal:
                with translation.override(language_of(request) or settings.LANGUAGE_CODE):
                    return with_pause(problem(refusal), refusal)
        return self.get_response(request)


def with_pause(response: HttpResponse, refusal: DomainError) -> HttpResponse:
    """The answer, saying how long to wait where the refusal knows."""
    if "retry_after" in refusal.extra:
        response["Retry-After"] = str(refusal.extra["retry_after"])
    return response


class FaultMiddleware:
    """Refusals become pages (or fragments) with the right status; faults are recorded and apologised for.

    A body of a size that nothing here takes is refused before anything of it is read or kept.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > 2 * settings.UPLOAD_LIMIT:
            return problem(TooLarge())
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        known = as_domain_error(error)
        if known is None:
            if settings.DEBUG or settings.TESTING:
                return None
            log.exception("%s %s", request.method, request.path)
            known = DomainError(_("Something went wrong on our side. It has been recorded."), code="fault")
            known.status = 500
        if isinstance(known, NotSignedIn):
            from django.contrib.auth.views import redirect_to_login

            return redirect_to_login(request.get_full_path())
        if wants_json(request):
            return with_pause(problem(known), known)
        page = ErrorPage(known.status, str(known.title), str(known.detail) if known.detail != known.title else "")
        if isinstance(known, ValidationFailed):
            page.errors = tuple(str(error.message) for error in known.errors)
        return with_pause(render(request, "interface/error.html", {"page": page}, status=known.status), known)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script of ours asks, which shows refusals by itself."""
    return "HX-Request" in request.headers or "application/json" in request.headers.get("Accept", "")


class PersonMiddleware:
    """Gives the request its actor and speaks the person's language: theirs, the cookie's, the installation's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            _see(request.session.session_key)
        chosen = getattr(request.user, "language", "") or request.COOKIES.get("language", "")
        with translation.override(chosen if chosen in LANGUAGES else settings.LANGUAGE_CODE), timezone.override(None):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
            return response


def _see(key: str | None) -> None:
    """Note that the session is in use, asking the database now and then only."""
    if cache.add(f"seen:{key}", True, EXACTNESS.total_seconds()):
        touch(key)


def _actor(request: HttpRequest) -> Actor:
    if not request.user.is_authenticated:
        raise NotSignedIn
    return actor_for(request.user, origin=f"web {request.META.get('REMOTE_ADDR', '')}")

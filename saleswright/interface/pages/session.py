"""Signing in and out, with one factor or two; the language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from saleswright.interface.pages.factors import Enrolment, enrolment
from saleswright.interface.presentation import SignInPage
from saleswright.kernel import clock
from saleswright.kernel.access import second_factor
from saleswright.kernel.access.actors import Actor, actor_for, system
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.sessions import described
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import DomainError, Text, TooMany, ValidationFailed
from saleswright.kernel.models import SignInMethod, User
from saleswright.kernel.transactions import atomic

LANGUAGES = dict(settings.LANGUAGES)


@dataclass(frozen=True, slots=True)
class Door:
    """Another way to sign in: `url` begins it. `silent`: here nobody needs to press anything."""

    label: Text
    icon: str
    url: str
    silent: bool = False


#: what adds other ways to sign in, asked for each page
_contributors: list[Callable[[HttpRequest], list[Door]]] = []


def contribute_doors(doors: Callable[[HttpRequest], list[Door]]) -> None:
    """An adapter of another program offers sign-in by it."""
    if doors not in _contributors:
        _contributors.append(doors)


def _doors(request: HttpRequest) -> list[Door]:
    return [door for contributor in _contributors for door in contributor(request)]


BACKEND = "saleswright.kernel.access.backend.PersonBackend"
#: refusals from one address, whatever the names; wrong passwords for one name are counted by django-axes
REFUSALS = Limit("sign-in", 100, 900)
#: the session's note of who has shown the first factor and must show the second within this time
PENDING, PENDING_TIME = "pending_sign_in", timedelta(minutes=10)


def destination_of(request: HttpRequest) -> str:
    """Where the person wanted to go: an address of ours, else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


def origin_of(request: HttpRequest) -> str:
    """From where, for the audit."""
    return f"web {request.META.get('REMOTE_ADDR', '')}"


# --- the first factor ------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with name and password; every success and refusal is in the audit."""
    destination = destination_of(request)
    if request.user.is_authenticated and request.method == "GET":
        return redirect(destination)
    if request.method == "GET":
        silent = [one.url for one in _doors(request) if one.silent and "next" in request.GET]
        # who has signed out comes without a destination and is not let in again at once
        return redirect(f"{silent[0]}?{urlencode({'next': destination})}") if silent else door(request, destination)
    name, password = request.POST.get("username", "").strip().replace("\x00", ""), request.POST.get("password", "")
    try:
        REFUSALS.require(address_of(request))
    except TooMany as refusal:
        return door(request, destination, _("Too many refused sign-ins from here. Try again later."), refusal=refusal)
    user = authenticate(request, username=name, password=password)
    if user is not None:
        return go_on(request, user, SignInMethod.PASSWORD, destination)
    note_refusal(request, User.objects.filter(username__iexact=name).first(), name)
    return door(request, destination, _("Name or password is wrong, or the account has ended."))


def address_of(request: HttpRequest) -> str:
    """The address of whoever asks."""
    return request.META.get("REMOTE_ADDR", "")


def door(
    request: HttpRequest, destination: str, error: Text = "", *, refusal: DomainError | None = None
) -> HttpResponse:
    """The page that asks for name and password, with what was wrong."""
    page = SignInPage("/sign-in", destination, request.POST.get("username", "").strip(), error)
    return _shown(request, page, refusal)


def _shown(request: HttpRequest, page: SignInPage, refusal: DomainError | None = None) -> HttpResponse:
    status = refusal.status if refusal is not None else 422 if page.error else 200
    company = (settings.OIDC_NAME or _("Company account")) if settings.OIDC_ISSUER else ""
    context = {"page": page, "company": company, "doors": [] if page.second_factor else _doors(request)}
    response = render(request, "interface/sign_in.html", context, status=status)
    if refusal is not None and "retry_after" in refusal.extra:
        response["Retry-After"] = str(refusal.extra["retry_after"])
    return response


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Too many wrong passwords for this name from this address."""
    refusal = TooMany(retry_after=int(settings.AXES_COOLOFF_TIME * 3600))
    return door(request, "/", _("Too many wrong passwords. Try again in a quarter of an hour."), refusal=refusal)


def go_on(
    request: HttpRequest, user: User, method: SignInMethod, destination: str, *, strong: bool = False
) -> HttpResponse:
    """After the first factor: ask for the second one where there is one or must be one, unless it was `strong`."""
    if strong or not (second_factor.is_enrolled(user) or second_factor.is_required(user)):
        return enter(request, user, method, destination)
    request.session.flush()
    until = clock.now() + PENDING_TIME
    request.session[PENDING] = {
        "user": user.pk, "method": method.value, "next": destination, "until": until.timestamp(),
        "secret": second_factor.new_secret(),
    }  # fmt: skip
    return redirect("sign-in-code" if second_factor.is_enrolled(user) else "sign-in-enrol")


def enter(request: HttpRequest, user: User, method: SignInMethod, destination: str) -> HttpResponse:
    """Begin the session of somebody who has shown all that is asked for; it ends some hours later, used or not."""
    request.session.pop(PENDING, None)
    login(request, user, backend=BACKEND)
    agent = request.headers.get("User-Agent", "")
    request.session.update(described(agent=agent, address=address_of(request), method=method.value))
    request.session.set_expiry(clock.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    note(user, "signed_in", actor_for(user, origin=origin_of(request)), {"method": [None, method.value]})
    return redirect(destination)


# --- the second factor -----------------------------------------------------------------------------------------


def _pending(request: HttpRequest) -> tuple[User, dict[str, Any]] | None:
    """Who has shown the first factor a short while ago."""
    pending = request.session.get(PENDING)
    if pending is None or pending["until"] < clock.now().timestamp():
        return None
    user = User.objects.filter(pk=pending["user"]).first()
    return (user, pending) if user is not None and user.is_active else None


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the second factor, or a recovery code."""
    found = _pending(request)
    if found is None:
        return redirect("sign-in")
    user, pending = found
    page = SignInPage("/sign-in/code", second_factor=True)
    if request.method == "GET":
        return _shown(request, page)
    try:
        right = second_factor.accepts(user, request.POST.get("code", ""), actor_for(user, origin=origin_of(request)))
    except TooMany as refusal:
        page.error = refusal.detail
        return _shown(request, page, refusal)
    if right:
        return enter(request, user, SignInMethod(pending["method"]), pending["next"])
    page.error = _("The code is wrong or was used before.")
    return _shown(request, page)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_enrol(request: HttpRequest) -> HttpResponse:
    """Have a person set up the second factor that their role requires, before they are let in."""
    found = _pending(request)
    if found is None:
        return redirect("sign-in")
    user, pending = found
    if second_factor.is_enrolled(user):
        return redirect("sign-in-code")
    page = enrolment(user, pending["secret"], "/sign-in/enrol")
    if request.method == "GET":
        return _enrolment(request, page)
    actor = actor_for(user, origin=origin_of(request))
    try:
        codes = second_factor.enrol(user, pending["secret"], request.POST.get("code", ""), actor)
    except ValidationFailed as refusal:
        page.error = refusal.errors[0].message
        return _enrolment(request, page)
    enter(request, user, SignInMethod(pending["method"]), pending["next"])
    context = {"codes": codes, "next": pending["next"]}
    return render(request, "interface/sign_in_recovery.html", context)


def _enrolment(request: HttpRequest, page: Enrolment) -> HttpResponse:
    return render(request, "interface/sign_in_enrol.html", {"page": page}, status=422 if page.error else 200)


# --- the audit -------------------------------------------------------------------------------------------------


def note(user: User | None, action: str, actor: Actor, changes: dict[str, Any] | None = None, name: str = "") -> None:
    """Write into the audit what somebody, or who gave a name, did at the door."""
    label = user.username if user is not None else name
    line = AuditLine("employees", user.pk if user is not None else None, label, action, changes or {})
    with atomic():
        record_audit([line], actor=actor, at=clock.now())


def note_refusal(request: HttpRequest, user: User | None, name: str) -> None:
    """Count a refused sign-in against the address, and write it into the audit."""
    REFUSALS.count(address_of(request))
    note(user, "sign_in_refused", system(origin_of(request)), name=name)


# --- out, and the language -------------------------------------------------------------------------------------


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        note(request.user, "signed_out", actor_for(request.user, origin=origin_of(request)))
    logout(request)
    return redirect("sign-in")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Speak another language from now on; kept for a signed-in person."""
    chosen = request.POST.get("language", "")
    response = redirect(destination_of(request))
    if chosen in LANGUAGES:
        response.set_cookie(
            "language", chosen, max_age=31_536_000, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response

"""Signing in and out, language, the person's own settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from saleswright.interface.presentation import SignInPage
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.models import User
from saleswright.kernel.transactions import atomic

LANGUAGES = dict(settings.LANGUAGES)


def _destination(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with name and password; every success and refusal is in the audit."""
    destination = _destination(request)
    if request.user.is_authenticated and request.method == "GET":
        return redirect(destination)
    page = SignInPage("/sign-in", destination, request.POST.get("username", "").strip())
    if request.method == "POST":
        name, password = page.username.replace("\x00", ""), request.POST.get("password", "")
        user = authenticate(request, username=name, password=password)
        if user is not None:
            login(request, user)
            _note(request, user, "signed_in")
            return redirect(destination)
        _note(request, User.objects.filter(username__iexact=name).first(), "sign_in_refused", name)
        page.error = _("Name or password is wrong, or the account has ended.")
    return render(request, "interface/sign_in.html", {"page": page}, status=422 if page.error else 200)


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Too many wrong passwords for this name from this address."""
    page = SignInPage("/sign-in", username=request.POST.get("username", "").strip())
    page.error = _("Too many wrong passwords. Try again in a quarter of an hour.")
    return render(request, "interface/sign_in.html", {"page": page}, status=429)


def _note(request: HttpRequest, user: User | None, action: str, name: str = "") -> None:
    from saleswright.kernel.access.actors import system

    origin = f"web {request.META.get('REMOTE_ADDR', '')}"
    actor = actor_for(user, origin=origin) if user is not None and action == "signed_in" else system(origin)
    label = (user.username if user is not None else name)[:200]
    line = AuditLine("employees", user.pk if user is not None else None, label, action, {})
    with atomic():
        record_audit([line], actor=actor, at=clock.now())


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        _note(request, request.user, "signed_out")
    logout(request)
    return redirect("sign-in")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Speak another language from now on; kept for a signed-in person."""
    chosen = request.POST.get("language", "")
    response = redirect(_destination(request))
    if chosen in LANGUAGES:
        response.set_cookie(
            "language", chosen, max_age=31_536_000, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response

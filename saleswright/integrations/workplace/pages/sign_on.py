"""Sign-in by WeCom or DingTalk: the program says who somebody is, and only whoever works here comes in."""

from __future__ import annotations

import logging
import secrets
import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from saleswright.integrations.workplace.actions.accounts import employee_for
from saleswright.integrations.workplace.adapter import Final, Unknown, WorkplaceError
from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.registry import active, workplace_of
from saleswright.interface.pages.session import (
    REFUSALS,
    address_of,
    destination_of,
    door,
    go_on,
    note_refusal,
    origin_of,
)
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import DomainError, NotAllowed, NotFound, TooMany
from saleswright.kernel.models import SignInMethod

log = logging.getLogger("saleswright.pages")
PENDING = "workplace_sign_in"
SECONDS = 600  # within which somebody must be back


def _connection(provider: str) -> Connection:
    connection = active(provider)
    if not connection.signs_in:
        raise NotFound
    return connection


@never_cache
@require_GET
def begin(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the person to the program; within its own browser it sends them back at once."""
    workplace, destination = workplace_of(_connection(provider)), destination_of(request)
    state = secrets.token_urlsafe(24)
    request.session[PENDING] = {"state": state, "provider": provider, "next": destination, "at": time.time()}
    back = request.build_absolute_uri(f"/sign-in/{provider}/back")
    inside = workplace.agent_mark in request.headers.get("User-Agent", "")
    return redirect(workplace.sign_in_url(back, state, inside=inside))


@never_cache
@require_GET
def finish(request: HttpRequest, provider: str) -> HttpResponse:
    """Take the person back from the program: let them in if they are an employee who works here."""
    workplace, pending = workplace_of(_connection(provider)), request.session.pop(PENDING, None) or {}
    destination = pending.get("next", "/")
    try:
        REFUSALS.require(address_of(request))
    except TooMany as refusal:
        return door(request, destination, _("Too many refused sign-ins from here. Try again later."), refusal=refusal)
    code = (request.GET.get("authCode") or request.GET.get("code", ""))[:512]
    fresh = pending.get("provider") == provider and time.time() - pending["at"] < SECONDS
    if not code or not fresh or not constant_time_compare(request.GET.get("state", ""), pending["state"]):
        note_refusal(request, None, str(workplace.connection))
        return door(request, destination, _("The company sign-on did not work. Please try again."))
    try:
        who = workplace.identify(code)
        user = employee_for(workplace, who, actor=system(origin_of(request)))
    except Unknown:
        who, user = str(workplace.connection), None
    except (WorkplaceError, DomainError) as fault:
        log.warning("sign-in by %s: %s", provider, fault)
        if isinstance(fault, Final):
            note_refusal(request, None, str(workplace.connection))
            return door(request, destination, _("The company sign-on did not work. Please try again."))
        return door(request, destination, _("The company sign-on can't be reached. Try again, or use your password."))
    if user is None:
        note_refusal(request, None, who)
        text = _("Nobody who works here has this company account. Ask an administrator.")
        return door(request, destination, text, refusal=NotAllowed())
    return go_on(request, user, SignInMethod.COMPANY, destination)

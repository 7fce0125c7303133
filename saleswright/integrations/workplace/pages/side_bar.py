"""The narrow page beside a chat with a customer, and what its script asks for."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from csp.constants import SELF
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET, require_POST

from saleswright.integrations.workplace.actions import side_bar
from saleswright.integrations.workplace.adapter import WorkplaceError
from saleswright.integrations.workplace.registry import ADAPTERS, active, workplace_of
from saleswright.interface.formatting import format_datetime, format_money, relative_datetime
from saleswright.interface.pages.common import actor_of, in_range, language
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, NotFound, ValidationFailed
from saleswright.kernel.transactions import run_atomic

LONGEST = 128  # characters of an id over there


@never_cache
@require_GET
def page(request: HttpRequest, provider: str) -> HttpResponseBase:
    """The page itself; in a frame it may stand in the program's own pages alone."""
    actor_of(request)
    connection = active(provider)
    given = request.GET.get("chat", "")[:LONGEST]
    context = {"provider": provider, "connection": connection, "given": given}

    def shown(request: HttpRequest) -> HttpResponse:
        return render(request, "workplace/side_bar.html", context)

    framed = csp_replace({"frame-ancestors": [SELF, *ADAPTERS[provider].frame_ancestors]})(shown)
    return xframe_options_exempt(framed)(request)


@never_cache
@require_GET
def signature(request: HttpRequest, provider: str) -> HttpResponse:
    """What the program's script wants to know of the page before it tells with whom the person chats."""
    actor_of(request)
    url = request.GET.get("url", "")[:2000]
    parts = urlsplit(url)
    if parts.netloc != request.get_host() or parts.path != f"/side-bar/{provider}":
        raise NotFound
    try:
        signed = workplace_of(active(provider)).page_signature(url, secrets.token_hex(8), time.time())
    except WorkplaceError as fault:
        raise Conflict(str(fault)) from fault
    return JsonResponse(signed)


def _id(given: str) -> str:
    if not given or len(given) > LONGEST or "\x00" in given:
        raise NotFound
    return given


@never_cache
@require_GET
def chat(request: HttpRequest, provider: str) -> HttpResponse:
    """Who the other side of the chat is: a fragment."""
    actor = actor_of(request)
    active(provider)
    return _shown(request, provider, _id(request.GET.get("id", "")), actor)


def _shown(
    request: HttpRequest, provider: str, external_id: str, actor: Actor, *, done: str = "", error: str = ""
) -> HttpResponse:
    found, spoken = side_bar.partner(provider, external_id, actor), language()
    context: dict[str, Any] = {
        "provider": provider, "id": external_id, "found": found, "done": done, "error": error,
        "may_note": actor.may("activities.create"), "may_task": actor.may("tasks.create"),
        "may_lead": actor.may("leads.create"),
        "opportunities": [
            (one, format_money(one.amount, one.currency, spoken) if one.amount else "") for one in found.opportunities
        ],
        "activities": [
            (one, relative_datetime(one.done_at, spoken), format_datetime(one.done_at)) for one in found.activities
        ],
    }  # fmt: skip
    return render(request, "workplace/chat.html", context, status=422 if error else 200)


@never_cache
@require_GET
def search(request: HttpRequest, provider: str) -> HttpResponse:
    """Contacts to choose from: a fragment."""
    actor = actor_of(request)
    active(provider)
    text = request.GET.get("q", "")[:100].replace("\x00", "")
    context = {
        "provider": provider, "id": _id(request.GET.get("id", "")), "rows": side_bar.contacts_like(text, actor),
        "asked": bool(text.strip()),
    }  # fmt: skip
    return render(request, "workplace/found.html", context)


@require_POST
def act(request: HttpRequest, provider: str, verb: str) -> HttpResponse:
    """Link, make a lead, log a message or a task; then the fragment anew."""
    actor, connection, at = actor_of(request), active(provider), clock.now()
    external_id, sent = _id(request.POST.get("id", "")), request.POST
    try:
        if verb == "link":
            chosen = sent.get("contact", "")
            contact = in_range(int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else 0)
            side_bar.link(connection, external_id, contact, actor=actor, at=at)
            done = _("Linked.")
        elif verb == "lead":
            typed = [sent.get(field, "") for field in ("name", "company", "phone")]
            side_bar.make_lead(connection, external_id, *typed, actor=actor, at=at)
            done = _("The lead has been made.")
        else:
            done = _log(verb, side_bar.partner(provider, external_id, actor), sent, actor)
    except ValidationFailed as refused:
        return _shown(request, provider, external_id, actor, error=str(refused.errors[0].message))
    except Conflict as refused:
        return _shown(request, provider, external_id, actor, error=str(refused))
    return _shown(request, provider, external_id, actor, done=done)


def _log(verb: str, found: side_bar.Partner, sent: Any, actor: Actor) -> str:
    if found.contact is None and found.lead is None:
        raise NotFound
    at = clock.now()
    if verb == "note":
        run_atomic(lambda: side_bar.note_message(found, sent.get("text", ""), actor=actor, at=at))
        return _("Logged.")
    run_atomic(lambda: side_bar.add_task(found, sent.get("title", ""), sent.get("due", ""), actor=actor, at=at))
    return _("The task has been added.")

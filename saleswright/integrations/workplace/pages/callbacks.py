"""Where the programs tell us of clicks and of changes among the staff. Nothing is believed that they did not sign."""

from __future__ import annotations

import logging
import time

from django.http import HttpRequest, HttpResponse
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleswright.integrations.workplace.actions import sync
from saleswright.integrations.workplace.actions.approvals import decide_by_click
from saleswright.integrations.workplace.adapter import Callback, Forged, WorkplaceError
from saleswright.integrations.workplace.choices import RunKind
from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.registry import active, workplace_of
from saleswright.kernel.transactions import run_atomic

log = logging.getLogger("saleswright.pages")
MOST = 64 * 1024  # bytes of a callback


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    """Answer a callback: 403 for what is forged or too old, so that nobody learns more."""
    connection = active(provider)
    workplace, now = workplace_of(connection), time.time()
    if int(request.headers.get("Content-Length") or 0) > MOST:
        return HttpResponse(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        told = workplace.read(str(request.method), request.GET.dict(), headers, request.body, now)
    except (Forged, WorkplaceError) as fault:
        log.warning("callback of %s refused: %s", provider, fault)
        return HttpResponse(status=403)
    with override(None):
        outcome = _act(connection, told)
    reply = workplace.reply(told, outcome, now)
    return HttpResponse(reply.body, content_type=f"{reply.content_type}; charset=utf-8")


def _act(connection: Connection, told: Callback) -> str:
    if told.click is not None:
        return decide_by_click(connection, told.click)
    if connection.chosen and (told.people or told.departments):
        kind = RunKind.FULL if told.departments else RunKind.PART
        run_atomic(lambda: sync.ask_for_run(connection, kind, people=told.people))
    return ""

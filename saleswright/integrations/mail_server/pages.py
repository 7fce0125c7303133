"""The part of the mail server's page that says what is in effect and sends a test message."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.integrations.mail_server import actions
from saleswright.integrations.mail_server.access import access, fixed
from saleswright.integrations.mail_server.models import MailServer, Security
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.company import company
from saleswright.kernel.errors import Conflict


@require_GET
def in_effect(request: HttpRequest, pk: int) -> HttpResponse:
    """What mails go out with, and which of it the environment fixes."""
    actor = actor_of(request)
    server = fetch(MailServer, in_range(pk), actor=actor)
    by, fixes = access(server), fixed()
    sender = f"{by.sender_name or company().name} <{by.sender_address}>" if by.sender_address else ""
    rows = [
        (_("Mail server"), f"{by.host}:{by.port}" if by.host else "", fixes.get("host", "")),
        (_("Encryption"), Security(by.security).label if by.host else "", fixes.get("security", "")),
        (_("User name"), by.login, fixes.get("login", "")),
        (_("Password"), _("Given") if by.password else "", fixes.get("password", "")),
        (_("Sender"), sender, fixes.get("sender_address", "")),
        (_("Answers go to"), by.reply_to, fixes.get("reply_to", "")),
    ]
    context = {"server": server, "rows": rows, "ready": by.ready, "editable": actor.may(actions.RIGHT)}
    return render(request, "mail_server/in_effect.html", context)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the person a test message; no transaction is open meanwhile."""
    actor = actor_of(request)
    server = fetch(MailServer, in_range(pk), actor=actor)
    try:
        address = actions.send_test(server, actor=actor, at=clock.now())
    except Conflict as refused:
        messages.error(request, str(refused.detail))
    else:
        messages.success(request, _("The server took the test message to %(address)s.") % {"address": address})
    return goes_to(request, f"/mail-server/{pk}")


urlpatterns = [path("mail-server/<int:pk>/in-effect", in_effect), path("mail-server/<int:pk>/test", test)]

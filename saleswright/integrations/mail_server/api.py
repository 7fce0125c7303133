"""The API that is not generated: sending oneself a test message."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from saleswright.integrations.mail_server import actions
from saleswright.integrations.mail_server.models import MailServer
from saleswright.interface.api.http import answer, api, body_of
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import FieldError, ValidationFailed


@api("POST")
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """`POST /mail-server/{id}/test`: 409 with the reason in words when the server doesn't take it."""
    actor = request.actor  # type: ignore[attr-defined]
    server = fetch(MailServer, in_range(pk), actor=actor)
    if unknown := [FieldError(n, "unknown", _("There is no such field.")) for n in body_of(request, empty=True)]:
        raise ValidationFailed(unknown)
    return answer({"sent_to": actions.send_test(server, actor=actor, at=clock.now())})


urlpatterns = [path("mail-server/<int:pk>/test", test)]


def describe() -> dict[str, Any]:
    """This address in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation

    content = {"type": "object", "properties": {"sent_to": {"type": "string"}}}
    found = {"200": {"description": "The server took it", "content": {"application/json": {"schema": content}}}}
    nothing = {"type": "object", "additionalProperties": False}
    text = "Send oneself a test message"
    made = operation(entity_named("mail-server"), "test", text, found, body=nothing, needs_body=False)
    return {"mail-server/{id}/test": {"post": made}}

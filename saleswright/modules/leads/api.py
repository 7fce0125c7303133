"""The API that is not generated: who would get leads, and the QR code of a link."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from saleswright.interface.api.http import answer, api
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.leads.flow import assigning
from saleswright.modules.leads.flow.desks import OPEN
from saleswright.modules.leads.flow.pages import image_of
from saleswright.modules.leads.models import Lead, LeadLink

MOST = 200


@api("GET")
def foreseen(request: HttpRequest) -> HttpResponse:
    """`GET /lead-assignment?ids=1,2`: who would get these leads by the rules in force; nothing is written."""
    actor = request.actor  # type: ignore[attr-defined]
    actor.require("leads.assign-by-rules")
    given = [text for text in request.GET.get("ids", "").split(",") if text]
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in given) or len(given) > MOST:
        raise ValidationFailed.of("ids", "invalid", f"ids: 1,2,… ({MOST})")
    rows = visible(Lead.objects.filter(archived_at=None, status__in=OPEN), actor, "assign-by-rules")
    rows = rows.filter(pk__in=map(int, given)) if given else rows.filter(owner=None)
    ids = list(rows.order_by("-pk").values_list("pk", flat=True)[:MOST])
    items = [
        {
            "lead": {"id": one.lead_id},
            "owner": {"id": one.heir.pk, "label": one.heir.get_short_name()} if one.heir is not None else None,
            "rule": {"id": one.rule.pk, "label": one.rule.name} if one.rule is not None else None,
            "pool": one.to_pool,
            "because": one.because,
        }
        for one in assigning.plan(ids, clock.now()).choices
    ]
    return answer({"items": items})


@api("GET")
def code(request: HttpRequest, pk: int, suffix: str) -> HttpResponse:
    """`GET /lead-links/{id}/code.svg` (or `.png`): the QR code of a tracked link."""
    link = fetch(LeadLink, in_range(pk), actor=request.actor)  # type: ignore[attr-defined]
    return image_of(link, suffix, settings.SITE_URL)


urlpatterns = [
    path("lead-assignment", foreseen),
    path("lead-links/<int:pk>/code.<str:suffix>", code),
]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation

    content = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}}}}
    found = {"200": {"description": "Who would get them", "content": {"application/json": {"schema": content}}}}
    asked = ({"name": "ids", "in": "query", "schema": {"type": "string"}},)
    picture: dict[str, Any] = {
        "200": {
            "description": "The picture",
            "content": {
                "image/svg+xml": {"schema": {"type": "string"}},
                "image/png": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }
    suffix = {"name": "suffix", "in": "path", "required": True, "schema": {"type": "string", "enum": ["svg", "png"]}}
    return {
        "lead-assignment": {
            "get": operation(
                entity_named("leads"), "foreseen", "Who would get leads by the rules", found, writes=False,
                parameters=asked,
            )
        },
        "lead-links/{id}/code.{suffix}": {
            "get": operation(
                entity_named("lead-links"), "code", "The QR code of a link", picture, writes=False,
                parameters=("id", suffix),
            )
        },
    }  # fmt: skip

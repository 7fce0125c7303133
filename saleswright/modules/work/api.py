"""The API that is not generated: files (multipart `file`, `resource`, `record_id`), dry runs of approval flows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from saleswright.interface.api import views
from saleswright.interface.api.http import answer, api, etag_of, idempotent
from saleswright.interface.api.records import read_one
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.models import User
from saleswright.modules.work.actions.attachments import attach
from saleswright.modules.work.actions.planning import active_flow, steps_of
from saleswright.modules.work.foresight import Trial, foresee, names_of, read_facts
from saleswright.modules.work.pages import sent_file
from saleswright.modules.work.terms import FACTS


@csrf_exempt
def attachments(request: HttpRequest) -> HttpResponse:
    """The generated list, or a new file."""
    return upload(request) if request.method == "POST" else views.collection(request, "attachments")


@api("POST")
def upload(request: HttpRequest) -> HttpResponse:
    """Attach a file to a record."""
    actor = request.actor  # type: ignore[attr-defined]

    def once() -> HttpResponse:
        file = request.FILES.get("file")
        made = attach(request.POST.get("resource", ""), request.POST.get("record_id", ""), file, actor=actor)
        content, version = read_one(entity_named("attachments"), made.pk, actor)
        return answer(content, 201, etag=etag_of(version), location=f"/api/v1/attachments/{made.pk}")

    return idempotent(request, actor, once)


@api("GET")
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The content of a file."""
    return sent_file(pk, request.actor)  # type: ignore[attr-defined]


@api("GET")
def preview(request: HttpRequest) -> HttpResponse:
    """Who would approve: `?resource=quotes&transition=submit&amount=120000&discount=18&submitter_id=7`.

    Or of a record that there is: `&record_id=12`.
    """
    actor = request.actor  # type: ignore[attr-defined]
    actor.require("approval-flows.view")
    given = request.GET
    facts = read_facts({name: given.get(name, "") for name in FACTS})
    submitter = fetch(User, in_range(_id(given.get("submitter_id", "")) or actor.user_id or 0), actor=actor)
    flow = active_flow(given.get("resource", ""), given.get("transition", ""))
    asked = Trial(
        given.get("resource", ""), given.get("transition", ""), submitter, facts, _id(given.get("record_id", ""))
    )
    found = foresee(asked, flow, steps_of(flow), actor)
    names = names_of(pk for step in found for pk in step.approvers)
    told = [
        {
            "name": step.name,
            "rule": step.rule,
            "condition": step.words or None,
            "asked": bool(step.approvers),
            "approvers": [{"id": pk, "label": names[pk]} for pk in step.approvers],
        }
        for step in found
    ]
    return answer({"steps": told})


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


urlpatterns = [
    path("attachments", attachments),
    path("attachments/<int:pk>/file", download),
    path("approval-flows/preview", preview),
]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation
    from saleswright.interface.api.schemas import shown_schema

    entity, text, number = entity_named("attachments"), {"type": "string"}, {"type": "integer"}
    properties = {"file": text | {"format": "binary"}, "resource": text, "record_id": number}
    body = {"type": "object", "properties": properties, "required": list(properties)}
    made = {"201": {"description": "Created", "content": {"application/json": {"schema": shown_schema(entity)}}}}
    file = {"200": {"description": "The file", "content": {"*/*": {}}}}
    steps = {"type": "object", "properties": {"steps": {"type": "array", "items": {"type": "object"}}}}
    found = {"200": {"description": "Who would approve", "content": {"application/json": {"schema": steps}}}}
    asked = tuple(
        {"name": name, "in": "query", "schema": kind}
        for name, kind in (
            ("resource", text), ("transition", text), *((name, text) for name in FACTS), ("submitter_id", number),
            ("record_id", number),
        )
    )  # fmt: skip
    upload_operation = operation(
        entity, "create", "Attach a file", made, body=body, content_type="multipart/form-data",
        parameters=("Idempotency-Key",),
    )  # fmt: skip
    return {
        "attachments": {"post": upload_operation},
        "attachments/{id}/file": {"get": operation(entity, "file_of", "The file", file, writes=False)},
        "approval-flows/preview": {
            "get": operation(
                entity_named("approval-flows"), "preview", "Who would approve", found, writes=False, parameters=asked
            )
        },
    }

"""The API that is not generated: the texts that name the person of a request, blacked out or written anew."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from saleswright.interface.api.http import answer, api, body_of, idempotent
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import texts
from saleswright.modules.privacy.models import SubjectRequest

FIELDS = {"place": str, "id": int, "name": str, "text": str}
NEEDED = ("place", "id", "name")


@api("GET", "POST")
def texts_of(request: HttpRequest, pk: int) -> HttpResponse:
    """`GET /subject-requests/{id}/texts` lists them; `POST` with `text` replaces one, without it blacks it out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    found = fetch(SubjectRequest, in_range(pk), actor=actor)
    if request.method != "POST":
        return answer({"items": _items(found)})
    given = _read(body_of(request))
    where = (found.pk, given["place"], in_range(given["id"]), given["name"])

    def run() -> HttpResponse:
        if "text" in given:
            texts.correct_text(*where, given["text"], actor=actor, at=clock.now())
        else:
            texts.black_out(*where, actor=actor, at=clock.now())
        return answer({"items": _items(found)})

    return idempotent(request, actor, run)


def _items(found: SubjectRequest) -> list[dict[str, Any]]:
    shown = queries.mentions(found) if found.status in texts.OPEN else []
    return [
        {"place": one.place, "id": one.id, "name": one.name, "kind": str(one.kind), "field": str(one.field),
         "text": one.text, "value": one.value}
        for one in shown
    ]  # fmt: skip


def _read(body: dict[str, Any]) -> dict[str, Any]:
    errors = [FieldError(n, "unknown", _("There is no such field.")) for n in body if n not in FIELDS]
    errors += [FieldError(n, "required", _("This field is required.")) for n in NEEDED if n not in body]
    errors += [
        FieldError(n, "invalid", _("This is not a value of this field."))
        for n, kind in FIELDS.items()
        if n in body and (not isinstance(body[n], kind) or isinstance(body[n], bool))
    ]
    if errors:
        raise ValidationFailed(errors)
    return body


urlpatterns = [path("subject-requests/<int:pk>/texts", texts_of)]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation

    text, number = {"type": "string"}, {"type": "integer"}
    where = {"place": text, "id": number, "name": text}
    item = {"type": "object", "properties": {
        **where, "kind": text, "field": text, "text": text, "value": {"type": ["string", "null"]},
    }}  # fmt: skip
    content = {"type": "object", "properties": {"items": {"type": "array", "items": item}}}
    found = {"200": {"description": "Texts that name the person", "content": {"application/json": {"schema": content}}}}
    body = {
        "type": "object", "required": list(NEEDED), "additionalProperties": False, "properties": {**where, "text": text}
    }  # fmt: skip
    entity = entity_named("subject-requests")
    listed = operation(entity, "texts", "Texts that name the person", found, writes=False)
    changed = operation(
        entity,
        "change_text",
        "Replace one of them, or without a text black it out",
        found,
        body=body,
        parameters=("id", "Idempotency-Key"),
    )
    return {"subject-requests/{id}/texts": {"get": listed, "post": changed}}

"""The API that is not generated: files (multipart `file`, `resource`, `record_id`), dry runs of approval flows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt

from saleswright.interface.api import views
from saleswright.interface.api.http import answer, api, body_of, etag_of, idempotent
from saleswright.interface.api.records import read_one
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work import kinds
from saleswright.modules.work.actions import preferences
from saleswright.modules.work.actions.attachments import attach
from saleswright.modules.work.actions.planning import active_flow, steps_of
from saleswright.modules.work.channels import all_channels
from saleswright.modules.work.files.pages import sent_file, sent_picture
from saleswright.modules.work.files.previews import SIZES
from saleswright.modules.work.foresight import Trial, consent_to, foresee, names_of, read_facts, read_values
from saleswright.modules.work.notice_pages import read_hours
from saleswright.modules.work.queries import me
from saleswright.modules.work.states import Pace
from saleswright.modules.work.terms import FACTS, approval_terms, questions


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
    return sent_file(request, pk, request.actor)  # type: ignore[attr-defined]


@api("GET")
def thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    """A small picture of an image or of a PDF's first page (WebP); `?size=preview&page=2` a large one of any page."""
    size, page = request.GET.get("size", "thumbnail"), request.GET.get("page", "1")
    if size not in SIZES:
        raise ValidationFailed.of("size", "choice", ", ".join(SIZES))
    if not (page.isascii() and page.isdigit() and 0 < int(page[:6]) < 10_000):
        raise ValidationFailed.of("page", "range", gettext("Pages are counted from 1."))
    return sent_picture(request, pk, request.actor, size, int(page))  # type: ignore[attr-defined]


@api("GET")
def preview(request: HttpRequest) -> HttpResponse:
    """Who would approve: `?resource=quotes&transition=submit&amount=120000&discount=18&submitter_id=7`.

    Whatever the conditions of the flow name can be given so, as they name it (`&customer.level=A`, of figures with
    their period: `figures.ordered@this_year`). Or of a record that there is: `&record_id=12`.
    """
    actor = request.actor  # type: ignore[attr-defined]
    actor.require("approval-flows.view")
    given = request.GET
    facts = read_facts({name: given.get(name, "") for name in FACTS})
    submitter = fetch(User, in_range(_id(given.get("submitter_id", "")) or actor.user_id or 0), actor=actor)
    flow = active_flow(given.get("resource", ""), given.get("transition", ""))
    steps, resource, transition = steps_of(flow), given.get("resource", ""), given.get("transition", "")
    consent_to(resource, transition)
    asked = questions([step.condition for step in steps], approval_terms(resource, actor))
    values = read_values(asked, given.dict())
    trial = Trial(resource, transition, submitter, facts, _id(given.get("record_id", "")), values)
    found = foresee(trial, flow, steps, actor)
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


# --- how one is told -------------------------------------------------------------------------------------------


@api("GET", "PATCH")
def notice_preferences(request: HttpRequest) -> HttpResponse:
    """One's own preferences: `{"paces": {"mention": {"email": "daily"}}, "hours": {"quiet_from": "21:00", …}}`."""
    actor = request.actor  # type: ignore[attr-defined]
    return _preferences(request, actor, me(actor))


@api("GET", "PATCH")
def notice_defaults(request: HttpRequest) -> HttpResponse:
    """What holds for people who have not chosen, for administrators."""
    actor = request.actor  # type: ignore[attr-defined]
    actor.require(preferences.RIGHT)
    return _preferences(request, actor, preferences.COMPANY)


def _preferences(request: HttpRequest, actor: Actor, whose: int) -> HttpResponse:
    if request.method == "PATCH":
        body = body_of(request)
        run_atomic(lambda: _change(body, actor, whose))
    wishes = preferences.wishes_of([whose])[whose]
    channels = [one.name for one in all_channels() if one.personal]
    paces = {kind: {name: wishes.pace(kind, name) for name in channels} for kind, _label in kinds.choices()}
    hours = wishes.hours
    shown: dict[str, Any] = {
        "quiet_from": f"{hours.quiet_from:%H:%M}" if hours.quiet_from else None,
        "quiet_to": f"{hours.quiet_to:%H:%M}" if hours.quiet_to else None,
        "days_off": hours.days_off,
        "digest_at": f"{hours.digest_at:%H:%M}",
    }
    return answer({"paces": paces, "hours": shown})


def _change(body: dict[str, Any], actor: Actor, whose: int) -> None:
    """Take over what is given; null goes back to what holds without a choice."""
    at = clock.now()
    if unknown := [FieldError(n, "unknown", gettext("There is no such field.")) for n in body if n not in SHAPE]:
        raise ValidationFailed(unknown)
    paces, hours = body.get("paces", {}), body.get("hours", {})
    if not isinstance(paces, dict) or not all(isinstance(one, dict) for one in paces.values()):
        raise ValidationFailed.of("paces", "invalid", gettext("This is not an object."))
    if hours is not None and not isinstance(hours, dict):
        raise ValidationFailed.of("hours", "invalid", gettext("This is not an object."))
    given = {(kind, name): pace or "" for kind, one in paces.items() for name, pace in one.items()}
    preferences.set_paces(whose, given, actor=actor, at=at)
    if hours is None:
        preferences.set_hours(whose, None, actor=actor, at=at)
    elif hours:
        preferences.set_hours(whose, read_hours(hours), actor=actor, at=at)


SHAPE = ("paces", "hours")


urlpatterns = [
    path("notice-preferences", notice_preferences),
    path("notice-defaults", notice_defaults),
    path("attachments", attachments),
    path("attachments/<int:pk>/file", download),
    path("attachments/<int:pk>/thumbnail", thumbnail),
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
    picture = {"200": {"description": "The picture", "content": {"image/webp": {}}}}
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
    pace = text | {"enum": Pace.values}
    hours = {
        "type": "object",
        "properties": {
            "quiet_from": {"type": ["string", "null"]}, "quiet_to": {"type": ["string", "null"]},
            "days_off": {"type": "boolean"}, "digest_at": text,
        },
    }  # fmt: skip
    by_kind = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": pace}}
    wishes = {"type": "object", "properties": {"paces": by_kind, "hours": hours}}
    wished = {"200": {"description": "How one is told", "content": {"application/json": {"schema": wishes}}}}
    notices = entity_named("notifications")

    def both(name: str, words: str) -> dict[str, Any]:
        return {
            "get": operation(notices, f"read_{name}", words, wished, writes=False),
            "patch": operation(notices, f"change_{name}", words, wished, body=wishes),
        }

    return {
        "notice-preferences": both("preferences", "How one is told"),
        "notice-defaults": both("defaults", "How people are told who have not chosen"),
        "attachments": {"post": upload_operation},
        "attachments/{id}/file": {"get": operation(entity, "file_of", "The file", file, writes=False)},
        "attachments/{id}/thumbnail": {
            "get": operation(
                entity,
                "thumbnail_of",
                "A picture of the file",
                picture,
                writes=False,
                parameters=(
                    {"name": "size", "in": "query", "schema": text | {"enum": list(SIZES), "default": "thumbnail"}},
                    {"name": "page", "in": "query", "schema": number | {"minimum": 1, "default": 1}},
                ),
            )
        },
        "approval-flows/preview": {
            "get": operation(
                entity_named("approval-flows"), "preview", "Who would approve", found, writes=False, parameters=asked
            )
        },
    }

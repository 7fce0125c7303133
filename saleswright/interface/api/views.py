"""The generated REST endpoints: list, create, read, change, delete, actions, history, documents, reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from saleswright.interface import listing, reports
from saleswright.interface.api.http import (
    MethodNotAllowed,
    answer,
    api,
    asked_version,
    body_of,
    etag_of,
    idempotent,
    parameters,
    tagged,
    unchanged,
)
from saleswright.interface.api.records import api_errors, chosen_specs, exact, objects, read_one, values_from
from saleswright.interface.entity import Entity, entity_named
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import FieldError, NotFound, ValidationFailed
from saleswright.kernel.merging.names import merged_into
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import archive_record, delete_record, save_record
from saleswright.kernel.transactions import run_atomic


@api("GET", "POST")
def collection(request: HttpRequest, name: str) -> HttpResponse:
    """A list of records, or a new one."""
    entity = entity_named(name)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if request.method == "POST":
        if not entity.creatable:
            raise MethodNotAllowed(allow=("GET",))
        return idempotent(request, actor, lambda: _create(request, entity, actor))
    query = listing.parse(entity, parameters(request))
    specs = chosen_specs(entity, actor, query.fields)
    page = listing.fetch(entity, query, actor, specs, extra=("custom",))
    content: dict[str, Any] = {
        "items": objects(entity, page.rows, specs, actor, fields=query.fields),
        "next_cursor": page.next_cursor,
    }
    if query.count:
        content["count"] = listing.total(entity, query, actor)
    return tagged(request, content)


def _create(request: HttpRequest, entity: Entity, actor: Actor) -> HttpResponse:
    values, lines = values_from(entity, body_of(request))
    with named_for_programs(entity):
        record = save_record(entity.model, values, lines=lines, actor=actor)
    return _shown(entity, record.pk, actor, status=201)


@api("GET", "PATCH", "DELETE")
def item(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """One record."""
    entity = entity_named(name)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    _in_range(pk)
    if request.method == "PATCH":
        if not entity.editable:
            raise _not_possible(entity)
        return run_atomic(lambda: _change(request, entity, pk, actor))
    if request.method == "DELETE":
        if not entity.deletable:
            raise _not_possible(entity)
        run_atomic(lambda: delete_record(entity.model, pk, actor=actor, version=asked_version(request)))
        return HttpResponse(status=204)
    actor.require(f"{entity.name}.view")
    if "unmask" in request.GET:
        return _unmasked(request, entity, pk, actor)
    content, version = read_one(entity, pk, actor)
    if unchanged(request, etag_of(version)):
        response = HttpResponse(status=304)
        response["ETag"] = etag_of(version)
        return response
    return _led_on(entity, pk, content, answer(content, etag=etag_of(version)))


def _led_on(entity: Entity, pk: int, content: dict[str, Any], response: HttpResponse) -> HttpResponse:
    """Say with a merged record which one it lives on in (RFC 8288, RFC 5829)."""
    if content.get("archived_at") and (survivor_id := merged_into(entity, pk)) is not None:
        response["Link"] = f'</api/v1/{entity.name}/{survivor_id}>; rel="successor-version"'
    return response


def _unmasked(request: HttpRequest, entity: Entity, pk: int, actor: Actor) -> HttpResponse:
    """A record with some masked fields in full; never answered from a copy, since each showing is noted."""
    names = [name for name in request.GET["unmask"].split(",") if name]
    if unknown := [name for name in names if name not in entity.masks]:
        raise ValidationFailed.of("unmask", "unknown", _("There is no masked field “%s”.") % unknown[0])
    content, version = run_atomic(lambda: read_one(entity, pk, actor, names))
    response = answer(content, etag=etag_of(version))
    response["Cache-Control"] = "no-store"
    return response


def _not_possible(entity: Entity) -> MethodNotAllowed:
    allowed = ("GET", *(["PATCH"] if entity.editable else []), *(["DELETE"] if entity.deletable else []))
    return MethodNotAllowed(allow=allowed)


def _change(request: HttpRequest, entity: Entity, pk: int, actor: Actor) -> HttpResponse:
    fetch(entity.model, pk, actor=actor)
    values, lines = values_from(entity, body_of(request))
    with named_for_programs(entity):
        save_record(entity.model, values, pk=pk, lines=lines, version=asked_version(request), actor=actor)
    return _shown(entity, pk, actor)


@api("POST")
def action(request: HttpRequest, name: str, pk: int, verb: str) -> HttpResponse:
    """Run a transition, archive or restore."""
    entity = entity_named(name)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    _in_range(pk)
    run = runner(entity, verb)

    def once() -> HttpResponse:
        result = run(pk, actor, asked_version(request), body_of(request, empty=True))
        return answer(result) if isinstance(result, dict) else _shown(entity, pk, actor)

    return idempotent(request, actor, once)


def runner(entity: Entity, verb: str) -> Callable[[int, Actor, int | None, dict[str, Any]], Any]:
    """What an action's name means for an entity. Raises NotFound."""
    if verb in {"archive", "restore"}:
        return lambda pk, actor, version, _body: archive_record(
            entity.model, pk, actor=actor, version=version, restore=verb == "restore"
        )
    found = entity.transition(verb)

    def run(pk: int, actor: Actor, version: int | None, body: dict[str, Any]) -> Any:
        known = {arg.name for arg in found.all_args(actor)}  # `approved` and the like are no arguments of programs
        if unknown := [FieldError(name, "unknown", _("There is no such field.")) for name in body if name not in known]:
            raise ValidationFailed(unknown)
        return found(pk, actor=actor, version=version, **exact(body))

    return run


@api("GET")
def history(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The audit entries of a record, newest first."""
    entity = entity_named(name)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    _in_range(pk)
    fetch(entity.model, pk, actor=actor)
    specs = entity.specs_for(actor)
    readable = set(specs) | {lines.name for lines in entity.lines} | set(entity.extras)
    columns = ("id", "at", "actor_id", "actor__name", "actor_kind", "origin", "action", "changes")
    entries = AuditEntry.objects.filter(resource=entity.name, record_id=pk).order_by("-id").values(*columns)
    found = []
    for entry in map(dict, entries[:500]):
        changes = {k: v for k, v in entry.pop("changes").items() if k.removesuffix("_id") in readable or k in readable}
        changes |= {k: list(map(specs[k].veil, v)) for k, v in changes.items() if k in specs and isinstance(v, list)}
        person = {"id": entry.pop("actor_id"), "label": entry.pop("actor__name")}
        found.append({**entry, "actor": person if person["id"] else None, "changes": changes})
    return answer({"items": found, "next_cursor": None})


@api("GET")
def document(request: HttpRequest, name: str, pk: int, suffix: str) -> HttpResponse:
    """A file made from a record."""
    entity = entity_named(name)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    _in_range(pk)
    language = request.GET.get("language", "")
    if language and language not in dict(settings.LANGUAGES):
        raise ValidationFailed.of("language", "choice", _("This is not one of the choices."))
    return render_document(entity, pk, suffix, actor, language)


def render_document(entity: Entity, pk: int, suffix: str, actor: Actor, language: str) -> HttpResponse:
    """Make a record's document of that suffix. Raises NotFound."""
    record = fetch(entity.model, pk, actor=actor)
    for one in entity.documents:
        if one.suffix == suffix:
            response = HttpResponse(one.render(record, actor, language), content_type=one.content_type)
            response["Content-Disposition"] = f'inline; filename="{entity.name}-{pk}.{suffix}"'
            return response
    raise NotFound


@api("GET")
def report(request: HttpRequest, name: str) -> HttpResponse:
    """A report: columns, rows, as_of."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    found = reports.report_named(name)
    result = found.run(parameters(request), actor)
    return tagged(request, result.as_json())


@api("GET", "POST", "PATCH", "PUT", "DELETE")
def nowhere(request: HttpRequest, path: str = "") -> HttpResponse:
    """Any other address."""
    raise NotFound


def _shown(entity: Entity, pk: int, actor: Actor, status: int = 200) -> HttpResponse:
    try:
        content, version = read_one(entity, pk, actor)
    except NotFound:  # written, but moved out of the caller's sight
        return answer({"id": pk}, status)
    location = f"/api/v1/{entity.name}/{pk}" if status == 201 else ""
    return answer(content, status, etag=etag_of(version), location=location)


def _in_range(pk: int) -> None:
    if not 0 < pk < 2**63:
        raise NotFound


class named_for_programs:
    """Within it, validation errors carry the names that programs use."""

    def __init__(self, entity: Entity) -> None:
        self.entity = entity

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ValidationFailed):
            api_errors(self.entity, error)

"""The OpenAPI document of /api/v1/, made from the entities and reports, and the page that shows it."""

from __future__ import annotations

import functools
import hashlib
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from saleswright.interface.api import schemas
from saleswright.interface.api.components import components, header_refs
from saleswright.interface.api.http import MethodNotAllowed, dumps, problem, unchanged
from saleswright.interface.api.schemas import ID, Schema, schema_name
from saleswright.interface.entity import Document, Entity, all_entities
from saleswright.interface.reports import Parameter, Report, all_reports
from saleswright.kernel.access.actors import system
from saleswright.kernel.conditions import OPERATORS
from saleswright.kernel.custom_fields import look
from saleswright.kernel.transitions import Transition

BASE = "/api/v1"
VERSION = "1.0.0"  # of the API, not of the program
READ_REFUSALS = (400, 401, 403, 404, 405, 422, 429, 503)
WRITE_REFUSALS = (400, 401, 403, 404, 405, 409, 412, 413, 422, 429, 503)
#: entity tags, and what tells of a repeated request
CHANGED_HEADERS = ("ETag", "Idempotency-Replayed")


def document() -> Schema:
    """The whole description, in English, in a stable order."""
    with translation.override("en"):
        entities = sorted(all_entities(), key=lambda entity: entity.name)
        reports = sorted(all_reports(), key=lambda report: report.name)
        paths: Schema = {}
        for entity in entities:
            paths |= entity_paths(entity)
        for report in reports:
            paths[f"{BASE}/reports/{report.name}"] = {"get": report_operation(report)}
        for path, operations in module_paths().items():
            paths[f"{BASE}/{path}"] = paths.get(f"{BASE}/{path}", {}) | operations
        paths[f"{BASE}/openapi.json"] = {"get": _schema_operation()}
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Saleswright",
                "version": VERSION,
                "description": "Every list, record and action of Saleswright. Amounts are decimals as text.",
            },
            "servers": [{"url": "/"}],
            "security": [{"token": []}, {"session": []}],
            "tags": [{"name": e.name, "description": str(e.label_plural)} for e in entities]
            + ([{"name": "reports"}] if reports else []),
            "paths": paths,
            "components": components(entities),
        }


def module_paths() -> Schema:
    """What modules say of the addresses of their `api.py` by `describe()`: address -> {method: operation}."""
    found: Schema = {}
    for app in settings.INSTALLED_APPS:
        if app.startswith(("saleswright.modules.", "saleswright.integrations.")) and find_spec(f"{app}.api"):
            found |= getattr(import_module(f"{app}.api"), "describe", dict)()
    return found


# --- operations ------------------------------------------------------------------------------------------------


def entity_paths(entity: Entity) -> Schema:
    """The addresses of one entity with their operations."""
    root, one = f"{BASE}/{entity.name}", f"{BASE}/{entity.name}/{{id}}"
    collection = {"get": _list_operation(entity)}
    item = {"get": _read_operation(entity)}
    if entity.creatable:
        collection["post"] = _create_operation(entity)
    if entity.editable:
        item["patch"] = _change_operation(entity)
    if entity.deletable:
        item["delete"] = _delete_operation(entity)
    paths: Schema = {root: collection, one: item, f"{one}/history": {"get": _history_operation(entity)}}
    for made in entity.documents:
        paths[f"{one}/document.{made.suffix}"] = {"get": _document_operation(entity, made)}
    for transition in entity.transitions:
        paths[f"{one}/actions/{transition.name}"] = {"post": _transition_operation(entity, transition)}
    for verb in ("archive", "restore"):
        paths[f"{one}/actions/{verb}"] = {"post": _archive_operation(entity, verb)}
    return paths


def operation(
    entity: Entity, verb: str, summary: Any, answers: Schema, *, body: Schema | None = None, writes: bool = True,
    parameters: tuple[Schema | str, ...] = ("id",), needs_body: bool = True,
    content_type: str = "application/json",
) -> Schema:  # fmt: skip
    """An operation with the refusals that every one may answer."""
    refusals = WRITE_REFUSALS if writes else READ_REFUSALS
    found: Schema = {
        "operationId": f"{verb}_{entity.name}".replace("-", "_"),
        "tags": [entity.name],
        "summary": str(summary),
        "parameters": [_parameter(p) for p in parameters],
        "responses": answers | {str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals},
    }
    if body is not None:
        found["requestBody"] = {"required": needs_body, "content": {content_type: {"schema": body}}}
    return found


def _parameter(given: Schema | str) -> Schema:
    return {"$ref": f"#/components/parameters/{given}"} if isinstance(given, str) else given


def _answer(text: str, schema: Schema, *headers: str, status: int = 200) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {str(status): {"description": text, "headers": header_refs(*headers), "content": content}}


NOT_MODIFIED: Schema = {"304": {"$ref": "#/components/responses/304"}}


def _list_operation(entity: Entity) -> Schema:
    properties: Schema = {
        "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{schema_name(entity)}Row"}},
        "next_cursor": {"type": ["string", "null"]},
        "count": {"type": "integer"},
    }
    page = {"type": "object", "properties": properties, "required": ["items", "next_cursor"]}
    names = [f"{sign}{name}" for name in dict.fromkeys((*entity.sorts, "id")) for sign in ("", "-")]
    ordering = {"type": "string", "enum": names}
    if entity.ordering in names:
        ordering["default"] = entity.ordering
    fields = {"type": "array", "items": {"type": "string", "enum": list(schemas.row_schema(entity)["properties"])}}
    parameters: list[Schema | str] = ["q", "limit", "cursor", "count", "archived", "where", "match", "If-None-Match"]
    parameters += [
        {"name": "ordering", "in": "query", "schema": ordering},
        {"name": "fields", "in": "query", "schema": fields, "style": "form", "explode": False},
        *filter_parameters(entity),
    ]
    answers = _answer(HTTPStatus.OK.phrase, page, "ETag") | NOT_MODIFIED
    text = f"List {entity.label_plural}"
    return operation(entity, "list", text, answers, parameters=tuple(parameters), writes=False)


def filter_parameters(entity: Entity) -> list[Schema]:
    """A parameter for each filterable field and operator: `amount`, `amount__gte`, `owner_id`."""
    found = []
    for name in dict.fromkeys(("id", *entity.filterable)):
        spec = entity.specs[name]
        for place, op in enumerate(OPERATORS[spec.kind]):
            plain = op == "exact" and not place
            schema = schemas.filter_schema(spec, op)
            found.append(
                {"name": spec.api_name if plain else f"{spec.api_name}__{op}", "in": "query", "schema": schema}
            )
    return found


def _read_operation(entity: Entity) -> Schema:
    schema = {"$ref": f"#/components/schemas/{schema_name(entity)}"}
    answers = _answer(HTTPStatus.OK.phrase, schema, "ETag") | NOT_MODIFIED
    parameters: list[Schema | str] = ["id", "If-None-Match"]
    if entity.masks:
        items = {"type": "array", "items": {"enum": list(entity.masks)}}
        text = "Masked fields to be answered in full, with their right; each showing is recorded, at most 30 a minute."
        parameters.append(
            {"name": "unmask", "in": "query", "schema": items, "style": "form", "explode": False, "description": text}
        )
    return operation(
        entity, "get", f"Read one of {entity.label_plural}", answers, parameters=tuple(parameters), writes=False
    )


def _create_operation(entity: Entity) -> Schema:
    answers = _answer("Created", schemas.shown_schema(entity), *CHANGED_HEADERS, "Location", status=201)
    body = {"$ref": f"#/components/schemas/{schema_name(entity)}Create"}
    return operation(
        entity, "create", f"Add to {entity.label_plural}", answers, body=body, parameters=("Idempotency-Key",)
    )


def _change_operation(entity: Entity) -> Schema:
    answers = _answer("Changed", schemas.shown_schema(entity), "ETag")
    body = {"$ref": f"#/components/schemas/{schema_name(entity)}Patch"}
    return operation(
        entity, "update", f"Change one of {entity.label_plural}", answers, body=body, parameters=("id", "If-Match")
    )


def _delete_operation(entity: Entity) -> Schema:
    answers: Schema = {"204": {"description": "Deleted"}}
    return operation(entity, "delete", f"Delete one of {entity.label_plural}", answers, parameters=("id", "If-Match"))


def _history_operation(entity: Entity) -> Schema:
    entries = {"type": "array", "items": {"$ref": "#/components/schemas/AuditEntry"}}
    page = {
        "type": "object",
        "properties": {"items": entries, "next_cursor": {"type": ["string", "null"]}},
        "required": ["items", "next_cursor"],
    }
    answers = _answer(HTTPStatus.OK.phrase, page)
    return operation(entity, "history_of", f"What happened to one of {entity.label_plural}", answers, writes=False)


def _document_operation(entity: Entity, made: Document) -> Schema:
    language = {"name": "language", "in": "query", "schema": {"type": "string", "enum": ["zh-hans", "en"]}}
    answers: Schema = {"200": {"description": str(made.label), "content": {made.content_type: {}}}}
    return operation(entity, f"{made.suffix}_of", made.label, answers, parameters=("id", language), writes=False)


ACTION_PARAMETERS = ("id", "If-Match", "Idempotency-Key")


def _transition_operation(entity: Entity, transition: Transition) -> Schema:
    answers = _answer(str(transition.label), schemas.result_schema(entity, transition), *CHANGED_HEADERS)
    args = transition.all_args(system("openapi"))
    found = operation(
        entity, transition.name, transition.label, answers, body=schemas.args_schema(args),
        parameters=ACTION_PARAMETERS, needs_body=any(schemas.arg_required(arg) for arg in args),
    )  # fmt: skip
    return found | ({"description": transition.body.__doc__.strip()} if transition.body.__doc__ else {})


def _archive_operation(entity: Entity, verb: str) -> Schema:
    answers = _answer("Done", schemas.shown_schema(entity), *CHANGED_HEADERS)
    summary = {"archive": "Put away", "restore": "Bring back"}[verb]
    return operation(entity, verb, f"{summary} one of {entity.label_plural}", answers, parameters=ACTION_PARAMETERS)


def report_operation(report: Report) -> Schema:
    """A report with its parameters."""
    content: Schema = {
        "columns": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object"}},
        "as_of": {"type": "string", "format": "date-time"},
    }
    schema = {"type": "object", "properties": content, "required": list(content)}
    refusals = {str(status): {"$ref": f"#/components/responses/{status}"} for status in READ_REFUSALS}
    return {
        "operationId": f"report_{report.name}".replace("-", "_"),
        "tags": ["reports"],
        "summary": str(report.title),
        "parameters": [
            *map(_report_parameter, report.parameters_for(system("openapi"))),
            _parameter("If-None-Match"),
        ],
        "responses": _answer(HTTPStatus.OK.phrase, schema, "ETag") | NOT_MODIFIED | refusals,
    }


def _report_parameter(parameter: Parameter) -> Schema:
    kinds: dict[str, Schema] = {
        "date": {"type": "string", "format": "date"},
        "integer": {"type": "integer", "minimum": 0, "maximum": schemas.INT64},
        "reference": ID,
        "choice": {"type": "string", "enum": [value for value, _label in parameter.choices]},
        "text": {"type": "string"},
    }
    found = {
        "name": parameter.name,
        "in": "query",
        "schema": kinds[parameter.kind],
        "description": str(parameter.label),
    }
    return found | ({"required": True} if parameter.required and parameter.default is None else {})


def _schema_operation() -> Schema:
    return {
        "operationId": "openapi",
        "summary": "This description",
        "security": [],
        "parameters": [_parameter("If-None-Match")],
        "responses": _answer(HTTPStatus.OK.phrase, {"type": "object"}, "ETag")
        | NOT_MODIFIED
        | {"405": {"$ref": "#/components/responses/405"}},
    }


# --- views -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=2)
def _written(definitions: int) -> tuple[bytes, str]:
    """The document with the custom fields as of this number."""
    raw = dumps(document())
    return raw, f'"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'


@csrf_exempt
def schema(request: HttpRequest) -> HttpResponse:
    """The document as JSON, for everybody; made once in a process for each change of the custom fields."""
    if request.method not in {"GET", "HEAD"}:
        return problem(MethodNotAllowed(allow=("GET",)))
    raw, etag = _written(look())
    response = HttpResponse(status=304) if unchanged(request, etag) else HttpResponse(raw, "application/json")
    response["ETag"], response["Cache-Control"] = etag, "no-cache"
    return response


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponse:
    """A page to read and try the API."""
    if request.method not in {"GET", "HEAD"}:
        return problem(MethodNotAllowed(allow=("GET",)))
    nonce = getattr(request, "csp_nonce", "")
    return HttpResponse(render_to_string("interface/api_docs.html", {"csp_nonce": nonce}))

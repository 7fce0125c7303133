"""What the operations of the OpenAPI document share: schemas, parameters, headers and refusals."""

from __future__ import annotations

from saleswright.interface.api import schemas
from saleswright.interface.api.http import MethodNotAllowed
from saleswright.interface.api.schemas import ID, REF, Schema, schema_name
from saleswright.interface.entity import Entity
from saleswright.interface.listing import LIMIT, MAX_LIMIT
from saleswright.kernel import errors

REFUSALS: tuple[type[errors.DomainError], ...] = (
    errors.DomainError, errors.NotSignedIn, errors.NotAllowed, errors.NotFound, MethodNotAllowed, errors.Conflict,
    errors.Stale, errors.TooLarge, errors.ValidationFailed, errors.TooMany, errors.Busy,
)  # fmt: skip


def components(entities: list[Entity]) -> Schema:
    """Schemas, parameters, headers and answers that several operations share."""
    found = _common_schemas()
    for entity in entities:
        name = schema_name(entity)
        found[f"{name}Row"] = schemas.row_schema(entity)
        found[name] = schemas.record_schema(entity)
        if entity.creatable:
            found[f"{name}Create"] = schemas.draft_schema(entity, fresh=True)
        if entity.editable:
            found[f"{name}Patch"] = schemas.draft_schema(entity, fresh=False)
        for lines in entity.lines:
            found[schemas.line_name(entity, lines)] = schemas.line_read_schema(entity, lines)
            found[f"{schemas.line_name(entity, lines)}Draft"] = schemas.line_write_schema(entity, lines)
    return {
        "schemas": found,
        "parameters": _common_parameters(),
        "headers": _headers(),
        "responses": {str(kind.status): _refusal(kind) for kind in REFUSALS} | {"304": _unchanged()},
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "`saleswright token create USER`"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "The session of a page; writes also carry `X-CSRFToken`.",
            },
        },
    }


def _common_schemas() -> Schema:
    text = {"type": "string"}
    field_error = {"type": "object", "properties": {"field": text, "code": text, "message": text}}
    entry = {
        "id": ID,
        "at": {"type": "string", "format": "date-time"},
        "actor": schemas.nullable(REF),
        "actor_kind": text,
        "origin": text,
        "action": text,
        "changes": {"type": "object", "additionalProperties": {"type": "array"}},
    }
    return {
        "Ref": {"type": "object", "properties": {"id": ID, "label": text}, "required": ["id", "label"]},
        "OutOfSight": {
            "type": "object", "properties": {"id": ID}, "required": ["id"], "additionalProperties": False,
            "description": "The record was written and is now out of the caller's sight.",
        },
        "Problem": {
            "type": "object",
            "description": "A refusal, by RFC 9457.",
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
                "errors": {"type": "array", "items": field_error | {"required": ["field", "code", "message"]}},
            },
            "required": ["type", "title", "status", "detail"],
        },
        "AuditEntry": {"type": "object", "properties": entry, "required": list(entry)},
    }  # fmt: skip


def _common_parameters() -> Schema:
    def query(name: str, schema: Schema, text: str) -> Schema:
        return {"name": name, "in": "query", "schema": schema, "description": text}

    def header(name: str, text: str) -> Schema:
        schema = {"type": "string", "maxLength": 200, "pattern": "^[!-~]*$"}
        return {"name": name, "in": "header", "schema": schema, "description": text}

    text = {"type": "string"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": LIMIT}
    return {
        "id": {"name": "id", "in": "path", "required": True, "schema": ID},
        "q": query("q", text | {"maxLength": 200}, "Words to search for."),
        "limit": query("limit", limit, "Most records of a page."),
        "cursor": query("cursor", text, "`next_cursor` of the page before."),
        "count": query("count", {"type": "boolean"}, "Add the exact number of all records found."),
        "archived": query("archived", {"type": "boolean"}, "List what was put away instead."),
        "match": query("match", {"enum": ["all", "any"], "type": "string"}, "Whether all filters must hold, or any."),
        "where": query(
            "where", text | {"contentMediaType": "application/json"},
            'Conditions as JSON: `{"field", "op", "value"}`, `{"and": [...]}` or `{"or": [...]}`.',
        ),
        "Idempotency-Key": header("Idempotency-Key", "The same key and body have their effect once."),
        "If-Match": header("If-Match", "The ETag of the version that the change is meant for."),
        "If-None-Match": header("If-None-Match", "The ETag of what the caller has already."),
    }  # fmt: skip


def _headers() -> Schema:
    texts = {
        "ETag": "Names this version.",
        "Location": "The address of the new record.",
        "Idempotency-Replayed": "`true` when the answer is that of an earlier request with the same key.",
        "Retry-After": "Seconds to wait before trying again.",
        "WWW-Authenticate": "How to sign in.",
        "Allow": "The methods that are possible here.",
    }
    return {name: {"schema": {"type": "string"}, "description": text} for name, text in texts.items()}


def _refusal(kind: type[errors.DomainError]) -> Schema:
    headers = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: Schema = {"description": str(kind.title), "content": content}
    return found | ({"headers": header_refs(headers[kind.status])} if kind.status in headers else {})


def _unchanged() -> Schema:
    return {"description": "The caller has it already", "headers": header_refs("ETag")}


def header_refs(*names: str) -> Schema:
    """References to shared headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

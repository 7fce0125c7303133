"""JSON schemas of fields, records, drafts and arguments, made from the same declarations that the views obey.

What is read is described generously, what is written exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.kernel.clock import RELATIVE
from saleswright.kernel.custom_column import PREFIX, is_custom
from saleswright.kernel.fields import LIMITS, ScaledField
from saleswright.kernel.records import STAMPS, required_fields
from saleswright.kernel.resources import Lines
from saleswright.kernel.transitions import Arg, Transition

Schema = dict[str, Any]
INT64 = 2**63 - 1
REF: Schema = {"$ref": "#/components/schemas/Ref"}
ID: Schema = {"type": "integer", "minimum": 1, "maximum": INT64}
IDS = "^[0-9]{1,18}(,[0-9]{1,18})*$"
RELATIVE_DATES: list[Schema] = [{"enum": list(RELATIVE)}, {"pattern": "^(last|next)_[0-9]{1,4}_days$"}]
SCALES = {"money": 2, "price": 6, "quantity": 4, "percent": 4}
_INTEGERS: tuple[tuple[type[models.Field], int, int], ...] = (
    (models.PositiveBigIntegerField, 0, INT64),
    (models.PositiveSmallIntegerField, 0, 2**15 - 1),
    (models.PositiveIntegerField, 0, 2**31 - 1),
    (models.SmallIntegerField, -(2**15), 2**15 - 1),
    (models.BigIntegerField, -INT64 - 1, INT64),
    (models.IntegerField, -(2**31), 2**31 - 1),
)
_RESULTS: dict[type, str] = {int: "integer", bool: "boolean", float: "number", list: "array", dict: "object"}


def schema_name(entity: Entity) -> str:
    """The name of an entity's schemas, in the singular: `Customer`."""
    return type(entity).__name__.removesuffix("Entity")


def described(schema: Schema, *texts: Any) -> Schema:
    """The schema with its title and description, where they say anything."""
    named = {key: str(text) for key, text in zip(("title", "description"), texts, strict=False) if str(text)}
    return named | schema


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    if "$ref" in schema or "anyOf" in schema:
        return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
    if "enum" in schema:
        schema = {**schema, "enum": [*schema["enum"], None]}
    kinds = schema.get("type")
    if kinds is None:
        return schema
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return {**schema, "type": [*(kind for kind in kinds if kind != "null"), "null"]}


def choices_of(field: models.Field) -> list[Any]:
    """The values of a field of choices."""
    return [value for value, _label in field.flatchoices if value not in ("", None)]


def decimal_pattern(least: int, most: int) -> str:
    """Digits with at least and at most so many places."""
    if not most:
        return "^-?[0-9]+$"
    return rf"^-?[0-9]+\.[0-9]{{{least},{most}}}$" if least else rf"^-?[0-9]+(\.[0-9]{{1,{most}}})?$"


# --- what is read ----------------------------------------------------------------------------------------------


def read_schema(spec: FieldSpec) -> Schema:
    """A field as answers have it."""
    field: Any = spec.field
    kind = spec.kind
    match kind:
        case "reference":
            schema = dict(REF)
        case "money":
            schema = {"type": "string", "pattern": decimal_pattern(2, 2)}
        case "price":
            schema = {"type": "string", "pattern": decimal_pattern(2, 6)}
        case "quantity" | "percent" | "decimal":
            schema = {"type": "string", "pattern": decimal_pattern(0, SCALES.get(kind) or field.decimal_places)}
        case "choice":
            schema = {"enum": choices_of(field) + ([""] if field.blank and not field.null else [])}
            schema["type"] = "integer" if isinstance(field, models.IntegerField) else "string"
        case "date":
            schema = {"type": "string", "format": "date"}
        case "datetime":
            schema = {"type": "string", "format": "date-time"}
        case "bool":
            schema = {"type": "boolean"}
        case "integer":
            schema = {"type": "integer"}
        case "json" | "condition":
            return described({}, spec.label, spec.help)
        case _:
            schema = {"type": "string"}
    return described(nullable(schema) if field.null else schema, spec.label, spec.help)


def line_read_schema(entity: Entity, lines: Lines) -> Schema:
    """A line as answers have it."""
    properties = {name: read_schema(spec) for name, spec in entity.line_specs[lines.name].items()}
    return {"type": "object", "properties": {"id": ID, **properties}, "required": ["id", *properties]}


def row_schema(entity: Entity) -> Schema:
    """A record with any of its fields: what lists answer, and `?fields=` cuts."""
    properties = {name: read_schema(spec) for name, spec in entity.own_specs.items()}
    for attached in entity.attached:
        schema = attached.schema if attached.default() is not None else nullable(attached.schema)
        properties[attached.name] = described(schema, attached.label)
    for lines in entity.lines:
        items = {"$ref": f"#/components/schemas/{line_name(entity, lines)}"}
        properties[lines.name] = described({"type": "array", "items": items}, lines.label)
    if entity.owned:
        properties["collaborators"] = {"type": "array", "items": REF}
    customs = {code: read_schema(spec) for code, spec in custom_specs(entity).items()}
    properties["custom"] = {"type": "object", "properties": customs, "additionalProperties": False}
    if entity.masks:
        properties["masked"] = _masked_schema(entity)
    return {"type": "object", "properties": properties, "required": ["id"]}


def custom_specs(entity: Entity) -> dict[str, FieldSpec]:
    """The custom fields of an entity by code."""
    return {name.removeprefix(PREFIX): spec for name, spec in entity.specs.items() if is_custom(name)}


def _masked_schema(entity: Entity) -> Schema:
    text = (
        "The fields of which this answer holds the masked text alone, such as 138****5678. With the field's right, "
        "`?unmask=` on the single record answers them in full, which is recorded. A masked text that is sent back "
        "unchanged changes nothing."
    )
    return {"type": "array", "items": {"enum": list(entity.masks)}, "readOnly": True, "description": text}


def record_schema(entity: Entity) -> Schema:
    """A whole record: every field that needs no right of its own is there."""
    always = [name for name in row_schema(entity)["properties"] if name not in entity.secret or name in entity.masks]
    return {"allOf": [{"$ref": f"#/components/schemas/{schema_name(entity)}Row"}, {"required": always}]}


def line_name(entity: Entity, lines: Lines) -> str:
    """The name of the schema of an entity's lines."""
    return f"{schema_name(entity)}{lines.name.title().replace('_', '').removesuffix('s')}"


# --- what is written -------------------------------------------------------------------------------------------


def write_schema(field: models.Field, kind: str, *, free: bool = False) -> Schema:
    """A field as it may be sent; `free` when a cleaner of its own takes more than the column holds."""
    match kind:
        case "reference":
            schema = dict(ID)
        case "money" | "price" | "quantity" | "percent" | "decimal":
            schema = _decimal_schema(field, kind)
        case "choice":
            schema = {"enum": choices_of(field) + ([""] if field.blank or field.null else [])}
            schema["type"] = ["integer", "string"] if isinstance(field, models.IntegerField) else "string"
        case "date":
            schema = {"type": "string", "format": "date"}
        case "datetime":
            schema = {"type": "string", "format": "date-time"}
        case "bool":
            schema = {"type": "boolean"}
        case "integer":
            schema = _integer_schema(field)
        case "json" | "condition":
            schema = {"type": "object"} if isinstance(field.get_default(), dict) else _list_schema()
        case _:
            schema = {"type": "string"} | ({} if free else _text_limits(field))
    return nullable(schema) if may_be_null(field, kind) else schema


def may_be_null(field: models.Field, kind: str) -> bool:
    """Whether null is taken: as nothing, or as the default."""
    return field.null or field.blank or (field.has_default() and kind not in {"text", "reference"})


def _list_schema() -> Schema:
    return {"type": "array", "items": {"type": ["string", "integer"]}}


def _text_limits(field: models.Field) -> Schema:
    limits: Schema = {"maxLength": field.max_length} if field.max_length else {}
    if isinstance(field, models.EmailField):
        limits["format"] = "email"
    if not field.blank and not field.null:
        limits["minLength"] = 1
    return limits


def _decimal_schema(field: Any, kind: str) -> Schema:
    places = SCALES.get(kind) or field.decimal_places
    whole = len(str(int(LIMITS[places]))) if isinstance(field, ScaledField) else field.max_digits - field.decimal_places
    schema: Schema = {"type": ["string", "number"], "pattern": rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{places}}})?$"}
    bounds = {"minimum": getattr(field, "minimum", None), "maximum": getattr(field, "maximum", None)}
    return schema | {name: _number(bound) for name, bound in bounds.items() if bound is not None}


def _number(value: Any) -> int | float:
    return int(value) if Decimal(value) == int(value) else float(value)


def _integer_schema(field: Any) -> Schema:
    low, high = next((low, high) for kind, low, high in _INTEGERS if isinstance(field, kind))
    for validator in field._validators:
        if isinstance(validator, MinValueValidator):
            low = max(low, int(validator.limit_value))
        elif isinstance(validator, MaxValueValidator):
            high = min(high, int(validator.limit_value))
    return {"type": "integer", "minimum": low, "maximum": high}


def spec_write_schema(entity: Entity, spec: FieldSpec) -> Schema:
    """A column of a record as it may be sent."""
    return described(write_schema(spec.field, spec.kind, free=spec.name in entity.cleaners), spec.label, spec.help)


def line_write_schema(entity: Entity, lines: Lines) -> Schema:
    """A line as it may be sent; with the `id` of an existing line that one is changed."""
    specs = entity.line_specs[lines.name]
    properties = {specs[n].api_name: spec_write_schema(entity, specs[n]) for n in lines.fields}
    needed = [specs[n].api_name for n in required_fields(lines.model) if n in lines.fields]
    return _closed({"id": ID, **properties}, []) | (
        {"anyOf": [{"required": ["id"]}, {"required": needed}]} if needed else {}
    )


def draft_schema(entity: Entity, *, fresh: bool) -> Schema:
    """The body of POST (`fresh`: with what is required) or PATCH."""
    properties: Schema = {}
    for name in entity.writable:
        if name in entity.extras:
            properties[name] = described(entity.extras[name].schema, entity.extras[name].label)
        else:
            spec = entity.own_specs.get(name)
            if spec is not None:
                properties[spec.api_name] = spec_write_schema(entity, spec)
    properties["custom"] = custom_draft_schema(entity, fresh=fresh)
    for lines in entity.lines:
        items = {"$ref": f"#/components/schemas/{line_name(entity, lines)}Draft"}
        properties[lines.name] = {"type": "array", "items": items, "maxItems": 1000} | (
            {"minItems": 1} if lines.required else {}
        )
    return _closed(properties, _required(entity) if fresh else [])


def custom_draft_schema(entity: Entity, *, fresh: bool) -> Schema:
    """The custom fields as they may be sent; a change leaves the others as they are, null takes one away."""
    specs = custom_specs(entity)
    properties = {code: spec_write_schema(entity, spec) for code, spec in specs.items()}
    for code, spec in specs.items():
        if spec.kind == "reference":
            properties[code] = {"anyOf": [properties[code], REF]}
    return _closed(properties, [])


def _required(entity: Entity) -> list[str]:
    closed = {entity.state_field, entity.number_field, *entity.history_fields, *STAMPS}
    names = [n for n in required_fields(entity.model) if n in entity.writable and n not in closed | set(entity.extras)]
    needed = [entity.specs[n].api_name for n in names if n in entity.specs]
    needed += [extra.name for extra in entity.extra if extra.required]
    return needed + [lines.name for lines in entity.lines if lines.required]


def _closed(properties: Schema, required: Iterable[str]) -> Schema:
    needed = list(required)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": needed} if needed else {})


def arg_schema(arg: Arg) -> Schema:
    """An argument of a transition."""
    if arg.kind == "rows":
        schema: Schema = {"type": "array", "items": args_schema(arg.rows)}
        return described(schema if arg_required(arg) else nullable(schema), arg.label, arg.help)
    if arg.custom is not None:
        entity = entity_named(arg.custom.resource)
        return described(spec_write_schema(entity, entity.specs[arg.custom.name]), arg.label, arg.help)
    field = arg.field()
    kind = {"coordinate": "decimal"}.get(arg.kind, arg.kind)
    schema = write_schema(field, kind)
    if arg.default is not None and not may_be_null(field, kind):
        schema = nullable(schema)
    if arg.offer is not None:
        schema = {"type": ["string", "integer", *(["null"] if field.null else [])]}
    return described(schema, arg.label, arg.help)


def arg_required(arg: Arg) -> bool:
    """Whether a call without the argument is refused."""
    return arg.required and arg.default is None


def args_schema(args: Iterable[Arg]) -> Schema:
    """The arguments of a transition as an object."""
    given = tuple(args)
    return _closed({arg.name: arg_schema(arg) for arg in given}, [arg.name for arg in given if arg_required(arg)])


def result_schema(entity: Entity, transition: Transition) -> Schema:
    """What a transition answers: what its body returns, else the record as it is then."""
    shown = shown_schema(entity)
    if not transition.result:
        return shown
    properties = {name: {"type": [_RESULTS.get(kind, "string"), "null"]} for name, kind in transition.result}
    own: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"anyOf": [own, *shown["anyOf"]]} if transition.approval is not None else own


def shown_schema(entity: Entity) -> Schema:
    """A record after a write: whole, or only its id when it has left the caller's sight."""
    return {
        "anyOf": [{"$ref": f"#/components/schemas/{schema_name(entity)}"}, {"$ref": "#/components/schemas/OutOfSight"}]
    }


# --- filters ---------------------------------------------------------------------------------------------------


def filter_schema(spec: FieldSpec, op: str) -> Schema:
    """A filter parameter: text as it stands in an address."""
    field: Any = spec.field
    kind = spec.kind
    if op == "empty" or kind == "bool":
        return {"type": "boolean"}
    if kind in {"date", "datetime"}:
        formats = ["date"] if kind == "date" else ["date-time", "date"]
        return {"type": "string", "anyOf": [{"format": name} for name in formats] + RELATIVE_DATES}
    several = op == "in" or (op == "exact" and kind in {"choice", "reference", "integer"})
    if kind == "reference" or spec.name == "id":
        return {"type": "string", "pattern": IDS} if several else ID
    if kind == "choice":
        values = [str(value) for value in choices_of(field)]
        one = "|".join(values)
        return {"type": "string", "pattern": f"^({one})(,({one}))*$"} if several else {"type": "string", "enum": values}
    if kind in {"text", "long", "json", "condition"}:
        return {"type": "string", "minLength": 1}
    places = 0 if kind == "integer" else SCALES.get(kind) or field.decimal_places
    one = "-?[0-9]{1,9}" + (rf"(\.[0-9]{{1,{places}}})?" if places else "")
    return {"type": "string", "pattern": f"^{one}(,{one})*$" if several else f"^{one}$"}

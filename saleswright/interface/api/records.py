"""Records as JSON: reading rows into objects, and objects into drafts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.db.models import IntegerField
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity
from saleswright.interface.fields import NUMERIC, FieldSpec, Row, Veiled
from saleswright.interface.labels import add_labels
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.collaborators import collaborators_of
from saleswright.kernel.access.scopes import HOLDER, fetch, is_within_reach
from saleswright.kernel.custom_column import PREFIX, is_custom
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.kernel.personal import unmask
from saleswright.kernel.reading import read_values

Json = dict[str, Any]
Loader = Callable[[list[int], Actor], dict[int, Any]]
DECIMALS = NUMERIC - {"integer"}


def chosen_specs(entity: Entity, actor: Actor, fields: Iterable[str] = ()) -> list[FieldSpec]:
    """The specs that an answer has: those the caller may read, cut to `?fields=`. Raises ValidationFailed."""
    specs = entity.specs_for(actor)
    wanted = list(fields)
    if not wanted:
        return list(specs.values())
    known = set(entity.specs) | {a.name for a in entity.attached} | {"custom", "collaborators"}
    known |= {lines.name for lines in entity.lines} | {"masked"}
    if unknown := [name for name in wanted if name not in known]:
        raise ValidationFailed([FieldError("fields", "unknown", _("There is no field “%s”.") % unknown[0])])
    chosen = {"id", *wanted} | ({name for name in specs if is_custom(name)} if "custom" in wanted else set())
    return [spec for name, spec in specs.items() if name in chosen]


def objects(
    entity: Entity,
    rows: Iterable[Row],
    specs: list[FieldSpec],
    actor: Actor,
    *,
    detail: bool = False,
    fields: tuple[str, ...] = (),
) -> list[Json]:
    """The rows as JSON objects with what is attached to them; lines and the like with `detail` or when named."""
    writers = [(spec.name, spec.to_json) for spec in specs if not is_custom(spec.name)]
    customs = {spec.name.removeprefix(PREFIX): spec.to_json for spec in specs if is_custom(spec.name)}
    if customs or not fields or "custom" in fields:
        writers.append(("custom", lambda row: {code: write(row) for code, write in customs.items()}))
    veiled = [spec for spec in specs if isinstance(spec, Veiled)]
    if entity.masks and (not fields or "masked" in fields or veiled):
        writers.append(("masked", lambda row: [spec.name for spec in veiled if row[spec.attname] not in (None, "")]))
    rows = list(rows)
    found = [{name: write(row) for name, write in writers} for row in rows]
    ids = [row["id"] for row in rows]

    def add(name: str, load: Loader, default: Callable[[], Any], *, detail_only: bool) -> None:
        if name in fields if fields else detail or not detail_only:
            values = load(ids, actor)
            for one in found:
                one[name] = values[one["id"]] if one["id"] in values else default()

    for attached in entity.attached:
        add(attached.name, attached.load, attached.default, detail_only=attached.detail_only)
    if entity.owned:
        add("collaborators", lambda ids, _actor: collaborators_of(entity.name, ids), list, detail_only=True)
    for lines in entity.lines:
        add(lines.name, functools.partial(line_objects, entity, lines.name), list, detail_only=True)
    return found


def line_objects(entity: Entity, name: str, ids: list[int], actor: Actor) -> dict[int, list[Json]]:
    """The lines of some documents as JSON objects, in their order."""
    lines, specs = entity.lines_named(name), entity.line_specs[name]
    parent = f"{lines.parent}_id"
    found: dict[int, list[Json]] = {}
    for row in _rows(lines.model, list(specs.values()), ("id", parent), parent, ids, "position", "id"):
        one = {"id": row["id"]} | {name: spec.to_json(row) for name, spec in specs.items()}
        found.setdefault(row[parent], []).append(one)
    return found


def read_one(entity: Entity, pk: int, actor: Actor, unmasked: Iterable[str] = ()) -> tuple[Json, int]:
    """A record as JSON and its version, the fields `unmasked` in full; that is noted. Raises as `unmask`."""
    model, specs = entity.model, chosen_specs(entity, actor)
    rows = _rows(model, specs, ("id", "version", "custom", *(HOLDER if entity.owned else ())), "id", [pk])
    holder = (rows[0].get(name) for name in HOLDER) if rows else ()
    if not (rows and is_within_reach(model, actor, "view", *holder)):
        fetch(model, pk, actor=actor)
    found = objects(entity, rows, specs, actor, detail=True)[0]
    if wanted := [name for name in unmasked if name in entity.specs]:
        found |= unmask(entity, pk, wanted, actor)
        found["masked"] = [name for name in found["masked"] if name not in wanted]
    return found, rows[0]["version"]


def _rows(
    model: Any, specs: list[FieldSpec], columns: tuple[str, ...], column: str, ids: list[int], *order: str
) -> list[Json]:
    """The rows with what the specs need, and the columns."""
    names = tuple(dict.fromkeys((*columns, *(part for spec in specs for part in (spec.column, *spec.says)))))
    rows = [dict(zip(names, row, strict=True)) for row in read_values(model, names, column, ids, order=order)]
    add_labels(rows, specs)
    return rows


def values_from(entity: Entity, body: Mapping[str, Any]) -> tuple[Json, dict[str, list[Json]]]:
    """The values and lines of a draft out of a JSON object. Raises ValidationFailed for what can't be written."""
    values: Json = {}
    lines: dict[str, list[Json]] = {}
    errors: list[FieldError] = []
    specs = entity.specs
    by_api_name = {specs[n].api_name: specs[n] for n in entity.writable if n in specs and not is_custom(n)}
    line_names = {spec.name for spec in entity.lines}
    for name, value in body.items():
        if name in by_api_name:
            spec = by_api_name[name]
            values[spec.name] = decoded(spec, value, name, errors)
        elif name in entity.extras:
            values[name] = value
        elif name in line_names:
            lines[name] = _lines_from(entity, name, value, errors)
        elif name == "custom":
            values |= _custom_from(entity, value, errors)
        elif name in entity.specs or name in {"version", "collaborators", "masked"}:
            errors.append(FieldError(name, "read_only", _("This field can't be set.")))
        else:
            errors.append(FieldError(name, "unknown", _("There is no such field.")))
    if errors:
        raise ValidationFailed(errors)
    return values, lines


def _custom_from(entity: Entity, given: Any, errors: list[FieldError]) -> Json:
    """The values of custom fields out of the object that is sent; a reference may be sent as it is read."""
    if not isinstance(given, dict):
        errors.append(FieldError("custom", "invalid", _("Give an object.")))
        return {}
    values: Json = {}
    for code, value in given.items():
        name = PREFIX + code
        spec = entity.specs.get(name)
        if spec is None:
            errors.append(FieldError(name, "unknown", _("There is no such field.")))
            continue
        if spec.kind == "reference" and isinstance(value, dict):
            value = value.get("id", value)
        values[name] = decoded(spec, value, name, errors)
    return values


def decoded(spec: FieldSpec, value: Any, name: str, errors: list[FieldError]) -> Any:
    """A JSON value as the kernel takes it; what has the wrong JSON type is noted in `errors`."""
    if value is None:
        return None
    if spec.kind in DECIMALS and isinstance(value, float):
        return Decimal(repr(value))
    if spec.kind in DECIMALS and (isinstance(value, bool) or not isinstance(value, (str, int))):
        errors.append(FieldError(name, "invalid", _("Enter a number.")))
    elif spec.kind in {"integer", "reference"} and (isinstance(value, bool) or not isinstance(value, int)):
        errors.append(FieldError(name, "invalid", _("Enter a whole number.")))
    elif spec.kind == "bool" and not isinstance(value, bool):
        errors.append(FieldError(name, "invalid", _("Answer true or false.")))
    elif spec.kind in {"text", "long", "choice", "date", "datetime"} and not isinstance(value, spec_types(spec)):
        errors.append(FieldError(name, "invalid", _("Enter text.")))
    elif spec.kind == "json":
        _check_json(spec, value, name, errors)
    return value


def spec_types(spec: FieldSpec) -> tuple[type, ...]:
    """The JSON types in which a field of words is written: choices may be numbers."""
    return (str, int) if isinstance(spec.field, IntegerField) else (str,)


def _check_json(spec: FieldSpec, value: Any, name: str, errors: list[FieldError]) -> None:
    if isinstance(spec.field.get_default(), dict):
        if not isinstance(value, dict):
            errors.append(FieldError(name, "invalid", _("Give an object.")))
    elif not (isinstance(value, list) and all(isinstance(v, (str, int)) for v in value)):
        errors.append(FieldError(name, "invalid", _("Give a list.")))
    if rb"\u0000" in orjson.dumps(value):
        errors.append(FieldError(name, "invalid", _("The text contains a NUL character.")))


def exact(value: Any) -> Any:
    """JSON with Decimals in place of floating point."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else value


def _lines_from(entity: Entity, name: str, value: Any, errors: list[FieldError]) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        errors.append(FieldError(name, "invalid", _("Give a list of objects.")))
        return []
    if len(value) > 1000:
        errors.append(FieldError(name, "range", _("At most 1,000 lines.")))
        return []
    spec_by_name = {spec.api_name: spec for spec in entity.line_specs[name].values()}
    rows = []
    for index, row in enumerate(value):
        one: Json = {}
        for key, item in row.items():
            if key == "id":
                one["id"] = item
            elif key in spec_by_name and spec_by_name[key].name in entity.lines_named(name).fields:
                one[spec_by_name[key].name] = decoded(spec_by_name[key], item, f"{name}.{index}.{key}", errors)
            elif key in entity.line_specs[name] and entity.line_specs[name][key].kind != "reference":
                continue  # read fields sent back unchanged are no mistake
            else:
                errors.append(FieldError(f"{name}.{index}.{key}", "unknown", _("There is no such field.")))
        rows.append(one)
    return rows


def api_errors(entity: Entity, error: ValidationFailed) -> ValidationFailed:
    """The same failure with the names that programs use (`customer` becomes `customer_id`)."""

    def rename(name: str) -> str:
        parts = name.split(".")
        spec = entity.specs.get(parts[0])
        if len(parts) == 1 and spec is not None:
            return spec.api_name
        line = entity.line_specs.get(parts[0], {}).get(parts[-1]) if len(parts) == 3 else None
        return ".".join([*parts[:-1], line.api_name]) if line is not None else name

    error.errors = [FieldError(rename(e.field), e.code, e.message) for e in error.errors]
    return error

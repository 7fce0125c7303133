"""Forms that fill themselves: pickers that follow another field, and what a chosen record puts into the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import JsonResponse

from saleswright.interface.entity import Entity, Limit, entity_named
from saleswright.interface.fields import FieldSpec, Veiled
from saleswright.interface.pages.inputs import chosen_options, typed
from saleswright.kernel import search
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import NotFound
from saleswright.kernel.resources import resource_of

PICKED = 20
Given = Mapping[str, str]


@dataclass(slots=True)
class Filling:
    """What choosing records puts into a form: values of its fields, and the rows of its lines."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def answer(entity: Entity, actor: Actor, given: Given) -> JsonResponse | None:
    """What a form's script asks at the form's own address; None when the page itself is asked for.

    `?pick=contact&customer=5&q=wang` answers [{"id", "label", "detail"}], `?fill=opportunity&opportunity=7` answers
    {"fields": {name: {"value", "label"}}, "lines": {name: [{field: {"value", "label"}}]}}. Raises NotFound for
    fields that neither follow nor fill others.
    """
    if "pick" in given:
        return JsonResponse(picks(entity, actor, given["pick"], given), safe=False)
    if "fill" in given:
        return JsonResponse(_as_json(entity, actor, given["fill"], given))
    return None


def spec_at(entity: Entity, path: str) -> FieldSpec:
    """The spec of a field of the form (`contact`) or of its lines (`lines.order_line`)."""
    group, _dot, name = path.rpartition(".")
    return entity.line_specs[group][name] if group else entity.specs[name]


def seen(entity: Entity, name: str, value: Any, actor: Actor, *, archived: bool = False) -> Any | None:
    """The record that is chosen in the field, if the actor may see it and unless it was put away."""
    text = str(value or "")
    if not (text.isascii() and text.isdigit() and int(text) < 2**63):
        return None
    rows = entity.specs[name].target._default_manager.filter(pk=int(text))
    return visible(rows if archived else rows.filter(archived_at=None), actor).first()


# --- pickers that follow another field -------------------------------------------------------------------------


def picks(entity: Entity, actor: Actor, path: str, given: Given) -> list[dict[str, Any]]:
    """What the picker offers beside what is chosen in the field that limits it."""
    limit = entity.limits.get(path)
    if limit is None:
        raise NotFound
    query = given.get("q", "").replace("\x00", "").strip()[:100]
    if limit.options is not None:
        found = options(entity, limit, given.get(limit.by), actor)
        return [{"id": pk, "label": label, "detail": ""} for pk, label in found if query.casefold() in label.casefold()]
    target = entity_named(resource_of(spec_at(entity, path).target).name)
    actor.require(f"{target.name}.view")
    rows = visible(target.model._default_manager.filter(archived_at=None), actor)
    if chosen := given.get(limit.by):
        record = seen(entity, limit.by, chosen, actor)
        rows = rows.filter(**{limit.by: record}) if record is not None else rows.none()
    return picked(target, rows, query, actor)


def options(entity: Entity, limit: Limit, chosen: Any, actor: Actor) -> list[tuple[int, str]]:
    """The options that belong to the chosen record; none while there is no such record."""
    record = seen(entity, limit.by, chosen, actor, archived=True)
    return [] if record is None or limit.options is None else limit.options(record, actor)


def picked(target: Entity, rows: Any, query: str, actor: Actor) -> list[dict[str, Any]]:
    """The newest of the rows that the query finds, as a picker shows them."""
    if query and target.search:
        rows = search.found_in(rows, target, query, actor)
    title = getattr(target.model, "title_field", "name")
    second = next((n for n in target.search if n != title and n not in target.secret), title)
    return [
        {
            "id": row["pk"],
            "label": str(row[title] or f"#{row['pk']}"),
            "detail": str(row[second] or "") if second != title else "",
        }
        for row in rows.order_by("-id").values("pk", title, second)[:PICKED]
    ]


# --- what a chosen record fills --------------------------------------------------------------------------------


def filling(entity: Entity, actor: Actor, given: Given) -> Filling:
    """What the records chosen in `given` put into the fields that it leaves open, and what follows from those."""
    chosen, found = {name: value for name, value in given.items() if value}, Filling()
    for name in dict.fromkeys((*entity.fills, *entity.line_fills)):
        record = seen(entity, name, chosen.get(name), actor)
        if record is None:
            continue
        for other, value in _offered(entity, name, record, chosen, actor).items():
            chosen[other] = found.values[other] = value
        if name in entity.line_fills:
            lines, rows_of = entity.line_fills[name]
            found.lines[lines] = rows_of(record, actor)
    return found


def _offered(entity: Entity, name: str, record: Any, chosen: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """What a record has for the open fields of the form, as far as the actor may see it and it fits together."""
    fill, specs = entity.fills.get(name, ()), entity.specs_for(actor)
    if callable(fill):
        offered = fill(record, actor)
    else:
        readable = entity_named(resource_of(type(record)).name).specs_for(actor)
        open_to = {other: spec for other, spec in readable.items() if not isinstance(spec, Veiled)}
        offered = {other: getattr(record, open_to[other].attname) for other in fill if other in open_to}
    kept = {}
    for other, value in offered.items():
        if other not in specs or other in chosen or value in (None, ""):
            continue
        by = entity.limits[other].by if other in entity.limits else ""
        astray = by in offered and str(chosen.get(by, offered[by])) != str(offered[by])
        hidden = specs[other].kind == "reference" and seen(entity, other, value, actor) is None
        if not astray and not hidden:
            kept[other] = value
    return kept


def _as_json(entity: Entity, actor: Actor, name: str, given: Given) -> dict[str, Any]:
    if name not in entity.fills and name not in entity.line_fills:
        raise NotFound
    found = filling(entity, actor, {name: given.get(name, "")})
    values = {n: _shown(entity.specs[n], value, actor) for n, value in found.values.items()}
    rows = {
        lines: [
            {n: _shown(spec_at(entity, f"{lines}.{n}"), value, actor, labels.get(n)) for n, value in row.items()}
            for row in filled
        ]
        for lines, filled in found.lines.items()
        for labels in [_line_labels(entity, lines, {**given, **found.values}, actor)]
    }
    return {"fields": values, "lines": rows}


def _line_labels(entity: Entity, lines: str, given: Mapping[str, Any], actor: Actor) -> dict[str, dict[int, str]]:
    """The labels of what the limited pickers of the lines offer, by field."""
    return {
        path.removeprefix(f"{lines}."): dict(options(entity, limit, given.get(limit.by), actor))
        for path, limit in entity.limits.items()
        if path.startswith(f"{lines}.") and limit.options is not None
    }


def _shown(spec: FieldSpec, value: Any, actor: Actor, labels: Mapping[int, str] | None = None) -> dict[str, Any]:
    """A value as an input holds it, with the words for a reference."""
    if spec.kind != "reference":
        return {"value": typed(spec, value), "label": ""}
    if labels is None:
        labels = {int(pk): label for pk, label in chosen_options(spec.target, value, actor)}
    return {"value": value, "label": labels.get(value, "")}

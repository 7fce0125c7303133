"""Merging records side by side: whose values are kept, what will be moved, and what a merge has moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.interface.formatting import format_date
from saleswright.interface.labels import read_rows
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language, subject
from saleswright.interface.presentation import Cell
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import Conflict, NotFound, Text, ValidationFailed
from saleswright.kernel.merging.action import MOST, foreseen, refusals
from saleswright.kernel.merging.declared import UNDO_DAYS
from saleswright.kernel.merging.values import choosable, is_empty, sources, value_of
from saleswright.kernel.merging.walk import label_of_table
from saleswright.kernel.models import Merge
from saleswright.kernel.resources import has_resource, resource_named, resource_of
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.words import read_words

#: before the name of a field in the form
FIELD = "keep-"


@dataclass(frozen=True, slots=True)
class Offered:
    """The value of one record in a row."""

    record_id: int
    cell: Cell
    chosen: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A field with the values of all records. `same`: there is nothing to choose."""

    name: str
    label: Text
    values: list[Offered]
    same: bool
    joined: bool = False

    @property
    def single(self) -> bool:
        """Whether one record alone has a value, which is kept unless somebody says otherwise."""
        return sum(not one.empty for one in self.values) == 1


@require_http_methods(["GET", "POST"])
def merge_page(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Choose what is merged into a record and whose values are kept (GET), or merge (POST)."""
    entity, actor = entity_named(name), actor_of(request)
    if entity.merges is None:
        raise NotFound
    record = fetch(entity.model, in_range(pk), actor=actor, action="merge")
    given = request.POST if request.method == "POST" else request.GET
    others = _others(entity, record, given.getlist("with"), actor)
    problem: Text = ""
    if request.method == "POST":
        values = chosen_in(request.POST)
        try:
            rows = [{"record_id": one.pk} for one in others]
            transition = entity.transition("merge")
            result = run_atomic(lambda: transition(record.pk, actor=actor, others=rows, values=values))
        except (ValidationFailed, Conflict) as refused:
            problem = _said(entity, refused)
        else:
            names = ", ".join(entity.label_of(one) for one in others)
            messages.success(request, _("%(names)s: merged into %(kept)s") % {"names": names, "kept": record})
            return goes_to(request, f"/merges/{result['id']}" if actor.may("merges.view") else entity.url(pk))
    context: dict[str, Any] = {
        "subject": subject(entity),
        "kept": record,
        "url": entity.url(pk, "merge"),
        "back": entity.url(pk),
        "pick_url": f"/pick/{entity.name}",
        "records": [column_of(entity, one, [record, *others]) for one in (record, *others)],
        "problem": problem,
        "full": len(others) >= MOST,
    }
    if others:
        context |= preview(entity, record, others, chosen_in(given), actor)
    return render(request, "interface/merge.html", context, status=422 if problem else 200)


def _others(entity: Entity, record: Any, given: Iterable[str], actor: Actor) -> list[Any]:
    """The records to be merged into it that the actor may merge, in the order given."""
    ids = [int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 19][:MOST]
    rows = visible(entity.model._default_manager.filter(pk__in=ids, archived_at=None), actor, "merge")
    found = {row.pk: row for row in rows}
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found and pk != record.pk]


def chosen_in(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of which a value was chosen, as the action takes them."""
    return [
        {"field": name.removeprefix(FIELD), "record_id": int(value)}
        for name, value in given.items()
        if name.startswith(FIELD) and value.isascii() and value.isdigit() and len(value) < 19
    ]


def _said(entity: Entity, refused: ValidationFailed | Conflict) -> Text:
    if isinstance(refused, Conflict):
        return str(refused.detail or refused)
    specs = entity.specs
    return " ".join(
        f"{specs[one.field].label}: {one.message}" if one.field in specs else str(one.message) for one in refused.errors
    )


def column_of(entity: Entity, record: Any, everyone: list[Any]) -> dict[str, Any]:
    """The head of a record's column: what it is, since when, and the address that keeps it instead."""
    rest = [one.pk for one in everyone if one.pk != record.pk]
    return {
        "id": record.pk,
        "label": entity.label_of(record),
        "number": str(getattr(record, entity.number_field) or "") if entity.number_field else "",
        "since": format_date(clock.local_date(record.created_at)),
        "url": entity.url(record.pk),
        "keep_url": _with(entity.url(record.pk, "merge"), rest),
        "leave_url": _with(entity.url(everyone[0].pk, "merge"), [pk for pk in rest if pk != everyone[0].pk]),
    }


def _with(url: str, ids: list[int]) -> str:
    return f"{url}?{'&'.join(f'with={pk}' for pk in ids)}" if ids else url


def preview(
    entity: Entity, record: Any, others: list[Any], values: list[dict[str, Any]], actor: Actor
) -> dict[str, Any]:
    """The choices, what will be moved, and what stands against it or should be looked at."""
    everyone = [record, *others]
    try:
        kept = sources(entity, record, others, values, actor)
    except ValidationFailed:
        kept = sources(entity, record, others, [], actor)
    choices = choices_of(entity, everyone, kept, {row["field"] for row in values}, actor)
    counts = foreseen(entity, [one.pk for one in others])
    return {
        "choices": [one for one in choices if not one.same and not one.single],
        "single": [one for one in choices if one.single],
        "same": [one for one in choices if one.same and not one.values[0].empty],
        "moved": counted(counts, actor),
        "refusals": refusals(entity, everyone),
        "doubts": doubts_of(entity, everyone),
        "days": UNDO_DAYS,
        "field": FIELD,
    }


def choices_of(
    entity: Entity, everyone: list[Any], kept: Mapping[str, int], chosen: set[str], actor: Actor
) -> list[Choice]:
    """The fields in the order of the form, with the values as the actor reads them."""
    readable = entity.specs_for(actor)
    names = [name for name in choosable(entity) if name in readable]
    order = {name: place for place, name in enumerate(entity.form_fields)}
    names.sort(key=lambda name: order.get(name, len(order)))
    specs = [readable[name] for name in names]
    rows = entity.model._default_manager.filter(pk__in=[one.pk for one in everyone])
    by_id = {row["id"]: row for row in read_rows(rows, specs, "id")}
    return [_choice(spec, everyone, by_id, kept, chosen) for spec in specs]


def _choice(
    spec: FieldSpec, everyone: list[Any], rows: Mapping[int, Any], kept: Mapping[str, int], chosen: set[str]
) -> Choice:
    held = [value_of(one, spec.name) for one in everyone]
    lists = all(value is None or isinstance(value, list) for value in held) and any(held)
    same = all(value == held[0] or (is_empty(value) and is_empty(held[0])) for value in held)
    spoken, joined = language(), lists and spec.name not in chosen
    values = [
        Offered(
            one.pk,
            spec.cell(rows[one.pk], spoken, links=False),
            not joined and kept.get(spec.name) == one.pk,
            is_empty(value),
        )
        for one, value in zip(everyone, held, strict=True)
    ]
    return Choice(spec.name, spec.label, values, same, lists)


def counted(counts: Mapping[str, int], actor: Actor) -> list[tuple[Text, int]]:
    """How many rows of each table, by what people call them, the most first."""
    return sorted(((label_of_table(table), count) for table, count in counts.items()), key=lambda one: -one[1])


def doubts_of(entity: Entity, everyone: list[Any]) -> list[Text]:
    """What makes it doubtful that the records are one."""
    assert entity.merges is not None
    found: list[Text] = []
    for name in entity.merges.doubts:
        values = {value for one in everyone if not is_empty(value := value_of(one, name))}
        if len(values) > 1:
            label = entity.specs[name].label
            found.append(_("%(field)s differs: they may be different after all.") % {"field": label})
    return found


@require_GET
def moved_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What a merge moved and, when it was undone, what had to stay, as a part of its page."""
    actor = actor_of(request)
    merge = fetch(Merge, in_range(pk), actor=actor)
    stayed = [(_kind(kind), read_words(source, arguments, "")) for kind, source, arguments in merge.stayed]
    context = {
        "merge": merge,
        "moved": counted(merge.counts, actor),
        "stayed": stayed,
        "kept_url": entity_named(merge.resource).url(merge.survivor_id),
        "others": [
            (one.label, address(entity_named(merge.resource).url(one.record_id), {"merged": 1}))
            for one in merge.merged.order_by("id")
        ],
    }
    return render(request, "interface/merge_moved.html", context)


def _kind(name: str) -> Text:
    if not name:
        return ""
    if "." in name:
        model = apps.get_model(name)
        return resource_of(model).label if has_resource(model) else model._meta.verbose_name
    return resource_named(name).label

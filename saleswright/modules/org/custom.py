"""Rules of the definitions of custom fields."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.custom_fields import (
    CHOOSING,
    NUMBERS,
    SEARCHABLE,
    SORTABLE,
    UNIQUE,
    Choice,
    CustomDefinition,
    definition_of,
    definitions_changed,
    is_code,
)
from saleswright.kernel.custom_indexes import JOB, drop_indexes, make_unique_index
from saleswright.kernel.custom_search import search_anew
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.jobs import enqueue
from saleswright.kernel.models import CustomChoice, CustomField, Record
from saleswright.kernel.resources import all_resources, has_resource, resource_named

RIGHT = re.compile(r"[a-z][a-z_]*")


def extensible() -> dict[str, Text]:
    """The kinds of records that can have fields of the company's own, by the name that programs use."""
    return {
        one.name: one.label_plural
        for one in all_resources()
        if issubclass(one.model, Record) and one.model is not CustomField
    }


def holds_values(resource: str, code: str) -> bool:
    """Whether any record has something under the code."""
    return resource_named(resource).model._default_manager.filter(custom__has_key=code).exists()


def check_fields(batch: Batch) -> None:
    """A code that is free, a kind that fits, and nothing changed that values depend on."""
    for draft in batch.good:
        one = draft.record
        for name in ("resource", "code", "kind", "target", "unique"):
            if not draft.fresh and draft.changed(name):
                draft.error(name, "read_only", _("This never changes, since records may hold values."))
        if not draft.errors:
            _check_place(draft, one)
            _check_choices(draft)
        if not draft.errors:
            _check_values(draft, one)


def _check_place(draft: Draft, one: CustomField) -> None:
    if one.resource not in extensible():
        draft.error("resource", "choice", _("This is not one of the choices."))
    elif not is_code(one.code):
        draft.error("code", "invalid", _("Use small letters, digits and single underscores, such as delivery_term."))
    elif draft.fresh and holds_values(one.resource, one.code):
        draft.error("code", "duplicate", _("Records still hold values under this code."))
    if one.kind == "reference" and one.target not in extensible():
        draft.error("target", "required", _("Say which kind of record it refers to."))
    elif one.kind != "reference" and one.target:
        draft.error("target", "invalid", _("Only a reference refers to another kind of record."))
    if one.unique and one.kind not in UNIQUE:
        draft.error("unique", "invalid", _("Only text and whole numbers can be unique."))
    if one.right and RIGHT.fullmatch(one.right) is None:
        draft.error("right", "invalid", _("Use small letters and underscores, such as margin."))
    if one.searchable:
        _check_searchable(draft, one)
    for name in ("minimum", "maximum"):
        if getattr(one, name) is not None and one.kind not in NUMBERS:
            draft.error(name, "invalid", _("Only numbers have a least and a greatest value."))
    if one.minimum is not None and one.maximum is not None and one.minimum > one.maximum:
        draft.error("maximum", "range", _("The greatest value is below the least one."))


def _check_searchable(draft: Draft, one: CustomField) -> None:
    """Words in the search would give a protected value away to whoever types it."""
    if one.kind not in SEARCHABLE:
        draft.error("searchable", "invalid", _("Only texts, whole numbers and choices can be searched for."))
    elif one.right:
        draft.error(
            "searchable", "invalid", _("A protected field can't be searched for: its words would give it away.")
        )
    elif one.resource in extensible() and not resource_named(one.resource).search:
        draft.error("searchable", "invalid", _("This kind of record is not in the search."))


def _choices(draft: Draft) -> list[Choice]:
    if "choices" in draft.lines:
        rows: Any = [line.record for line in draft.line_drafts.get("choices", ())]
    else:
        rows = CustomChoice.objects.filter(field_id=draft.pk).order_by("position", "id") if draft.pk else []
    return [Choice(row.code, row.label_zh, row.label_en, row.active) for row in rows]


def _check_choices(draft: Draft) -> None:
    one, choices = draft.record, _choices(draft)
    if one.kind not in CHOOSING:
        if choices:
            draft.error("choices", "invalid", _("Only choices have a list of choices."))
        return
    if not choices:
        draft.error("choices", "required", _("Add at least one choice."))
    codes = [choice.code for choice in choices]
    if twice := next((code for code in codes if codes.count(code) > 1 or "," in code), None):
        draft.error("choices", "duplicate", _("“%(value)s” stands twice, or has a comma.") % {"value": twice})
    before = set(CustomChoice.objects.filter(field_id=draft.pk).values_list("code", flat=True)) if draft.pk else set()
    for code in before - set(codes):
        if _is_held(one, code):
            text = _("Records hold the code “%(code)s”. It can only be taken off offer.")
            draft.error("choices", "not_allowed", text % {"code": code})


def _is_held(one: CustomField, code: str) -> bool:
    rows = resource_named(one.resource).model._default_manager
    key = f"custom__{one.code}"
    if one.kind == "choice":
        return rows.filter(**{key: code}).exists()
    objects = rows.filter(custom__has_key=one.code).values_list("custom", flat=True)
    return any(code in held[one.code] for held in objects)


def _check_values(draft: Draft, row: CustomField) -> None:
    """The default must be a value that the field takes."""
    try:
        made = definition_of(row, _choices(draft))
        made.default()
    except ValidationError as problem:
        draft.error("default", "invalid", " ".join(problem.messages))


def follow_fields(batch: Batch) -> None:
    """Every process learns of the change; new fields get their indexes."""
    definitions_changed()
    for draft in batch.drafts:
        if draft.fresh:
            one = _definition(draft.record)
            if one.unique:
                make_unique_index(one)
            if one.kind in SORTABLE:
                enqueue(JOB, arguments={"pk": draft.record.pk})
        elif _words_change(draft):
            search_anew(draft.record.resource, batch.at)


def _words_change(draft: Draft) -> bool:
    """Whether records of the kind are to be found by other words."""
    return draft.changed("searchable") or (draft.record.searchable and "choices" in draft.lines)


def _definition(row: CustomField) -> CustomDefinition:
    return definition_of(row, [])


def before_delete(row: CustomField, actor: Actor) -> None:
    """A field goes only when no record holds a value. Raises Conflict."""
    if has_resource(resource_named(row.resource).model) and holds_values(row.resource, row.code):
        raise Conflict(_("Records hold values of this field. Archive it instead: the values are kept."))
    drop_indexes(_definition(row))
    definitions_changed()


def follow_putting_away(row: CustomField) -> None:
    """A retired field is hidden at once, a restored one shown again; so are its words in the search."""
    definitions_changed()
    if row.searchable:
        search_anew(row.resource, clock.now())

"""Dictionaries 数据字典: what the choices of fields are called, and that closed lists stay closed.

A new code holds at once everywhere: what is written is checked against the tables themselves. Only the labels are
kept for a few seconds in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from saleswright.kernel.caching import kept
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Text
from saleswright.kernel.models import DictionaryEntry
from saleswright.kernel.resources import Lines, Resource, resource_named

#: resource -> {field: dictionary}
_uses: dict[str, dict[str, str]] = {}


class Entry(NamedTuple):
    """A choice as the table has it."""

    dictionary: str
    code: str
    label_zh: str
    label_en: str
    active: bool
    closed: bool

    def label(self, language: str) -> str:
        """What it is called in the language."""
        return self.label_zh if language.startswith("zh") else self.label_en or self.label_zh


class Names(dict[str, Text]):
    """What the codes on offer are called; `get` also knows those that are no longer offered."""

    def __init__(self, entries: list[Entry], language: str) -> None:
        super().__init__((entry.code, entry.label(language)) for entry in entries if entry.active)
        self.retired = {entry.code: entry.label(language) for entry in entries if not entry.active}

    def get(self, code: Any, default: Any = None) -> Any:
        return super().get(code) or self.retired.get(code, default)


def use_dictionary(dictionary: str, resource: str, field: str) -> None:
    """Declare that the field of a resource, or of its lines (`lines.tax_rate`), holds codes of the dictionary."""
    _uses.setdefault(resource, {})[field] = dictionary


def uses_of(dictionary: str) -> list[tuple[str, str]]:
    """The fields, as (resource, field), that hold codes of the dictionary."""
    return [(name, field) for name, fields in _uses.items() for field, used in fields.items() if used == dictionary]


def names_in(dictionary: str) -> Callable[[], Names]:
    """A function that answers what the codes of the dictionary are called, in the active language."""
    return lambda: shelf().names(dictionary, get_language() or "zh")


class Shelf:
    """Every choice of every dictionary, and its names as they were asked for: once a cell of a list."""

    def __init__(self) -> None:
        self.entries = read_entries()
        self._names: dict[tuple[str, str], Names] = {}

    def names(self, dictionary: str, language: str) -> Names:
        """What the codes of a dictionary are called in a language."""
        found = self._names.get((dictionary, language))
        if found is None:
            found = Names([entry for entry in self.entries if entry.dictionary == dictionary], language)
            self._names[dictionary, language] = found
        return found


@kept(seconds=5)
def shelf() -> Shelf:
    """The dictionaries, at most a few seconds old."""
    return Shelf()


def read_entries(*dictionaries: str) -> list[Entry]:
    """The choices of some dictionaries, or of all, as they are now."""
    rows = DictionaryEntry.objects.order_by("dictionary_id", "position", "id")
    if dictionaries:
        rows = rows.filter(dictionary__code__in=dictionaries)
    columns = ("dictionary__code", "code", "label_zh", "label_en", "active", "dictionary__closed")
    return [Entry(*row) for row in rows.values_list(*columns)]


def is_used(dictionary: str, code: str) -> bool:
    """Whether any record or line holds the code; one that the field can't hold is held by none."""
    return any(_holds(name, field, code) for name, field in uses_of(dictionary))


def _holds(name: str, path: str, code: str) -> bool:
    resource = resource_named(name)
    group, _dot, field = path.rpartition(".")
    model = _lines_of(resource, group).model if group else resource.model
    try:
        return model._default_manager.filter(**{field: code}).exists()
    except (ValidationError, ArithmeticError):
        return False


def _lines_of(resource: Resource, group: str) -> Lines:
    return {lines.name: lines for lines in resource.lines}[group]


def check_choices(batch: Batch) -> None:
    """Turn labels into codes and refuse what a closed dictionary doesn't offer, in one query for the batch.

    History may hold what is no longer offered.
    """
    used = _uses.get(batch.resource.name, {})
    given = [one for path in used for draft in batch.good for one in _given(batch.resource, draft, path)]
    if not given:
        return
    found = read_entries(*{used[one.path] for one in given})
    for one in given:
        listed = [entry for entry in found if entry.dictionary == used[one.path]]
        if listed and listed[0].closed:
            _check(one, listed, batch.history)


class _Given(NamedTuple):
    """A value that is written: by which draft, on which record or line, and how the field is called in a refusal."""

    draft: Draft
    record: Any
    path: str
    field: str
    place: str


def _given(resource: Resource, draft: Draft, path: str) -> list[_Given]:
    """What a draft writes into a field of the record, or of its lines."""
    group, _dot, field = path.rpartition(".")
    if not group:
        written = draft.changed(field) and _value(draft.record, field)
        return [_Given(draft, draft.record, path, field, field)] if written else []
    if group not in draft.lines:
        return []
    return [
        _Given(draft, line.record, path, field, f"{group}.{line.index}.{field}")
        for line in draft.line_drafts[group]
        if field in line.values and _value(line.record, field)
    ]


def _is_as_before(one: _Given) -> bool:
    """Whether a line holds the value already: what was once allowed stays."""
    if one.record is one.draft.record or one.record.pk is None:
        return False
    stored = type(one.record)._default_manager.filter(pk=one.record.pk).values_list(one.field, flat=True).first()
    return stored == getattr(one.record, one.field)


def _check(one: _Given, listed: list[Entry], history: bool) -> None:
    value = _value(one.record, one.field)
    word = value.casefold()
    entry = next((e for e in listed if e.code == value), None) or next(
        (e for e in listed if word in {e.code.casefold(), e.label_zh.casefold(), e.label_en.casefold()}), None
    )
    if entry is not None and (entry.active or history):
        if entry.code != value:
            setattr(one.record, one.field, entry.code)
    elif not history and not _is_as_before(one):
        one.draft.error(one.place, "choice", _("“%(value)s” is not one of the choices.") % {"value": value})


def _value(record: Any, field: str) -> str:
    """What the record holds, as a code is written: 13 rather than 13.0000."""
    value = getattr(record, field)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value or "")

"""Dictionaries 数据字典: what the choices of fields are called, and that closed lists stay closed.

A new code holds at once everywhere: what is written is checked against the tables themselves. Only the labels are
kept for a few seconds in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from saleswright.kernel.caching import kept
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Text
from saleswright.kernel.models import DictionaryEntry
from saleswright.kernel.resources import resource_named

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
    """Declare that the field of a resource holds codes of the dictionary."""
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
    """Whether any record holds the code."""
    return any(
        resource_named(name).model._default_manager.filter(**{field: code}).exists()
        for name, field in uses_of(dictionary)
    )


def check_choices(batch: Batch) -> None:
    """Turn labels into codes and refuse what a closed dictionary doesn't offer, in one query for the batch.

    History may hold what is no longer offered.
    """
    used = _uses.get(batch.resource.name, {})
    given = [(draft, field) for field in used for draft in batch.good if draft.changed(field) and _value(draft, field)]
    if not given:
        return
    found = read_entries(*{used[field] for _draft, field in given})
    for draft, field in given:
        listed = [entry for entry in found if entry.dictionary == used[field]]
        if listed and listed[0].closed:
            _check(draft, field, listed, batch.history)


def _check(draft: Draft, field: str, listed: list[Entry], history: bool) -> None:
    value = _value(draft, field)
    word = value.casefold()
    entry = next((e for e in listed if e.code == value), None) or next(
        (e for e in listed if word in {e.code.casefold(), e.label_zh.casefold(), e.label_en.casefold()}), None
    )
    if entry is not None and (entry.active or history):
        if entry.code != value:
            setattr(draft.record, field, entry.code)
    elif not history:
        draft.error(field, "choice", _("“%(value)s” is not one of the choices.") % {"value": value})


def _value(draft: Draft, field: str) -> str:
    """What the draft holds, as a code is written: 13 rather than 13.0000."""
    value = getattr(draft.record, field)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value or "")

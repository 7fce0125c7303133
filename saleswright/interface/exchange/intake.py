"""Rows of a file as items: one record each, or one document with its lines, with the values of their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from saleswright.interface.exchange.cells import plain_text
from saleswright.interface.exchange.mapping import Mapping
from saleswright.interface.exchange.slots import Slot, reader_of
from saleswright.interface.exchange.table import Row
from saleswright.interface.fields import number_text
from saleswright.kernel.money import round_half_up
from saleswright.kernel.records import Draft

CHUNK_ROWS = 1000
GROUP_ALL_ROWS = 50_000
"""Up to so many rows the lines of a document may stand anywhere in the file, beyond it one after the other."""


@dataclass(slots=True)
class Reference:
    """A text that means another record: its id is to be put into `values` under the slot's field."""

    values: dict[str, Any]
    slot: Slot
    text: str
    row: Row


@dataclass(slots=True)
class Item:
    """A record to be written: its rows, its values, what is wrong with which row.

    `key` are the values that tell it apart, None when the file has none; `key_text` is what the file says there.
    """

    rows: list[Row]
    key: tuple[Any, ...] | None = None
    key_text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    group_rows: dict[str, list[Row]] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    errors: list[tuple[Row, str, str]] = field(default_factory=list)
    pk: int | None = None
    history: bool = False
    skipped: bool = False

    def fail(self, name: str, message: Any, row: Row | None = None) -> None:
        """Note what is wrong with a field ("" for the whole)."""
        self.errors.append((row or self.rows[0], name, str(message)))

    def draft(self, lines: frozenset[str]) -> Draft:
        """A new draft of it; groups that are no `lines` are values like any other."""
        others = {name: rows for name, rows in self.groups.items() if name not in lines}
        own = {name: [dict(row) for row in rows] for name, rows in self.groups.items() if name in lines}
        return Draft(self.values | others, pk=self.pk, lines=own, row=self.rows[0].line)

    def take_errors(self, draft: Draft) -> None:
        """Note what was wrong with its draft, at the row of the line concerned."""
        for error in draft.errors:
            group, _dot, rest = error.field.partition(".")
            place, _dot, name = rest.partition(".")
            if place.isdigit() and int(place) < len(self.group_rows.get(group, ())):
                self.fail(f"{group}.{name}", error.message, self.group_rows[group][int(place)])
            else:
                self.fail(error.field, error.message)


@dataclass(slots=True)
class Column:
    """A matched column: where it is and how its cells are read."""

    index: int
    slot: Slot
    read: Callable[[Any], Any]
    replaced: dict[str, str]
    places: int | None


class Intake:
    """Makes items of rows by the columns matched, what the mapping says of their cells, and the key."""

    def __init__(self, matched: list[tuple[int, Slot]], mapping: Mapping, key: Sequence[Slot], documents: bool) -> None:
        self._columns = [
            Column(index, slot, reader_of(slot), mapping.values.get(slot.name, {}), mapping.round.get(slot.name))
            for index, slot in matched
        ]
        self._missing = frozenset(mapping.file.missing)
        by_name = {column.slot.name: column for column in self._columns}
        self._key = [by_name[slot.name] for slot in key]
        self._documents = documents and bool(self._key)
        self._seen: set[tuple[str, ...]] = set()

    def chunks(self, rows: Iterable[Row], estimated_rows: int) -> Iterator[list[Item]]:
        """Items of some thousand rows at a time."""
        chunk: list[Item] = []
        count = 0
        for item in self._items(rows, estimated_rows):
            chunk.append(item)
            count += len(item.rows)
            if count >= CHUNK_ROWS:
                yield chunk
                chunk, count = [], 0
        if chunk:
            yield chunk

    def _items(self, rows: Iterable[Row], estimated_rows: int) -> Iterator[Item]:
        if not self._documents:
            yield from (self._item([row]) for row in rows)
        elif estimated_rows <= GROUP_ALL_ROWS:
            yield from self._grouped(rows)
        else:
            yield from self._consecutive(rows)

    def _grouped(self, rows: Iterable[Row]) -> Iterator[Item]:
        """Rows of one key, wherever they stand."""
        documents: dict[Any, list[Row]] = {}
        for row in rows:
            documents.setdefault(self._key_texts(row) or row.line, []).append(row)
        yield from map(self._item, documents.values())

    def _consecutive(self, rows: Iterable[Row]) -> Iterator[Item]:
        """Rows of one key that follow each other; a key that comes back is an error."""
        present: list[Row] = []
        texts: tuple[str, ...] = ()
        for row in rows:
            found = self._key_texts(row)
            if present and (found != texts or not found):
                yield self._closed(present, texts)
                present = []
            present.append(row)
            texts = found
        if present:
            yield self._closed(present, texts)

    def _closed(self, rows: list[Row], texts: tuple[str, ...]) -> Item:
        item = self._item(rows)
        if texts and texts in self._seen:
            item.fail("", _("The rows of “%(key)s” must stand one after the other.") % {"key": ", ".join(texts)})
        self._seen.add(texts)
        return item

    def _key_texts(self, row: Row) -> tuple[str, ...]:
        """What the row says in the columns of the key; nothing unless it fills all of them."""
        if row.problem:
            return ()
        texts = tuple(plain_text(self._cell(row, column)).strip() for column in self._key)
        return texts if all(texts) else ()

    def _item(self, rows: list[Row]) -> Item:
        item = Item(rows)
        seen: dict[str, tuple[Any, Row]] = {}
        for row in rows:
            if row.problem:
                item.fail("", row.problem, row)
            else:
                self._read(item, row, seen)
        self._identify(item)
        return item

    def _identify(self, item: Item) -> None:
        """Put its key. One with a gap is refused: the record would be made anew by each import."""
        values = {column.slot.name: item.values.get(column.slot.field) for column in self._key}
        missing = [name for name, value in values.items() if value is None]
        if not missing and values:
            item.key, item.key_text = tuple(values.values()), ", ".join(map(plain_text, values.values()))
        elif len(missing) < len(values) and not item.errors:
            item.fail(missing[0], _("This part of the key is missing."))

    def _cell(self, row: Row, column: Column) -> Any:
        """What the file says there; "" for nothing."""
        cell = row.cells[column.index]
        if isinstance(cell, str):
            cell = cell.strip()
        return "" if cell is None or cell in self._missing else cell

    def _read(self, item: Item, row: Row, seen: dict[str, tuple[Any, Row]]) -> None:
        """Empty cells give no value; what the rows of a document say of the whole of it must be the same."""
        lines: dict[str, dict[str, Any]] = {}
        for column in self._columns:
            cell = self._cell(row, column)
            if column.replaced:
                cell = column.replaced.get(plain_text(cell), cell)
            if cell == "":
                continue
            slot = column.slot
            values = lines.setdefault(slot.group, {}) if slot.group else item.values
            if slot.field in values and slot.name not in seen:
                continue
            try:
                value = column.read(cell if column.places is None else _rounded(cell, column.places))
            except ValidationError as problem:
                item.fail(slot.name, " ".join(problem.messages), row)
                continue
            if slot.name in seen:
                _compare(item, slot, value, row, *seen[slot.name])
                continue
            if slot.is_reference:
                item.references.append(Reference(values, slot, value, row))
            values[slot.field] = value
            if not slot.group:
                seen[slot.name] = value, row
        for group, values in lines.items():
            item.groups.setdefault(group, []).append(values)
            item.group_rows.setdefault(group, []).append(row)


def _compare(item: Item, slot: Slot, value: Any, row: Row, first: Any, at: Row) -> None:
    """Refuse a row that says something else of its document than an earlier one."""
    if value != first:
        message = _("Rows of one document disagree: “%(here)s” here, “%(there)s” in line %(line)d.")
        shown = {"here": plain_text(value), "there": plain_text(first), "line": at.line}
        item.fail(slot.name, message % shown, row)


def _rounded(cell: Any, places: int) -> Any:
    """The number in the cell, halves away from zero; what is no number is left for the reader to refuse."""
    try:
        return round_half_up(Decimal(number_text(cell)), places)
    except InvalidOperation:
        return cell

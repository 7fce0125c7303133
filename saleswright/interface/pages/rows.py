"""Tables in dialogs: rows that an action takes, offered with what is known of them; people fill in one column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from saleswright.interface.fields import plain
from saleswright.interface.formatting import format_date, format_money, format_number
from saleswright.interface.pages.inputs import NUMBERS, RecordForm, input_for
from saleswright.interface.presentation import Cell, CellKind, Column
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import FieldError, Text
from saleswright.kernel.transitions import Arg, Table, Transition

CELLS: dict[str, CellKind] = {"money": "money", "quantity": "number", "date": "date"}
Sent = Mapping[str, str]


@dataclass(slots=True)
class OfferedRow:
    """A row to fill in: what it is about, its input, what is sent back with it, and how much goes at most."""

    cells: list[Cell]
    form: RecordForm
    typed: str
    most: str = ""

    @property
    def input(self) -> Any:
        return self.form[self.typed]

    @property
    def hidden(self) -> list[Any]:
        return self.form.hidden_fields()


@dataclass(slots=True)
class RowTable:
    """The table of an argument. `total` and `nothing` (no money, as it is written) serve the figure of what is left."""

    name: str
    label: Text
    help: Text
    columns: list[Column]
    heading: Column
    rows: list[OfferedRow]
    follows: bool
    total: str = ""
    total_text: str = ""
    nothing: str = ""
    left: Text = ""
    errors: list[str] = field(default_factory=list)


def tables_of(transition: Transition) -> list[tuple[Arg, Table]]:
    """The arguments that people fill in as tables."""
    return [(arg, arg.table) for arg in transition.args if arg.table is not None]


def row_values(transition: Transition, data: Sent) -> dict[str, list[dict[str, Any]]]:
    """The rows that were filled in, by argument, as the transition takes them; tables left empty are left out."""
    found = {}
    for arg, table in tables_of(transition):
        kinds = {one.name: one.kind for one in arg.rows}
        found[arg.name] = [
            {name: text.replace(",", "") if kinds[name] in NUMBERS else text for name, text in row.items() if text}
            for row in _filled(_sent(arg, data), table)
        ]
    return {name: rows for name, rows in found.items() if rows}


def tables(
    transition: Transition, record: Any, actor: Actor, data: Sent, spoken: str, errors: Sequence[FieldError] = ()
) -> list[RowTable]:
    """The tables of a dialog with what was typed, and what was refused beside its row."""
    return [_page(arg, table, record, actor, data, spoken, errors) for arg, table in tables_of(transition)]


def _sent(arg: Arg, data: Sent) -> list[dict[str, str]]:
    """The rows of the table as they were sent, in their order."""
    place_of = re.compile(rf"{re.escape(arg.name)}-([0-9]{{1,4}})-").match
    places = sorted({int(found[1]) for name in data if (found := place_of(name))})
    return [{one.name: data.get(f"{arg.name}-{place}-{one.name}", "").strip() for one in arg.rows} for place in places]


def _filled(rows: Sequence[dict[str, str]], table: Table) -> list[dict[str, str]]:
    return [row for row in rows if row[table.typed]]


def _about(arg: Arg, table: Table, row: Mapping[str, Any]) -> dict[str, str]:
    """What the row is about."""
    return {one.name: str(row[one.name]) for one in arg.rows if one.name != table.typed and row.get(one.name)}


def _page(
    arg: Arg, table: Table, record: Any, actor: Actor, data: Sent, spoken: str, errors: Sequence[FieldError]
) -> RowTable:
    sent, currency = _sent(arg, data), getattr(record, "currency", "") or base_currency()
    offered = [(_about(arg, table, row), row) for row in table.offer(record, actor, data)]
    filled = [(_about(arg, table, row), row[table.typed]) for row in _filled(sent, table)]
    known = [about for about, _row in offered]
    if errors:  # what was offered before, and is gone meanwhile, was typed all the same
        gone = {table.shown[0].name: _("No longer offered")}
        offered += [(about, gone) for about, _text in filled if about not in known]
    typed = next(one for one in arg.rows if one.name == table.typed)
    rows = []
    for place, (about, row) in enumerate(offered):
        text = next((text for key, text in filled if key == about), "")
        text = text if sent else _text(row.get(typed.name), typed.kind)
        cells = [_cell(row.get(one.name), one.kind, spoken, currency) for one in table.shown]
        form = _form(f"{arg.name}-{place}", about, typed, text)
        rows.append(OfferedRow(cells, form, typed.name, _text(row.get(table.most), typed.kind)))
    page = RowTable(
        arg.name,
        arg.label,
        arg.help,
        [Column(one.name, one.label, CELLS.get(one.kind, "text")) for one in table.shown],
        Column(typed.name, typed.label, CELLS.get(typed.kind, "text")),
        rows,
        follows=bool(table.follows),
    )
    if table.total is not None:
        total = table.total(record)
        page.total, page.left = str(total), table.left
        page.total_text, page.nothing = (format_money(value, currency, spoken) for value in (total, Decimal(0)))
    places = [next(n for n, (key, _row) in enumerate(offered) if key == about) for about, _text in filled if errors]
    _refuse(page, [rows[place] for place in places], table, errors)
    return page


def _form(prefix: str, about: Mapping[str, str], typed: Arg, text: str) -> RecordForm:
    """The input of a row, and hidden what the row is about."""
    form = RecordForm({f"{prefix}-{name}": value for name, value in {**about, typed.name: text}.items()}, prefix=prefix)
    form.fields[typed.name] = input_for("quantity" if typed.kind == "money" else typed.kind, typed.label)
    form.fields |= {name: forms.Field(required=False, widget=forms.HiddenInput) for name in about}
    return form


def _refuse(page: RowTable, filled: Sequence[OfferedRow], table: Table, errors: Sequence[FieldError]) -> None:
    """Put refusals such as `allocations.1.amount` beside the rows that were sent, others above the table."""
    for error in errors:
        group, _dot, rest = error.field.partition(".")
        place = rest.partition(".")[0]
        if group != page.name:
            continue
        if place.isdigit() and int(place) < len(filled):
            filled[int(place)].form.refuse(table.typed, str(error.message))
        else:
            page.errors.append(str(error.message))


def _text(value: Any, kind: str) -> str:
    """A value as it stands in an input."""
    if isinstance(value, Decimal):
        return plain(value, 2 if kind in {"money", "price"} else 0)
    return "" if value is None else str(value)


def _cell(value: Any, kind: str, spoken: str, currency: str) -> Cell:
    """A value as it is read."""
    if kind == "money" and value is not None:
        return Cell(format_money(value, currency, spoken), "money")
    if isinstance(value, Decimal):
        return Cell(format_number(value), "number")
    if isinstance(value, date):
        return Cell(format_date(value), "date")
    return Cell("" if value is None else str(value))

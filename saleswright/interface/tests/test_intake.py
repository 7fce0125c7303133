"""Rows of a file gathered into records and documents."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.interface.exchange import intake
from saleswright.interface.exchange.intake import Intake, Item
from saleswright.interface.exchange.mapping import FileOptions, Mapping
from saleswright.interface.exchange.slots import Slot
from saleswright.interface.exchange.table import Row
from saleswright.interface.fields import spec_of
from saleswright.kernel.errors import FieldError
from saleswright.kernel.records import Draft
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pipeline.models import Opportunity

CODE = Slot("code", "code", spec=spec_of(Customer, "code"))
NAME = Slot("name", "name", spec=spec_of(Customer, "name"))
LINE = Slot("lines.title", "title", "lines", spec_of(Contact, "title"))
AMOUNT = Slot("groups.birthday", "birthday", "groups", spec_of(Contact, "birthday"))
ROWS = [
    Row(2, ["A1", "First", "x", ""]),
    Row(3, ["A2", "Second", "y", ""]),
    Row(4, ["A1", "", "z", "2020-02-01"]),
    Row(5, ["", "Blank", "", ""]),
    Row(6, ["", "Blank", "w", ""]),
]


def items(rows: list[Row], estimated: int = 5) -> list[Item]:
    taken = Intake([(0, CODE), (1, NAME), (2, LINE), (3, AMOUNT)], Mapping(), [CODE], documents=True)
    return [item for chunk in taken.chunks(rows, estimated) for item in chunk]


def test_it_gathers_rows_of_one_key_wherever_they_stand() -> None:
    found = items(ROWS)
    assert [(item.key, [row.line for row in item.rows]) for item in found] == [
        (("A1",), [2, 4]),
        (("A2",), [3]),
        (None, [5]),
        (None, [6]),
    ]
    assert found[0].values == {"code": "A1", "name": "First"}
    assert found[0].groups["lines"] == [{"title": "x"}, {"title": "z"}]
    assert found[2].groups == {}


def test_it_refuses_scattered_rows_of_one_key_in_long_files() -> None:
    found = items(ROWS, estimated=intake.GROUP_ALL_ROWS + 1)
    assert [(item.key, len(item.rows), bool(item.errors)) for item in found] == [
        (("A1",), 1, False),
        (("A2",), 1, False),
        (("A1",), 1, True),
        (None, 1, False),
        (None, 1, False),
    ]


def test_it_gathers_rows_that_agree_in_all_fields_of_the_key() -> None:
    rows = [
        Row(2, ["A1", "First", "x", ""]),
        Row(3, ["A1", "Second", "y", ""]),
        Row(4, ["A1", "First", "z", ""]),
        Row(5, ["A1", "", "w", ""]),
        Row(6, ["A1", "", "v", ""], "broken"),
    ]
    taken = Intake([(0, CODE), (1, NAME), (2, LINE), (3, AMOUNT)], Mapping(), [NAME, CODE], documents=True)
    found = [item for chunk in taken.chunks(rows, 5) for item in chunk]
    assert [(item.key, item.key_text, [row.line for row in item.rows]) for item in found] == [
        (("First", "A1"), "First, A1", [2, 4]),
        (("Second", "A1"), "Second, A1", [3]),
        (None, "", [5]),
        (None, "", [6]),
    ]
    assert [[name for _row, name, _message in item.errors] for item in found] == [[], [], ["name"], [""]]


def test_it_hands_lines_and_other_groups_to_the_draft() -> None:
    draft = items(ROWS)[0].draft(frozenset({"lines"}))
    assert draft.lines == {"lines": [{"title": "x"}, {"title": "z"}]}
    assert draft.values["groups"][0]["birthday"].isoformat() == "2020-02-01"


def test_it_finds_the_row_of_a_line_that_is_wrong() -> None:
    item = items(ROWS)[0]
    draft = Draft({}, errors=[FieldError("lines.1.title", "too_long", "long"), FieldError("name", "required", "none")])
    item.take_errors(draft)
    assert [(row.line, name) for row, name, _message in item.errors] == [(4, "lines.title"), (2, "name")]


@pytest.mark.parametrize("cell", ["31/31/2020", "soon"])
def test_it_notes_cells_that_cannot_be_read(cell: Any) -> None:
    item = items([Row(2, ["A1", "First", "x", cell])])[0]
    assert [(row.line, name) for row, name, _message in item.errors] == [(2, "groups.birthday")]


@pytest.mark.parametrize(("name", "wrong"), [("Second", [(4, "name")]), ("First", []), ("", [])])
def test_it_refuses_rows_of_one_document_that_disagree(name: str, wrong: list[tuple[int, str]]) -> None:
    item = items([Row(2, ["A1", "First", "x", ""]), Row(4, ["A1", name, "y", ""])])[0]
    assert [(row.line, field) for row, field, _message in item.errors] == wrong
    assert item.values["name"] == "First"


def test_it_takes_texts_that_stand_for_nothing_as_empty_cells() -> None:
    mapping = Mapping(file=FileOptions(missing=("NULL",)))
    taken = Intake([(0, CODE), (1, NAME)], mapping, [CODE], documents=True)
    (found,) = taken.chunks([Row(2, ["NULL", "x"]), Row(3, ["NULL", " NULL "])], 2)
    assert [(item.key, item.values) for item in found] == [(None, {"name": "x"}), (None, {})]


@pytest.mark.parametrize(
    ("cell", "value"), [("129.695", "129.70"), (85.25999999999999, "85.26"), ("1,000", "1000.00"), ("-0.005", "-0.01")]
)
def test_it_rounds_where_the_mapping_says_so(cell: Any, value: str) -> None:
    slot = Slot("amount", "amount", spec=spec_of(Opportunity, "amount"))
    ((item,),) = Intake([(0, slot)], Mapping(round={"amount": 2}), (), documents=False).chunks([Row(2, [cell])], 1)
    assert str(item.values["amount"]) == value


def test_it_refuses_more_places_where_the_mapping_says_nothing() -> None:
    slot = Slot("amount", "amount", spec=spec_of(Opportunity, "amount"))
    ((item,),) = Intake([(0, slot)], Mapping(), (), documents=False).chunks([Row(2, ["129.695"])], 1)
    assert [name for _row, name, _message in item.errors] == ["amount"]


def test_it_makes_chunks_of_bounded_size() -> None:
    taken = Intake([(0, CODE)], Mapping(), [CODE], documents=False)
    sizes = [len(chunk) for chunk in taken.chunks((Row(n, [f"A{n}"]) for n in range(2500)), 2500)]
    assert sizes == [1000, 1000, 500]

"""A table as read from a file: its header checked once, each row checked against it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.exchange.errors import ReadError
from saleswright.interface.exchange.mapping import error_columns


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `line`: line of the file (csv) or row of the sheet (xlsx) where it begins, from 1.

    If `problem` is set the row can't be used; `cells` are then what was found, of any number. Otherwise there
    is one cell for each header: text in csv; text, int, float, bool, date, datetime or time in xlsx; "" if empty.
    """

    line: int
    cells: list[Any]
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """An opened file. `rows` can be walked once; `estimated_rows` is for a progress bar only.

    `kind` is "csv" or "xlsx"; `encoding` and `delimiter` are those found or stated, None for xlsx.
    """

    headers: list[str]
    rows: Iterator[Row]
    kind: str
    encoding: str | None
    delimiter: str | None
    estimated_rows: int


def make_table(
    records: Iterator[Row],
    *,
    kind: str,
    estimated_records: int,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """The table of the records, of which the first that isn't blank is the header."""
    records = (record for record in records if record.problem or not _is_blank(record.cells))
    header = next(records, None)
    if header is None:
        raise ReadError("empty_file", _("The file is empty"))
    if header.problem:
        raise ReadError(
            "bad_header",
            _("The header in line {line} can't be used: {reason}"),
            line=header.line,
            reason=header.problem,
        )
    headers = _headers(header.cells)
    first = next(records, None)
    if first is None:
        raise ReadError("no_rows", _("The file has a header but no rows"))
    rows = (_checked(record, headers, len(header.cells)) for record in chain([first], records))
    return Table(headers, rows, kind, encoding, delimiter, max(estimated_records - 1, 1))


def _is_blank(cells: list[Any]) -> bool:
    return all(isinstance(cell, str) and not cell.strip() for cell in cells)


def _headers(cells: list[Any]) -> list[str]:
    """The header's texts; blank columns at its end don't belong to the table."""
    headers = [str(cell).strip() for cell in cells]
    while not headers[-1]:
        headers.pop()
    if "" in headers:
        raise ReadError("blank_header", _("Column {column} has no header"), column=headers.index("") + 1)
    own = headers[error_columns(headers) :]
    for header, count in Counter(own).items():
        if count > 1:
            columns = [index + 1 for index, other in enumerate(headers) if other == header]
            raise ReadError(
                "duplicate_header",
                _("The header “{header}” occurs more than once, in the columns {columns}"),
                header=header,
                columns=", ".join(map(str, columns)),
            )
    return headers


def _checked(row: Row, headers: list[str], width: int) -> Row:
    """The row with as many cells as there are headers, or with its problem; no cell ever changes its column."""
    if row.problem:
        return row
    if len(row.cells) != width:
        problem = gettext("{found} fields where the header has {expected}").format(found=len(row.cells), expected=width)
        return replace(row, problem=problem)
    if not _is_blank(row.cells[len(headers) :]):
        return replace(row, problem=gettext("There is a value in a column without a header"))
    return replace(row, cells=row.cells[: len(headers)])

"""Write tables as csv or xlsx so that a spreadsheet program never takes a value for a formula."""

import csv
import datetime
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import xlsxwriter
from django.utils.translation import gettext_lazy as _
from xlsxwriter.worksheet import Worksheet

from saleswright.interface.exchange.cells import csv_text, plain_text
from saleswright.interface.exchange.errors import WriteError
from saleswright.interface.exchange.mapping import ERROR_COLUMNS, error_columns

KIND_FORMATS = {
    "text": "@",
    "integer": "#,##0",
    "number": "#,##0.######",
    "money": "#,##0.00",
    "percent": '0.00"%"',
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "time": "hh:mm:ss",
}
"""Kind of a column -> its number format. A percent is written as the number of percent: 13 for 13 %."""

MAX_ROWS = 1_048_576
MAX_TEXT = 32_767
MAX_DIGITS = 15
FIRST_YEAR = 1900
"""Limits of the xlsx format: rows of a sheet, characters of a cell, digits a number keeps, first year of a date."""


def write_csv(stream: TextIO, headers: Sequence[str], rows: Iterable[Sequence[Any]], *, bom: bool) -> int:
    """Write to a text stream opened with newline=""; `bom` lets Excel see that it is UTF-8. Returns the row count."""
    if bom:
        stream.write("\ufeff")
    writer = csv.writer(stream)
    writer.writerow([csv_text(header) for header in headers])
    count = 0
    for row in rows:
        writer.writerow([csv_text(cell) for cell in row])
        count += 1
    return count


def write_xlsx(
    path: Path, headers: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str, kinds: Sequence[str] = ()
) -> int:
    """Write one sheet in constant memory; `kinds` are keys of KIND_FORMATS, "" for by value. Returns the row count.

    Aware datetimes are written as the clock time that they carry: the format has no time zones.
    Raises WriteError `too_many_rows` and leaves no file.
    """
    with SheetWriter(path, headers, title=title, kinds=kinds) as sheet:
        for row in rows:
            sheet.add(row)
    return sheet.count


class SheetWriter:
    """An xlsx file with one sheet, written row by row; a context manager."""

    def __init__(self, path: Path, headers: Sequence[str], *, title: str, kinds: Sequence[str] = ()) -> None:
        self.count = 0
        self._path = path
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
        self._formats = {kind: self._book.add_format({"num_format": code}) for kind, code in KIND_FORMATS.items()}
        self._kinds = kinds
        self._sheet: Worksheet = self._book.add_worksheet(sheet_title(title))
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for column, header in enumerate(headers):
            self._sheet.set_column(column, column, _width(header))
            self._sheet.write_string(0, column, header, bold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._book.close()
        if error is not None:
            self._path.unlink(missing_ok=True)

    def add(self, row: Sequence[Any]) -> None:
        """Append a row."""
        self.count += 1
        if self.count >= MAX_ROWS:
            raise WriteError(
                "too_many_rows", _("An xlsx sheet holds at most {count} rows; use csv"), count=f"{MAX_ROWS - 1:,}"
            )
        for column, cell in enumerate(row):
            self._write(self.count, column, cell)

    def _write(self, row: int, column: int, cell: Any) -> None:
        kind = self._kinds[column] if column < len(self._kinds) else ""
        if cell is None or cell == "":
            return
        if isinstance(cell, bool):
            self._sheet.write_boolean(row, column, cell)
        elif isinstance(cell, int | float | Decimal) and _is_exact_number(cell):
            self._sheet.write_number(row, column, float(cell), self._formats[kind or _number_kind(cell)])
        elif isinstance(cell, datetime.date) and cell.year < FIRST_YEAR:
            self._sheet.write_string(row, column, plain_text(cell))
        elif isinstance(cell, datetime.datetime):
            self._sheet.write_datetime(row, column, cell.replace(tzinfo=None), self._formats[kind or "datetime"])
        elif isinstance(cell, datetime.date):
            self._sheet.write_datetime(row, column, cell, self._formats[kind or "date"])
        elif isinstance(cell, datetime.time):
            self._sheet.write_datetime(row, column, cell.replace(tzinfo=None), self._formats[kind or "time"])
        else:
            self._sheet.write_string(row, column, plain_text(cell)[:MAX_TEXT])


def _is_exact_number(value: int | float | Decimal) -> bool:
    """Whether a spreadsheet keeps every digit; longer ones (account numbers) are written as text."""
    number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    return number.is_finite() and (isinstance(value, float) or len(number.normalize().as_tuple().digits) <= MAX_DIGITS)


def _number_kind(value: int | float | Decimal) -> str:
    if isinstance(value, int):
        return "integer"
    return "money" if isinstance(value, Decimal) and value.as_tuple().exponent == -2 else "number"


def _width(header: str) -> int:
    """Column width in characters: Chinese ones take two."""
    return max(10, min(40, 2 + sum(1 if character.isascii() else 2 for character in header)))


def sheet_title(title: str) -> str:
    """The title as a sheet may be called: at most 31 characters, none of []:*?/\\, no apostrophe at its ends."""
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:31].strip().strip("'") or "Sheet1"


class ErrorsFile:
    """The failed rows as the table they came from, with line and reason before them, to correct and send again.

    xlsx or csv (UTF-8 with BOM) by the path's ending; a context manager. Line and reason stand first, so that a row
    with too many cells stays as it was; match_headers passes them over. Those of an earlier round are replaced.
    """

    def __init__(self, path: Path, headers: Sequence[str]) -> None:
        self.count = 0
        self._skip = error_columns(headers)
        self._headers = [*ERROR_COLUMNS, *headers[self._skip :]]
        self._path = path
        self._sheet: SheetWriter | None = None
        self._stream: TextIO | None = None

    def __enter__(self) -> Self:
        if self._path.suffix.lower() == ".xlsx":
            self._sheet = SheetWriter(self._path, self._headers, title="errors")
        else:
            self._stream = self._path.open("w", encoding="utf-8", newline="")
            write_csv(self._stream, self._headers, (), bom=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._sheet is not None:
            self._sheet.__exit__(kind, error, at)
        if self._stream is not None:
            self._stream.close()

    def add(self, line: int, cells: Sequence[Any], error: str) -> None:
        """Append a failed row, its line in the file that was sent and why it failed."""
        row = [line, error, *cells[self._skip :]]
        self.count += 1
        if self._sheet is not None:
            self._sheet.add(row)
        if self._stream is not None:
            csv.writer(self._stream).writerow([csv_text(cell) for cell in row])

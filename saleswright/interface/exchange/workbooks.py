"""Read a sheet of an xlsx workbook, after checking that unpacking it can't exhaust the memory."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from saleswright.interface.exchange.errors import ReadError
from saleswright.interface.exchange.mapping import FileOptions
from saleswright.interface.exchange.table import Row, Table, make_table

MAX_UNPACKED_BYTES = 300 * 1024 * 1024
MAX_MEMBERS = 2_000
MAX_RATIO = 200
RATIO_COUNTS_FROM_BYTES = 1024 * 1024
MAX_CELLS = 10_000_000
"""The parser holds the rectangle from the first to the last cell, some 32 bytes a cell."""

CHUNK_BYTES = 1024 * 1024
COLUMN_REFERENCE = re.compile(rb"""\sr=["']([A-Z]{1,3})\d""")
ROW_REFERENCE = re.compile(rb"""\sr=["'][A-Z]{0,3}(\d{1,7})["']""")
LONGEST_REFERENCE = 24


def open_workbook(path: Path, options: FileOptions) -> Table:
    """The table on the stated sheet, else on the first visible one. Formulas give their stored value."""
    _check_archive(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        sheet = workbook.get_sheet_by_name(_sheet_name(workbook, options.sheet))
    except (CalamineError, OSError) as error:
        raise _corrupt() from error
    return make_table(
        _records(sheet.iter_rows(), options.skip_rows), kind="xlsx", estimated_records=sheet.height - options.skip_rows
    )


def _sheet_name(workbook: CalamineWorkbook, wanted: str | None) -> str:
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    names = [sheet.name for sheet in sheets]
    if wanted is not None and wanted not in names:
        raise ReadError(
            "unknown_sheet",
            _("The workbook has no sheet “{sheet}”; its sheets are: {sheets}"),
            sheet=wanted,
            sheets=", ".join(names),
        )
    visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    if not names:
        raise _corrupt()
    return wanted or (visible or names)[0]


def _records(rows: Iterator[list[Any]], skip_rows: int) -> Iterator[Row]:
    for line, cells in enumerate(rows, start=1):
        if line > skip_rows:
            yield Row(line, [_whole(cell) for cell in cells])


def _whole(cell: Any) -> Any:
    """A whole number as int: the file knows floats only."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _check_archive(path: Path) -> None:
    """Refuse archives that are damaged, lie about their sizes or unpack to too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(members)
            for member in members:
                _check_member(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise _corrupt() from error


def _check_sizes(members: list[zipfile.ZipInfo]) -> None:
    inflated = [
        member
        for member in members
        if member.file_size > RATIO_COUNTS_FROM_BYTES and member.file_size > MAX_RATIO * member.compress_size
    ]
    if len(members) > MAX_MEMBERS or inflated or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise ReadError("too_large", _("The workbook unpacks to more than is allowed"))


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read to the end, which verifies size and checksum; measure the rectangle of cells if it is a sheet."""
    columns: set[bytes] = set()
    rows: set[bytes] = set()
    tail = b""
    is_sheet = member.filename.lower().startswith("xl/worksheets/")
    with archive.open(member) as content:
        while chunk := content.read(CHUNK_BYTES):
            if is_sheet:
                columns.update(COLUMN_REFERENCE.findall(tail + chunk))
                rows.update(ROW_REFERENCE.findall(tail + chunk))
                tail = chunk[-LONGEST_REFERENCE:]
    if max(map(_column_number, columns), default=0) * max(map(int, rows), default=0) > MAX_CELLS:
        raise ReadError(
            "too_large",
            _("The sheet has more than {count} cells; divide it into several files"),
            count=f"{MAX_CELLS:,}",
        )


def _column_number(letters: bytes) -> int:
    """A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _corrupt() -> ReadError:
    return ReadError("corrupt_file", _("The workbook is damaged"))

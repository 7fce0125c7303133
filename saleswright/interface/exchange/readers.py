"""Open a csv or xlsx file as a table of rows, one at a time, without trusting it."""

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from saleswright.interface.exchange.csv_files import open_csv
from saleswright.interface.exchange.errors import ReadError
from saleswright.interface.exchange.mapping import FileOptions
from saleswright.interface.exchange.table import Row, Table
from saleswright.interface.exchange.workbooks import open_workbook

__all__ = ["FileOptions", "ReadError", "Row", "Table", "open_table"]

OLD_EXCEL_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
ZIP = b"PK\x03\x04"


def open_table(path: Path, *, mapping: FileOptions | None = None, name: str = "") -> Table:
    """Open the file at `path`, which the user calls `name`; its first bytes say what it is.

    Rows of blanks only are left out. Raises ReadError: `empty_file`, `no_rows`, `old_excel`, `corrupt_file`,
    `too_large`, `unknown_sheet`, `unknown_encoding`, `bad_header`, `blank_header`, `duplicate_header`.
    """
    options = mapping or FileOptions()
    with path.open("rb") as file:
        start = file.read(4)
    if start == OLD_EXCEL_OR_ENCRYPTED:
        raise ReadError("old_excel", _("This is an old .xls workbook or one with a password; save it as plain .xlsx"))
    if start == ZIP:
        return open_workbook(path, options)
    if start and Path(name or path.name).suffix.lower() == ".xlsx":
        raise ReadError("corrupt_file", _("The workbook is damaged"))
    return open_csv(path, options)

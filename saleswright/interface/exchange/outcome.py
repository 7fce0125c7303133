"""What came of an import, and the file of the rows that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from django.utils.translation import gettext as _

from saleswright.interface.exchange.intake import Item
from saleswright.interface.exchange.writers import ErrorsFile

MAX_ERRORS = 200
"""So many errors are shown; the errors file has all."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one field ("" for the whole row) of the line of the file."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class AlikeRow:
    """The line of a file that is likely a record which is there already: whose, how likely, what becomes of it."""

    line: int
    name: str
    record_id: int
    label: str
    percent: int
    seen: bool
    choice: str


@dataclass(slots=True)
class ImportOutcome:
    """`rows` of the file; `created` and `updated` records; `failed` rows, of which `errors` are the first.

    `likely` rows are there already in all likelihood, of which `alike` are the first; `skipped` were left out.

    When nothing was taken because rows failed (`on_error="stop"`), `created` and `updated` are 0.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    dry_run: bool = False
    errors: list[RowError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    likely: int = 0
    skipped: int = 0
    alike: list[AlikeRow] = field(default_factory=list)


class Failures:
    """Counts failed rows, keeps the first errors and writes the errors file once a row has failed."""

    def __init__(
        self, outcome: ImportOutcome, path: Path | None, headers: Sequence[str], columns: Mapping[str, str]
    ) -> None:
        self._outcome, self._path, self._headers, self._columns = outcome, path, headers, columns
        self._file: ErrorsFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.__exit__(kind, error, at)

    def add(self, items: list[Item]) -> None:
        """Note items that failed; every row of a document fails with it."""
        for item in sorted(items, key=lambda item: item.rows[0].line):
            reasons: dict[int, list[str]] = {}
            for row, name, message in item.errors:
                if len(self._outcome.errors) < MAX_ERRORS:
                    self._outcome.errors.append(RowError(row.line, name, message))
                column = self._columns.get(name, name)
                reasons.setdefault(row.line, []).append(f"{column}: {message}" if column else message)
            self._outcome.failed += len(item.rows)
            for row in item.rows if self._path else ():
                text = "; ".join(reasons.get(row.line, [_("Another row of the same record is wrong.")]))
                self._errors_file().add(row.line, row.cells, text)

    def _errors_file(self) -> ErrorsFile:
        if self._file is None:
            assert self._path is not None
            self._file = ErrorsFile(self._path, self._headers).__enter__()
        return self._file

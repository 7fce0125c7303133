"""Which column of a file is which field: the mapping file (TOML) and the matching of headers."""

import datetime
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.exchange.errors import MappingError

ERROR_COLUMNS = ("line", "error")
"""Headers of the two columns that an errors file puts before those of the original table."""

TABLES = ("file", "columns", "values", "defaults", "create", "round")

Rank = tuple[int, int]

DEFAULT_TYPES = (str, bool, int, Decimal, datetime.datetime, datetime.date, datetime.time)


@dataclass(frozen=True)
class FileOptions:
    """How to read the file; None means: find it out."""

    encoding: str | None = None
    sheet: str | None = None
    skip_rows: int = 0
    delimiter: str | None = None
    missing: tuple[str, ...] = ()
    """Texts that stand for an empty cell."""
    key: tuple[str, ...] = ()
    """Fields that together tell its records apart; without them the entity's own key does."""


@dataclass(frozen=True)
class Mapping:
    """A remembered mapping: file options, column -> field or fields, field -> value in the file -> value,
    field -> default, reference -> field of a record that is made when it is missing, field -> decimal places."""

    file: FileOptions = field(default_factory=FileOptions)
    columns: dict[str, str] | dict[str, str | list[str]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    create: dict[str, str] = field(default_factory=dict)
    round: dict[str, int] = field(default_factory=dict)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each column with each field that it fills."""
        for column, names in self.columns.items():
            for name in [names] if isinstance(names, str) else names:
                yield column, name


@dataclass(frozen=True)
class ImportField:
    """A field that an import can fill. `labels`: English and Chinese label, then synonyms; earlier ones win."""

    name: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeaderMatch:
    """`matched`: (column index, field name); `unmatched`: headers of no field; `missing`: fields without a column."""

    matched: list[tuple[int, str]]
    unmatched: list[str]
    missing: list[str]


def load_mapping(source: Path | str) -> Mapping:
    """Read a mapping from a TOML file (a Path) or from TOML text (a str).

    Raises MappingError: `unreadable`, `bad_toml`, `unknown_table`, `unknown_key`, `wrong_type`.
    """
    document = _parse(source)
    _refuse_unknown(
        "unknown_table",
        _("Unknown table [{name}] in the mapping; allowed are: {allowed}"),
        document,
        TABLES,
    )
    tables = {name: _table(name, document.get(name, {})) for name in TABLES}
    return Mapping(
        file=_file_options(tables["file"]),
        columns=_flatten("columns", tables["columns"], _is_target, _("a field name in quotes or a list of them")),
        values=_values(tables["values"]),
        defaults=_flatten("defaults", tables["defaults"], _is_default, _("a single value or a list of them")),
        create=_flatten("create", tables["create"], _is_name, _("a field name in quotes")),
        round=_flatten("round", tables["round"], _is_count, _("a whole number from 0")),
    )


def _parse(source: Path | str) -> dict[str, Any]:
    try:
        text = source.read_text(encoding="utf-8-sig") if isinstance(source, Path) else source
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError("unreadable", _("The mapping can't be read: {reason}"), reason=error) from error
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MappingError("bad_toml", _("The mapping isn't valid TOML: {reason}"), reason=error) from error


def _refuse_unknown(code: str, message: Any, found: Iterable[str], allowed: Sequence[str]) -> None:
    for name in found:
        if name not in allowed:
            raise MappingError(code, message, name=name, allowed=", ".join(allowed))


def _wrong_type(key: str, expected: Any) -> MappingError:
    return MappingError("wrong_type", _("“{key}” in the mapping must be {expected}"), key=key, expected=expected)


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(name, _("a table"))
    return value


def _file_options(table: dict[str, Any]) -> FileOptions:
    _refuse_unknown(
        "unknown_key",
        _("Unknown key “{name}” in [file] of the mapping; allowed are: {allowed}"),
        table,
        ("encoding", "sheet", "skip_rows", "delimiter", "missing", "key"),
    )
    for key in ("encoding", "sheet", "delimiter"):
        if key in table and not _is_name(table[key]):
            raise _wrong_type(f"file.{key}", _("a text in quotes"))
    if len(table.get("delimiter", ",")) != 1:
        raise _wrong_type("file.delimiter", _("one character"))
    if not _is_count(table.get("skip_rows", 0)):
        raise _wrong_type("file.skip_rows", _("a whole number from 0"))
    missing = table.get("missing", [])
    if not isinstance(missing, list) or not all(isinstance(text, str) for text in missing):
        raise _wrong_type("file.missing", _("a list of texts in quotes"))
    if "key" in table and not _is_target(table["key"]):
        raise _wrong_type("file.key", _("a field name in quotes or a list of them"))
    key = table.get("key", [])
    return FileOptions(**{**table, "missing": tuple(missing), "key": (key,) if isinstance(key, str) else tuple(key)})


def _values(table: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Tables of texts by field; an unquoted `[values.lines.unit]` is the field `lines.unit`."""
    found: dict[str, dict[str, str]] = {}
    pending = list(table.items())
    while pending:
        name, content = pending.pop(0)
        if not isinstance(content, dict):
            raise _wrong_type(f"values.{name}", _("a table"))
        for key, value in content.items():
            if isinstance(value, dict):
                pending.append((f"{name}.{key}", value))
            elif isinstance(value, str):
                found.setdefault(name, {})[key] = value
            else:
                raise _wrong_type(f"values.{name}.{key}", _("a text in quotes"))
    return found


def _flatten(
    table: str, content: dict[str, Any], accepts: Callable[[Any], bool], expected: Any, prefix: str = ""
) -> dict[str, Any]:
    """Nested tables as dotted names: an unquoted `lines.unit = ...` means the name "lines.unit"."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flatten(table, value, accepts, expected, prefix=f"{prefix}{key}.")
        elif accepts(value):
            flat[prefix + key] = value
        else:
            raise _wrong_type(f"{table}.{prefix}{key}", expected)
    return flat


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_target(value: Any) -> bool:
    return _is_name(value) or (isinstance(value, list) and value != [] and all(map(_is_name, value)))


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_default(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, DEFAULT_TYPES) for item in value)
    return isinstance(value, DEFAULT_TYPES)


def error_columns(headers: Sequence[str]) -> int:
    """How many leading columns were put there by an errors file: 2 or 0."""
    return len(ERROR_COLUMNS) if tuple(headers[: len(ERROR_COLUMNS)]) == ERROR_COLUMNS else 0


def match_headers(headers: Sequence[str], fields: Sequence[ImportField], mapping: Mapping) -> HeaderMatch:
    """Find the field of each column: by the mapping, else by field name, else by label or synonym.

    Width, case, blanks, punctuation and units in brackets don't count. If several columns fit a field, the
    best fit wins. Columns that an errors file added are passed over.

    Raises MappingError: `unknown_column`, `unknown_field`, `ambiguous_column`.
    """
    matched = _explicit(headers, fields, mapping)
    columns, names = {index for index, _name in matched}, {name for _index, name in matched}
    for group in _by_rank(_candidates(headers, fields, taken_columns=columns, taken_fields=names)):
        for index, name in group:
            if index in columns or name in names:
                continue
            rivals = [i for i, other in group if other == name and i not in columns]
            if len(rivals) > 1:
                raise MappingError(
                    "ambiguous_column",
                    _("The columns {columns} all fit the field “{field}”; say in a mapping which one is meant"),
                    columns=", ".join(headers[i] for i in rivals),
                    field=name,
                )
            matched.append((index, name))
            columns.add(index)
            names.add(name)
    own = range(error_columns(headers), len(headers))
    return HeaderMatch(
        matched=sorted(matched, key=itemgetter(0)),
        unmatched=[headers[i] for i in own if i not in columns],
        missing=[f.name for f in fields if f.name not in names],
    )


def _explicit(headers: Sequence[str], fields: Sequence[ImportField], mapping: Mapping) -> list[tuple[int, str]]:
    names = {f.name for f in fields}
    matched: dict[str, int] = {}
    for column, name in mapping.pairs():
        if column.strip() not in headers:
            raise MappingError(
                "unknown_column",
                _("The mapping names the column “{column}”, which the file hasn't; its columns are: {headers}"),
                column=column,
                headers=", ".join(headers),
            )
        if name not in names:
            raise MappingError(
                "unknown_field",
                _("The mapping names the field “{field}”, which can't be imported; the fields are: {fields}"),
                field=name,
                fields=", ".join(f.name for f in fields),
            )
        if name in matched:
            raise MappingError(
                "ambiguous_column", _("The mapping gives the field “{field}” more than one column"), field=name
            )
        matched[name] = headers.index(column.strip())
    return [(index, name) for name, index in matched.items()]


def _candidates(
    headers: Sequence[str], fields: Sequence[ImportField], *, taken_columns: set[int], taken_fields: set[str]
) -> list[tuple[Rank, int, str]]:
    """(rank, column, field) of everything that fits; a lower rank fits better."""
    return [
        (rank, index, candidate.name)
        for index in range(error_columns(headers), len(headers))
        if index not in taken_columns
        for candidate in fields
        if candidate.name not in taken_fields
        for rank in (_rank(headers[index], (candidate.name, *candidate.labels)),)
        if rank is not None
    ]


def _rank(header: str, labels: Sequence[str]) -> Rank | None:
    """How well the header fits: (0 whole or 1 without what is in brackets, position of the label)."""
    parts: tuple[Callable[[str], str], ...] = (str, _without_brackets)
    for looseness, part in enumerate(parts):
        key = _key(part(header))
        for position, label in enumerate(labels):
            if key and _key(part(label)) == key:
                return looseness, position
    return None


def _by_rank(candidates: list[tuple[Rank, int, str]]) -> Iterable[list[tuple[int, str]]]:
    for rank in sorted({rank for rank, _index, _name in candidates}):
        yield [(index, name) for found, index, name in candidates if found == rank]


def _without_brackets(text: str) -> str:
    return re.sub(r"[(\[【〔][^)\]】〕]*[)\]】〕]", "", unicodedata.normalize("NFKC", text))


def _key(text: str) -> str:
    """What is compared of a header: letters, digits and marks of any script, in one width and case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())

"""Writes records as csv or xlsx: what a list shows, or everything that an import takes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from saleswright.interface import listing
from saleswright.interface.entity import Attached, Entity, entity_named
from saleswright.interface.exchange.errors import WriteError
from saleswright.interface.exchange.writers import write_csv, write_xlsx
from saleswright.interface.fields import FieldSpec
from saleswright.interface.labels import add_labels
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.personal import EXPORT_UNMASKED
from saleswright.kernel.resources import has_resource, resource_of

Format = Literal["csv", "xlsx"]
CHUNK = 1000
KINDS = {
    "money": "money", "price": "number", "quantity": "number", "percent": "percent", "decimal": "number",
    "integer": "integer", "date": "date", "datetime": "datetime", "text": "text", "long": "text", "choice": "text",
    "reference": "text",
}  # fmt: skip
"""Kind of a field -> kind of a column in xlsx."""


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column of the file: `select` is read for it, `value` makes the cell; `group` names the lines it is of.

    Of a `custom` field the value and its label are put into the rows once they are read.
    """

    name: str
    label: str
    kind: str
    select: tuple[str, ...]
    value: Callable[[dict[str, Any]], Any]
    group: str = ""
    attached: Attached | None = None
    custom: FieldSpec | None = None


def export_rows(
    entity: Entity,
    query: listing.ListQuery,
    *,
    actor: Actor,
    columns: Sequence[str],
    path: Path,
    file_format: Format,
    bom: bool = True,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    unmasked: bool = False,
) -> int:
    """Write the records that the query finds, in its order, to `path`; returns their number.

    Columns that the actor may not see are left out. Recorded in the audit as `exported`. `unmasked` writes masked
    personal data in full, as far as the actor may read it; that needs a right of its own, and is noted by field.
    Raises NotAllowed, ValidationFailed, WriteError `too_many_rows`.
    """
    actor.require(f"{entity.name}.export")
    if unmasked:
        actor.require(EXPORT_UNMASKED)
    chosen = [c for c in (column_named(entity, name, actor, unmasked=unmasked) for name in columns) if c is not None]
    if not chosen:
        raise WriteError("no_columns", _("There is no column to export"))
    records = ordered(entity, query, actor)
    counter = _Counter(progress)
    rows = _rows(entity, records, chosen, actor, counter)
    headers = _headers(chosen)
    if file_format == "xlsx":
        title, kinds = str(entity.label_plural), [KINDS.get(column.kind, "") for column in chosen]
        write_xlsx(path, headers, rows, title=title, kinds=kinds)
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_csv(stream, headers, rows, bom=bom)
    changes = {"count": [None, counter.count], "columns": [None, [column.name for column in chosen]]}
    if full := [c.name for c in chosen if unmasked and entity.mask_of(c.name) is not None]:
        changes["unmasked"] = [None, full]
    line = AuditLine(entity.name, None, str(entity.label_plural), "exported", changes)
    record_audit([line], actor=actor, at=clock.now())
    return counter.count


def run_export(
    entity_name: str,
    path: Path,
    *,
    actor: Actor,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> int:
    """Write every record of an entity, in the columns that an import takes back, to a .csv or .xlsx file.

    A document with lines has a row for each line. Raises NotFound, NotAllowed, WriteError.
    """
    entity = entity_named(entity_name)
    if path.suffix.lower() not in {".csv", ".xlsx"}:
        raise WriteError("unknown_format", _("The name of the file must end in .csv or .xlsx"))
    query = listing.ListQuery(ordering="id")
    file_format: Format = "xlsx" if path.suffix.lower() == ".xlsx" else "csv"
    columns = exchange_columns(entity) or entity.columns
    return export_rows(
        entity, query, actor=actor, columns=columns, path=path, file_format=file_format, progress=progress
    )


def exchange_columns(entity: Entity) -> tuple[str, ...]:
    """The names of what goes out and comes back, secrets that are only ever written left out."""
    extra = entity.exchange.extra_export if entity.exchange else ()
    return tuple(name for name in (*entity.exchange_fields, *extra) if name not in {"password"})


def ordered(entity: Entity, query: listing.ListQuery, actor: Actor) -> Any:
    """The records as a list has them: those that may be seen and exported, empty values last."""
    records = listing.queryset(entity, query, actor, action="export")
    if actor.scopes(f"{entity.name}.export") != actor.scopes(f"{entity.name}.view"):
        records = records.filter(pk__in=visible(entity.model._default_manager.all(), actor).order_by().values("pk"))
    name, descending = query.ordering.lstrip("-"), query.ordering.startswith("-")
    if name == "id":
        return records.order_by("-id" if descending else "id")
    column = F((entity.specs.get(name) or entity.retired_specs[name]).attname)
    if descending:
        return records.order_by(column.desc(nulls_last=True), "-id")
    return records.order_by(column.asc(nulls_last=True), "id")


def column_named(entity: Entity, name: str, actor: Actor, *, unmasked: bool = False) -> ExportColumn | None:
    """The column of that name: a field, a field of its reference, of its lines, or something attached."""
    own = entity.specs_for(actor) | (entity.known_to(actor) if unmasked else {})
    if name in own:
        return _field_column(name, own[name], "", "")
    group, _dot, rest = name.rpartition(".")
    specs = entity.line_specs.get(group, {}) if group else own
    base, _sep, path = rest.partition("__")
    if base in specs and _is_open(specs[base], path):
        return _field_column(name, specs[base], path, group)
    for attached in entity.attached:
        if attached.name == name:
            return ExportColumn(name, str(attached.label), "", (), lambda row: None, attached=attached)
    return None


def _is_open(spec: FieldSpec, path: str) -> bool:
    """Whether the path from a reference leads to a field that needs no right."""
    return not path or not has_resource(spec.target) or path not in resource_of(spec.target).secret


def _field_column(name: str, spec: FieldSpec, path: str, group: str) -> ExportColumn:
    if not path:
        custom = spec if spec.column != spec.attname else None
        return ExportColumn(name, str(spec.label), spec.kind, spec.select, spec.export, group, custom=custom)
    full = f"{spec.name}__{path}"
    return ExportColumn(name, str(spec.label), "text", (full,), lambda row: row[full], group)


def _headers(columns: list[ExportColumn]) -> list[str]:
    """Labels; where two columns would be called the same, their names."""
    labels = [column.label for column in columns]
    return [column.label if labels.count(column.label) == 1 else column.name for column in columns]


class _Counter:
    """How many records have been written."""

    def __init__(self, progress: Callable[[int, int | None], None]) -> None:
        self.count = 0
        self._progress = progress

    def add(self, count: int) -> None:
        self.count += count
        self._progress(self.count, None)


def _rows(
    entity: Entity, records: Any, columns: list[ExportColumn], actor: Actor, counter: _Counter
) -> Iterator[list[Any]]:
    select = {"id", *(part for column in columns if not column.group for part in column.select)}
    source = iter(records.values(*select).iterator(chunk_size=CHUNK))
    groups = {column.group for column in columns if column.group}
    while chunk := list(islice(source, CHUNK)):
        ids = [row["id"] for row in chunk]
        add_labels(chunk, [column.custom for column in columns if column.custom is not None])
        lines = {group: _lines(entity, group, columns, ids) for group in groups}
        attached = {c.name: c.attached.load(ids, actor) for c in columns if c.attached is not None}
        for row in chunk:
            yield from _rows_of(row, columns, lines, attached)
        counter.add(len(chunk))


def _rows_of(
    row: dict[str, Any],
    columns: list[ExportColumn],
    lines: dict[str, dict[int, list[dict[str, Any]]]],
    attached: dict[str, dict[int, Any]],
) -> Iterable[list[Any]]:
    """One row, or one for each line."""
    of_record = {group: found.get(row["id"], []) for group, found in lines.items()}
    for place in range(max([1, *map(len, of_record.values())])):
        cells = []
        for column in columns:
            if column.group:
                own = of_record[column.group]
                cells.append(column.value(own[place]) if place < len(own) else None)
            elif column.attached is not None:
                cells.append(_listed(attached[column.name].get(row["id"])))
            else:
                cells.append(column.value(row))
        yield cells


def _lines(entity: Entity, group: str, columns: list[ExportColumn], ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    lines = entity.lines_named(group)
    parent = f"{lines.parent}_id"
    select = {parent, *(part for column in columns if column.group == group for part in column.select)}
    rows = lines.model._default_manager.filter(**{f"{lines.parent}__in": ids}).order_by("position", "id")
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows.values(*select):
        found.setdefault(row[parent], []).append(row)
    return found


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(one.get("label", "")) if isinstance(one, dict) else str(one) for one in value)
    return value

"""What the records are called that rows refer to, read in one statement beside the rows' own.

A join for each reference would be planned anew with every request: for thirteen of them PostgreSQL plans ten times
as long as it reads 50 rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

from saleswright.interface.fields import FieldSpec

Target = tuple[type[models.Model], str]


def read_rows(records: Any, specs: Iterable[FieldSpec], *columns: str) -> list[dict[str, Any]]:
    """The rows of a queryset with what the specs need, labels of references included, and the `columns`."""
    specs = list(specs)
    wanted = (part for spec in specs for part in (spec.column, *spec.beside))
    rows = list(records.values(*dict.fromkeys((*columns, *wanted))))
    add_labels(rows, specs)
    return rows


def add_labels(rows: Sequence[dict[str, Any]], specs: Iterable[FieldSpec]) -> None:
    """Put the values of custom fields into the rows, and the labels of references, None where there are none."""
    specs = list(specs)
    for spec in specs:
        spec.unpack(rows)
    references = [spec for spec in specs if spec.kind == "reference"]
    wanted: dict[Target, set[int]] = {}
    for spec in references:
        ids = {row[spec.attname] for row in rows} - {None}
        if ids:
            wanted.setdefault((spec.target, spec.title_of_target), set()).update(ids)
    labels = _labels(wanted) if wanted else {}
    for spec in references:
        name, title, found = spec.attname, spec.title, labels.get((spec.target, spec.title_of_target), {})
        for row in rows:
            row[title] = found.get(row[name])


def _labels(wanted: dict[Target, set[int]]) -> dict[Target, dict[int, str]]:
    near = {target: ids for target, ids in wanted.items() if "__" not in target[1]}
    found = _columns(near) if near else {}
    for (model, title), ids in wanted.items():
        if "__" in title:  # the label stands in yet another table
            found[model, title] = dict(model._default_manager.filter(pk__in=ids).values_list("pk", title))
    return found


def _columns(wanted: dict[Target, set[int]]) -> dict[Target, dict[int, str]]:
    quote = connection.ops.quote_name
    arms, parameters = [], list[int]()
    for place, ((model, title), ids) in enumerate(wanted.items()):
        table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
        column = key if title == "pk" else quote(str(FieldSpec(title, model).field.column))
        marks = ", ".join(["%s"] * len(ids))
        arms.append(f"SELECT {place}, {key}, CAST({column} AS text) FROM {table} WHERE {key} IN ({marks})")
        parameters += ids
    found: list[dict[int, str]] = [{} for _ in wanted]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(arms), parameters)
        for place, pk, label in cursor.fetchall():
            found[place][pk] = label
    return dict(zip(wanted, found, strict=True))

"""Reads rows by plain statements, where a request asks so often that putting Django's together would take longer than
the database does. No rights are cut here: whoever asks has seen to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from typing import Any, Literal, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)
Converter = Callable[[Any], Any]


def read_values(
    model: type[models.Model],
    names: Sequence[str],
    column: str,
    values: Collection[Any],
    *,
    order: tuple[str, ...] = (),
    lock: bool | Literal["share"] = False,
) -> list[tuple[Any, ...]]:
    """The attributes `names` of the rows whose `column` holds one of the values, in the order of some columns.

    With `lock` the rows are locked until the transaction ends; with "share" only against being merged or deleted,
    as a foreign key does when it is written.
    """
    if not values:
        return []
    selection, converters = _selection(model, tuple(names), column, connection.vendor)
    marks = ", ".join(["%s"] * len(values))
    ending = f" ORDER BY {', '.join(map(connection.ops.quote_name, order))}" if order else ""
    if lock and connection.features.has_select_for_update:
        ending += " FOR KEY SHARE" if lock == "share" else " FOR UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(f"{selection} IN ({marks}){ending}", list(values))
        return [_converted(row, converters) for row in cursor.fetchall()]


def read_records(model: type[M], values: Collection[Any], *, lock: bool = False) -> list[M]:
    """The records with these ids."""
    names = [field.attname for field in model._meta.concrete_fields]
    rows = read_values(model, names, "id", values, lock=lock)
    return [model.from_db(connection.alias, names, row) for row in rows]


def _converted(row: tuple[Any, ...], converters: Sequence[tuple[int, Converter]]) -> tuple[Any, ...]:
    values = list(row)
    for place, convert in converters:
        values[place] = convert(values[place])
    return tuple(values)


@cache
def _selection(
    model: type[models.Model], names: tuple[str, ...], column: str, vendor: str
) -> tuple[str, tuple[tuple[int, Converter], ...]]:
    """The statement up to the column that decides, and what makes Python's values of the database's, by place."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    quote, table = connection.ops.quote_name, model._meta.db_table
    columns = ", ".join(quote(str(fields[name].column)) for name in names)
    converters = [(place, one) for place, name in enumerate(names) for one in _converters(fields[name], table)]
    return f"SELECT {columns} FROM {quote(table)} WHERE {quote(str(fields[column].column))}", tuple(converters)


def _converters(field: models.Field, table: str) -> list[Converter]:
    expression = field.get_col(table)
    found = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
    return [partial(_convert, convert, expression) for convert in found]


def _convert(convert: Callable[..., Any], expression: Any, value: Any) -> Any:
    return convert(value, expression, connection)

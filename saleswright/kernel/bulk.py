"""Writes rows by plain statements: many by COPY on PostgreSQL, which takes a third of the time of an INSERT, few by
one INSERT, for which Django's own would take ten times as long to put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

import orjson
from django.db import connection, models

COPY_FROM_ROWS = 100
"""From so many rows on COPY is worth its round trips."""

MOST_VALUES = 30_000
"""So many values an INSERT may have on SQLite, and twice as many on PostgreSQL."""

AS_THEY_ARE = (
    models.AutoField, models.BigAutoField, models.CharField, models.TextField, models.DateField, models.DateTimeField,
    models.BooleanField, models.ForeignKey, models.PositiveIntegerField, models.PositiveBigIntegerField,
    models.IntegerField, models.BigIntegerField, models.EmailField,
)  # fmt: skip
"""Fields whose values PostgreSQL's driver takes; those of the others are prepared one by one."""

Fields = tuple[models.Field, ...]
Values = tuple[Any, ...]


def insert_many(model: type[models.Model], names: Sequence[str], rows: Sequence[Values]) -> None:
    """Insert rows that nobody needs back, given as values of the attributes `names`; the others get defaults."""
    fields = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
    rest = [field for name, field in fields.items() if name not in names]
    defaults = tuple(field.get_default() for field in rest)
    columns = (*(fields[name] for name in names), *rest)
    write = _copy if _is_worth_a_copy(rows) else _insert
    write(model, columns, [row + defaults for row in rows])


def insert_records(records: Sequence[Any]) -> None:
    """Insert new records of one model and give them their ids."""
    model = type(records[0])
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    if not all(map(_makes_nothing_up, fields)):
        model._default_manager.bulk_create(records, batch_size=1000)
        return
    names = [field.attname for field in fields]
    rows = [tuple(map(record.__dict__.__getitem__, names)) for record in records]
    if _is_worth_a_copy(rows):
        ids = _next_ids(model, len(rows))
        _copy(model, (model._meta.pk, *fields), [(pk, *row) for pk, row in zip(ids, rows, strict=True)])
    else:
        ids = _insert(model, fields, rows)
    for record, pk in zip(records, ids, strict=True):
        record.pk = pk
        record._state.adding, record._state.db = False, connection.alias


def update_row(record: models.Model, values: Mapping[str, Any], *, version: int) -> bool:
    """Store values by attribute name in the record's row; False if that has another version by now."""
    model = type(record)
    fields = tuple(field for field in model._meta.concrete_fields if field.attname in values)
    steps = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    sql = f"UPDATE {_quoted(model._meta.db_table)} SET {steps} WHERE {_quoted(model._meta.pk.column)} = %s"
    with connection.cursor() as cursor:
        (given,) = _prepared(fields, [tuple(values[field.attname] for field in fields)])
        cursor.execute(f"{sql} AND version = %s", [*given, record.pk, version])
        return cursor.rowcount == 1


def _is_worth_a_copy(rows: Sequence[Values]) -> bool:
    return connection.vendor == "postgresql" and len(rows) >= COPY_FROM_ROWS


def _makes_nothing_up(field: models.Field) -> bool:
    """Whether the field is saved as it is: not so the ones that make up their value while they are saved."""
    return not getattr(field, "auto_now", False) and not getattr(field, "auto_now_add", False)


def _next_ids(model: type[models.Model], count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [_quoted(model._meta.db_table), model._meta.pk.column, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _insert(model: type[models.Model], fields: Fields, rows: Sequence[Values]) -> list[int]:
    """Insert the rows; their ids, in their order."""
    head, tail = f"INSERT INTO {_into(model, fields)} VALUES ", f" RETURNING {_quoted(model._meta.pk.column)}"
    one, at_once = f"({', '.join(['%s'] * len(fields))})", MOST_VALUES // len(fields)
    ids: list[int] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            part = list(_prepared(fields, rows[start : start + at_once]))
            cursor.execute(head + ", ".join([one] * len(part)) + tail, list(chain.from_iterable(part)))
            ids += [pk for (pk,) in cursor.fetchall()]
    return ids


def _copy(model: type[models.Model], fields: Fields, rows: Iterable[Values]) -> None:
    with connection.cursor() as cursor, connection.wrap_database_errors:
        connection.validate_no_broken_transaction()
        with cursor.copy(f"COPY {_into(model, fields)} FROM STDIN") as copy:
            for row in _prepared(fields, rows):
                copy.write_row(row)


def _into(model: type[models.Model], fields: Fields) -> str:
    return f"{_quoted(model._meta.db_table)} ({', '.join(_quoted(field.column) for field in fields)})"


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(str(name))


def _prepared(fields: Fields, rows: Iterable[Values]) -> Iterator[list[Any]]:
    """The rows as the driver takes their values."""
    writers = _writers(fields, connection.vendor)
    for row in rows:
        values = list(row)
        for place, write in writers:
            values[place] = write(values[place])
        yield values


@cache
def _writers(fields: Fields, vendor: str) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """What prepares the values of fields, by their place; nothing for those that the driver takes as they are."""
    found = ((place, _writer(field, vendor)) for place, field in enumerate(fields))
    return tuple((place, write) for place, write in found if write is not None)


def _writer(field: models.Field, vendor: str) -> Callable[[Any], Any] | None:
    if vendor == "postgresql" and isinstance(field, models.JSONField):
        return lambda value: None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    if vendor == "postgresql" and type(field) in AS_THEY_ARE:
        return None
    return lambda value: field.get_db_prep_save(value, connection)

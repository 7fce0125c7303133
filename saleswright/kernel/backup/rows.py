"""What a backup holds of a table, and one state of the database to read it from."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import orjson
from django.apps import apps
from django.db import connection, models

from saleswright.kernel.transactions import atomic

FORMAT = 1
CHUNK = 2000
LEFT_OUT = ("kernel_session",)
FILLED_BY_DJANGO = {"django_content_type", "auth_permission"}  # has rows in an empty database too

Progress = Callable[[str, int, int], None]  # table or folder, number done, number in all


def no_progress(name: str, done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True)
class TableState:
    """What a table of the backup holds; `last_id` is the last id ever given, 0 where ids are not counted."""

    columns: list[str]
    rows: int
    sha256: str
    last_id: int = 0


def tables() -> dict[str, type[models.Model]]:
    """The tables that a backup holds, with their models."""
    found = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: model
        for model in found
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in LEFT_OUT
    }


@contextmanager
def snapshot() -> Iterator[None]:
    """Read one state of the database while others go on writing."""
    if connection.vendor == "postgresql":
        with atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:  # a plain BEGIN reads without taking the write lock
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def fields_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The columns of a table."""
    return list(model._meta.local_concrete_fields)


def dump(
    model: type[models.Model], target: IO[bytes] | None = None, tell: Callable[[int], None] | None = None
) -> TableState:
    """Write a table's rows in the order of their keys; without a target only add them up."""
    columns = [field.attname for field in fields_of(model)]
    digest, rows = hashlib.sha256(), 0
    options = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    for row in model._base_manager.order_by("pk").values_list(*columns).iterator(chunk_size=CHUNK):
        line = orjson.dumps(row, default=_plain, option=options)
        digest.update(line)
        rows += 1
        if target:
            target.write(line)
        if tell and rows % CHUNK == 0:
            tell(rows)
    return TableState(columns, rows, digest.hexdigest(), last_id(model))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    raise TypeError(f"a backup cannot hold {type(value).__name__}")


def last_id(model: type[models.Model]) -> int:
    """The last id that the table gave, also to a row that is gone, or holds without having given it.

    0 for none and for tables without a counter.
    """
    if not isinstance(model._meta.pk, models.AutoField):  # which BigAutoField passes for
        return 0
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{table}"', column])
            cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {cursor.fetchone()[0]}")
        else:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
    return max(int(row[0]) if row else 0, _highest(model))


def _highest(model: type[models.Model]) -> int:
    return model._base_manager.aggregate(top=models.Max("pk"))["top"] or 0


def count_from(model: type[models.Model], last: int) -> None:
    """Let the table give ids after `last` and after those it holds."""
    if not isinstance(model._meta.pk, models.AutoField):
        return
    last = max(last, _highest(model))
    if not last:
        return
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [f'"{table}"', column, last])
            return
        cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, table])
        if not cursor.rowcount:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])

"""Indexes of custom fields: over the same expression as queries use, so that lists are sorted as by a column."""

from __future__ import annotations

from typing import Any

from django.db import connection

from saleswright.kernel.custom_column import value_sql
from saleswright.kernel.custom_fields import (
    SORTABLE,
    CustomDefinition,
    definitions,
    definitions_changed,
    index_name,
    look,
)
from saleswright.kernel.jobs import JobContext, job
from saleswright.kernel.models import CustomField
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import atomic

JOB = "kernel.custom-index"


def make_unique_index(one: CustomDefinition) -> None:
    """Let the database refuse a second record with the value, whoever writes at the same moment."""
    expression, table, _pk = _parts(one)
    # the scan is short: a new field has no values yet
    name = _quoted(index_name(one, unique=True))
    _run(f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} ({expression}) WHERE {expression} IS NOT NULL")


def drop_indexes(one: CustomDefinition) -> None:
    """Take the indexes of a deleted field away."""
    for unique in (False, True):
        _run(f"DROP INDEX IF EXISTS {_quoted(index_name(one, unique=unique))}")


@job(JOB, atomic=False)
def make_sort_index(ctx: JobContext, *, pk: int) -> dict[str, Any]:
    """Make the index that sorting by a field needs, while others go on writing; then lists offer it."""
    look()
    one = next((one for one in definitions().by_code.values() if one.pk == pk), None)
    if one is None:  # deleted meanwhile
        return {}
    index_now(one)
    return {"index": index_name(one)}


def index_now(one: CustomDefinition) -> None:
    """Make the index for sorting and say that it stands. One that a stopped run left unfinished is made anew."""
    expression, table, key = _parts(one)
    name = _quoted(index_name(one))
    aside = connection.vendor == "postgresql" and not connection.in_atomic_block
    if aside:
        _run(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    _run(f"CREATE INDEX {'CONCURRENTLY' if aside else ''} IF NOT EXISTS {name} ON {table} ({expression}, {key})")
    with atomic():
        if CustomField.objects.filter(pk=one.pk, indexed=False).update(indexed=True):
            definitions_changed()


def make_all_indexes() -> None:
    """Make the indexes of every field: a restored database has none of them yet."""
    for one in definitions().by_code.values():
        if one.unique:
            make_unique_index(one)
        if one.kind in SORTABLE:
            index_now(one)


def _parts(one: CustomDefinition) -> tuple[str, str, str]:
    meta = resource_named(one.resource).model._meta
    expression = value_sql(_quoted("custom"), one.code, one.cast, connection.vendor)
    return expression, _quoted(meta.db_table), _quoted(meta.pk.column)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

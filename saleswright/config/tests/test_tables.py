"""The tables that an empty database gets at once are those that the migrations make step by step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.installation import DATABASES, Installation, new_database

pytestmark = pytest.mark.installation

MIGRATE = "from django.core.management import call_command; call_command('migrate', verbosity=0, step_by_step={})"
#: unused here, and Django itself disagrees about the width of its key: the history says 64 bits, the models 32
OF_DJANGO = "auth_group_permissions"
#: what PostgreSQL knows of the schema: columns, constraints, indexes, triggers, functions
POSTGRESQL = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, numeric_precision, "
    "numeric_scale, character_maximum_length, collation_name FROM information_schema.columns "
    "WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
)


def schema(database: Installation) -> set[tuple[Any, ...]]:
    """All that the database knows of its tables, the order of their columns apart."""
    if not database.database.startswith("sqlite"):
        return {row for query in POSTGRESQL for row in database.rows(query)}
    found: set[tuple[Any, ...]] = set()
    for kind, name, table, sql in database.rows("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if kind == "table" and not sql.startswith("CREATE VIRTUAL"):
            found |= {(table, part) for part in parts_of(sql)}
        elif sql:
            found.add((kind, name, table, sql))
    return found


def parts_of(sql: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE, names of tables without their quotes."""
    body = sql[sql.index("(") + 1 : sql.rindex(")")].replace('"', "")
    parts, depth, begun = [], 0, 0
    for place, sign in enumerate(body):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            parts.append(body[begun:place])
            begun = place + 1
    return [re.sub(r"\s+", " ", part).strip() for part in [*parts, body[begun:]]]


@pytest.mark.parametrize("kind", DATABASES)
def test_an_empty_database_gets_what_the_migrations_make(kind: str, tmp_path: Path) -> None:
    found = []
    for step_by_step in (False, True):
        folder = tmp_path / str(step_by_step)
        folder.mkdir()
        with new_database(kind, folder) as address:
            one = Installation(folder, address)
            one.code(MIGRATE.format(step_by_step))
            applied = set(one.rows("SELECT app, name FROM django_migrations"))
            found.append({row for row in schema(one) if row[0] != OF_DJANGO} | applied)
    assert sorted(found[0] - found[1], key=str) == sorted(found[1] - found[0], key=str) == []
    assert len(found[0]) > 1000


def test_it_reads_the_parts_of_a_table() -> None:
    sql = 'CREATE TABLE "a" ("id" integer NOT NULL, "b"  decimal(3, 2), CONSTRAINT "c" CHECK ("b" IN (1, 2)))'
    assert parts_of(sql) == ["id integer NOT NULL", "b decimal(3, 2)", "CONSTRAINT c CHECK (b IN (1, 2))"]

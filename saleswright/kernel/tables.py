"""The tables of an empty database, made from the models as they are today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor


@dataclass(frozen=True)
class _Today:
    """Stands in for the state that a migration would see: the models of the program itself."""

    apps: Apps = apps

    def clear_delayed_apps_cache(self) -> None:
        """Nothing is drawn late here."""


def is_empty(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database holds no table at all: not even the one that lists its migrations."""
    return not connection.introspection.table_names()


def make_tables(connection: BaseDatabaseWrapper) -> None:
    """Make every table, index and constraint, and whatever else the migrations leave in an empty database; all or
    nothing.

    What migrations do to rows has nothing to do here and is marked `elidable`; what they do to the database itself
    (triggers, the index of the search) is done in their order. All of them then count as applied. A test compares
    the result with that of the migrations.
    """
    executor = MigrationExecutor(connection)
    plan = [migration for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes(), True)]
    connection.prepare_database()
    today: Any = _Today()
    with connection.schema_editor(atomic=True) as editor:
        for model in apps.get_models(include_auto_created=False):
            if model._meta.can_migrate(connection):
                editor.create_model(model)
        for statement in editor.deferred_sql:  # foreign keys and indexes, which later steps may rest on
            editor.execute(statement)
        editor.deferred_sql.clear()
        for migration in plan:
            for operation in migration.operations:
                if isinstance(operation, (migrations.RunPython, migrations.RunSQL)) and not operation.elidable:
                    operation.database_forwards(migration.app_label, editor, today, today)
        executor.recorder.ensure_schema()
        for migration in plan:
            executor.recorder.record_applied(migration.app_label, migration.name)

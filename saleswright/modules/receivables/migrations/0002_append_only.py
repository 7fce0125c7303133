"""The database itself refuses to change or delete entries of the ledger."""

from django.db import migrations

from saleswright.modules.receivables.migrations import _append_only as sql


def create(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in sql.POSTGRESQL if postgresql else sql.SQLITE:
        schema_editor.execute(statement, params=None)


def drop(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in sql.POSTGRESQL_DROP if postgresql else sql.SQLITE_DROP:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial"), ("receivables", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]

"""The index of the search, which each database keeps in its own way."""

from django.db import migrations, models

from saleswright.kernel.migrations import _search_index as sql


def create(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in sql.POSTGRESQL if postgresql else sql.SQLITE:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in sql.POSTGRESQL_DROP if postgresql else sql.SQLITE_DROP:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]
    operations = [
        migrations.AddField("searchrow", "parent_id", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "searchrow",
            models.Index(
                fields=["parent_id"], condition=models.Q(parent_id__isnull=False), name="kernel_search_parent"
            ),
        ),
        migrations.RunPython(create, drop),
    ]

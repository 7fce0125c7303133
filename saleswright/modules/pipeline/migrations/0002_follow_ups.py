from django.db import migrations
from django.db.models import Max, OuterRef, Subquery


def note_follow_ups(apps, editor):
    """What was done before counts as followed up."""
    for app, model, column in (("customers", "Customer", "customer"), ("leads", "Lead", "lead")):
        done = apps.get_model("pipeline", "Activity").objects.filter(status="done", done_at__isnull=False)
        last = done.filter(**{column: OuterRef("pk")}).order_by().values(column).annotate(last=Max("done_at"))
        records = apps.get_model(app, model).objects.filter(pk__in=done.order_by().values(column))
        records.update(followed_up_at=Subquery(last.values("last")))


class Migration(migrations.Migration):

    dependencies = [
        ("pipeline", "0001_initial"),
        ("customers", "0002_pools"),
        ("leads", "0003_pools"),
    ]

    operations = [migrations.RunPython(note_follow_ups, migrations.RunPython.noop, elidable=True)]

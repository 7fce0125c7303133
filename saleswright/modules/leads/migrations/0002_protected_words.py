"""Phone numbers and addresses of leads now need a right: the search finds by them only for those who have it."""

from django.db import migrations

from saleswright.kernel.text import search_tokens

OPEN = ("title", "number", "company", "contact_name")
PROTECTED = ("phone", "email")
CHUNK = 1000


def _rows(apps):
    """Search rows of leads beside their leads, some at a time."""
    row_model, lead_model = apps.get_model("kernel", "SearchRow"), apps.get_model("leads", "Lead")
    last = 0
    while rows := list(
        row_model.objects.filter(resource="leads", right="", record_id__gt=last).order_by("record_id")[:CHUNK]
    ):
        leads = lead_model.objects.in_bulk([row.record_id for row in rows])
        yield row_model, [(row, leads[row.record_id]) for row in rows if row.record_id in leads]
        last = rows[-1].record_id


def _tokens(lead, names):
    return " ".join(sorted(search_tokens(*(str(getattr(lead, name)) for name in names if getattr(lead, name)))))


def _detail(lead, names):
    texts = (str(getattr(lead, name)) for name in names if getattr(lead, name))
    return next((text for text in texts if text != lead.title), "")[:200]


def protect(apps, schema_editor):
    for model, pairs in _rows(apps):
        protected = []
        for row, lead in pairs:
            row.tokens, row.detail = _tokens(lead, OPEN), _detail(lead, OPEN)
            if lead.phone or lead.email:
                names = OPEN + PROTECTED
                kept = {name: getattr(row, name) for name in ("record_id", "parent_id", "owner_id", "department_id")}
                protected.append(
                    model(
                        resource="leads", right="phone", label=row.label, detail=_detail(lead, names),
                        tokens=_tokens(lead, names), **kept,
                    )
                )  # fmt: skip
        model.objects.bulk_update([row for row, _lead in pairs], ["tokens", "detail"])
        model.objects.bulk_create(protected, ignore_conflicts=True)


def open_up(apps, schema_editor):
    for model, pairs in _rows(apps):
        for row, lead in pairs:
            row.tokens, row.detail = _tokens(lead, OPEN + PROTECTED), _detail(lead, OPEN + PROTECTED)
        model.objects.bulk_update([row for row, _lead in pairs], ["tokens", "detail"])
    apps.get_model("kernel", "SearchRow").objects.filter(resource="leads", right="phone").delete()


class Migration(migrations.Migration):
    dependencies = [("leads", "0001_initial"), ("kernel", "0009_personal_data")]
    operations = [migrations.RunPython(protect, open_up, elidable=True)]

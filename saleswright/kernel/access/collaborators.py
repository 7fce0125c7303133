"""People who work together on one record and see it whatever their scope."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.resources import Extra


def clean_ids(value: Any) -> list[int]:
    """A list of ids of people who work here. Raises ValidationError."""
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
        raise ValidationError(_("Give a list of ids."), code="invalid")
    ids = list(dict.fromkeys(value))
    if User.objects.filter(pk__in=[i for i in ids if 0 < i < 2**63], archived_at=None).count() != len(ids):
        raise ValidationError(_("There is no such person."), code="not_found")
    return ids


def replace(given: list[tuple[Any, list[int]]], batch: Any) -> None:
    """Make exactly these people the collaborators of the records."""
    name = batch.resource.name
    Collaborator.objects.filter(resource=name, record_id__in=[record.pk for record, _ids in given]).delete()
    Collaborator.objects.bulk_create(
        Collaborator(resource=name, record_id=record.pk, user_id=user_id) for record, ids in given for user_id in ids
    )


def collaborators_of(name: str, ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The collaborators of some records of a resource, as references."""
    if not ids:
        return {}
    sql = (
        "SELECT shared.record_id, person.id, person.name FROM kernel_collaborator shared "
        "JOIN kernel_user person ON person.id = shared.user_id "
        f"WHERE shared.resource = %s AND shared.record_id IN ({', '.join(['%s'] * len(ids))}) ORDER BY person.name"
    )
    found: dict[int, list[dict[str, Any]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [name, *ids])
        for record_id, user_id, user_name in cursor.fetchall():
            found.setdefault(record_id, []).append({"id": user_id, "label": user_name})
    return found


COLLABORATORS = Extra(
    "collaborator_ids",
    gettext_lazy("Collaborators"),
    clean_ids,
    replace,
    {"type": "array", "items": {"type": "integer"}},
    to="employees",
)

"""Deleting many records of a kind in one transaction, in pieces and set-wise; each as `records.delete_record` does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.custom_fields import expanded
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import Collaborator, SearchRow
from saleswright.kernel.records import announce, last_words, line_snapshot
from saleswright.kernel.resources import Resource
from saleswright.kernel.transactions import atomic

AT_ONCE = 500


def delete_many(resource: Resource, ids: Sequence[int], *, actor: Actor, at: datetime) -> None:
    """Delete these records; whoever calls has seen to rights and states and has locked them.

    References among the records themselves hold none of them. Raises Conflict: then none is deleted.
    """
    try:
        with atomic():
            for part in _parts(ids):
                _say(resource, part, actor, at)
            _let_go(resource, ids)
            for part in _parts(ids):
                _delete(resource, part, actor, at)
    except (ProtectedError, RestrictedError):
        raise Conflict(_("Other records refer to it. Archive it instead."), code="referred_to") from None


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _say(resource: Resource, ids: Sequence[int], actor: Actor, at: datetime) -> None:
    """Write into the audit what the records held, while they still do."""
    held: dict[int, dict[str, list[Any]]] = defaultdict(dict)
    for spec in resource.lines:
        lines = spec.model._default_manager.filter(**{f"{spec.parent}__in": ids}).order_by("position", "id")
        for line in lines:
            held[getattr(line, f"{spec.parent}_id")].setdefault(spec.name, []).append(line_snapshot(spec, line))
    said = []
    for record in resource.model._default_manager.filter(pk__in=ids).order_by("pk"):
        resource.before_delete(record, actor)
        changes = expanded(last_words(resource, record), resource.name)
        changes |= {spec.name: [held[record.pk].get(spec.name, []), []] for spec in resource.lines}
        said.append(AuditLine(resource.name, record.pk, resource.label_of(record)[:200], "deleted", changes))
    record_audit(said, actor=actor, at=at)


def _let_go(resource: Resource, ids: Sequence[int]) -> None:
    """Take away the references of the records to others of their kind, which may go before them."""
    for field in resource.model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey) and field.related_model is resource.model and field.null:
            for part in _parts(ids):
                resource.model._default_manager.filter(pk__in=part).update(**{field.name: None})


def _delete(resource: Resource, ids: Sequence[int], actor: Actor, at: datetime) -> None:
    for spec in resource.lines:
        spec.model._default_manager.filter(**{f"{spec.parent}__in": ids}).delete()
    resource.model._default_manager.filter(pk__in=ids).delete()
    for model in (Collaborator, SearchRow):
        model.objects.filter(resource=resource.name, record_id__in=ids).delete()
    announce(resource, [(pk, "deleted") for pk in ids], Occasion(actor, at))

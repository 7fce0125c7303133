"""Gives many records of one kind to other people at once: a thousand cost as many statements as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, ForeignKey

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.events import Occasion
from saleswright.kernel.holdings import note_change
from saleswright.kernel.metrics import all_metrics
from saleswright.kernel.models import Collaborator, PastHolding, User
from saleswright.kernel.records import announce
from saleswright.kernel.resources import Resource
from saleswright.kernel.search import give_rows
from saleswright.kernel.transactions import atomic

ACTION = "hand-over"
AT_ONCE = 10_000
"""So many ids are named in one statement."""


def give_records(
    resource: Resource, records: Sequence[Any], heirs: Mapping[int, User], *, giver: User, actor: Actor, at: datetime
) -> None:
    """Make `heirs[id]` the owner of each of these records of `giver`; rights and search follow at once.

    Figures up to now stay with the giver (see `kernel.holdings`). The records must be locked by the caller, whose
    right to do so is not asked.
    """
    if not records:
        return
    with atomic():
        _remember(resource, records, giver, at)
        for heir, ids in _shares(records, heirs):
            _give(resource, ids, giver, heir, actor, at)
        record_audit([_line(resource, one, heirs[one.pk]) for one in records], actor=actor, at=at)
        announce(resource, [(one.pk, ACTION) for one in records], Occasion(actor, at))


def _shares(records: Sequence[Any], heirs: Mapping[int, User]) -> Iterator[tuple[User, list[int]]]:
    """Each heir with ids of theirs, at most AT_ONCE at a time."""
    shares: dict[User, list[int]] = defaultdict(list)
    for record in records:
        shares[heirs[record.pk]].append(record.pk)
    for heir, ids in shares.items():
        for start in range(0, len(ids), AT_ONCE):
            yield heir, ids[start : start + AT_ONCE]


def _remember(resource: Resource, records: Sequence[Any], giver: User, at: datetime) -> None:
    """Note whose the records were. What counts for today already does so for the giver, what comes for the heir."""
    today = clock.local_date(at)
    counted = _counted_on(resource, records, today)
    names = ("resource", "record_id", "owner_id", "department_id", "region_id", "until", "last_on")
    rows = [
        (
            resource.name,
            one.pk,
            giver.pk,
            one.department_id,
            giver.region_id,
            at,
            today - timedelta(one.pk not in counted),
        )
        for one in records
    ]
    insert_many(PastHolding, names, rows)
    note_change()


def _counted_on(resource: Resource, records: Sequence[Any], day: Any) -> set[int]:
    """The records of which some measure has a fact on that day."""
    found: set[int] = set()
    ids = [record.pk for record in records]
    for metric in all_metrics():
        if metric.resource != resource.name or metric.moment or metric.present:
            continue
        path = metric.scope or "pk"
        for start in range(0, len(ids), AT_ONCE):
            facts = metric.rows().filter(**{metric.day: day, f"{path}__in": ids[start : start + AT_ONCE]})
            found |= set(facts.order_by().values_list(path, flat=True))
    return found


def _give(resource: Resource, ids: list[int], giver: User, heir: User, actor: Actor, at: datetime) -> None:
    resource.model._default_manager.filter(pk__in=ids).update(
        owner_id=heir.pk,
        department_id=heir.department_id,
        version=F("version") + 1,
        updated_at=at,
        updated_by_id=actor.user_id,
    )
    for spec in resource.lines:  # such as who is responsible for an instalment
        for name in _people(spec.model):
            theirs = spec.model._default_manager.filter(**{f"{spec.parent}__in": ids, name: giver.pk})
            theirs.update(**{name: heir.pk})
    Collaborator.objects.filter(resource=resource.name, record_id__in=ids, user_id=heir.pk).delete()
    give_rows(resource, ids, (heir.pk, heir.department_id))


def _people(model: type[Any]) -> list[str]:
    """The fields of lines that name a person."""
    fields = model._meta.concrete_fields
    return [one.name for one in fields if isinstance(one, ForeignKey) and one.related_model is User]


def _line(resource: Resource, record: Any, heir: User) -> AuditLine:
    changes = {"owner_id": [record.owner_id, heir.pk]}
    if record.department_id != heir.department_id:
        changes["department_id"] = [record.department_id, heir.department_id]
    return AuditLine(resource.name, record.pk, resource.label_of(record), ACTION, changes)


def pass_on_collaboration(resource: Resource, heirs: Mapping[int, User], *, giver: User) -> None:
    """Who collaborated on records of others is followed there by `heirs[id]`, unless it is theirs already."""
    shared = Collaborator.objects.filter(resource=resource.name, user_id=giver.pk, record_id__in=list(heirs))
    present = set(
        Collaborator.objects.filter(resource=resource.name, record_id__in=shared.values("record_id")).values_list(
            "record_id", "user_id"
        )
    )
    owned = set(resource.model._default_manager.filter(pk__in=list(heirs)).values_list("pk", "owner_id"))
    wanted = {(pk, heir.pk) for pk, heir in heirs.items()} - present - owned
    shared.delete()
    Collaborator.objects.bulk_create(
        Collaborator(resource=resource.name, record_id=pk, user_id=user_id) for pk, user_id in sorted(wanted)
    )

"""Gives many records of one kind to other people at once: a thousand cost as many statements as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, ForeignKey

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.columns import diff
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.past_holders import AT_ONCE, remember
from saleswright.kernel.records import announce
from saleswright.kernel.resources import Resource, all_resources
from saleswright.kernel.search import give_rows
from saleswright.kernel.transactions import atomic

ACTION = "hand-over"


def give_records(
    resource: Resource,
    records: Sequence[Any],
    heirs: Mapping[int, User | None],
    *,
    actor: Actor,
    at: datetime,
    giver: User | None = None,
    action: str = ACTION,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Make `heirs[id]` (None: nobody) the owner of each of these records; rights and search follow at once.

    They are `giver`'s, or else their own owners'. Figures up to now stay with whoever had them (see
    `kernel.holdings`). `values` are columns, by attribute name, that change with the owner. The records must be
    locked by the caller, whose right to do so is not asked.
    """
    if not records:
        return
    givers = {giver.pk: giver} if giver is not None else _owners(records)
    values = dict(values or {})
    if resource.held_since:
        values.setdefault(resource.held_since, at)
    with atomic():
        held = [
            (one.pk, one.owner_id, one.department_id, givers[one.owner_id].region_id)
            for one in records
            if one.owner_id in givers
        ]
        remember(resource, held, at)
        for heir, ids in _shares(records, heirs):
            _give(resource, ids, givers, heir, actor, at, values)
        lines = [_line(resource, one, heirs[one.pk], action, values) for one in records]
        record_audit(lines, actor=actor, at=at)
        announce(resource, [(one.pk, action) for one in records], Occasion(actor, at))


def _owners(records: Sequence[Any]) -> dict[int, User]:
    return User.objects.in_bulk({one.owner_id for one in records} - {None})


def _shares(records: Sequence[Any], heirs: Mapping[int, User | None]) -> Iterator[tuple[User | None, list[int]]]:
    """Each heir with ids of theirs, at most AT_ONCE at a time."""
    shares: dict[User | None, list[int]] = defaultdict(list)
    for record in records:
        shares[heirs[record.pk]].append(record.pk)
    for heir, ids in shares.items():
        for start in range(0, len(ids), AT_ONCE):
            yield heir, ids[start : start + AT_ONCE]


def _give(
    resource: Resource,
    ids: list[int],
    givers: Mapping[int, User],
    heir: User | None,
    actor: Actor,
    at: datetime,
    values: Mapping[str, Any],
) -> None:
    holder = (heir.pk, heir.department_id) if heir is not None else (None, None)
    resource.model._default_manager.filter(pk__in=ids).update(
        owner_id=holder[0],
        department_id=holder[1],
        version=F("version") + 1,
        updated_at=at,
        updated_by_id=actor.user_id,
        **values,
    )
    if heir is not None:
        for spec in resource.lines:  # such as who is responsible for an instalment
            for name in _people(spec.model):
                theirs = spec.model._default_manager.filter(**{f"{spec.parent}__in": ids, f"{name}__in": list(givers)})
                theirs.update(**{name: heir.pk})
        Collaborator.objects.filter(resource=resource.name, record_id__in=ids, user_id=heir.pk).delete()
    give_rows(resource, ids, holder)


def _people(model: type[Any]) -> list[str]:
    """The fields of lines that name a person."""
    fields = model._meta.concrete_fields
    return [one.name for one in fields if isinstance(one, ForeignKey) and one.related_model is User]


def _line(resource: Resource, record: Any, heir: User | None, action: str, values: Mapping[str, Any]) -> AuditLine:
    owner_id, department_id = (heir.pk, heir.department_id) if heir is not None else (None, None)
    after = {"owner_id": owner_id, "department_id": department_id, **values}
    changes = diff({name: getattr(record, name) for name in after}, after, resource.unaudited)
    return AuditLine(resource.name, record.pk, resource.label_of(record), action, changes)


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


def move_records(people: Mapping[int, User], regions: Mapping[int, int | None], at: datetime, *, note: bool) -> None:
    """The records of people who moved follow them into their present department, in rights and search alike.

    Their figures up to now stay with the department and the region that they leave: `regions` by person, as they
    were. Without `note` the past is corrected with the rest.
    """
    with atomic():
        for resource in all_resources():
            if resource.owned:
                _move(resource, people, regions, at, note)


def _move(
    resource: Resource, people: Mapping[int, User], regions: Mapping[int, int | None], at: datetime, note: bool
) -> None:
    rows = resource.model._default_manager.filter(owner_id__in=list(people)).order_by("pk")
    found = list(rows.select_for_update(of=("self",)).values_list("pk", "owner_id", "department_id"))
    if note:
        remember(resource, [(pk, owner_id, department, regions[owner_id]) for pk, owner_id, department in found], at)
    shares: dict[int, list[int]] = defaultdict(list)
    for pk, owner_id, department_id in found:
        if department_id != people[owner_id].department_id:
            shares[owner_id].append(pk)
    for owner_id, all_ids in shares.items():
        department_id = people[owner_id].department_id
        for start in range(0, len(all_ids), AT_ONCE):
            ids = all_ids[start : start + AT_ONCE]
            resource.model._default_manager.filter(pk__in=ids).update(department_id=department_id)
            give_rows(resource, ids, (owner_id, department_id))

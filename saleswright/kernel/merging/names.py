"""Where merged records live on: their ids, numbers and names lead to the survivor."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from saleswright.kernel.models import Merge, MergedRecord, MergeMove
from saleswright.kernel.resources import Resource


def survivors(name: str, ids: Collection[int]) -> dict[int, int]:
    """For each merged record of a kind the one that it lives on in, which may be several merges away."""
    found: dict[int, int] = {}
    wanted = set(ids)
    while wanted:
        rows = MergedRecord.objects.filter(resource=name, record_id__in=wanted, stands=True)
        step = dict(rows.values_list("record_id", "survivor_id"))
        found |= step
        wanted = set(step.values()) - found.keys()
    return {pk: _last(found, pk) for pk in ids if pk in found}


def _last(steps: dict[int, int], pk: int) -> int:
    seen = {pk}
    while pk in steps and steps[pk] not in seen:
        pk = steps[pk]
        seen.add(pk)
    return pk


def merged_into(resource: Resource, pk: int) -> int | None:
    """The record that this one lives on in; None for one that wasn't merged."""
    return survivors(resource.name, [pk]).get(pk) if resource.merges is not None else None


def merged_rows(name: str, ids: Collection[int]) -> dict[int, list[int]]:
    """For each record the ids of those that live on in it, also by way of others."""
    origin = {pk: pk for pk in ids}
    found: dict[int, list[int]] = {}
    wanted = set(ids)
    while wanted:
        rows = MergedRecord.objects.filter(resource=name, survivor_id__in=wanted, stands=True).order_by("id")
        wanted = set()
        for record_id, survivor_id in rows.values_list("record_id", "survivor_id"):
            if record_id not in origin:
                origin[record_id] = origin[survivor_id]
                found.setdefault(origin[survivor_id], []).append(record_id)
                wanted.add(record_id)
    return found


def names_within(resource: Resource, ids: Collection[int]) -> dict[int, list[Any]]:
    """For each record the merged records whose words find it as well."""
    merged = merged_rows(resource.name, ids)
    records = resource.model._base_manager.in_bulk({pk for others in merged.values() for pk in others})
    return {pk: [records[other] for other in others if other in records] for pk, others in merged.items()}


def forget_merges(resource: Resource, pk: int, at: datetime) -> None:
    """Drop what merges into this record keep of values, now that its person is forgotten: they can't be undone."""
    merges = Merge.objects.filter(resource=resource.name, survivor_id=pk)
    label = resource.label_of(resource.model._base_manager.get(pk=pk))[:200]
    MergedRecord.objects.filter(merge__in=merges.values("pk")).update(label=label)
    MergeMove.objects.filter(merge__in=merges.values("pk")).delete()
    merges.update(fields={}, label=label, others=label, undo_until=at)

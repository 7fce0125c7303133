"""Notes whose records were when they change hands or their owner moves; figures read it by `kernel.holdings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from saleswright.kernel import clock
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.holdings import note_change
from saleswright.kernel.metrics import all_metrics
from saleswright.kernel.models import PastHolding, User
from saleswright.kernel.resources import Resource

AT_ONCE = 10_000
"""So many ids are named in one statement."""

Held = tuple[int, int, int | None, int | None]
"""A record, its owner, and the department and region in which the owner had it."""


def remember(resource: Resource, held: Sequence[Held], at: datetime) -> None:
    """Note that records were held so until now; call it before they change.

    What counts for today already does so for the former holder, what comes later on the day for the next.
    """
    if not held or resource.personal:
        return
    today = clock.local_date(at)
    counted = _counted_on(resource, [one[0] for one in held], today)
    names = ("resource", "record_id", "owner_id", "department_id", "region_id", "until", "last_on")
    rows = [(resource.name, *one, at, today - timedelta(one[0] not in counted)) for one in held]
    insert_many(PastHolding, names, rows)
    note_change()


def note_changes(resource: Resource, changed: Iterable[tuple[Any, Mapping[str, Any]]], at: datetime) -> None:
    """Remember those of the (record, its values before) whose owner or department becomes another one.

    What nobody owned counts for its first owner, so that is not noted.
    """
    if not resource.owned:
        return
    moved = [
        (record.pk, before["owner_id"], before["department_id"])
        for record, before in changed
        if before["owner_id"] is not None
        and (before["owner_id"], before["department_id"]) != (record.owner_id, record.department_id)
    ]
    if moved:
        owners = {owner_id for _pk, owner_id, _department in moved}
        regions = dict(User.objects.filter(pk__in=owners).values_list("pk", "region_id"))
        remember(resource, [(*one, regions[one[1]]) for one in moved], at)


def _counted_on(resource: Resource, ids: Sequence[int], day: Any) -> set[int]:
    """The records of which some measure has a fact on that day."""
    found: set[int] = set()
    for metric in all_metrics():
        if metric.resource != resource.name or metric.moment or metric.present:
            continue
        path = metric.scope or "pk"
        for start in range(0, len(ids), AT_ONCE):
            facts = metric.rows().filter(**{metric.day: day, f"{path}__in": ids[start : start + AT_ONCE]})
            found |= set(facts.order_by().values_list(path, flat=True))
    return found

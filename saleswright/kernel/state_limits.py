"""Time limits of states: since when a record is in its state, until when it may be, and what is overdue.

When a state began is read from the audit, so that no transition writes anything for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from saleswright.kernel.caching import kept
from saleswright.kernel.models import AuditEntry, StateLimit
from saleswright.kernel.resources import Resource
from saleswright.kernel.worktime import add_working, take_working

#: what begins the first state
BIRTH = ("created", "imported")


@kept(seconds=30)
def limits() -> dict[tuple[str, str], StateLimit]:
    """The limits that hold, by resource and state."""
    return {(one.resource, one.state): one for one in StateLimit.objects.filter(archived_at=None).order_by("id")}


def due_at(resource: Resource, record_id: int, state: str, born: datetime) -> datetime | None:
    """Until when the record may stay in its state; None without a limit. It was made at `born`."""
    limit = limits().get((resource.name, state))
    if limit is None:
        return None
    since = _entries(resource).filter(record_id=record_id).aggregate(at=Max("at"))["at"]
    return add_working(since or born, limit.minutes)


def overdue(resource: Resource, limit: StateLimit, now: datetime, minutes: int | None = None) -> QuerySet[Any]:
    """The records that are in the state of the limit for longer than it (or `minutes`), with `since` when."""
    latest = take_working(now, limit.minutes if minutes is None else minutes)
    entered = _entries(resource).filter(record_id=OuterRef("pk")).order_by().values("record_id")
    began = Coalesce(Subquery(entered.annotate(last=Max("at")).values("last")), "created_at")
    here = {resource.state_field: limit.state, "archived_at": None, "created_at__lt": latest}
    return resource.model._default_manager.filter(**here).annotate(since=began).filter(since__lt=latest)


def _entries(resource: Resource) -> QuerySet[AuditEntry]:
    """The audit entries that began a state."""
    return AuditEntry.objects.filter(
        Q(action__in=BIRTH) | Q(changes__has_key=resource.state_field), resource=resource.name
    )

"""Records that stay in a state for too long: shown on the first screen, told once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from saleswright.interface.formatting import relative_datetime
from saleswright.interface.home import tile
from saleswright.interface.presentation import Tile, TileItem
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.models import LimitNotice, StateLimit
from saleswright.kernel.ports import ports
from saleswright.kernel.resources import Resource
from saleswright.kernel.state_limits import limits, overdue
from saleswright.kernel.words import Words, said
from saleswright.kernel.worktime import add_working
from saleswright.modules.org import queries

SHOWN, TOLD_AT_ONCE = 6, 1000


class Late(NamedTuple):
    """A record that is over its limit."""

    due: datetime
    resource: Resource
    record: Any


def tell_of_overdue(now: datetime) -> int:
    """Tell the owners of overdue records, and at escalation their managers, once for each stay; returns how many.

    The limit's row is locked, so that two workers never tell the same.
    """
    told = 0
    known = {resource.name: resource for resource in queries.stateful()}
    rows = StateLimit.objects.filter(archived_at=None, resource__in=known).order_by("id")
    for limit in rows.select_for_update(of=("self",), skip_locked=True):
        resource = known[limit.resource]
        if limit.tell_owner:
            told += _tell(resource, limit, limit.minutes, now, "owner_id", escalated=False)
        if limit.escalation_minutes is not None:
            told += _tell(resource, limit, limit.escalation_minutes, now, "owner__manager_id", escalated=True)
    return told


def _tell(resource: Resource, limit: StateLimit, minutes: int, now: datetime, whom: str, *, escalated: bool) -> int:
    known = LimitNotice.objects.filter(
        limit_id=limit.pk, record_id=OuterRef("pk"), since=OuterRef("since"), escalated=escalated
    )
    late = overdue(resource, limit, now, minutes).filter(~Exists(known), **{f"{whom}__isnull": False})
    found = list(late.annotate(whom=F(whom)).order_by("since", "pk")[:TOLD_AT_ONCE])
    LimitNotice.objects.bulk_create(
        LimitNotice(limit_id=limit.pk, record_id=one.pk, since=one.since, user_id=one.whom, escalated=escalated, at=now)
        for one in found
    )
    for one in found:
        ports.notification.notify(
            user_ids=[one.whom],
            text=_words(resource, limit, one),
            resource=resource.name,
            record_id=one.pk,
            at=now,
            kind="overdue",
        )
    return len(found)


def _words(resource: Resource, limit: StateLimit, record: Any) -> Words:
    words = gettext_lazy("%(kind)s %(label)s is “%(state)s” for longer than it should be.")
    state = queries.states_of(resource)[limit.state]
    return said(words, kind=resource.label, label=resource.label_of(record), state=state)


def late_for(actor: Actor, now: datetime) -> list[Late]:
    """The actor's own records that are over their limits, the longest first."""
    known = {resource.name: resource for resource in queries.stateful() if actor.may(f"{resource.name}.view")}
    found = []
    for limit in limits().values():
        if resource := known.get(limit.resource):
            rows = visible(overdue(resource, limit, now).filter(owner_id=actor.user_id), actor)
            for record in rows.order_by("since", "pk")[: SHOWN + 1]:
                found.append(Late(add_working(record.since, limit.minutes), resource, record))
    return sorted(found, key=lambda late: late.due)


@tile(22)
def overdue_states(actor: Actor) -> Tile | None:
    """One's records that have been in their state for too long."""
    if actor.user_id is None or not limits():
        return None
    now, language = clock.now(), get_language() or "zh-hans"
    found = late_for(actor, now)
    if not found:
        return None
    items = [
        TileItem(
            f"{late.resource.label} {late.resource.label_of(late.record)}",
            f"/{late.resource.name}/{late.record.pk}",
            relative_datetime(late.due, language, now),
            late=True,
        )
        for late in found[:SHOWN]
    ]
    figure = f"{SHOWN}+" if len(found) > SHOWN else str(len(found))
    return Tile(_("Over their time limit"), figure=figure, colour="red", items=items)

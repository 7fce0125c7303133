"""The clock of a lead's answer: it starts when somebody gets the lead, only a real follow-up sets it back, and what
is overdue goes to the owner, to the manager and back to the pool (LEAD-07).

The limits are working time. What a clock runs from is no state of its own: it is the later one of getting the owner
and of the last follow-up, so leads that change hands by any way are found by comparing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from saleswright.interface.formatting import format_datetime
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_of
from saleswright.kernel.words import said
from saleswright.kernel.worktime import add_working, take_working, working_between
from saleswright.modules.leads.flow.assigning import check_conditions
from saleswright.modules.leads.flow.desks import OPEN, fitting, terms
from saleswright.modules.leads.models import Lead, ResponseLimit
from saleswright.modules.leads.states import ResponseState
from saleswright.modules.pool.public import Pool, default_pool, put_into
from saleswright.modules.work.public import Notice, tell

RUNNING, OVERDUE, ESCALATED = ResponseState.RUNNING, ResponseState.OVERDUE, ResponseState.ESCALATED
AT_ONCE = 500
#: of leads that wait for an answer: somebody has them and nothing is decided
TICKING = Q(status__in=OPEN, archived_at=None, pool=None, owner__isnull=False, owned_since__isnull=False)
BASE = Greatest(F("owned_since"), Coalesce("followed_up_at", "owned_since"))
STOPPED: dict[str, Any] = {"response_limit": None, "response_due_at": None, "response_state": "", "response_from": None}
CLOCK = ("response_limit", "response_from", "response_due_at", "response_state")

REMINDER = gettext_lazy("%(label)s waits for your answer since %(due)s.")
TO_MANAGER = gettext_lazy("%(label)s waits for an answer of %(owner)s since %(due)s.")
GONE = gettext_lazy("%(label)s went back to the pool “%(pool)s”: no answer since %(due)s.")


class Chunks(Protocol):
    """A job's way to write in pieces."""

    def chunk(self, done: int, total: int | None = None) -> AbstractContextManager[None]: ...


@dataclass(slots=True)
class Round:
    """What a run did."""

    started: int = 0
    reminded: int = 0
    escalated: int = 0
    pooled: int = 0

    @property
    def done(self) -> int:
        return self.started + self.reminded + self.escalated + self.pooled


# --- clocks ----------------------------------------------------------------------------------------------------


def limits_in_force() -> list[ResponseLimit]:
    """The limits that hold, in their order."""
    rows = ResponseLimit.objects.filter(active=True, archived_at=None, in_force_since__isnull=False)
    return list(rows.order_by("position", "id"))


def start(ids: Sequence[int]) -> int:
    """Start the clocks of those of the leads that run from another moment than noted; returns how many."""
    rows = Lead.objects.filter(TICKING, pk__in=list(ids)).annotate(base=BASE)
    stale = list(rows.filter(Q(response_from=None) | ~Q(response_from=F("base"))).order_by("pk"))
    for lead, limit in _limited(stale):
        _set(lead, lead.base, limit)  # type: ignore[attr-defined]
    if stale:
        Lead.objects.bulk_update(stale, CLOCK, batch_size=AT_ONCE)
    return len(stale)


def _limited(leads: Sequence[Lead]) -> Iterator[tuple[Lead, ResponseLimit | None]]:
    """Each lead with the first limit that holds for it."""
    left, known = {one.pk: one for one in leads}, terms() if leads else {}
    for limit in limits_in_force() if leads else ():
        try:
            here = fitting(limit.conditions, list(left), known) if left else set()
        except ValidationFailed:  # a field that the limit names is no more: the others hold
            continue
        for pk in sorted(here):
            if base_of(left[pk]) >= limit.in_force_since:  # type: ignore[operator]
                yield left.pop(pk), limit
    for lead in left.values():
        yield lead, None


def base_of(lead: Lead) -> datetime:
    """What the clock of a lead with an owner runs from."""
    return max(filter(None, (lead.owned_since, lead.followed_up_at)))


def _set(lead: Lead, base: datetime, limit: ResponseLimit | None) -> None:
    """Put the clock on the lead; a clock that only was looked at again keeps how far its reminders went."""
    minutes = None
    if limit is not None:
        minutes = limit.first_minutes if lead.responded_at is None else limit.follow_up_minutes
    due = add_working(base, minutes) if minutes is not None else None
    same = due is not None and due == lead.response_due_at and lead.response_state
    lead.response_from = base
    lead.response_limit_id = limit.pk if limit is not None and due is not None else None
    lead.response_state = lead.response_state if same else RUNNING if due is not None else ""
    lead.response_due_at = due


def followed(ids: list[int]) -> None:
    """Leads were really followed up: the first time is kept with how long it took, and the clocks begin anew."""
    first = list(Lead.objects.filter(pk__in=ids, responded_at=None, followed_up_at__isnull=False).order_by("pk"))
    for lead in first:
        _respond(lead, lead.followed_up_at)  # type: ignore[arg-type]
    if first:
        Lead.objects.bulk_update(first, ("responded_at", "response_minutes"), batch_size=AT_ONCE)
    start(ids)


def _respond(lead: Lead, at: datetime) -> None:
    began = lead.response_from or lead.owned_since or lead.created_at
    lead.responded_at = max(at, lead.created_at)
    lead.response_minutes = int(working_between(began, at).total_seconds() // 60)


def answer(lead: Lead, at: datetime) -> None:
    """The owner spoke with the lead that is being changed: the clock begins anew with this moment."""
    lead.followed_up_at = at
    if lead.responded_at is None:
        _respond(lead, at)
    restart(lead)


def restart(lead: Lead) -> None:
    """Put the right clock on the lead that is being changed, or none where nobody has it or all is decided."""
    if lead.owner_id is None or lead.pool_id is not None or lead.owned_since is None or lead.status not in OPEN:
        stop(lead)
        return
    for one, limit in _limited([lead]):
        _set(one, base_of(one), limit)


def stop(lead: Lead) -> None:
    """Nothing is waited for any more."""
    lead.response_limit = lead.response_from = lead.response_due_at = None
    lead.response_state = ""


def overdue_ones(ids: list[int], actor: Actor) -> dict[int, bool]:
    """Which leads wait for an answer that is overdue, whether or not somebody was told yet."""
    rows = Lead.objects.filter(TICKING, pk__in=ids, response_due_at__lte=clock.now()).exclude(response_state="")
    return dict.fromkeys(rows.values_list("pk", flat=True), True)


def note_history(batch: Batch) -> None:
    """Leads that come with a first contact were answered then."""
    for draft in batch.good:
        if draft.record.responded_at is None and draft.record.first_contact_at is not None:
            draft.record.responded_at = draft.record.first_contact_at


def start_new(batch: Batch) -> None:
    """After leads are written: the clocks of those that got somebody."""
    ids = [one.record.pk for one in batch.drafts]
    if not limits_in_force() or not start(ids):
        return
    rows = {row["pk"]: row for row in Lead.objects.filter(pk__in=ids).values("pk", *(_attname(n) for n in CLOCK))}
    for draft in batch.drafts:
        for name in CLOCK:
            setattr(draft.record, _attname(name), rows[draft.record.pk][_attname(name)])


def _attname(name: str) -> str:
    return Lead._meta.get_field(name).attname  # type: ignore[union-attr]


# --- the run of every five minutes -----------------------------------------------------------------------------


def run(chunks: Chunks, at: datetime, actor: Actor) -> Round:
    """Start and stop clocks, then remind of what is overdue, tell managers, and let leads go back to the pool.

    A piece is one transaction; whoever begins anew finds only what is left.
    """
    made = Round()
    with chunks.chunk(0):
        Lead.objects.exclude(response_state="").exclude(pk__in=Lead.objects.filter(TICKING)).update(**STOPPED)
    limits = limits_in_force()
    if limits:
        _start_all(chunks, made, min(one.in_force_since for one in limits if one.in_force_since))
    late = Q(response_state=RUNNING, response_due_at__lte=at)
    made.reminded = _each(chunks, made, late, lambda leads: _remind(leads, at))
    for limit in limits:
        if limit.manager_minutes is not None:
            late = _past(limit, at, limit.manager_minutes, OVERDUE)
            made.escalated += _each(chunks, made, late, lambda leads: _escalate(leads, at))
        pool = _pool_of(limit, actor) if limit.pool_minutes is not None else None
        if limit.pool_minutes is not None and pool is not None:
            late = _past(limit, at, limit.pool_minutes, OVERDUE, ESCALATED) & (
                Q(protected_until=None) | Q(protected_until__lt=clock.local_date(at))
            )
            back = partial(_give_back, limit=limit, pool=pool, at=at, actor=actor)
            made.pooled += _each(chunks, made, late, back)
    return made


def _start_all(chunks: Chunks, made: Round, since: datetime) -> None:
    last = 0
    while True:
        rows = Lead.objects.filter(TICKING, pk__gt=last).annotate(base=BASE).filter(base__gte=since)
        stale = rows.filter(Q(response_from=None) | ~Q(response_from=F("base")))
        ids = list(stale.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            return
        last = ids[-1]
        with chunks.chunk(made.done):
            made.started += start(ids)


def _past(limit: ResponseLimit, at: datetime, minutes: int, *states: str) -> Q:
    return Q(response_limit=limit, response_state__in=states, response_due_at__lte=take_working(at, minutes))


def _each(chunks: Chunks, made: Round, late: Q, act: Callable[[list[Lead]], None]) -> int:
    """Do it to the leads that are late, some at a time, each piece locked and looked at again; returns how many."""
    last = count = 0
    while True:
        rows = Lead.objects.filter(TICKING & late, pk__gt=last)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            return count
        last = ids[-1]
        with chunks.chunk(made.done + count):
            list(Lead.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk").values_list("pk"))
            still = Lead.objects.filter(TICKING & late, pk__in=ids, response_from=BASE)
            leads = list(still.select_related("owner").order_by("pk"))
            if leads:
                act(leads)
                count += len(leads)


def _about(lead: Lead) -> dict[str, str]:
    return {"label": lead.title, "due": format_datetime(lead.response_due_at)}


def _remind(leads: Sequence[Lead], at: datetime) -> None:
    Lead.objects.filter(pk__in=[one.pk for one in leads]).update(response_state=OVERDUE)
    tell(
        [Notice(one.owner_id, said(REMINDER, **_about(one)), "leads", one.pk, "overdue") for one in leads],  # type: ignore[arg-type]
        at=at,
    )


def _escalate(leads: Sequence[Lead], at: datetime) -> None:
    Lead.objects.filter(pk__in=[one.pk for one in leads]).update(response_state=ESCALATED)
    above = managers_above(one.owner for one in leads if one.owner is not None)
    notices = []
    for one in leads:
        manager = above.get(one.owner_id)  # type: ignore[arg-type]
        if manager is not None and one.owner is not None:
            words = said(TO_MANAGER, owner=one.owner.get_short_name(), **_about(one))
            notices.append(Notice(manager, words, "leads", one.pk, "overdue"))
    tell(notices, at=at)


def managers_above(people: Iterable[User]) -> dict[int, int]:
    """For each of these people the nearest manager who still works here; nobody for those without one."""
    rows = User.objects.values_list("pk", "manager_id", "state", "archived_at")
    known = {pk: (manager, state != "left" and archived is None) for pk, manager, state, archived in rows}
    found: dict[int, int] = {}
    for person in people:
        seen, manager = {person.pk}, person.manager_id
        while manager is not None and manager not in seen:
            seen.add(manager)
            above, here = known[manager]
            if here:
                found[person.pk] = manager
                break
            manager = above
    return found


def _pool_of(limit: ResponseLimit, actor: Actor) -> Pool | None:
    pool = limit.pool
    return pool if pool is not None and pool.archived_at is None else default_pool("leads", actor)


def _give_back(leads: Sequence[Lead], *, limit: ResponseLimit, pool: Pool, at: datetime, actor: Actor) -> None:
    tell(
        [Notice(one.owner_id, said(GONE, pool=pool.name, **_about(one)), "leads", one.pk, "overdue") for one in leads],  # type: ignore[arg-type]
        at=at,
    )
    by_reason: dict[str, list[Lead]] = {}
    with override(settings.LANGUAGE_CODE):
        for one in leads:
            facts = {"limit": limit.name, "owner": one.owner.get_short_name(), **_about(one)}
            by_reason.setdefault(_("%(limit)s: no answer of %(owner)s, due %(due)s") % facts, []).append(one)
    for reason, some in by_reason.items():
        put_into(resource_of(Lead), some, pool, reason, actor=actor, at=at)
    Lead.objects.filter(pk__in=[one.pk for one in leads]).update(**STOPPED)


# --- limits ----------------------------------------------------------------------------------------------------


def prepare_limits(batch: Batch) -> None:
    """A limit says of something how long, the steps come one after the other, and the pool is one of leads."""
    pools = dict(
        Pool.objects.filter(pk__in={one.record.pool_id for one in batch.good} - {None}).values_list("pk", "resource")
    )
    for draft in batch.good:
        one = draft.record
        if one.first_minutes is None and one.follow_up_minutes is None:
            draft.error("first_minutes", "required", _("Say how soon the first answer or the next follow-up is due."))
        if None not in (one.manager_minutes, one.pool_minutes) and one.pool_minutes < one.manager_minutes:
            draft.error("pool_minutes", "order", _("The manager is told before the lead goes to the pool."))
        if one.pool_id in pools and pools[one.pool_id] != "leads":
            draft.error("pool", "invalid", _("This pool is for other records."))
        check_conditions(draft, batch.actor)
        if not one.active:
            one.in_force_since = None
        elif one.in_force_since is None:
            one.in_force_since = batch.at


def look_again(batch: Batch) -> None:
    """Limits were changed: the next run compares every clock with them."""
    since = [one.in_force_since for one in limits_in_force() if one.in_force_since]
    rows = Lead.objects.filter(TICKING, response_from__isnull=False)
    if since:
        rows.annotate(base=BASE).filter(base__gte=min(since)).update(response_from=None)
    rows.filter(response_limit__in=[draft.record.pk for draft in batch.drafts if not draft.record.active]).update(
        **STOPPED
    )

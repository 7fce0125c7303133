"""Into pools and out of them: the one way for claims, managers, imports and the nightly run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, DateTimeField, Q, Value, When
from django.utils.translation import gettext as _

from saleswright.interface.formatting import format_datetime
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.hand_over import give_records
from saleswright.kernel.models import Collaborator, PastHolding, User
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Resource, resource_named
from saleswright.modules.pool import queries
from saleswright.modules.pool.kinds import Kind, holds, kinds
from saleswright.modules.pool.models import Claim, Pool
from saleswright.modules.pool.states import Way

AT_ONCE = 500
OUT: dict[str, Any] = {"pool_id": None, "pooled_at": None, "pool_reason": "", "protected_until": None}
RECYCLE = "recycle"


def followed_up(resource: str, moments: Mapping[int, datetime]) -> None:
    """Note real follow-ups of records by id. Only they set the clocks back; an earlier one than known changes nothing.

    It is a by-product of what is recorded elsewhere, so it raises no version and is not audited.
    """
    model, pairs = resource_named(resource).model, sorted(moments.items())
    for start in range(0, len(pairs), AT_ONCE):
        part = dict(pairs[start : start + AT_ONCE])
        whens = [When(pk=pk, then=Value(at, DateTimeField())) for pk, at in part.items()]
        later = Case(*whens, output_field=DateTimeField())
        earlier = Q(followed_up_at=None) | Q(followed_up_at__lt=later)
        model._default_manager.filter(earlier, pk__in=part).update(followed_up_at=later)
        if (kind := kinds.get(resource)) is not None and kind.followed_up is not None:
            kind.followed_up(list(part))


def why_kept(record: Any, kind: Kind) -> Text | None:
    """What keeps the record from going into a pool at all, or None."""
    found = [hold.label for hold in holds[kind.resource] if not hold.unless]
    alive = kind.model._default_manager.filter(pk=record.pk)
    for hold in holds[kind.resource]:
        if hold.label in found and alive.filter(hold.holding()).exists():
            return hold.label
    return None


# --- plain edits and imports -----------------------------------------------------------------------------------


def prepare_pooled(batch: Batch) -> None:
    """New records may be put straight into a pool; what gets an owner is in none. Else pools have their own actions."""
    wanted = {draft.record.pool_id for draft in batch.good if draft.record.pool_id and draft.changed("pool")}
    known = {pool.pk: pool for pool in Pool.objects.filter(pk__in=wanted)} if wanted else {}
    for draft in batch.good:
        record = draft.record
        if draft.fresh and record.pool_id:
            if draft.values.get("owner"):
                draft.error("pool", "conflict", _("What has an owner can't be in a pool."))
            elif (pool := known.get(record.pool_id)) and pool.resource != batch.resource.name:
                draft.error("pool", "invalid", _("This pool is for other records."))
            record.owner_id = record.department_id = record.owned_since = None
            record.pooled_at, record.pool_reason = batch.at, _("Entered straight into the pool")
        elif not draft.fresh and draft.changed("pool"):
            draft.error("pool", "read_only", _("Claim, assign or release it instead."))
        elif not draft.fresh and record.pool_id and record.owner_id:
            _take_out(record)


def _take_out(record: Any) -> None:
    for name, value in OUT.items():
        setattr(record, name, value)


# --- into a pool -----------------------------------------------------------------------------------------------


def put_into(
    resource: Resource, records: Sequence[Any], pool: Pool, reason: str, *, actor: Actor, at: datetime
) -> None:
    """Put locked records into a pool, set-wise: audit, events, search and past figures follow."""
    values = OUT | {"pool_id": pool.pk, "pooled_at": at, "pool_reason": reason[:300], "owned_since": None}
    ids = [record.pk for record in records]
    give_records(resource, records, dict.fromkeys(ids), actor=actor, at=at, action=RECYCLE, values=values)
    _forget_collaborators(resource, ids)


def _forget_collaborators(resource: Resource, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), 10_000):
        part = ids[start : start + 10_000]
        Collaborator.objects.filter(resource=resource.name, record_id__in=part).delete()


def release(record: Any, kind: Kind, reason: str, pool_id: int | None, *, actor: Actor, at: datetime) -> None:
    """Give a record back. Raises Conflict when something keeps it or there is no pool."""
    if why := why_kept(record, kind):
        raise Conflict(_("It can't go into the pool: %(why)s.") % {"why": why})
    if pool_id is not None:
        pool = Pool.objects.filter(pk=pool_id, resource=kind.resource, archived_at=None).first()
    else:
        pool = queries.default_pool(kind.resource, actor)
    if pool is None:
        raise Conflict(_("There is no pool for these records."))
    _forget_collaborators(kind.of, [record.pk])
    _take_out(record)
    record.owner_id = record.department_id = record.owned_since = None
    record.pool_id, record.pooled_at, record.pool_reason = pool.pk, at, reason[:300]


# --- out of a pool ---------------------------------------------------------------------------------------------


def claim(record: Any, kind: Kind, *, actor: Actor, at: datetime) -> None:
    """Take a locked record out of its pool for oneself. Raises Conflict for limits and the cool-down."""
    pool, user = record.pool, _locked_person(actor.user_id)
    _check_cool_down(kind.resource, [record], pool, user, at)
    allowed = queries.allowance_of(user, kind.resource)
    done = queries.claimed_on(user.pk, kind.resource, clock.local_date(at))
    if allowed.a_day is not None and done >= allowed.a_day:
        text = _("You have claimed %(count)d today; more is not allowed.")
        raise Conflict(text % {"count": done}, code="claims_a_day")
    _check_held(user, kind, allowed, 1)
    _note(kind.resource, [(record.pk, pool.pk, user.pk)], Way.CLAIM, at)
    hand_to(record, user, at)


def hand_to(record: Any, user: User, at: datetime) -> None:
    """Make the person the owner of the record that is being changed, in no pool any more."""
    _take_out(record)
    record.owner_id, record.department_id, record.owned_since = user.pk, user.department_id, at


def given_out(record: Any, kind_name: str, user: User, at: datetime) -> None:
    """Before a manager gives the record to the person: what lies in a pool is noted and checked. Raises Conflict."""
    if record.pool_id is not None:
        check_assigned(kinds[kind_name], {user.pk: 1})
        _note(kind_name, [(record.pk, record.pool_id, user.pk)], Way.ASSIGN, at)
    hand_to(record, user, at)


def assign_from(pool: Pool, ids: Sequence[int], people: Sequence[User], *, actor: Actor, at: datetime) -> int:
    """Give what a manager chose from the pool to people, evenly in turn; returns how many there were still.

    The caller has seen to the right. Raises Conflict when somebody would hold more than they may.
    """
    kind = kinds[pool.resource]
    rows = kind.model._default_manager.filter(pk__in=list(ids), pool=pool, archived_at=None).order_by("pk")
    records = list(rows.select_for_update(of=("self",)))
    heirs = {record.pk: people[place % len(people)] for place, record in enumerate(records)}
    counts: dict[int, int] = {}
    for heir in heirs.values():
        counts[heir.pk] = counts.get(heir.pk, 0) + 1
    check_assigned(kind, counts)
    _note(kind.resource, [(pk, pool.pk, heir.pk) for pk, heir in heirs.items()], Way.ASSIGN, at)
    give_records(kind.of, records, heirs, actor=actor, at=at, action="assign", values=OUT)
    return len(records)


def note_assigned(resource: str, records: Sequence[Any], heirs: Mapping[int, User], at: datetime) -> None:
    """Note which of the records leave their pool for these people; the caller gives them with the values `OUT`."""
    taken = [(one.pk, one.pool_id, heirs[one.pk].pk) for one in records if one.pool_id is not None]
    if taken:
        _note(resource, taken, Way.ASSIGN, at)


def check_assigned(kind: Kind, counts: Mapping[int, int]) -> None:
    """Refuse to give people more than they may hold, where the limit holds for managers too. Raises Conflict."""
    for user_id, count in sorted(counts.items()):
        user = _locked_person(user_id)
        allowed = queries.allowance_of(user, kind.resource)
        if allowed.assigned_count:
            _check_held(user, kind, allowed, count)


def _locked_person(user_id: int | None) -> User:
    """The person, so locked that what they take at the same moment is counted one after the other."""
    return User.objects.select_for_update(no_key=True, of=("self",)).get(pk=user_id)


def _check_held(user: User, kind: Kind, allowed: queries.Allowance, more: int) -> None:
    if allowed.most_held is None:
        return
    held = queries.held_by(user.pk, kind, won_exempt=allowed.won_exempt)
    if held + more > allowed.most_held:
        text = _("%(name)s has %(held)d and may hold %(most)d at most.")
        names = {"name": user.get_short_name(), "held": held, "most": allowed.most_held}
        raise Conflict(text % names, code="most_held")


def _check_cool_down(resource: str, records: Sequence[Any], pool: Pool, user: User, at: datetime) -> None:
    """Who had a record claims it again only when the cool-down of the pool is over."""
    if not pool.cool_down_days:
        return
    wait = timedelta(days=pool.cool_down_days)
    held = PastHolding.objects.filter(
        resource=resource, record_id__in=[one.pk for one in records], owner=user, until__gt=at - wait
    )
    last = held.order_by("-until").values_list("until", flat=True).first()
    if last is not None:
        text = _("You had it before and can claim it again from %(when)s on.")
        raise Conflict(text % {"when": format_datetime(last + wait)}, code="cool_down")


def _note(resource: str, taken: Sequence[tuple[int, int, int]], way: Way, at: datetime) -> None:
    day = clock.local_date(at)
    names = ("resource", "record_id", "pool_id", "user_id", "way", "at", "day")
    insert_many(Claim, names, [(resource, pk, pool_id, user_id, way.value, at, day) for pk, pool_id, user_id in taken])

"""Whose pools there are, what a person holds and may take, and when a record goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import standard_scope
from saleswright.kernel.caching import kept
from saleswright.kernel.models import Department, User
from saleswright.kernel.resources import resource_of
from saleswright.modules.pool.kinds import WON, Kind, holds, kinds
from saleswright.modules.pool.models import Claim, ClaimLimit, Pool, PoolMember
from saleswright.modules.pool.states import Way

#: so long the others are told who was faster
REMEMBERED = timedelta(days=1)


@kept(seconds=30)
def _parents() -> dict[int, int | None]:
    return dict(Department.objects.values_list("pk", "parent_id"))


def _departments_of(department_id: int | None) -> list[int]:
    """The department and those above it."""
    found: list[int] = []
    parents = _parents()
    while department_id is not None and department_id not in found:
        found.append(department_id)
        department_id = parents.get(department_id)
    return found


def _named(user_id: int | None, department_id: int | None) -> QuerySet[PoolMember]:
    return PoolMember.objects.filter(Q(member_id=user_id) | Q(department__in=_departments_of(department_id)))


def managed_by(actor: Actor) -> QuerySet[Pool]:
    """The pools that the actor manages: by name or department, or because the rights over all pools are theirs."""
    pools = Pool.objects.filter(archived_at=None)
    if Scope.ALL in actor.scopes("pools.edit"):
        return pools
    return pools.filter(pk__in=_named(actor.user_id, actor.access.department_id).filter(manages=True).values("pool"))


def pools_of(actor: Actor, rows: QuerySet[Pool] | None = None) -> QuerySet[Pool]:
    """The pools whose stock the actor sees: those they belong to or manage, and those open to everybody."""
    pools = Pool.objects.filter(archived_at=None) if rows is None else rows
    if Scope.ALL in actor.scopes("pools.view"):
        return pools
    plain = PoolMember.objects.filter(manages=False, pool=OuterRef("pk"))
    mine = _named(actor.user_id, actor.access.department_id).values("pool")
    return pools.filter(Q(pk__in=mine) | ~Exists(plain))


def may_be_claimed(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """What lies in the actor's pools; and what left them just now, so that the slower one hears who has it."""
    mine = Pool.objects.filter(archived_at=None)
    mine = mine if Scope.ALL in scopes else pools_of(actor, mine)
    name = resource_of(queryset.model).name
    gone = Claim.objects.filter(
        resource=name, record_id=OuterRef("pk"), at__gte=clock.now() - REMEMBERED, pool__in=mine.values("pk")
    )
    return queryset.filter(Q(pool__in=mine.values("pk")) | Q(pool=None) & Exists(gone))


def may_be_assigned(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """What lies within the scopes, and what is in the pools that the actor manages."""
    resource = resource_of(queryset.model)
    own = standard_scope(resource, resource.model._default_manager.all(), actor, scopes).order_by().values("pk")
    return queryset.filter(Q(pk__in=own) | Q(pool__in=managed_by(actor).values("pk")))


def default_pool(resource: str, actor: Actor) -> Pool | None:
    """Where what the actor gives back goes: the first pool of the kind that they belong to, else the first of all."""
    pools = Pool.objects.filter(resource=resource, archived_at=None).order_by("position", "id")
    return pools_of(actor, pools).first() or pools.first()


def stock(pool: Pool) -> QuerySet[Any]:
    """What lies in the pool, longest first."""
    kind = kinds[pool.resource]
    rows: QuerySet[Any] = kind.model._default_manager.filter(pool=pool, archived_at=None)
    return rows.order_by("-pooled_at", "-id")


def stock_counts(pools: list[Pool]) -> dict[int, int]:
    """How much lies in each of the pools."""
    found: dict[int, int] = {}
    for name in {pool.resource for pool in pools} & set(kinds):
        rows = kinds[name].model._default_manager.filter(pool__in=[p.pk for p in pools], archived_at=None)
        found |= dict(rows.order_by().values("pool").annotate(n=Count("pk")).values_list("pool", "n"))
    return found


# --- limits ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person may take; None is without limit."""

    a_day: int | None = None
    most_held: int | None = None
    won_exempt: bool = True
    assigned_count: bool = False


def allowance_of(user: User, resource: str) -> Allowance:
    """The most generous of the limits of the posts that the person holds, else what holds for everybody."""
    limits = list(
        ClaimLimit.objects.filter(resource=resource, archived_at=None).filter(
            Q(post=None) | Q(post__holdings__user=user, post__holdings__until=None)
        )
    )
    own = [one for one in limits if one.post_id] or limits
    if not own:
        return Allowance()
    return Allowance(
        _widest([one.claims_a_day for one in own]),
        _widest([one.most_held for one in own]),
        any(one.won_exempt for one in own),
        all(one.assigned_count for one in own),
    )


def most_assigned(resource: str, people: Sequence[User]) -> dict[int, int]:
    """How much these people may hold where the limit holds for what they are given too; others are left out."""
    limits = ClaimLimit.objects.filter(
        resource=resource, archived_at=None, assigned_count=True, most_held__isnull=False
    )
    if not limits.exists():
        return {}
    found = {user.pk: allowance_of(user, resource) for user in people}
    return {pk: one.most_held for pk, one in found.items() if one.assigned_count and one.most_held is not None}


def _widest(limits: list[int | None]) -> int | None:
    return None if None in limits else max(one for one in limits if one is not None)


def claimed_on(user_id: int, resource: str, day: Any) -> int:
    """How often the person claimed on that day, whatever became of it."""
    return Claim.objects.filter(user_id=user_id, resource=resource, day=day, way=Way.CLAIM).count()


def held_by(user_id: int, kind: Kind, *, won_exempt: bool) -> int:
    """How many records count as held by the person."""
    rows = kind.model._default_manager.filter(kind.taking_part, owner_id=user_id, archived_at=None)
    if won_exempt:
        for hold in holds[kind.resource]:
            if hold.code == WON:
                rows = rows.filter(~Q(hold.holding()))
    return int(rows.count())


def standing_of(actor: Actor, resource: str) -> str:
    """What the actor has taken and may still take, in a sentence; empty where nothing is limited."""
    user = User.objects.filter(pk=actor.user_id).first()
    if user is None:
        return ""
    allowed, parts = allowance_of(user, resource), []
    if allowed.a_day is not None:
        done = claimed_on(user.pk, resource, clock.today())
        parts.append(_("Claimed today: %(done)d of %(most)d") % {"done": done, "most": allowed.a_day})
    if allowed.most_held is not None:
        held = held_by(user.pk, kinds[resource], won_exempt=allowed.won_exempt)
        parts.append(_("Held: %(held)d of %(most)d") % {"held": held, "most": allowed.most_held})
    return " · ".join(parts)


def days_idle(record: Any, at: datetime) -> int | None:
    """Days since the last follow-up, or since the owner has it."""
    moments = [one for one in (record.followed_up_at, record.owned_since) if one is not None]
    return (at - max(moments)).days if moments else None

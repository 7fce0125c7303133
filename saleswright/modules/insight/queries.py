"""Reads of figures by customer, through the measures of the modules below, and who is in a segment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.db.models import Max, Min, Q, QuerySet
from django.utils.translation import gettext as _

from saleswright.interface.conditions import terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel import conditions
from saleswright.kernel.access.actors import Actor, actor_for, system
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import DomainError, ValidationFailed
from saleswright.kernel.metrics import facts, measure_by, metric_named
from saleswright.modules.customers.public import Customer
from saleswright.modules.insight.models import CustomerRules, Segment, SegmentMember
from saleswright.modules.insight.rfm import Buying
from saleswright.modules.insight.states import SegmentKind

ORDERS, REVENUE = "orders_confirmed", "ordered"
#: how deep a segment may be made of others
MOST_NESTED = 5
NOBODY = Q(pk__in=[])


def rules() -> CustomerRules:
    """The rules in force; the shipped ones where there are none yet."""
    return CustomerRules.objects.order_by("pk").first() or CustomerRules()


# --- figures ---------------------------------------------------------------------------------------------------


def buyings(actor: Actor, as_of: date, days: int) -> dict[int, Buying]:
    """What each customer bought in so many days up to and with `as_of`, in two statements."""
    period = Period(as_of - timedelta(days=days - 1), as_of)
    orders, revenue = metric_named(ORDERS), metric_named(REVENUE)
    member = orders.dimensions["customer"]
    rows = facts(orders, actor, period).order_by().values_list(member).annotate(orders.value, Max(orders.day))
    amounts = measure_by(revenue, "customer", actor, period)
    return {pk: Buying((as_of - last).days, count, amounts.get(pk, 0)) for pk, count, last in rows}


def order_days(actor: Actor, as_of: date) -> dict[int, list[int]]:
    """The different days, as ordinals in rising order, on which each customer ordered up to `as_of`."""
    orders = metric_named(ORDERS)
    member = orders.dimensions["customer"]
    rows = facts(orders, actor, Period(date(1900, 1, 1), as_of)).order_by(member, orders.day)
    found: dict[int, list[int]] = {}
    for pk, day in rows.values_list(member, orders.day).distinct().iterator(chunk_size=20_000):
        found.setdefault(pk, []).append(day.toordinal())
    return found


def last_orders(actor: Actor) -> dict[int, date]:
    """The day of the last order of each customer that has one."""
    rows, member = edge_day(ORDERS, actor)
    return dict(rows.values_list(member, "edge"))


# --- segments --------------------------------------------------------------------------------------------------


def owner_actor(segment: Segment) -> Actor:
    """With whose rights the conditions of a segment hold."""
    return actor_for(segment.owner, origin="segment") if segment.owner is not None else system("segment")


def in_segment(segment: Segment, *, depth: int = 0) -> Q:
    """The condition on customers that they are in the segment.

    Raises ValidationFailed when its conditions name what its owner doesn't know any more, or segments in a circle.
    """
    if segment.kind == SegmentKind.FIXED:
        return Q(pk__in=SegmentMember.objects.filter(segment=segment).values("customer"))
    return tree_query(segment.conditions, owner_actor(segment), depth=depth)


def tree_query(tree: Any, actor: Actor, *, depth: int = 0) -> Q:
    """The condition on customers that a tree says, by what the actor may know."""
    from saleswright.modules.insight.terms import nested

    if not tree:
        return NOBODY
    if depth > MOST_NESTED:
        raise ValidationFailed.of("conditions", "circle", _("The segments refer to each other in a circle."))
    with nested(depth):
        return conditions.build(tree, terms_of(entity_named("customers"), actor))


def in_any(segment_ids: Collection[int], *, depth: int = 0) -> Q:
    """The condition on customers that they are in one of the segments; a segment that makes no sense holds nobody."""
    found = NOBODY
    for segment in Segment.objects.filter(pk__in=list(segment_ids)).select_related("owner"):
        try:
            found |= in_segment(segment, depth=depth)
        except ValidationFailed as refused:
            if any(error.code == "circle" for error in refused.errors):
                raise
        except DomainError:
            continue
    return found


def members(segment: Segment) -> QuerySet[Customer]:
    """The customers in a segment, archived ones left out. Raises ValidationFailed as `in_segment`."""
    return Customer.objects.filter(in_segment(segment), archived_at=None)


def edge_day(metric: str, actor: Actor, *, first: bool = False) -> tuple[QuerySet[Any], str]:
    """Rows (member, edge): the last (or first) day of the facts of a measure for each customer."""
    found = metric_named(metric)
    member = found.dimensions["customer"]
    rows = facts(found, actor).filter(**{f"{member}__isnull": False}).order_by().values(member)
    return rows.annotate(edge=(Min if first else Max)(found.day)), member

"""Figures keep the owner, department and region of their date: what changed hands counts as it was held then."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.transaction import on_commit

from saleswright.kernel.caching import kept
from saleswright.kernel.models.holding import PastHolding

#: dimension of a measure -> where a past holding has it
DIMENSIONS = {"owner": "owner_id", "department": "department_id", "region": "region_id", "manager": "owner__manager_id"}
#: what their members are called
NAMES = {"owner_name": "owner__name", "region_name": "region__name", "manager_name": "owner__manager__name"}


@kept(seconds=60)
def changed_hands() -> frozenset[str]:
    """The kinds of which any record was ever handed over; the figures of the others are read as they stand."""
    return frozenset(PastHolding.objects.values_list("resource", flat=True).distinct())


def note_change() -> None:
    """Say, within the transaction, that past holdings were written."""
    changed_hands.forget()  # type: ignore[attr-defined]
    on_commit(changed_hands.forget)  # type: ignore[attr-defined]


def holder_then(dimension: str, column: str, resource: str, record: str, day: str, *, moment: bool = False) -> Any:
    """An expression: the value of a dimension (or one of NAMES) at the date of a fact.

    `column` is where the fact has the present value, `record` where the id of the record of `resource` that changes
    hands, `day` its date, or with `moment` its time.
    """
    if resource not in changed_hands():
        return F(column)
    reach = {"until__gt" if moment else "last_on__gte": OuterRef(day)}
    held = PastHolding.objects.filter(resource=resource, record_id=OuterRef(record), **reach).order_by("until", "id")
    then = Subquery(held.values((DIMENSIONS | NAMES)[dimension])[:1])
    kind = CharField() if dimension in NAMES else BigIntegerField()
    return Case(When(Exists(held), then=then), default=F(column), output_field=kind)


def held_once_by(user_id: int | None, resource: str, record: str, day: str, *, moment: bool = False) -> Q:
    """A condition on facts: the person held the record at their date, or got it after it and gave it away."""
    if user_id is None or resource not in changed_hands():
        return Q(pk__in=())
    reach = {"until__gt" if moment else "last_on__gte": OuterRef(day)}
    return Q(Exists(PastHolding.objects.filter(resource=resource, owner=user_id, record_id=OuterRef(record), **reach)))


def held_by(
    rows: QuerySet[Any], members: Any, dimension: str, column: str, resource: str, record: str, day: str, *,
    moment: bool = False,
) -> QuerySet[Any]:  # fmt: skip
    """Cut facts to those whose dimension was one of `members` at their date; the rest is as for `holder_then`."""
    if resource not in changed_hands():
        return rows.filter(**{f"{column}__in": members})
    past = PastHolding.objects.filter(resource=resource, **{f"{DIMENSIONS[dimension]}__in": members})
    perhaps = Q(**{f"{column}__in": members}) | Q(**{f"{record}__in": past.values("record_id")})  # few need a look
    then = holder_then(dimension, column, resource, record, day, moment=moment)
    return rows.filter(perhaps).alias(held_then=then).filter(held_then__in=members)

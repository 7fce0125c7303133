"""Reads of tickets and call-backs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import standard_scope, visible
from saleswright.kernel.models import User
from saleswright.kernel.resources import Resource
from saleswright.modules.customers.public import Customer
from saleswright.modules.service.models import ServiceLevel, Ticket
from saleswright.modules.service.shipped import default_limits
from saleswright.modules.service.states import UNANSWERED, UNSOLVED


def with_their_customers(resource: Resource, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Whoever looks after a customer also sees what after-sales does for them."""
    own = standard_scope(resource, queryset, actor, scopes)
    if Scope.ALL in scopes:
        return own
    own_rows = standard_scope(resource, resource.model._default_manager.all(), actor, scopes).order_by().values("pk")
    customers = visible(Customer.objects.all(), actor).order_by().values("pk")
    return queryset.filter(Q(pk__in=own_rows) | Q(customer__in=customers))


def limits() -> dict[tuple[str, str], tuple[int, int]]:
    """Minutes to the first response and to the solution, by kind and priority, as the company keeps them."""
    rows = ServiceLevel.objects.filter(archived_at=None)
    kept = rows.values_list("kind", "priority", "response_minutes", "solution_minutes")
    return {(kind, priority): (response, solution) for kind, priority, response, solution in kept}


def limits_of(kind: str, priority: str, kept: dict[tuple[str, str], tuple[int, int]]) -> tuple[int, int]:
    """The kept limits, or the shipped ones where the company keeps none."""
    return kept.get((kind, priority)) or default_limits(kind, priority)


def overdue_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[str]]:
    """Which limits of these tickets have passed unmet."""
    at = clock.now()
    tickets = Ticket.objects.filter(pk__in=ids, status__in=UNANSWERED)
    return {ticket.pk: late for ticket in tickets if (late := ticket.overdue(at))}


def unanswered_past_due(at: datetime) -> QuerySet[Ticket]:
    """Tickets whose first response is overdue."""
    return Ticket.objects.filter(status__in=UNANSWERED, responded_at=None, first_response_due__lt=at, archived_at=None)


def unsolved_tickets(actor: Actor) -> QuerySet[Ticket]:
    """The person's own tickets that have no solution yet, the most urgent first."""
    mine = Ticket.objects.filter(owner_id=actor.user_id, status__in=UNSOLVED, archived_at=None)
    return mine.order_by("solution_due", "id")


def heads_of_service() -> list[int]:
    """Who leads after-sales service."""
    people = User.objects.filter(roles__code="service_manager", archived_at=None)
    return [user.pk for user in people.order_by("id") if user.is_active]

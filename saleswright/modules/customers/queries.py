"""Who sees and who decides requests to join."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from saleswright.kernel.access.actors import Actor, Scope


def requests_seen(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Requests that the actor made, decides, or that ask for what the actor has; with the scope of all, all."""
    if Scope.ALL in scopes:
        return queryset
    mine = Q(created_by=actor.user_id) | Q(decider=actor.user_id) | Q(owner=actor.user_id)
    return queryset.filter(mine)


def requests_to_decide(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Requests that the actor decides: as the manager who is asked, or with the scope of all; never one's own."""
    found = queryset if Scope.ALL in scopes else queryset.filter(decider=actor.user_id)
    return found if actor.kind == "system" else found.exclude(created_by=actor.user_id)


def own_requests(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Requests that the actor made."""
    return queryset.filter(created_by=actor.user_id)

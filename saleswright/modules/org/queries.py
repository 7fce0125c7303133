"""Reads about people."""

from __future__ import annotations

from typing import Any

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.models import RoleMembership, User
from saleswright.modules.org.models import PostHolding


def role_codes_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[str]]:
    """The codes of the roles of some people."""
    found: dict[int, list[str]] = {}
    rows = RoleMembership.objects.filter(user_id__in=ids).order_by("role__code")
    for user_id, code in rows.values_list("user_id", "role__code"):
        found.setdefault(user_id, []).append(code)
    return found


def posts_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[dict[str, Any]]]:
    """The posts that people hold now, the main one first."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = PostHolding.objects.filter(user_id__in=ids, until=None).order_by("-main", "since", "id")
    for user_id, post_id, title in rows.values_list("user_id", "post_id", "post__title"):
        found.setdefault(user_id, []).append({"id": post_id, "label": title})
    return found


def managers_upward(user: User) -> list[User]:
    """The person's managers, nearest first; a ring in the data ends the walk."""
    people = {u.pk: u for u in User.objects.filter(archived_at=None)}
    chain: list[User] = []
    current = people.get(user.manager_id or 0)
    while current is not None and current not in chain and current.pk != user.pk:
        chain.append(current)
        current = people.get(current.manager_id or 0)
    return chain

"""Reads about people."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.models import Grant, NumberSeries, Role, RoleMembership, User
from saleswright.kernel.numbering import Format, next_numbers
from saleswright.kernel.personal import GROUPS
from saleswright.kernel.resources import Resource, all_resources
from saleswright.modules.org.models import BodyMember, PostHolding


def data_groups() -> dict[str, Text]:
    """What the groups of personal data are called."""
    return {code: group.label for code, group in GROUPS.items()}


def role_codes_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[str]]:
    """The codes of the roles of some people."""
    found: dict[int, list[str]] = {}
    rows = RoleMembership.objects.filter(user_id__in=ids).order_by("role__code")
    for user_id, code in rows.values_list("user_id", "role__code"):
        found.setdefault(user_id, []).append(code)
    return found


def role_names() -> dict[str, Text]:
    """What the roles are called, by code."""
    return dict(Role.objects.values_list("code", "name"))


def grants_of(ids: list[int], actor: Actor | None = None) -> dict[int, dict[str, str]]:
    """What some roles may do: {permission: scope}."""
    found: dict[int, dict[str, str]] = {}
    rows = Grant.objects.filter(role_id__in=ids).order_by("permission")
    for role_id, permission, scope in rows.values_list("role_id", "permission", "scope"):
        found.setdefault(role_id, {})[permission] = scope
    return found


def posts_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[dict[str, Any]]]:
    """The posts that people hold now, the main one first."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = PostHolding.objects.filter(user_id__in=ids, until=None).order_by("-main", "since", "id")
    for user_id, post_id, title in rows.values_list("user_id", "post_id", "post__title"):
        found.setdefault(user_id, []).append({"id": post_id, "label": title})
    return found


def members_of(body_id: int) -> list[User]:
    """The people of a body who work here, in its order; its chair is one of them if they are a member."""
    rows = BodyMember.objects.filter(body_id=body_id).order_by("position", "id").select_related("member")
    return [row.member for row in rows if row.member.is_active]


def managers_upward(user: User) -> list[User]:
    """The person's managers, nearest first; a ring in the data ends the walk."""
    people = {u.pk: u for u in User.objects.filter(archived_at=None)}
    chain: list[User] = []
    current = people.get(user.manager_id or 0)
    while current is not None and current not in chain and current.pk != user.pk:
        chain.append(current)
        current = people.get(current.manager_id or 0)
    return chain


@cache
def time_zones() -> dict[str, Text]:
    """The time zones that there are, by their own names."""
    return {name: name for name in sorted(available_timezones()) if "/" in name and not name.startswith("Etc/")}


def resource_names() -> dict[str, Text]:
    """What the kinds of records are called, by the name that programs use."""
    return {resource.name: resource.label_plural for resource in all_resources()}


def next_numbers_of(ids: list[int], actor: Actor) -> dict[int, str]:
    """The number that each series would give today."""
    series = {one.resource: one for one in NumberSeries.objects.filter(pk__in=ids)}
    formats = {name: Format(one.prefix, one.date_format, one.digits) for name, one in series.items()}
    return {series[name].pk: number for name, number in next_numbers(formats, clock.today()).items()}


def stateful() -> list[Resource]:
    """The kinds of record with states and an owner who can be told."""
    return [resource for resource in all_resources() if resource.state_field and resource.owned]


def stateful_names() -> dict[str, Text]:
    """What they are called."""
    return {resource.name: resource.label_plural for resource in stateful()}


def states_of(resource: Resource) -> dict[str, Text]:
    """The states of a kind of record, by code."""
    return dict(resource.model._meta.get_field(resource.state_field).flatchoices)


def state_names() -> dict[str, Text]:
    """What the states of all kinds of record are called."""
    found: dict[str, Text] = {}
    for resource in stateful():
        found = states_of(resource) | found
    return found

"""Whose target it is: the trees of departments, regions and categories, and what of a measure belongs to whom."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.db.models import Q

from saleswright.kernel.access.actors import Actor, Scope, below
from saleswright.kernel.access.scopes import standard_scope
from saleswright.kernel.metrics import Metric
from saleswright.kernel.models import Department, Region, User
from saleswright.kernel.resources import Resource
from saleswright.modules.catalog.public import ProductCategory
from saleswright.modules.targets.models import Target
from saleswright.modules.targets.states import ScopeKind

TREES: dict[str, Any] = {
    ScopeKind.DEPARTMENT: Department,
    ScopeKind.REGION: Region,
    ScopeKind.CATEGORY: ProductCategory,
}
#: kind of scope -> dimension of the metric layer
DIMENSIONS = {
    ScopeKind.DEPARTMENT: "department",
    ScopeKind.REGION: "region",
    ScopeKind.PERSON: "owner",
    ScopeKind.CATEGORY: "category",
}


class Trees:
    """Departments, regions and categories as read once for one request."""

    @cached_property
    def parents(self) -> dict[str, dict[int, int | None]]:
        return {kind: dict(model.objects.values_list("id", "parent_id")) for kind, model in TREES.items()}

    @cached_property
    def people(self) -> dict[int, tuple[int | None, int | None]]:
        """Person -> department, region."""
        rows = User.objects.values_list("id", "department_id", "region_id")
        return {pk: (department, region) for pk, department, region in rows}

    def members(self, kind: str, scope_id: int) -> frozenset[int]:
        """The scope and everything below it."""
        return below(self.parents[kind], scope_id) if kind in TREES else frozenset({scope_id})

    def covers(self, outer: Target, inner: Target) -> bool:
        """Whether the inner scope lies within the outer one."""
        if outer.scope_kind == ScopeKind.COMPANY:
            return True
        if outer.scope_id is None or inner.scope_id is None:
            return False
        members = self.members(outer.scope_kind, outer.scope_id)
        if inner.scope_kind == outer.scope_kind:
            return inner.scope_id in members
        if inner.scope_kind == ScopeKind.PERSON and outer.scope_kind in {ScopeKind.DEPARTMENT, ScopeKind.REGION}:
            department, region = self.people.get(inner.scope_id, (None, None))
            return (department if outer.scope_kind == ScopeKind.DEPARTMENT else region) in members
        return False


def measurable(metric: Metric, kind: str) -> bool:
    """Whether the measure can be cut to scopes of this kind."""
    return kind == ScopeKind.COMPANY or DIMENSIONS[ScopeKind(kind)] in metric.dimensions


def within_rights(actor: Actor, action: str, targets: Iterable[Target]) -> set[int]:
    """The places, in their order, of those targets on which the actor may do `action` by their scope.

    Targets of the company and of categories need the right for everything.
    """
    scopes = actor.scopes(f"targets.{action}")
    places = list(enumerate(targets))
    if Scope.ALL in scopes:
        return {place for place, _target in places}
    people = {
        user.pk: user
        for user in User.objects.filter(pk__in={t.scope_person_id for _n, t in places if t.scope_person_id})
    }
    return {place for place, target in places if _reaches(actor, scopes, target, people)}


def _reaches(actor: Actor, scopes: frozenset[Scope], target: Target, people: dict[int, User]) -> bool:
    access = actor.access
    department, region = target.scope_department_id, target.scope_region_id
    if target.scope_kind == ScopeKind.PERSON:
        user = people.get(target.scope_person_id or 0)
        if user is None or user.pk == actor.user_id:
            return user is not None
        department, region = user.department_id, user.region_id
    return (
        (Scope.DEPARTMENT_TREE in scopes and department in access.departments)
        or (Scope.DEPARTMENT in scopes and department is not None and department == access.department_id)
        or (Scope.REGION_TREE in scopes and region in access.regions)
    )


def visible_targets(resource: Resource, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Targets follow the rights over their person or department, and those of regions the rights over regions."""
    own = standard_scope(resource, queryset, actor, scopes)
    if Scope.ALL in scopes or Scope.REGION_TREE not in scopes or not actor.access.regions:
        return own
    rows = standard_scope(resource, Target.objects.all(), actor, scopes).order_by().values("pk")
    return queryset.filter(Q(pk__in=rows) | Q(scope_region_id__in=actor.access.regions))

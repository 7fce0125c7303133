"""The one place that cuts every query by rights."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from saleswright.kernel.access.actors import EVERYTHING, Actor, Scope
from saleswright.kernel.errors import NotAllowed, NotFound
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.resources import Resource, resource_of

M = TypeVar("M", bound=Model)

HOLDER = ("owner_id", "department_id")
"""By these columns the standard scopes decide."""


def visible(queryset: QuerySet[M], actor: Actor, action: str = "view") -> QuerySet[M]:
    """Cut the queryset to the records on which the actor may do `action`.

    Pages, the API, search, exports, reports and jobs on someone's behalf all ask here.
    """
    resource = resource_of(queryset.model)
    scopes = actor.scopes(f"{resource.name}.{action}")
    if not scopes:
        return queryset.none()
    if action in resource.reaches:
        return resource.reaches[action](queryset, actor, scopes)
    shown = None if Scope.ALL in scopes else resource.shown_to(actor, action)
    if shown is None:
        return resource.scope(queryset, actor, scopes)
    own = resource.scope(resource.model._default_manager.all(), actor, scopes).order_by().values("pk")
    return queryset.filter(Q(pk__in=own) | shown)


def standard_scope(resource: Resource, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """Own, department, department and below, region and below, all; and what one collaborates on.

    Records without an owner follow the record they belong to (`via`) or are open to whoever has the right.
    """
    if resource.via and actor.kind != "system":
        parent = resource.model._meta.get_field(resource.via).related_model
        parents = visible(parent._default_manager.all(), actor)
        if actor.scopes(f"{resource_of(parent).name}.view") != EVERYTHING:
            queryset = queryset.filter(**{f"{resource.via}__in": parents.order_by().values("pk")})
        if not resource.owned:
            return queryset
    if Scope.ALL in scopes or not resource.owned:
        return queryset
    if scopes == {Scope.OWN}:
        own = resource.model._default_manager.filter(owner_id=actor.user_id).order_by().values("pk")
        return queryset.filter(pk__in=own.union(_shared(resource, actor)))
    condition = Q(owner_id=actor.user_id) | Q(pk__in=_shared(resource, actor))
    if Scope.DEPARTMENT_TREE in scopes:
        condition |= Q(department_id__in=actor.access.departments)
    elif Scope.DEPARTMENT in scopes and actor.access.department_id:
        condition |= Q(department_id=actor.access.department_id)
    if Scope.REGION_TREE in scopes and actor.access.regions:
        condition |= Q(owner_id__in=User.objects.filter(region_id__in=actor.access.regions).values("pk"))
    return queryset.filter(condition)


def _shared(resource: Resource, actor: Actor) -> QuerySet[Collaborator, Any]:
    shared = Collaborator.objects.filter(user_id=actor.user_id, resource=resource.name)  # type: ignore[misc]
    return shared.values("record_id")


def is_within_reach(
    model: type[Model], actor: Actor, action: str, owner_id: int | None = None, department_id: int | None = None
) -> bool:
    """Whether the actor may do `action` with a record of this HOLDER, as far as that tells.

    False says nothing: somebody may share the record, or see it for another reason. Then `visible` has to be asked.
    """
    resource = resource_of(model)
    scopes, access = actor.scopes(f"{resource.name}.{action}"), actor.access
    if not scopes or resource.via or type(resource).scope is not Resource.scope or action in resource.reaches:
        return False
    return (
        Scope.ALL in scopes
        or not resource.owned
        or owner_id == actor.user_id is not None
        or (Scope.DEPARTMENT_TREE in scopes and department_id in access.departments)
        or (Scope.DEPARTMENT in scopes and department_id == access.department_id is not None)
    )


def owner_within(actor: Actor, scopes: frozenset[Scope], owner: User | None) -> bool:
    """Whether a record owned by `owner` would lie within the actor's scopes."""
    if Scope.ALL in scopes or (owner is not None and owner.pk == actor.user_id):
        return True
    if owner is None:
        return False
    access = actor.access
    return (
        (Scope.DEPARTMENT_TREE in scopes and owner.department_id in access.departments)
        or (Scope.DEPARTMENT in scopes and owner.department_id == access.department_id is not None)
        or (Scope.REGION_TREE in scopes and owner.region_id in access.regions)
    )


def fetch(model: type[M], pk: Any, *, actor: Actor, action: str = "view") -> M:
    """The record, if the actor may do `action` with it.

    Raises NotFound when the actor may not even see it, NotAllowed when only seeing is allowed.
    """
    rows = model._default_manager.filter(pk=pk)
    record = visible(rows, actor, action).first()
    if record is None:
        if action != "view" and visible(rows, actor).exists():
            raise NotAllowed
        raise NotFound
    return record

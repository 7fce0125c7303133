"""Finds everything that points to records of a kind, from the models themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import QuerySet

from saleswright.kernel.custom_fields import definitions
from saleswright.kernel.errors import Text
from saleswright.kernel.merging.declared import Pair, ledgers, pairs, stays
from saleswright.kernel.resources import Resource, has_resource, resource_named, resource_of


@dataclass(frozen=True, slots=True)
class Pointer:
    """A column of a table that names records of a kind: a foreign key, an id beside the kind, or a custom field."""

    model: Any
    column: str
    where: tuple[tuple[str, str], ...] = ()
    custom: bool = False

    @property
    def table(self) -> str:
        return str(self.model._meta.label)

    def rows(self, ids: list[int]) -> QuerySet[Any]:
        """The rows that point to these records."""
        path = f"custom__{self.column}" if self.custom else self.column
        return self.model._base_manager.filter(**dict(self.where), **{f"{path}__in": ids})


def pointers_to(resource: Resource) -> list[Pointer]:
    """Everything that names records of this kind and follows when one of them is merged; ledgers are apart."""
    return [*_fixed(resource.name), *_custom(resource)]


@cache
def _fixed(name: str) -> tuple[Pointer, ...]:
    resource, found = resource_named(name), []
    for model in tables():
        label = model._meta.label
        if label in stays or label in ledgers:
            continue
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model is resource.model and f"{label}.{field.name}" not in stays:
                found.append(Pointer(model, field.attname))
        found += [Pointer(model, pair.record, ((pair.resource, name),)) for pair in pairs_of(model)]
    return tuple(found)


def _custom(resource: Resource) -> Iterator[Pointer]:
    for (kind, code), one in definitions().by_code.items():
        if one.kind == "reference" and one.target_name == resource.name:
            yield Pointer(resource_named(kind).model, code, custom=True)


def tables() -> list[Any]:
    """Every table of the product, those of many-to-many relations included."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model.__module__.startswith("saleswright.")
    ]


def pairs_of(model: Any) -> list[Pair]:
    """The columns by which rows name records of any kind, if they do."""
    names = {field.name for field in model._meta.concrete_fields if not field.is_relation}
    usual = [Pair()] if {"resource", "record_id"} <= names else []
    return usual + pairs.get(model._meta.label, [])


def unique_sets(model: Any, column: str) -> Iterator[tuple[list[str], Any]]:
    """The other columns of each uniqueness that the column is part of, with the condition under which it holds."""
    attnames = {field.name: field.attname for field in model._meta.concrete_fields}
    field = next(one for one in model._meta.concrete_fields if one.attname == column)
    if field.unique:
        yield [], None
    for together in model._meta.unique_together:
        if field.name in together:
            yield [attnames[name] for name in together if name != field.name], None
    for one in model._meta.constraints:
        if isinstance(one, models.UniqueConstraint) and field.name in one.fields:
            yield [attnames[name] for name in one.fields if name != field.name], one.condition


def is_pointed_at(model: Any) -> bool:
    """Whether other rows may refer to rows of the table."""
    return any(relation.concrete is False for relation in model._meta.related_objects)


def has_version(model: Any) -> bool:
    """Whether the rows carry a version that every write raises."""
    return any(field.name == "version" for field in model._meta.concrete_fields)


def label_of_table(table: str) -> Text:
    """What the rows of a table are called, several of them."""
    model = apps.get_model(table)
    return resource_of(model).label_plural if has_resource(model) else model._meta.verbose_name_plural


def follows_by(resource: Resource) -> list[Resource]:
    """The kinds whose search rows carry the id of a record of this kind."""
    from saleswright.kernel.resources import all_resources

    return [
        one
        for one in all_resources()
        if one.via and one.search and one.model._meta.get_field(one.via).related_model is resource.model
    ]

"""What is known of a model's columns, found once: their names, cleaners, references, unique sets, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import models

from saleswright.kernel.cleaning import Clean, cleaner
from saleswright.kernel.models import OwnedRecord
from saleswright.kernel.resources import Lines

#: stamped by the kernel, never by callers
STAMPS = frozenset({"id", "created_at", "updated_at", "created_by", "updated_by", "version", "archived_at"})
#: stamps that an import of history brings along
HISTORY_STAMPS = frozenset({"created_at", "created_by"})
#: what the entry itself says: who and when
UNAUDITED = frozenset({"id", "created_at", "updated_at", "created_by_id", "updated_by_id", "version"})
HIDDEN_VALUES = frozenset({"password", "secret"})


def snapshot(record: models.Model) -> dict[str, Any]:
    """The record's column values by attribute name."""
    values = record.__dict__
    return {name: values.get(name) for name in attnames(type(record))}


def line_snapshot(spec: Lines, record: Any) -> dict[str, Any]:
    """A line as the audit shows it."""
    return {name: getattr(record, attname_of(spec.model, name)) for name in (*spec.fields, *spec.read)}


@cache
def attnames(model: type[Any]) -> tuple[str, ...]:
    return tuple(f.attname for f in model._meta.concrete_fields if f.attname != "last_login")


@cache
def attname_of(model: type[Any], name: str) -> str:
    return model._meta.get_field(name).attname


@cache
def model_cleaners(model: type[Any]) -> dict[str, Clean]:
    return {f.name: cleaner(f) for f in model._meta.concrete_fields if not f.primary_key}


@cache
def required_fields(model: type[Any]) -> tuple[str, ...]:
    """Fields that a new record must be given: no blank, no default, not set by the kernel."""
    return tuple(
        f.name
        for f in model._meta.concrete_fields
        if not f.primary_key and f.editable and not f.blank and not f.has_default() and f.name not in STAMPS
    )


@cache
def references(model: type[Any]) -> dict[str, type[models.Model]]:
    own = {"created_by", "updated_by"} | ({"owner", "department"} if issubclass(model, OwnedRecord) else set())
    return {
        f.name: f.related_model
        for f in model._meta.concrete_fields
        if isinstance(f, models.ForeignKey) and f.name not in own
    }


@cache
def unique_sets(model: type[Any]) -> tuple[tuple[str, ...], ...]:
    single = [(f.name,) for f in model._meta.concrete_fields if f.unique and not f.primary_key]
    joint = [
        tuple(c.fields)
        for c in model._meta.constraints
        if isinstance(c, models.UniqueConstraint) and c.fields and not c.condition
    ]
    return tuple(single + joint)


def diff(
    before: Mapping[str, Any], after: Mapping[str, Any], unaudited: frozenset[str] = UNAUDITED
) -> dict[str, list[Any]]:
    """What differs, as {field: [old, new]}; secret values are named, not shown."""
    changes = {n: [before.get(n), v] for n, v in after.items() if n not in unaudited and before.get(n) != v}
    return {n: (["***", "***"] if n in HIDDEN_VALUES else pair) for n, pair in changes.items()}

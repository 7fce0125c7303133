"""Which values the record keeps that others are merged into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import owner_within
from saleswright.kernel.columns import STAMPS, snapshot
from saleswright.kernel.custom_column import PREFIX
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.resources import Resource

#: columns that follow another one, or have actions of their own
FOLLOWING = frozenset({"department", "pool", "custom"})


def choosable(resource: Resource) -> list[str]:
    """The fields of which one can choose whose value is kept, custom fields last."""
    rules = resource.merges
    assert rules is not None
    skipped = {*STAMPS, *FOLLOWING, *rules.latest, *rules.least, *(rules.within or ()), *resource.derived}
    own = [
        one.name
        for one in resource.model._meta.concrete_fields
        if one.editable and one.name not in skipped and not (one.unique and not one.null)
    ]
    return own + [one.name for one in fields_of(resource.name)]


def value_of(record: Any, name: str) -> Any:
    """What the record holds in a field; of a custom field as it is stored."""
    if name.startswith(PREFIX):
        return (record.custom or {}).get(name.removeprefix(PREFIX))
    return getattr(record, record._meta.get_field(name).attname)


def is_empty(value: Any) -> bool:
    """Whether there is nothing to keep."""
    return value is None or value == "" or value == []


def sources(
    resource: Resource, record: Any, others: Sequence[Any], values: Iterable[Mapping[str, Any]], actor: Actor
) -> dict[str, int]:
    """Field -> the record whose value is kept: as chosen, else the survivor's own, or the first there is.

    Raises ValidationFailed for fields that can't be chosen and records that aren't merged.
    """
    known = {one.pk: one for one in (record, *others)}
    names = choosable(resource)
    found, errors = {}, []
    for place, row in enumerate(values):
        name, pk = row["field"].removesuffix("_id"), row["record_id"]
        right = resource.secrets.get(name)
        if name not in names:
            errors.append(FieldError(f"values.{place}.field", "unknown", _("There is no such field.")))
        elif pk not in known:
            errors.append(FieldError(f"values.{place}.record_id", "invalid", _("This record isn't merged.")))
        elif right and not actor.sees(right):
            errors.append(FieldError(f"values.{place}.field", "not_allowed", _("You may not set this field.")))
        else:
            found[name] = pk
    if errors:
        raise ValidationFailed(errors)
    for name in names:
        if name not in found:
            holder = next((one for one in known.values() if not is_empty(value_of(one, name))), record)
            found[name] = holder.pk
    return found


def take_values(
    resource: Resource,
    record: Any,
    others: Sequence[Any],
    values: Sequence[Mapping[str, Any]],
    *,
    actor: Actor,
    at: datetime,
) -> Draft:
    """Put the values that are kept into the record, in memory, and check them as those of an edit.

    Raises ValidationFailed.
    """
    rules = resource.merges
    assert rules is not None
    draft = Draft({}, pk=record.pk, record=record, before=snapshot(record))
    known = {one.pk: one for one in (record, *others)}
    chosen = {row["field"].removesuffix("_id") for row in values}
    held = {pk: snapshot(one) for pk, one in known.items()}
    custom = dict(record.custom or {})
    for name, pk in sources(resource, record, others, values, actor).items():
        value = value_of(known[pk], name)
        if isinstance(value, list) and name not in chosen:
            value = _united(value_of(one, name) for one in known.values())
        if name.startswith(PREFIX):
            if not is_empty(value):
                custom[name.removeprefix(PREFIX)] = value
            else:
                custom.pop(name.removeprefix(PREFIX), None)
        elif name == "owner":
            _take_owner(resource, record, held[pk], actor)
        else:
            field = resource.model._meta.get_field(name)
            if field.is_relation and field.related_model is resource.model:
                value = _above(resource.model, field.attname, value, set(known))
            setattr(record, field.attname, value)
    record.custom = custom
    for names, pick in ((rules.latest, max), (rules.least, min)):
        for name in names:
            present = [value for one in known.values() if (value := value_of(one, name)) is not None]
            if present:
                setattr(record, resource.model._meta.get_field(name).attname, pick(present))
    batch = Batch(resource, [draft], actor, at)
    resource.prepare(batch)
    if draft.errors:
        raise ValidationFailed(draft.errors)
    return draft


def _united(lists: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for one in lists:
        found += [item for item in one or () if item not in found]
    return found


def _take_owner(resource: Resource, record: Any, held: Mapping[str, Any], actor: Actor) -> None:
    if held["owner_id"] == record.owner_id:
        return
    owner = User.objects.filter(pk=held["owner_id"]).first()
    if not owner_within(actor, actor.scopes(f"{resource.name}.edit"), owner):
        raise ValidationFailed.of("owner", "not_allowed", _("You may not give records to this person."))
    record.owner_id, record.department_id = held["owner_id"], held["department_id"]
    if resource.held_since:
        setattr(record, resource.held_since, held[resource.held_since])


def _above(model: Any, attname: str, value: int | None, everyone: set[int]) -> int | None:
    """What stands above the record in a tree, without leading back to it by those that become one with it."""
    start, current, seen = value, value, set[int]()
    while current is not None and current not in seen:
        seen.add(current)
        above = model._base_manager.filter(pk=current).values_list(attname, flat=True).first()
        if current in everyone:
            start = above
        current = above
    return None if start in everyone else start


def unique_columns(model: Any) -> list[str]:
    """The columns of which no two records hold the same, that may also hold nothing."""
    return [
        one.attname
        for one in model._meta.concrete_fields
        if one.unique and one.null and not one.primary_key and not isinstance(one, models.OneToOneField)
    ]


def unique_customs(resource: Resource) -> list[str]:
    """The codes of the custom fields of which no two records hold the same."""
    return [one.code for one in fields_of(resource.name) if one.unique]

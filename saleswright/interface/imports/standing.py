"""What became of the records that an import created, and which of them can be deleted again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.formatting import format_datetime
from saleswright.interface.models import ImportRun
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import NotFound
from saleswright.kernel.models import AuditEntry, Record
from saleswright.kernel.resources import Resource, has_resource

AT_ONCE = 5000
CREATED = ("created", "imported")
#: entries of the audit that change nothing
READINGS = ("exported", "viewed", "revealed", "unmasked")


@dataclass(frozen=True, slots=True)
class Standing:
    """The records that an import created: those that are `gone` already, those that can go, and what keeps others."""

    gone: int
    free: list[int]
    kept: dict[int, str]


def standing(run: ImportRun, actor: Actor) -> Standing:
    """How the records of an import stand. Raises NotFound when there is no such kind of record any more."""
    entity = entity_named(run.resource)
    created = created_by(run)
    present = set[int]()
    for part in _parts(created):
        present |= set(entity.model._default_manager.filter(pk__in=part).values_list("pk", flat=True))
    ids, kept = [pk for pk in created if pk in present], dict[int, str]()
    for part in _parts(ids):
        for pk, reason in _what_keeps(entity, part, frozenset(ids), run, actor):
            kept.setdefault(pk, reason)
    return Standing(len(created) - len(ids), [pk for pk in ids if pk not in kept], kept)


def created_by(run: ImportRun) -> list[int]:
    """The ids of the records of its own kind that an import created, from the audit."""
    entries = AuditEntry.objects.filter(
        at=run.taken_at, actor_id=run.created_by_id, resource=run.resource, action__in=CREATED
    )
    found = entries.order_by("record_id").values_list("record_id", flat=True)
    return [pk for pk in found if pk is not None]


def labels_of(run: ImportRun, ids: Sequence[int]) -> dict[int, str]:
    """What these records are called."""
    entity = entity_named(run.resource)
    return {one.pk: entity.label_of(one) for one in entity.model._default_manager.filter(pk__in=ids)}


def kind_of(run: ImportRun) -> str:
    """What the records of an import are called."""
    try:
        return str(entity_named(run.resource).label_plural)
    except NotFound:
        return run.resource


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _what_keeps(
    entity: Entity, ids: Sequence[int], going: frozenset[int], run: ImportRun, actor: Actor
) -> Iterator[tuple[int, str]]:
    """(record, reason) for those that can't be deleted; a constant number of statements."""
    rows: Any = entity.model._default_manager.filter(pk__in=ids)
    may = actor.may(f"{entity.name}.delete") and entity.deletable
    reached = set(visible(rows, actor, "delete").values_list("pk", flat=True)) if may else set()
    yield from ((pk, _("You may not delete it.")) for pk in ids if pk not in reached)
    rules = type(entity).edit_refusal is not Resource.edit_refusal
    for record in rows if rules else ():
        if refusal := entity.edit_refusal(record):
            yield record.pk, str(refusal)
    entries = AuditEntry.objects.filter(resource=entity.name, record_id__in=ids).exclude(at=run.taken_at)
    for pk, at, who in (
        entries.exclude(action__in=READINGS).order_by("id").values_list("record_id", "at", "actor__name")
    ):
        said = {"time": format_datetime(at), "name": who or _("System")}
        assert pk is not None  # it was asked for
        yield pk, _("Changed on %(time)s by %(name)s.") % said
    for model in _about_records():
        about = model._default_manager.filter(resource=entity.name, record_id__in=ids)
        for pk in about.values_list("record_id", flat=True):
            yield pk, _("There is something about it: %(thing)s.") % {"thing": model._meta.verbose_name}
    for model, name in _references(entity):
        others = model._default_manager.filter(**{f"{name}__in": ids})
        if model is entity.model:
            others = others.exclude(pk__in=going)
        for pk in others.values_list(name, flat=True):
            yield pk, _("Something refers to it: %(thing)s.") % {"thing": model._meta.verbose_name}


@cache
def _about_records() -> tuple[Any, ...]:
    """The kinds of record that hang on records of any kind: comments, tasks, files, approvals."""
    wanted = {"resource", "record_id"}
    return tuple(
        model
        for model in apps.get_models()
        if issubclass(model, Record) and has_resource(model) and wanted <= {f.name for f in model._meta.concrete_fields}
    )


def _references(entity: Entity) -> Iterable[tuple[Any, str]]:
    """Where other rows hold a record of the kind fast; its own lines go with it."""
    lines = {spec.model for spec in entity.lines}
    for relation in entity.model._meta.related_objects:
        protects = relation.on_delete in (models.PROTECT, models.RESTRICT)
        if protects and relation.related_model not in lines:
            yield relation.related_model, relation.field.attname

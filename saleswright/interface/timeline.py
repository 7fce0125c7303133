"""What happened to a record, newest first: its changes here, remarks and files and decisions from higher modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity
from saleswright.interface.fields import FieldSpec, Veiled
from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.presentation import TimelineEntry
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.personal import UNMASKED
from saleswright.kernel.resources import has_resource, resource_of

LIMIT = 50
#: a moment and what happened then
Happening = tuple[datetime, TimelineEntry]
#: (entity, record, actor, before) -> at most LIMIT happenings before that moment, the newest ones
Contributor = Callable[[Entity, Any, Actor, datetime | None], list[Happening]]
#: (entity, record, actor) -> what the page needs beside the entries, such as where to send a remark
Furnisher = Callable[[Entity, Any, Actor], dict[str, Any]]

#: higher modules add theirs at start
contributors: list[Contributor] = []
furnishers: list[Furnisher] = []
Labels = dict[type[models.Model], dict[int, str]]


def entries(entity: Entity, record: Any, actor: Actor, before: datetime | None = None) -> list[TimelineEntry]:
    """The newest 50 entries (before a moment) of a record that the actor sees."""
    return [entry for _moment, entry in happenings(entity, record, actor, before)]


def happenings(entity: Entity, record: Any, actor: Actor, before: datetime | None = None) -> list[Happening]:
    """`entries` with their exact moments."""
    found = [one for source in (changes, *contributors) for one in source(entity, record, actor, before)]
    found.sort(key=lambda one: one[0], reverse=True)
    return found[:LIMIT]


def context(entity: Entity, record: Any, actor: Actor, before: datetime | None = None) -> dict[str, Any]:
    """What the template `interface/timeline.html` shows."""
    found = happenings(entity, record, actor, before)
    shown: dict[str, Any] = {
        "entries": [entry for _moment, entry in found],
        "more_url": "",
        "can_comment": False,
        "comment_url": "",
        "follow_url": "",
        "following": False,
    }
    if len(found) == LIMIT:
        shown["more_url"] = f"{entity.url(record.pk, 'timeline')}?before={found[-1][0].timestamp()}"
    for furnish in furnishers:
        shown |= furnish(entity, record, actor)
    return shown


def entry(kind: str, at: datetime, who: str, text: Text, **more: Any) -> Happening:
    """Something that happened at a moment, its times written for the page."""
    language = get_language() or "zh-hans"
    shown = TimelineEntry(kind, relative_datetime(at, language), format_datetime(at, seconds=True), who, text, **more)
    return at, shown


# --- changes, from the audit -----------------------------------------------------------------------------------


def changes(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[Happening]:
    """What the audit knows, readable: labels of fields, choices and references; secret fields are left out."""
    rows = AuditEntry.objects.filter(resource=entity.name, record_id=record.pk).order_by("-id")
    rows = rows.exclude(action=UNMASKED)  # who looked at what is the auditor's to read
    if before is not None:
        rows = rows.filter(at__lt=before)
    found = list(rows.select_related("actor")[:LIMIT])
    specs = entity.specs_for(actor)
    labels = names_in([(one, specs) for one in found], actor)
    currency = getattr(record, "currency", None)
    return [_happening(entity, one, specs, labels, currency) for one in found]


def _happening(
    entity: Entity, audit: AuditEntry, specs: dict[str, FieldSpec], labels: Labels, currency: str | None
) -> Happening:
    who = audit.actor.get_short_name() if audit.actor else _("System")
    kind, text = words_of(entity, audit.action)
    told = [] if audit.action in {"created", "imported"} else readable(entity, audit, specs, labels, currency)
    return entry(kind, audit.at, who, text, changes=told)


def plain_deeds() -> dict[str, Text]:
    """What happens to records of every kind, by the name of the action."""
    return {
        "created": _("Created"),
        "imported": _("Imported"),
        "changed": _("Changed"),
        "archived": _("Archived"),
        "restored": _("Restored"),
        "deleted": _("Deleted"),
        "merged": _("Merged into another record"),
        "unmerged": _("Merge undone"),
        "clash-join": _("Clash decided: the asking person collaborates"),
        "clash-transfer": _("Clash decided: given over to the asking person"),
        "clash-refuse": _("Clash decided: the request was refused"),
        "transfer": _("Given over"),
        "hand-over": _("Handed over"),
        "take-over": _("Took records over"),
    }


def words_of(entity: Entity, action: str) -> tuple[str, Text]:
    """The kind of an entry and its words."""
    plain = plain_deeds()
    if action in plain:
        return "change", plain[action]
    endings: dict[str, Text] = {
        "requested": _("approval asked for"),
        "rejected": _("rejected"),
        "returned": _("returned for changes"),
        "withdrawn": _("request withdrawn"),
    }
    name, _dot, ending = action.partition(".")
    label = next((str(one.label) for one in entity.transitions if one.name == name), name)
    return "transition", f"{label} · {endings[ending]}" if ending in endings else label


def readable(
    entity: Entity, audit: AuditEntry, specs: dict[str, FieldSpec], labels: Labels, currency: str | None
) -> list[tuple[Text, str, str]]:
    """What changed, field by field: label, old and new value."""
    told: list[tuple[Text, str, str]] = []
    lines = {one.name: one.label for one in entity.lines}
    for name, (old, new) in _pairs(audit):
        spec = _spec(specs, name)
        if spec is not None:
            told.append((spec.label, _shown(spec, old, labels, currency), _shown(spec, new, labels, currency)))
        elif name in lines:
            told.append((lines[name], str(len(old or ())), str(len(new or ()))))
        elif name in entity.extras:
            told.append((entity.extras[name].label, "", ""))
    return told


def _pairs(audit: AuditEntry) -> Iterable[tuple[str, list[Any]]]:
    return ((name, pair) for name, pair in audit.changes.items() if isinstance(pair, list) and len(pair) == 2)


def _spec(specs: dict[str, FieldSpec], name: str) -> FieldSpec | None:
    return specs.get(name) or specs.get(name.removesuffix("_id"))


def _shown(spec: FieldSpec, value: Any, labels: Labels, currency: str | None) -> str:
    """A value of the audit as the list would show it."""
    if value is None or value == "":
        return ""
    if isinstance(spec, Veiled):
        return str(spec.veil(value))
    if spec.kind == "reference":
        return labels.get(spec.target, {}).get(value, f"#{value}")
    try:
        parsed = value if spec.kind == "json" else spec.parse(value)
    except ValidationError:  # written under an older declaration
        return str(value)
    cell = spec.cell({spec.attname: parsed, "currency": currency}, get_language() or "zh-hans", links=False)
    return cell.title if spec.kind == "datetime" else cell.text


def names_in(audits: Iterable[tuple[AuditEntry, dict[str, FieldSpec]]], actor: Actor) -> Labels:
    """The names of the referenced records that the actor sees, one query a kind."""
    wanted: dict[type[models.Model], set[int]] = {}
    for audit, specs in audits:
        for name, pair in _pairs(audit):
            spec = _spec(specs, name)
            if spec is not None and spec.kind == "reference":
                wanted.setdefault(spec.target, set()).update(value for value in pair if isinstance(value, int))
    found: Labels = {}
    for model, ids in wanted.items():
        rows: Any = model._default_manager.filter(pk__in=ids)
        if has_resource(model):
            resource = resource_of(model)
            found[model] = {row.pk: resource.label_of(row) for row in visible(rows, actor)}
        else:
            found[model] = {row.pk: str(row) for row in rows}
    return found

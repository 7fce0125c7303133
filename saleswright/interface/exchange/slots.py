"""What an import can fill of an entity, and how the text of a cell becomes the value of a field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext as _

from saleswright.interface.entity import Entity
from saleswright.interface.exchange.cells import plain_text
from saleswright.interface.exchange.mapping import ImportField
from saleswright.interface.fields import FieldSpec, has_field, spec_of
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Extra, Lines, has_resource, resource_of

AUTHORSHIP = ("created_at", "created_by")
"""Who made a record and when: only history brings them along."""

NAMING_COLUMNS = ("code", "number", "username", "name", "title", "email")
"""Columns by which other systems refer to a record, those that name one record alone first."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the cells of a column go: `field` of the record, or of its lines called `group`.

    `columns` are those of the referenced record that are searched for the cell's text, in order; empty for
    fields that are no references. `label` and `synonyms` are what the column may be called besides `name`.
    """

    name: str
    field: str
    group: str = ""
    spec: FieldSpec | None = None
    extra: Extra | None = None
    columns: tuple[str, ...] = ()
    label: Text = ""
    synonyms: tuple[str, ...] = ()

    @property
    def is_reference(self) -> bool:
        return bool(self.columns)


def slots_of(entity: Entity, actor: Actor) -> dict[str, Slot]:
    """Everything that an import by this actor can fill, by name."""
    assert entity.exchange is not None
    paths = {name.partition("__")[0]: name for name in entity.exchange_fields if "__" in name}
    synonyms = entity.exchange.synonyms
    specs = entity.known_to(actor)
    found: dict[str, Slot] = {}
    for name in _names(entity):
        called = (*synonyms.get(name, ()), *synonyms.get(paths.get(name, ""), ()))
        if name in entity.extras:
            extra = entity.extras[name]
            found[name] = Slot(name, name, extra=extra, label=extra.label, synonyms=called)
        elif name in specs:
            found |= {s.name: s for s in _slots(specs[name], "", paths.get(name, ""), called)}
    for group in groups_of(entity):
        for name in (*group.fields, *group.history_fields):
            spec, full = spec_of(group.model, name), f"{group.name}.{name}"
            found |= {s.name: s for s in _slots(spec, group.name, "", tuple(synonyms.get(full, ())))}
    return found


def groups_of(entity: Entity) -> tuple[Lines, ...]:
    """What rows of one key gather: the lines of a document, and groups that are written as extras."""
    assert entity.exchange is not None
    return (*entity.lines, *entity.exchange.groups)


def _names(entity: Entity) -> list[str]:
    exchanged = [name.partition("__")[0] for name in entity.exchange_fields if "." not in name]
    own = (*exchanged, *entity.writable, entity.number_field, entity.state_field, *entity.history_fields, *AUTHORSHIP)
    return [name for name in dict.fromkeys(own) if name]


def _slots(spec: FieldSpec, group: str, path: str, synonyms: tuple[str, ...]) -> Iterator[Slot]:
    """The slot of a field; a reference also has one for each column that names its record (`customer__code`)."""
    prefix = f"{group}." if group else ""
    if spec.kind != "reference":
        yield Slot(prefix + spec.name, spec.name, group, spec, label=spec.label, synonyms=synonyms)
        return
    columns = naming_columns(spec.target, path.partition("__")[2])
    yield Slot(prefix + spec.name, spec.name, group, spec, None, (*columns, "id"), spec.label, synonyms)
    for column in columns:
        yield Slot(f"{prefix}{spec.name}__{column}", spec.name, group, spec, None, (column,))


def naming_columns(target: Any, first: str = "") -> tuple[str, ...]:
    """The columns that name a record of the model."""
    names = [first]
    if has_resource(target) and isinstance(entity := resource_of(target), Entity) and entity.exchange:
        names += entity.exchange.keys
    names += [*NAMING_COLUMNS, getattr(target, "title_field", "name")]
    return tuple(name for name in dict.fromkeys(names) if name and has_field(target, name))


def import_fields(slots: dict[str, Slot]) -> list[ImportField]:
    """The slots as the matching of headers knows them, with labels in every language."""
    labels: dict[str, list[str]] = {name: [] for name in slots}
    for code, _language in reversed(settings.LANGUAGES):
        with translation.override(code):
            for name, slot in slots.items():
                if slot.label:
                    labels[name].append(str(slot.label))
    return [ImportField(name, (*dict.fromkeys(labels[name]), *slot.synonyms)) for name, slot in slots.items()]


def reader_of(slot: Slot) -> Callable[[Any], Any]:
    """A function from a cell that isn't empty to the field's value; it raises Django's ValidationError."""
    if slot.is_reference:
        return lambda cell: plain_text(cell).strip()
    if slot.extra is not None:
        return _extra_reader(slot.extra)
    assert slot.spec is not None
    spec = slot.spec
    if spec.kind == "choice":
        return _choice_reader(spec)
    if spec.kind in {"text", "long"}:
        return lambda cell: cell if isinstance(cell, str) else plain_text(cell)
    if spec.kind == "json":
        return lambda cell: cell if isinstance(cell, list) else spec.parse(cell)
    return spec.parse


def _extra_reader(extra: Extra) -> Callable[[Any], Any]:
    if extra.schema.get("items", {}).get("type") == "integer":
        return lambda cell: cell if isinstance(cell, list) else _ids(plain_text(cell))
    return lambda cell: cell if isinstance(cell, list) else plain_text(cell)


def _ids(text: str) -> list[int]:
    parts = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValidationError(_("Give a list of ids."), code="invalid")
    return [int(part) for part in parts]


def _choice_reader(spec: FieldSpec) -> Callable[[Any], Any]:
    """Choices by value or by label in any language, whatever their case."""
    known: dict[str, Any] = {}
    for code, _language in settings.LANGUAGES:
        with translation.override(code):
            known |= {str(label).casefold(): value for value, label in spec.choices.items()}
    known |= {str(value).casefold(): value for value in spec.choices}

    def read(cell: Any) -> Any:
        text = plain_text(cell).strip()
        if text.casefold() not in known:
            raise ValidationError(_("“%(value)s” is not one of the choices.") % {"value": text}, code="invalid_choice")
        return known[text.casefold()]

    return read

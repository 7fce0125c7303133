"""How a file is to be taken: its columns matched with the fields that the actor may fill, and the mapping checked."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from saleswright.interface.entity import Entity
from saleswright.interface.exchange.errors import MappingError
from saleswright.interface.exchange.mapping import Mapping, match_headers
from saleswright.interface.exchange.slots import Slot, import_fields, slots_of
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.resources import has_resource, resource_of


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is taken: which column is what, how records are found, what goes into new ones."""

    entity: Entity
    matched: list[tuple[int, Slot]]
    unmatched: list[str]
    key: str | None
    key_is_matched: bool
    mapping: Mapping


def plan_import(
    entity: Entity, headers: list[str], *, actor: Actor, mapping: Mapping, key: str | None, exact: bool = False
) -> Plan:
    """Match the file's columns with the fields that the actor may fill; `exact`ly those that the mapping names.

    Raises MappingError, NotAllowed.
    """
    actor.require(f"{entity.name}.import")
    if entity.exchange is None:
        raise MappingError("no_import", gettext_lazy("Records of this kind can't be imported"))
    slots = slots_of(entity, actor)
    wanted = {name for _column, name in mapping.pairs()} & slots.keys() if exact else slots.keys()
    match = match_headers(headers, import_fields({name: slots[name] for name in slots if name in wanted}), mapping)
    if not match.matched:
        raise MappingError(
            "nothing_matched",
            gettext_lazy("No column fits a field; the columns are: {headers}"),
            headers=", ".join(headers),
        )
    for table in (mapping.values, mapping.defaults, mapping.create, mapping.round):
        for name in table:
            if name not in slots:
                raise MappingError("unknown_field", gettext_lazy("“{field}” can't be imported"), field=name)
    for name, field in mapping.create.items():
        _check_creation(slots[name], field, actor)
    matched = [(index, slots[name]) for index, name in match.matched]
    plain = {s.name for _index, s in matched if s.spec is not None and not s.is_reference and not s.group}
    is_matched = (key or entity.exchange.key) in plain
    if key and not is_matched:
        raise MappingError(
            "unknown_key",
            gettext_lazy("“{key}” can't tell the records apart: it must be a plain field with a column in the file"),
            key=key,
        )
    return Plan(entity, matched, match.unmatched, key or entity.exchange.key, is_matched, mapping)


def _check_creation(slot: Slot, field: str, actor: Actor) -> None:
    """Records made for a reference need the right to create them, and are found by what they are made with.

    Raises MappingError, NotAllowed.
    """
    if slot.spec is None or field not in slot.columns or field == "id" or not has_resource(slot.spec.target):
        raise MappingError(
            "bad_create",
            gettext_lazy("[create]: nothing can be made for “{field}” with “{column}”"),
            field=slot.name,
            column=field,
        )
    actor.require(f"{resource_of(slot.spec.target).name}.create")

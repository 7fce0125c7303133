"""How a file is to be taken: its columns matched with the fields that the actor may fill, and the mapping checked."""

from __future__ import annotations

from collections.abc import Sequence
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
    """How a file is taken: which column is what, how records are found, what goes into new ones.

    `key` are the fields that together tell records apart, none when the file has no column for them; `key_text` names
    them.
    """

    entity: Entity
    matched: list[tuple[int, Slot]]
    unmatched: list[str]
    key: tuple[Slot, ...]
    key_text: str
    mapping: Mapping


def plan_import(
    entity: Entity,
    headers: list[str],
    *,
    actor: Actor,
    mapping: Mapping,
    key: Sequence[str] = (),
    exact: bool = False,
) -> Plan:
    """Match the file's columns with the fields that the actor may fill; `exact`ly those that the mapping names.

    Records are told apart by the fields `key` together, else by those of the mapping, else by the entity's own.

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
    given = tuple(key) or mapping.file.key
    names = given or entity.exchange.keys
    found = {name: _key_slot(name, matched) for name in names}
    for name, slot in found.items():
        if given and slot is None:
            raise MappingError(
                "unknown_key",
                gettext_lazy("“{key}” can't tell the records apart: it must be a field with a column in the file"),
                key=name,
            )
    key_slots = tuple(slot for slot in found.values() if slot is not None)
    if len(key_slots) < len(names):  # a part of a key would find other records
        key_slots = ()
    return Plan(entity, matched, match.unmatched, key_slots, ", ".join(found), mapping)


def _key_slot(name: str, matched: list[tuple[int, Slot]]) -> Slot | None:
    """The matched slot of that name, or one that fills that field; lists and parts of lines tell no records apart."""
    fitting = [
        slot
        for _index, slot in matched
        if name in (slot.name, slot.field) and slot.spec is not None and slot.spec.kind != "json" and not slot.group
    ]
    return min(fitting, key=lambda slot: slot.name != name, default=None)


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

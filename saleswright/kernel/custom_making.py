"""Custom fields of records that an action makes of another one: asked for with its arguments, or taken over.

An action says which kinds of record it makes. What was given for their required fields is known to every write within
it, under names such as `customers.custom.segment`; refusals of these writes bear the same names, so that they stand
beside the input. A copy of a record takes over what the record holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.custom_fields import CustomDefinition, fields_of
from saleswright.kernel.resources import resource_of


@dataclass(frozen=True)
class Making:
    """What writes within an action know: the kinds asked for, what was given by name, and what is taken over."""

    kinds: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def name_of(self, one: CustomDefinition) -> str:
        """What the field is called in refusals."""
        return name_within(one) if one.resource in self.kinds else one.name


_NOTHING = Making()
_making: ContextVar[Making] = ContextVar("making", default=_NOTHING)


def making_now() -> Making:
    """What holds for the write that is under way."""
    return _making.get()


def name_within(one: CustomDefinition) -> str:
    """The field's name among the arguments of an action that makes records of its kind."""
    return f"{one.resource}.{one.name}"


def asked_fields(kind: str, actor: Actor) -> Iterator[CustomDefinition]:
    """The fields of a kind without which the actor can't make a record of it, and that nothing else fills."""
    for one in fields_of(kind):
        if one.required and not one.default_text and (not one.right or actor.sees(one.right)):
            yield one


@contextmanager
def making(kinds: frozenset[str], given: Mapping[str, Any]) -> Iterator[None]:
    """Meanwhile new records of these kinds take what was given for their required fields."""
    token = _making.set(replace(_making.get(), kinds=kinds, given=given))
    try:
        yield
    finally:
        _making.reset(token)


@contextmanager
def taking_over(record: Any) -> Iterator[None]:
    """Meanwhile a new record of the same kind takes over the record's values, but for those that are unique."""
    now = _making.get()
    token = _making.set(replace(now, held={**now.held, resource_of(type(record)).name: record.custom or {}}))
    try:
        yield
    finally:
        _making.reset(token)

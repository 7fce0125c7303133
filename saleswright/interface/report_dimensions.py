"""The custom fields of the records behind a report, as what it can be grouped by and cut to.

A report, or a measure, says by which paths its facts lead to records (`{"orders": "order", "customers":
"order__customer"}`). Each custom field of those kinds is then a dimension `customers.custom.segment`, for those who may
see the field and the kind of record. What stands in records that the reader may not see counts as nothing there; only
the records that the report is about (the first path) are cut by the report itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any, cast
from urllib.parse import urlencode

import orjson
from django.db.models import Case, CharField, F, Q, QuerySet, When
from django.db.models.functions import Substr
from django.utils.translation import gettext as _

from saleswright.interface.conditions import member_of
from saleswright.interface.custom_specs import CustomSpec
from saleswright.interface.entity import Entity, entity_named
from saleswright.kernel import clock, conditions
from saleswright.kernel.access.actors import EVERYTHING, Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.custom_fields import NUMBERS, REFERRING, fields_of
from saleswright.kernel.errors import Text
from saleswright.kernel.holdings import DIMENSIONS as HELD
from saleswright.kernel.metrics import Metric
from saleswright.kernel.resources import has_resource, resource_of

Subjects = Mapping[str, str]
"""Kind of record -> the path from a fact to it, "" for the fact itself; what the report is about comes first."""

GROUPED = frozenset({"text", "date", "bool", "choice", "person", "reference"})
#: the column that a grouped queryset gets
KEY = "custom_key"


@dataclass(frozen=True)
class Dimension:
    """A custom field as a dimension of a report."""

    entity: Entity
    spec: CustomSpec
    path: str
    seen: QuerySet[Any] | None = None  # the records whose values the reader may know; None for all

    @property
    def name(self) -> str:
        return f"{self.entity.name}.{self.spec.name}"

    @property
    def label(self) -> str:
        return f"{self.entity.label} · {self.spec.label}"

    @property
    def kind(self) -> str:
        return self.spec.definition.kind

    @property
    def grouped(self) -> bool:
        """Whether rows can be grouped by it; dates are by their months."""
        return self.kind in GROUPED

    def key(self, base: str = "") -> Any:
        """The expression to group by, for rows that reach the facts by `base`."""
        value: Any = F(_joined(base, self.path, self.spec.attname))
        if self.kind == "date":
            value = Substr(value, 1, 7, output_field=CharField())
        kind = CharField() if self.kind == "date" else self.spec.definition.in_database
        return value if self.seen is None else Case(When(self._within(base), then=value), output_field=kind)

    def told(self, keys: Iterable[Any]) -> dict[Any, str]:
        """What programs read of these keys: codes, months, and what referred records are called; nothing of none."""
        known = [key for key in dict.fromkeys(keys) if key not in (None, "")]
        if self.kind == "bool":
            return {key: "true" if key else "false" for key in known}
        if self.kind not in REFERRING:
            return {key: str(key) for key in known}
        called = dict(
            self.spec.target._default_manager.filter(pk__in=known).values_list("pk", self.spec.title_of_target)
        )
        return {key: str(called.get(key, f"#{key}")) for key in known}

    @property
    def names(self) -> dict[str, Text]:
        """What people read instead of codes."""
        if self.kind == "bool":
            return {"true": _("Yes"), "false": _("No")}
        return {str(code): label for code, label in self.spec.choices.items()} if self.kind == "choice" else {}

    def condition(self, op: str, text: str) -> Q:
        """The facts for which the field compares so. Raises ValidationFailed."""
        seen = None if self.seen is None else self._within("")
        column = conditions.Column(
            _joined(self.path, self.spec.attname), self.spec.kind, self.spec.parse, seen=seen, numeric=self.spec.numeric
        )
        return conditions.comparison(self.name, column, op, text)

    def trees(self, prefix: str, key: Any) -> Iterator[dict[str, Any]]:
        """The same group as conditions of a list, whose records know the field by `prefix`."""
        name = prefix + self.spec.name
        if key in (None, ""):
            yield {"field": name, "op": "empty", "value": True}
        elif self.kind == "date":
            start = clock.month_start(int(key[:4]), int(key[5:]))
            yield {"field": name, "op": "gte", "value": start.isoformat()}
            yield {"field": name, "op": "lt", "value": clock.month_start(start.year, start.month + 1).isoformat()}
        else:
            yield {"field": name, "op": "exact", "value": key}

    def _within(self, base: str) -> Q:
        return Q(**{_joined(base, self.path, "in") if base or self.path else "pk__in": self.seen})


@dataclass(frozen=True)
class Filter:
    """A comparison by which a report can be cut: the parameter's name, and what it compares how."""

    name: str
    label: str
    dimension: Dimension
    op: str


@dataclass(frozen=True)
class Chosen:
    """What a reader chose of the custom fields: the dimension to group by, and the comparisons made."""

    by: Dimension | None = None
    made: tuple[tuple[Filter, str], ...] = ()
    where: Q | None = None

    @property
    def names(self) -> dict[str, Text]:
        """What people read instead of the codes of the groups."""
        return {} if self.by is None else self.by.names

    def cut(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The facts that are left, each with its group under `KEY` if there is one."""
        if self.where is not None:
            rows = rows.filter(self.where)
        return rows if self.by is None else rows.annotate(**{KEY: self.by.key()})

    def tree(self, base: str, key: Any = None) -> dict[str, Any] | None:
        """The chosen comparisons, and the group of `key`, as conditions of the list of the records at the path `base`.

        None if that list doesn't know all of them.
        """
        parts: list[dict[str, Any]] = []
        asked = [(one.dimension, one.op, text) for one, text in self.made]
        for dimension, op, text in asked:
            prefix = _term_prefix(dimension.path, base)
            if prefix is None:
                return None
            parts.append({"field": prefix + dimension.spec.name, "op": op, "value": text})
        if self.by is not None:
            prefix = _term_prefix(self.by.path, base)
            if prefix is None or (key in (None, "") and "empty" not in conditions.OPERATORS[self.by.spec.kind]):
                return None
            parts += self.by.trees(prefix, key)
        return {"and": parts} if parts else {}

    def address(self, url: str, filters: Mapping[str, Any], base: str, key: Any = None) -> str:
        """The address of the list with the filters and what was chosen; "" if that list can't be cut so."""
        tree = self.tree(base, key)
        if tree is None:
            return ""
        where = {"where": orjson.dumps(tree).decode()} if tree else {}
        return f"{url}?{urlencode({**filters, **where}, safe=',')}"


NOTHING = Chosen()


@dataclass(frozen=True)
class Dimensions:
    """The dimensions that a reader has in a report."""

    found: dict[str, Dimension] = field(default_factory=dict)

    @property
    def groupings(self) -> tuple[tuple[str, str], ...]:
        """What can be grouped by: name and label."""
        return tuple((name, one.label) for name, one in self.found.items() if one.grouped)

    @property
    def filters(self) -> list[Filter]:
        """What can be compared."""
        return [one for dimension in self.found.values() for one in _filters(dimension)]

    def chosen(self, by: Any, given: Sequence[tuple[Filter, str]]) -> Chosen:
        """What was chosen. Raises ValidationFailed for the first bad value."""
        wheres = [one.dimension.condition(one.op, text) for one, text in given]
        return Chosen(self.found.get(by), tuple(given), reduce(and_, wheres) if wheres else None)


def dimensions_of(subjects: Subjects, actor: Actor) -> Dimensions:
    """The custom fields of these kinds of record that the actor may know of."""
    found: dict[str, Dimension] = {}
    for place, (name, path) in enumerate(subjects.items()):
        if not fields_of(name) or not actor.may(f"{name}.view"):
            continue
        entity, seen = entity_named(name), None
        if place and actor.scopes(f"{name}.view") != EVERYTHING:
            records: Any = visible(entity.model._default_manager.all(), actor)
            seen = records.order_by().values("pk")
        known = entity.known_to(actor)
        for one in fields_of(name):
            if one.name in known:
                dimension = Dimension(entity, cast("CustomSpec", known[one.name]), path, seen)
                found[dimension.name] = dimension
    return Dimensions(found)


def subjects_of(metric: Metric) -> dict[str, str]:
    """The kinds of record that the facts of a measure lead to: its own, and those of its dimensions.

    Left out are those that change hands: their present members say nothing of the date of a fact.
    """
    found = {metric.resource: metric.scope}
    for dimension, column in metric.dimensions.items():
        model = None if dimension in HELD else member_of(metric, dimension)
        if model is not None and has_resource(model):
            found.setdefault(resource_of(model).name, column.removesuffix("_id"))
    return found


#: programs' comparison -> what people call it
_BOUNDS: tuple[tuple[str, Callable[[], str]], ...] = (("gte", lambda: _("from")), ("lte", lambda: _("to")))


def _filters(one: Dimension) -> Iterator[Filter]:
    if one.kind in NUMBERS | {"date"}:
        for op, word in _BOUNDS:
            yield Filter(f"{one.name}__{op}", f"{one.label} {word()}", one, op)
    elif one.kind != "long":
        name = f"{one.entity.name}.{one.spec.api_name}"
        yield Filter(name, one.label, one, "has" if one.kind == "multi" else "exact")


def _joined(*parts: str) -> str:
    return "__".join(part for part in parts if part)


def _term_prefix(path: str, base: str) -> str | None:
    """How conditions of the list at `base` call the record at `path`; None if they don't reach it."""
    if path == base:
        return ""
    rest = path.removeprefix(f"{base}__") if base else path
    return None if "__" in rest or (base and rest == path) else f"{rest}."

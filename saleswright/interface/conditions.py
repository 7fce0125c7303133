"""What conditions may name of each kind of record, and the editor in which people put them together.

A vocabulary is called by the name of a resource, or by `kind:name` where a module knows more than the record's own
fields (`approvals:quotes.submit`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import orjson
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.custom_specs import CustomSpec
from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec, number_text
from saleswright.interface.formatting import format_money, format_number
from saleswright.interface.presentation import Option
from saleswright.kernel.access.actors import EVERYTHING, Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.conditions import (
    DATES,
    FALSE,
    OPERATORS,
    PERIODS,
    Column,
    Figure,
    in_words,
    parsed,
    period_in_words,
)
from saleswright.kernel.custom_column import is_custom
from saleswright.kernel.errors import NotFound, Text, ValidationFailed
from saleswright.kernel.metrics import Metric, all_metrics
from saleswright.kernel.resources import has_resource, resource_of

Vocabulary = dict[str, Column]
#: how deep the editor draws groups in groups
MAX_DEPTH = 8
#: fields of related records that tell nothing of them
STAMPS = frozenset({"created_by", "updated_by", "updated_at", "archived_at"})
#: further terms of every kind of record: custom fields and the like
SOURCES: list[Callable[[Entity, Actor], Vocabulary]] = []
#: kind -> (name after the colon, actor) -> terms, for vocabularies that are more than a record's
KINDS: dict[str, Callable[[str, Actor], Vocabulary]] = {}


def vocabulary(name: str, actor: Actor) -> Vocabulary:
    """The terms of that name which the actor may use. Raises NotFound, NotAllowed."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return terms_of(entity_named(name), actor)
    if kind not in KINDS:
        raise NotFound
    return KINDS[kind](rest, actor)


def terms_of(entity: Entity, actor: Actor) -> Vocabulary:
    """The fields of a record, of the records that it refers to, its figures, and what modules add.

    Rights hold for related records and figures too: what one may not see there never fulfils a condition.
    """
    actor.require(f"{entity.name}.view")
    found: Vocabulary = {}
    known = entity.asked_by(actor)
    for spec in known.values():
        found[spec.name] = found[spec.api_name] = term(spec, actor)
    for spec in known.values():
        if spec.name not in STAMPS and spec.kind == "reference" and has_resource(spec.target):
            found |= _related(spec, actor)
    found |= figures_of(entity.model, "pk", "", actor)
    for source in SOURCES:
        found |= source(entity, actor)
    return found


def term(spec: FieldSpec, actor: Actor, path: str = "", label: Text = "", seen: Q | None = None) -> Column:
    """A field as conditions know it, `path` being the way to its record."""
    return Term(f"{path}{spec.attname}", spec, actor, label or spec.label, seen)


class Term(Column):
    """A field of a record, with what an editor must know of it."""

    __slots__ = ("actor", "spec")

    def __init__(self, attname: str, spec: FieldSpec, actor: Actor, label: Text, seen: Q | None = None) -> None:
        super().__init__(attname, spec.kind, spec.parse, label, partial(_say, spec, actor), seen, numeric=spec.numeric)
        self.spec, self.actor = spec, actor

    @property
    def retired(self) -> bool:
        """Whether the field is asked for only where it was before it was retired."""
        return isinstance(self.spec, CustomSpec) and self.spec.definition.retired


def _related(spec: FieldSpec, actor: Actor) -> Vocabulary:
    target = resource_of(spec.target)
    if not isinstance(target, Entity) or not actor.may(f"{target.name}.view"):
        return {}
    seen = None
    if actor.scopes(f"{target.name}.view") != EVERYTHING:
        records: Any = visible(spec.target._default_manager.all(), actor)
        seen = Q(**{f"{spec.name}__in": records.order_by().values("pk")})
    found: Vocabulary = {}
    for one in target.asked_by(actor).values():
        if one.name not in STAMPS:
            label = _("%(record)s · %(field)s") % {"record": spec.label, "field": one.label}
            found[f"{spec.name}.{one.name}"] = term(one, actor, f"{spec.name}__", label, seen)
    return found | figures_of(spec.target, spec.attname, f"{spec.name}.", actor, str(spec.label))


def figures_of(model: Any, attname: str, prefix: str, actor: Actor, record: str = "") -> Vocabulary:
    """The measures of which records of the model are a dimension, for those who may see the facts behind them."""
    found: Vocabulary = {}
    for metric in all_metrics():
        for dimension in metric.dimensions:
            if actor.may(f"{metric.resource}.view") and member_of(metric, dimension) is model:
                name, label = f"{prefix}figures.{metric.name}", str(metric.label)
                if len(_ways(metric, model)) > 1:
                    name += f".{dimension}"
                    label = _("%(figure)s (by %(way)s)") % {"figure": label, "way": _way(metric, dimension)}
                if record:
                    label = _("%(record)s · %(field)s") % {"record": record, "field": label}
                found[name] = Figure(attname, metric, dimension, actor, _figure, label, partial(_say_figure, metric))
    return found


def _ways(metric: Metric, model: Any) -> list[str]:
    return [dimension for dimension in metric.dimensions if member_of(metric, dimension) is model]


def _way(metric: Metric, dimension: str) -> str:
    """What a dimension is called: as the field at the end of its path."""
    model: Any = metric.model
    *way, last = metric.dimensions[dimension].split("__")
    for part in way:
        model = model._meta.get_field(part.removesuffix("_id")).related_model
    return str(model._meta.get_field(last.removesuffix("_id")).verbose_name)


def member_of(metric: Metric, dimension: str) -> Any:
    """The model whose records are the members of a dimension; None where they are no records."""
    model: Any = metric.model
    try:
        for part in metric.dimensions[dimension].split("__"):
            model = model._meta.get_field(part.removesuffix("_id")).related_model
            if model is None:
                return None
    except FieldDoesNotExist:
        return None
    return model


def _figure(value: Any) -> Decimal | None:
    text = number_text(value)
    if not text:
        return None
    try:
        return models.DecimalField(max_digits=20, decimal_places=6).to_python(text)
    except ValidationError:
        raise ValidationError(_("Enter a number."), code="invalid") from None


def _say_figure(metric: Metric, value: Any) -> str:
    return format_money(value, base_currency(), short=True) if metric.unit == "money" else format_number(value)


def _say(spec: FieldSpec, actor: Actor, value: Any) -> str:
    match spec.kind:
        case "json" if spec.many:
            return str(spec.choices.get(value, value))
        case "choice":
            return str(spec.choices.get(value, value))
        case "text" if spec.shown.names is not None:
            return _("“%(text)s”") % {"text": spec.names.get(value, value)}
        case "reference":
            return ", ".join(str(option.label) for option in options_for(spec, [value], actor)) or f"#{value}"
        case "bool":
            return _("Yes") if value else _("No")
        case "percent":
            return f"{format_number(value)}%"
        case "money" | "price" | "quantity" | "integer" | "decimal":
            return format_number(value)
    return _("“%(text)s”") % {"text": value}


def options_for(spec: FieldSpec, ids: list[Any], actor: Actor) -> list[Option]:
    """The records of these ids as far as the actor sees them, as chosen options."""
    rows = spec.target._default_manager.filter(pk__in=ids)
    if not has_resource(spec.target):
        return [Option(str(record.pk), str(record), True) for record in rows]
    label_of = resource_of(spec.target).label_of
    return [Option(str(record.pk), label_of(record), True) for record in visible(rows, actor)]


def read_tree(text: str) -> Any:
    """The tree of conditions that a form or an address holds. Raises ValidationFailed."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValidationFailed.of("where", "invalid", _("The conditions are not well formed.")) from None


def say(tree: Any, terms: Mapping[str, Column]) -> str:
    """A tree in words. Raises ValidationFailed."""
    return in_words(parsed(tree, terms))


# --- the editor ------------------------------------------------------------------------------------------------

LABELS: dict[str, Text] = {
    "exact": gettext_lazy("is"),
    "in": gettext_lazy("is one of"),
    "not": gettext_lazy("is not"),
    "startswith": gettext_lazy("begins with"),
    "contains": gettext_lazy("contains"),
    "has": gettext_lazy("contains"),
    "empty": gettext_lazy("is empty"),
    "filled": gettext_lazy("is filled in"),
    "gte": "≥", "lte": "≤", "gt": ">", "lt": "<",
}  # fmt: skip
DATE_LABELS: dict[str, Text] = {
    "exact": gettext_lazy("is in"),
    "gte": gettext_lazy("from"),
    "lte": gettext_lazy("up to"),
    "gt": gettext_lazy("after"),
    "lt": gettext_lazy("before"),
}
#: operators offered for choices and references, where "is" is one of one
CHOSEN = ("in", "not", "empty")


@dataclass(slots=True)
class Row:
    """A condition in the editor: what may be chosen in its place, and what is."""

    fields: list[tuple[Text, list[Option]]]
    operators: list[Option]
    control: str  # choices, reference, bool, date, number, money, text, nothing
    value: str = ""
    options: list[Option] = field(default_factory=list)
    picker_url: str = ""
    many: bool = False
    period: str = ""
    periods: list[Option] = field(default_factory=list)
    label: Text = ""


@dataclass(slots=True)
class Box:
    """A group in the editor."""

    join: str
    parts: list[Box | Row]


@dataclass(slots=True)
class Editor:
    """The editor of a tree; `name` is the input that carries it as JSON. Without conditions it carries nothing."""

    name: str
    rows_url: str
    root: Box
    blank: Row
    value: str = ""
    error: Text = ""
    empty_text: Text = ""


def editor(
    name: str, terms_name: str, terms: Vocabulary, tree: Any, *, error: Text = "", empty_text: Text = ""
) -> Editor:
    """The editor of a tree over a vocabulary, with what is wrong in it; what can't be drawn is left out."""
    groups, root = _grouped(terms), Box("and", [])
    try:
        if tree:
            parsed(tree, terms)
    except ValidationFailed as refused:
        error = error or str(refused.errors[0].message)
    drawn = _drawn(tree, terms, groups, MAX_DEPTH)
    if isinstance(drawn, Box):
        root = drawn
    elif drawn is not None:
        root.parts = [drawn]
    return Editor(
        name, f"/conditions/{terms_name}/row", root, row(terms, next(iter(terms)), groups=groups),
        orjson.dumps(tree).decode() if tree else "", error, empty_text,
    )  # fmt: skip


def _drawn(tree: Any, terms: Vocabulary, groups: Any, depth: int) -> Box | Row | None:
    """A part of a tree as the editor shows it, also when its value is missing or wrong."""
    if not isinstance(tree, Mapping) or not depth:
        return None
    for join in ("and", "or"):
        if isinstance(tree.get(join), list):
            parts = [_drawn(part, terms, groups, depth - 1) for part in tree[join]]
            return Box(join, [part for part in parts if part is not None])
    if tree.get("field") not in terms:
        return None
    op, given = str(tree.get("op", "exact")), tree.get("value", "")
    if op == "empty" and str(given).casefold() in FALSE:
        op = "filled"
    value = ",".join(map(str, given if isinstance(given, list) else [given]))
    return row(terms, str(tree["field"]), op, value, str(tree.get("period") or ""), groups)


def row(
    terms: Vocabulary,
    name: str,
    op: str = "",
    value: str = "",
    period: str = "",
    groups: list[tuple[Text, list[tuple[str, Text]]]] | None = None,
) -> Row:
    """A row of the editor for a field, with the value as far as it fits. Raises NotFound."""
    if name not in terms:
        raise NotFound
    column = terms[name]
    offered = _operators(column)
    if _is_coded(column) and op in {"startswith", "contains"}:  # written by a program: it stays as it is
        offered.append(op)
    if op not in offered:
        op = "in" if op == "exact" and "in" in offered else offered[0]
    labels = DATE_LABELS if column.kind in DATES else LABELS
    found = Row(
        [
            (group, [Option(n, label, terms[n] is column) for n, label in members])
            for group, members in _with_retired(groups or _grouped(terms), name, column)
        ],
        [Option(one, labels.get(one, LABELS[one]), one == op) for one in offered],
        _control(column, op),
        value,
        label=column.label,
        many=op == "in",
    )
    _furnish(found, column, period)
    return found


def question(terms: Vocabulary, name: str, value: str = "", period: str = "") -> Row:
    """A row that asks for one value of a field instead of comparing with it; its label says of which period.

    Raises NotFound.
    """
    if name not in terms:
        raise NotFound
    column = terms[name]
    found = Row([], [], _control(column, "not"), value, label=column.label)
    _furnish(found, column, "")
    found.periods = []
    if isinstance(column, Figure) and period:
        said = {"figure": str(column.label), "period": period_in_words(period)}
        found.label = _("%(figure)s (%(period)s)") % said
    return found


def _with_retired(
    groups: list[tuple[Text, list[tuple[str, Text]]]], name: str, column: Column
) -> list[tuple[Text, list[tuple[str, Text]]]]:
    """What may be chosen, and a retired field where it is."""
    if not (isinstance(column, Term) and column.retired):
        return groups
    (group, members), *rest = groups
    return [(group, [*members, (name, column.label)]), *rest]


def _operators(column: Column) -> list[str]:
    if column.kind in {"choice", "reference"} or _is_coded(column):
        offered = list(CHOSEN)
    else:
        offered = [op for op in OPERATORS[column.kind] if op != "in"]
        if column.kind not in {"text", "long", "bool", "json", "date", "datetime"}:
            offered.sort(key=lambda op: op != "gte")  # of amounts one asks whether they reach something
    return [*offered, "filled"] if "empty" in offered else offered


def _is_coded(column: Column) -> bool:
    """Whether the field holds codes that people choose by their names."""
    return isinstance(column, Term) and column.kind == "text" and column.spec.shown.names is not None


def _control(column: Column, op: str) -> str:
    if op in {"empty", "filled"}:
        return "nothing"
    if _is_coded(column) and op in CHOSEN:
        return "choice"
    if column.kind in DATES:
        return "date"
    if isinstance(column, Term) and column.spec.many:
        return "choice"
    if column.kind in {"choice", "reference", "bool", "money"}:
        return column.kind
    return "text" if column.kind in {"text", "long", "json"} else "number"


def _furnish(found: Row, column: Column, period: str) -> None:
    """Add what the control of the row offers."""
    chosen = set(found.value.split(",")) - {""}
    if isinstance(column, Term) and found.control == "choice":
        choices = (_named(column.spec, chosen) if _is_coded(column) else column.spec.choices).items()
        found.options = [Option(str(v), label, str(v) in chosen) for v, label in choices if v != ""]
    elif isinstance(column, Term) and found.control == "reference":
        target = column.spec.target
        ids = [int(one) for one in chosen if one.isascii() and one.isdecimal() and len(one) < 19]
        found.options = options_for(column.spec, ids, column.actor)
        found.picker_url = f"/pick/{resource_of(target).name}" if has_resource(target) else ""
    elif found.control == "date":
        found.periods = _periods(found.value)
        found.value = "" if found.value in PERIODS else _day(found.value)
    if isinstance(column, Figure):
        found.period, found.periods = period, _periods(period)


def _named(spec: FieldSpec, chosen: set[str]) -> dict[str, Text]:
    """The codes of a field with their names, and what is chosen now though it is none of them."""
    names = {str(code): label for code, label in spec.names.items()}
    return names | {code: code for code in sorted(chosen) if code not in names}


def _periods(chosen: str) -> list[Option]:
    return [Option(name, label, name == chosen) for name, label in PERIODS.items()]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return ""


def _grouped(terms: Vocabulary) -> list[tuple[Text, list[tuple[str, Text]]]]:
    """The terms for the select: own fields first, then what belongs to other records, then figures."""
    own: list[tuple[str, Text]] = []
    related: dict[str, list[tuple[str, Text]]] = {}
    figures: list[tuple[str, Text]] = []
    known: set[int] = set()
    for name, column in terms.items():
        if id(column) in known or (isinstance(column, Term) and column.retired):
            continue
        known.add(id(column))
        if isinstance(column, Figure):
            figures.append((name, column.label))
        elif " · " in str(column.label) and "." in name and not is_custom(name):
            head, _sep, _rest = str(column.label).partition(" · ")
            related.setdefault(head, []).append((name, column.label))
        else:
            own.append((name, column.label))
    found: list[tuple[Text, list[tuple[str, Text]]]] = [(_("Own fields"), own)]
    found += related.items()
    return [*found, (_("Figures"), figures)] if figures else found

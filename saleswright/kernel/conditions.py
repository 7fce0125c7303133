"""Conditions over fields, joined by and/or: the one language of filters, saved views, approval steps and rules.

A condition is `{"field": "amount", "op": "gte", "value": "1000"}` or `{"and": [...]}` or `{"or": [...]}`;
an empty group matches nothing. Dates also take relative names such as `this_quarter`; a figure (what a measure says
of the record) takes a `"period"` of such a name besides. What may be named is given as columns: fields of the record
and of related ones (`customer.level`), figures, and whatever else has a value.

`build` evaluates in SQL, `holds` on values that need not be in the database, `in_words` says it to people.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from saleswright.kernel.clock import RELATIVE, Period, day_start, relative_period, zone
from saleswright.kernel.errors import FieldError, Text, ValidationFailed

if TYPE_CHECKING:
    from saleswright.kernel.access.actors import Actor
    from saleswright.kernel.metrics import Metric

#: operators that a kind of field understands; the first is meant when none is given
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("exact", "in", "not", "startswith", "contains", "empty"),
    "long": ("exact", "contains", "empty"),
    "choice": ("exact", "in", "not", "empty"),
    "reference": ("exact", "in", "not", "empty"),
    "bool": ("exact",),
    "json": ("has",),
    "date": ("exact", "gte", "lte", "gt", "lt", "empty"),
    "datetime": ("exact", "gte", "lte", "gt", "lt", "empty"),
    "figure": ("exact", "gte", "lte", "gt", "lt"),
    "days": ("gte",),  # how long something is ago
    "condition": ("empty",),
    **dict.fromkeys(
        ("integer", "money", "price", "quantity", "percent", "decimal"),
        ("exact", "in", "gte", "lte", "gt", "lt", "not", "empty"),
    ),
}
PERIODS: dict[str, Text] = {
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "tomorrow": gettext_lazy("Tomorrow"),
    "this_week": gettext_lazy("This week"),
    "last_week": gettext_lazy("Last week"),
    "next_week": gettext_lazy("Next week"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "next_month": gettext_lazy("Next month"),
    "this_quarter": gettext_lazy("This quarter"),
    "last_quarter": gettext_lazy("Last quarter"),
    "next_quarter": gettext_lazy("Next quarter"),
    "this_year": gettext_lazy("This year"),
    "last_year": gettext_lazy("Last year"),
    "last_7_days": gettext_lazy("Last 7 days"),
    "last_30_days": gettext_lazy("Last 30 days"),
    "last_90_days": gettext_lazy("Last 90 days"),
    "last_180_days": gettext_lazy("Last 180 days"),
    "last_365_days": gettext_lazy("Last 365 days"),
    "next_7_days": gettext_lazy("Next 7 days"),
    "next_30_days": gettext_lazy("Next 30 days"),
    "past": gettext_lazy("Before today"),
    "future": gettext_lazy("After today"),
}
Parse = Callable[[Any], Any]
MAX_PARTS = 60
TRUE, FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
#: numbers from here on fit no column: scaled numbers are 64 bits
TOO_LARGE: dict[str, int] = {"integer": 2**63, "price": 10**12}
EVER = date(1900, 1, 1), date(9000, 12, 31)
TEXTS = frozenset({"text", "long", "choice"})
DATES = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison whose value has been read. Of `within` the operand is a tuple of bounds (lookup, value)."""

    op: str
    operand: Any


class Column:
    """What a condition must know of a field: its column, its kind, how to read a value and how to say one.

    `seen` holds where the caller may know the field; elsewhere no comparison with it is true. A `numeric` choice is
    kept as a number: nothing stands for it by an empty text.
    """

    __slots__ = ("attname", "kind", "label", "numeric", "parse", "say", "seen")

    def __init__(
        self,
        attname: str,
        kind: str,
        parse: Parse,
        label: Text = "",
        say: Callable[[Any], str] = str,
        seen: Q | None = None,
        *,
        numeric: bool = False,
    ) -> None:
        self.attname, self.kind, self.parse, self.numeric = attname, kind, parse, numeric
        self.label, self.say, self.seen = label, say, seen

    def query(self, check: Check) -> Q:
        """The records for which the check holds."""
        found = _query(self.attname, "integer" if self.numeric else self.kind, check)
        return found if self.seen is None else found & self.seen


class Figure(Column):
    """What a measure says of a record, nothing being zero: the record is a member of a dimension of the measure."""

    __slots__ = ("actor", "dimension", "metric")

    def __init__(
        self, attname: str, metric: Metric, dimension: str, actor: Actor, parse: Parse, label: Text, say: Any
    ) -> None:
        super().__init__(attname, "figure", parse, label, say)
        self.metric, self.dimension, self.actor = metric, dimension, actor

    def over(self, period: Period | None, check: Check) -> Q:
        """The records for which the check holds of the figure in the period."""
        from saleswright.kernel.metrics import facts

        member = self.metric.dimensions[self.dimension]
        rows = facts(self.metric, self.actor, period).filter(**{f"{member}__isnull": False}).order_by()
        figures = rows.values(member).annotate(figure=self.metric.value)
        passed = _query("figure", self.kind, check)
        if not _passes(check, Decimal(0)):
            return Q(**{f"{self.attname}__in": figures.filter(passed).values(member)})
        return ~Q(**{f"{self.attname}__in": figures.filter(~passed).values(member)})


def comparison(name: str, column: Column, op: str, value: Any) -> Q:
    """The condition that one field compares so. Raises ValidationFailed naming the field."""
    return column.query(read(name, column, op, value))


def read(name: str, column: Column, op: str, value: Any) -> Check:
    """The comparison as values. Raises ValidationFailed naming the field."""
    if op not in OPERATORS[column.kind]:
        raise ValidationFailed.of(name, "unknown", _("This field can't be compared that way."))
    try:
        if "\x00" in str(value) or (isinstance(value, (dict, list)) and not (op == "in" and isinstance(value, list))):
            raise ValidationError(_("The value is not valid."), code="invalid")
        return _read(column, op, value)
    except ValidationError as problem:
        raise ValidationFailed([FieldError(name, "invalid", " ".join(problem.messages))]) from None


def _read(column: Column, op: str, value: Any) -> Check:
    if op == "empty":
        return Check("empty", _yes(value))
    if op == "in":
        values = value if isinstance(value, list) else str(value).split(",")
        return Check("in", tuple(_one(column, part) for part in values))
    if op in {"startswith", "contains", "has"}:
        return Check(op, _text(value))
    if column.kind in DATES:
        return Check("within", _dates(column, op, value))
    if op == "exact" and isinstance(value, str) and "," in value and column.kind in {"choice", "reference", "integer"}:
        return _read(column, "in", value)
    one = _one(column, value)
    return Check(op, one) if op in {"exact", "not"} else Check("within", ((op, one),))


def _yes(value: Any) -> bool:
    word = str(value).casefold()
    if word not in TRUE | FALSE:
        raise ValidationError(_("Answer yes or no."), code="invalid")
    return word in TRUE


def _text(value: Any) -> str:
    if value is None or value == "":
        raise ValidationError(_("A value is missing."), code="required")
    return str(value)


# --- in SQL ----------------------------------------------------------------------------------------------------


def _query(name: str, kind: str, check: Check) -> Q:
    match check.op:
        case "empty":
            blank = Q(**{f"{name}__isnull": True})
            if kind in TEXTS:
                blank |= Q(**{name: ""})
            return blank if check.operand else ~blank
        case "not":
            # Django doesn't know that a custom field may be empty, and forgets it of a record that isn't referred to
            return ~Q(**{name: check.operand}) | (Q(**{f"{name}__isnull": True}) if "__" in name else Q())
        case "has":
            return _has(name, check.operand)
        case "contains":
            return Q(**{f"{name}__icontains": check.operand})
        case "within":
            known = Q(**{f"{name}__isnull": False})
            bounds = [Q(**{f"{name}__{lookup}": value}) for lookup, value in check.operand]
            return Q(*bounds) if bounds else known
    return Q(**{name if check.op == "exact" else f"{name}__{check.op}": check.operand})


def _has(name: str, text: str) -> Q:
    """A JSON list holds the text: PostgreSQL keeps its characters as they are, SQLite as `\\uXXXX`."""
    plain, escaped = json.dumps(text, ensure_ascii=False), json.dumps(text)
    return Q(**{f"{name}__icontains": plain}) | Q(**{f"{name}__icontains": escaped})


def _one(column: Column, value: Any) -> Any:
    if column.kind == "reference":
        text = str(value).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > 2**63 - 1:
            raise ValidationError(_("Give the id of a record."), code="invalid")
        return int(text)
    parsed = column.parse(value)
    if parsed is None:
        raise ValidationError(_("A value is missing."), code="required")
    limit = TOO_LARGE.get(column.kind, 10**13)
    if isinstance(parsed, (int, Decimal)) and not -limit < parsed < limit:
        raise ValidationError(_("The number is too large."), code="range")
    return parsed


def value_for(name: str, column: Column, text: Any) -> Any:
    """A value of the field as `holds` compares it, from what was typed; None for nothing.

    Raises ValidationFailed naming the field.
    """
    if text is None or str(text).strip() == "":
        return None
    try:
        if column.kind == "datetime":
            typed = str(text).strip()
            return _moment(typed) if len(typed) > 10 else _start(_as_day(column.parse(typed)))
        return _one(column, text)
    except ValidationError as problem:
        raise ValidationFailed([FieldError(name, "invalid", " ".join(problem.messages))]) from None


def _as_day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _dates(column: Column, op: str, value: Any) -> tuple[tuple[str, Any], ...]:
    text = str(value).strip()
    if _is_relative(text):
        return _bounds(column, op, period_named(text))
    if column.kind == "datetime" and len(text) > 10:
        moment = _moment(text)
        return (("gte", moment), ("lte", moment)) if op == "exact" else ((op, moment),)
    moment = column.parse(value)
    if moment is None:
        raise ValidationError(_("A value is missing."), code="required")
    day = moment.date() if isinstance(moment, datetime) else moment
    return _bounds(column, op, Period(day, day))


def _is_relative(text: str) -> bool:
    return text in RELATIVE or (text.endswith("_days") and text.split("_")[0] in {"last", "next"})


def period_named(text: str) -> Period:
    """The days of a relative name such as `this_quarter`. Raises Django's ValidationError."""
    try:
        return relative_period(text)
    except (ValueError, OverflowError):
        raise ValidationError(_("There is no such relative date."), code="invalid") from None


def _moment(text: str) -> datetime:
    """A date with a time; the "+" of an offset may have become a space in an address."""
    try:
        moment = datetime.fromisoformat(re.sub(r" (\d\d:\d\d)$", r"+\1", text) if text.count(":") > 2 else text)
    except ValueError:
        raise ValidationError(_("Enter a date and time such as 2026-11-23 14:30."), code="invalid") from None
    if not EVER[0].year <= moment.year <= EVER[1].year:
        raise ValidationError(_("The value is outside the allowed range."), code="range")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone())


def _bounds(column: Column, op: str, period: Period) -> tuple[tuple[str, Any], ...]:
    """A comparison with a period of days: `exact` within it, `gt` after its end, `lt` before its start."""
    if column.kind == "date":
        first: Any = period.start
        past: Any = period.end
        until, after = "lte", "gt"
    else:
        first = _start(period.start)
        past = _start(min(period.end, EVER[1]) + timedelta(days=1))
        until, after = "lt", "gte"
    match op:
        case "gte" | "lt":
            return ((op, first),)
        case "lte":
            return ((until, past),)
        case "gt":
            return ((after, past),)
    lower = (("gte", first),) if period.start > date.min else ()
    upper = ((until, past),) if period.end < date.max else ()
    return lower + upper


def _start(day: date) -> datetime:
    return day_start(max(day, EVER[0]))


# --- trees -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """A leaf of a tree, read: the column, its check and what was written."""

    column: Column
    check: Check
    op: str
    value: Any
    period: str = ""

    @property
    def key(self) -> str:
        """The name of its value among others: the column, of a figure also the measure and the period."""
        if isinstance(self.column, Figure):
            return f"{self.column.attname}.{self.column.metric.name}.{self.period}"
        return self.column.attname

    def query(self) -> Q:
        """The records for which it holds."""
        if isinstance(self.column, Figure):
            return self.column.over(relative_period(self.period) if self.period else None, self.check)
        return self.column.query(self.check)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a tree, read; `join` is `and` or `or`."""

    join: str
    parts: tuple[Group | Rule, ...]


Columns = Mapping[str, Column]


def build(tree: Any, columns: Columns) -> Q:
    """The query for a tree of conditions. Raises ValidationFailed for an unknown field, operator or value."""
    return _to_query(parsed(tree, columns))


def parsed(tree: Any, columns: Columns) -> Group | Rule:
    """The tree with its values read. Raises ValidationFailed for an unknown field, operator or value."""
    return _parsed(tree, columns, [0])


def _parsed(tree: Any, columns: Columns, count: list[int]) -> Group | Rule:
    count[0] += 1
    if not isinstance(tree, Mapping) or count[0] > MAX_PARTS:
        raise _malformed()
    for join in ("and", "or"):
        if set(tree) == {join}:
            if not isinstance(tree[join], list):
                raise _malformed()
            return Group(join, tuple(_parsed(part, columns, count) for part in tree[join]))
    if not {"field", "value"} <= set(tree) <= {"field", "op", "value", "period"}:
        raise _malformed()
    name, op = str(tree["field"]), str(tree.get("op", "exact"))
    if name not in columns:
        raise ValidationFailed.of(name, "unknown", _("There is no such field."))
    column = columns[name]
    check = read(name, column, op, tree["value"])
    return Rule(column, check, op, tree["value"], _period(name, column, tree.get("period") or ""))


def _period(name: str, column: Column, text: Any) -> str:
    if text and not isinstance(column, Figure):
        raise ValidationFailed.of(name, "invalid", _("Only figures are taken over a period."))
    try:
        if text:
            period_named(str(text))
    except ValidationError as problem:
        raise ValidationFailed([FieldError(name, "invalid", " ".join(problem.messages))]) from None
    return str(text)


def _malformed() -> ValidationFailed:
    return ValidationFailed.of("where", "invalid", _("The conditions are not well formed."))


def _to_query(part: Group | Rule) -> Q:
    if isinstance(part, Rule):
        return part.query()
    if not part.parts:
        return Q(pk__in=[])
    queries = [_to_query(one) for one in part.parts]
    joined = queries[0]
    for query in queries[1:]:
        joined = joined & query if part.join == "and" else joined | query
    return joined


# --- on values -------------------------------------------------------------------------------------------------


def holds(part: Group | Rule, values: Mapping[str, Any]) -> bool:
    """Whether it holds for these values, by the `key` of the rules; what is left out is unknown."""
    if isinstance(part, Group):
        found = [holds(one, values) for one in part.parts]
        return bool(found) and (all(found) if part.join == "and" else any(found))
    value = values.get(part.key)
    if isinstance(part.column, Figure):
        value = value or Decimal(0)
    elif part.check.op == "empty" and part.column.kind in TEXTS:
        value = value or None
    return _passes(part.check, value)


def _passes(check: Check, value: Any) -> bool:
    operand = check.operand
    match check.op:
        case "empty":
            return (value is None) is operand
        case "not":
            return bool(value != operand)
        case "in":
            return value is not None and value in operand
        case "exact":
            return value is not None and bool(value == operand)
    if value is None:
        return False
    match check.op:
        case "startswith":
            return str(value).startswith(operand)
        case "contains":
            return operand.casefold() in str(value).casefold()
        case "has":
            return operand.casefold() in [str(one).casefold() for one in value]
    return all(_COMPARE[lookup](value, bound) for lookup, bound in operand)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt,
}  # fmt: skip


# --- in words --------------------------------------------------------------------------------------------------

WORDS: dict[str, Text] = {
    "exact": gettext_lazy("%(field)s is %(value)s"),
    "in": gettext_lazy("%(field)s is one of %(value)s"),
    "not": gettext_lazy("%(field)s is not %(value)s"),
    "startswith": gettext_lazy("%(field)s begins with %(value)s"),
    "contains": gettext_lazy("%(field)s contains %(value)s"),
    "has": gettext_lazy("%(field)s contains %(value)s"),
    "gte": "%(field)s ≥ %(value)s",
    "lte": "%(field)s ≤ %(value)s",
    "gt": "%(field)s > %(value)s",
    "lt": "%(field)s < %(value)s",
}
DATE_WORDS: dict[str, Text] = {
    "exact": gettext_lazy("%(field)s: %(value)s"),
    "gte": gettext_lazy("%(field)s from %(value)s"),
    "lte": gettext_lazy("%(field)s up to %(value)s"),
    "gt": gettext_lazy("%(field)s after %(value)s"),
    "lt": gettext_lazy("%(field)s before %(value)s"),
}


def in_words(part: Group | Rule) -> str:
    """The conditions as a person reads them, in their language."""
    if isinstance(part, Rule):
        return _rule_in_words(part)
    texts = [in_words(one) for one in part.parts]
    texts = [
        _("(%(conditions)s)") % {"conditions": text} if isinstance(one, Group) and len(one.parts) > 1 else text
        for text, one in zip(texts, part.parts, strict=True)
    ]
    return (_(" and ") if part.join == "and" else _(" or ")).join(texts) or _("nothing matches (no conditions)")


def _rule_in_words(rule: Rule) -> str:
    names = {"field": str(rule.column.label or rule.column.attname)}
    if isinstance(rule.column, Figure) and rule.period:
        period = period_in_words(rule.period)
        names["field"] = _("%(figure)s (%(period)s)") % {"figure": names["field"], "period": period}
    if rule.check.op == "empty":
        text = _("%(field)s is empty") if rule.check.operand else _("%(field)s is filled in")
        return text % names
    words = DATE_WORDS if rule.column.kind in DATES else WORDS
    op = "in" if rule.check.op == "in" and len(rule.check.operand) > 1 else "exact" if rule.op == "in" else rule.op
    return str(words[op]) % (names | {"value": _said(rule)})


def _said(rule: Rule) -> str:
    if rule.column.kind in DATES:
        return period_in_words(str(rule.value))
    values = rule.check.operand if rule.check.op == "in" else (_first(rule.check),)
    return pgettext("list", ", ").join(rule.column.say(value) for value in values)


def period_in_words(text: str) -> str:
    """A relative date, or a date as it was written, as a person reads it."""
    head, _sep, rest = text.partition("_")
    days = rest.removesuffix("_days")
    if text in PERIODS or not (head in {"last", "next"} and days.isdecimal()):
        return str(PERIODS.get(text, text))
    return (_("Last %(days)s days") if head == "last" else _("Next %(days)s days")) % {"days": days}


def _first(check: Check) -> Any:
    return check.operand[0][1] if check.op == "within" else check.operand


def leaves(tree: Any) -> list[tuple[str, str]]:
    """The fields that a tree names, each once in their order, with the period of figures; also of one not complete."""
    found: dict[tuple[str, str], None] = {}
    waiting = [tree]
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, Mapping):
            continue
        for join in ("and", "or"):
            if isinstance(part.get(join), list):
                waiting = [*part[join], *waiting]
        if "field" in part:
            found[str(part["field"]), str(part.get("period") or "")] = None
    return list(found)

"""Conditions over fields, joined by and/or: what filters, saved views and rules are made of.

A condition is `{"field": "amount", "op": "gte", "value": "1000"}` or `{"and": [...]}` or `{"or": [...]}`;
an empty group matches nothing. Dates also take relative names such as `this_quarter`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.kernel.clock import RELATIVE, Period, day_start, relative_period, zone
from saleswright.kernel.errors import FieldError, ValidationFailed

#: operators that a kind of field understands; the first is meant when none is given
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("exact", "in", "startswith", "empty"),
    "long": ("exact", "empty"),
    "choice": ("exact", "in", "not", "empty"),
    "reference": ("exact", "in", "not", "empty"),
    "bool": ("exact",),
    "json": ("has",),
    "date": ("exact", "gte", "lte", "gt", "lt", "empty"),
    "datetime": ("exact", "gte", "lte", "gt", "lt", "empty"),
    **dict.fromkeys(
        ("integer", "money", "price", "quantity", "percent", "decimal"),
        ("exact", "in", "gte", "lte", "gt", "lt", "not", "empty"),
    ),
}
Parse = Callable[[Any], Any]
MAX_PARTS = 60
TRUE, FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
#: numbers from here on fit no column: scaled numbers are 64 bits
TOO_LARGE: dict[str, int] = {"integer": 2**63, "price": 10**12}
EVER = date(1900, 1, 1), date(9000, 12, 31)


class Column:
    """What a condition must know of a field: its column, its kind and how to read a value."""

    __slots__ = ("attname", "kind", "parse")

    def __init__(self, attname: str, kind: str, parse: Parse) -> None:
        self.attname, self.kind, self.parse = attname, kind, parse


def comparison(name: str, column: Column, op: str, value: Any) -> Q:
    """The condition that one field compares so. Raises ValidationFailed naming the field."""
    if op not in OPERATORS[column.kind]:
        raise ValidationFailed.of(name, "unknown", _("This field can't be compared that way."))
    try:
        if "\x00" in str(value) or (isinstance(value, (dict, list)) and not (op == "in" and isinstance(value, list))):
            raise ValidationError(_("The value is not valid."), code="invalid")
        return _compare(column, op, value)
    except ValidationError as problem:
        raise ValidationFailed([FieldError(name, "invalid", " ".join(problem.messages))]) from None


def _compare(column: Column, op: str, value: Any) -> Q:
    name = column.attname
    if op == "empty":
        blank = Q(**{f"{name}__isnull": True})
        if column.kind in {"text", "long", "choice"}:
            blank |= Q(**{name: ""})
        word = str(value).casefold()
        if word not in TRUE | FALSE:
            raise ValidationError(_("Answer yes or no."), code="invalid")
        return blank if word in TRUE else ~blank
    if op == "in":
        values = value if isinstance(value, list) else str(value).split(",")
        return Q(**{f"{name}__in": [_one(column, part) for part in values]})
    if op == "not":
        return ~Q(**{name: _one(column, value)})
    if op == "startswith":
        return Q(**{f"{name}__startswith": str(value)})
    if op == "has":
        return _has(name, str(value))
    if column.kind in {"date", "datetime"}:
        return _dates(column, op, value)
    if op == "exact" and isinstance(value, str) and "," in value and column.kind in {"choice", "reference", "integer"}:
        return _compare(column, "in", value)
    return Q(**{name if op == "exact" else f"{name}__{op}": _one(column, value)})


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


def _dates(column: Column, op: str, value: Any) -> Q:
    name = column.attname
    text = str(value).strip()
    if text in RELATIVE or (text.endswith("_days") and text.split("_")[0] in {"last", "next"}):
        try:
            period = relative_period(text)
        except (ValueError, OverflowError):
            raise ValidationError(_("There is no such relative date."), code="invalid") from None
    else:
        if column.kind == "datetime" and len(text) > 10:
            return Q(**{name if op == "exact" else f"{name}__{op}": _moment(text)})
        moment = column.parse(value)
        if moment is None:
            raise ValidationError(_("A value is missing."), code="required")
        day = moment.date() if isinstance(moment, datetime) else moment
        period = Period(day, day)
    return _within(column, op, period)


def _moment(text: str) -> datetime:
    """A date with a time; the "+" of an offset may have become a space in an address."""
    try:
        moment = datetime.fromisoformat(re.sub(r" (\d\d:\d\d)$", r"+\1", text) if text.count(":") > 2 else text)
    except ValueError:
        raise ValidationError(_("Enter a date and time such as 2026-11-23 14:30."), code="invalid") from None
    if not EVER[0].year <= moment.year <= EVER[1].year:
        raise ValidationError(_("The value is outside the allowed range."), code="range")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone())


def _within(column: Column, op: str, period: Period) -> Q:
    """A comparison with a period of days: `exact` within it, `gt` after its end, `lt` before its start."""
    name = column.attname
    if column.kind == "date":
        first: Any = period.start
        past: Any = period.end
        after = f"{name}__lte", f"{name}__gt"
    else:
        first = _start(period.start)
        past = _start(min(period.end, EVER[1]) + timedelta(days=1))
        after = f"{name}__lt", f"{name}__gte"
    match op:
        case "gte":
            return Q(**{f"{name}__gte": first})
        case "lt":
            return Q(**{f"{name}__lt": first})
        case "lte":
            return Q(**{after[0]: past})
        case "gt":
            return Q(**{after[1]: past})
    condition = Q(**{f"{name}__isnull": False})
    if period.start > date.min:
        condition &= Q(**{f"{name}__gte": first})
    if period.end < date.max:
        condition &= Q(**{after[0]: past})
    return condition


def _start(day: date) -> datetime:
    return day_start(max(day, EVER[0]))


def build(tree: Any, columns: Mapping[str, Column]) -> Q:
    """The query for a tree of conditions. Raises ValidationFailed for an unknown field, operator or value."""
    return _build(tree, columns, [0])


def _build(tree: Any, columns: Mapping[str, Column], count: list[int]) -> Q:
    count[0] += 1
    if not isinstance(tree, Mapping) or count[0] > MAX_PARTS:
        raise ValidationFailed.of("where", "invalid", _("The conditions are not well formed."))
    for join in ("and", "or"):
        if set(tree) == {join}:
            parts = tree[join]
            if not isinstance(parts, list):
                raise ValidationFailed.of("where", "invalid", _("The conditions are not well formed."))
            if not parts:
                return Q(pk__in=[])
            queries = [_build(part, columns, count) for part in parts]
            joined = queries[0]
            for query in queries[1:]:
                joined = joined & query if join == "and" else joined | query
            return joined
    if not {"field", "value"} <= set(tree) <= {"field", "op", "value"}:
        raise ValidationFailed.of("where", "invalid", _("The conditions are not well formed."))
    name = str(tree["field"])
    if name not in columns:
        raise ValidationFailed.of(name, "unknown", _("There is no such field."))
    return comparison(name, columns[name], str(tree.get("op", "exact")), tree["value"])

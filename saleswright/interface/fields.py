"""A field as people and programs meet it: one spec serves lists, forms, filters, import, export and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from string import Formatter
from typing import Any, cast

import orjson
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from saleswright.interface.formatting import (
    format_date,
    format_datetime,
    format_money,
    format_number,
    relative_datetime,
)
from saleswright.interface.presentation import Cell, CellKind
from saleswright.kernel import masks
from saleswright.kernel.cleaning import Clean, cleaner
from saleswright.kernel.clock import local_time
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import DomainError, Text
from saleswright.kernel.fields import ConditionField, MoneyField, PercentField, PriceField, QuantityField
from saleswright.kernel.masks import Mask
from saleswright.kernel.models import User
from saleswright.kernel.resources import has_resource, resource_of
from saleswright.kernel.states import States
from saleswright.kernel.words import read_words

Row = Mapping[str, Any]
#: whole numbers that are names, not amounts: no thousands separators
UNGROUPED = frozenset({"year"})
NUMERIC = frozenset({"integer", "money", "price", "quantity", "percent", "decimal"})
_KINDS: tuple[tuple[type[models.Field], str], ...] = (
    (MoneyField, "money"),
    (PriceField, "price"),
    (QuantityField, "quantity"),
    (PercentField, "percent"),
    (models.ForeignKey, "reference"),
    (models.BooleanField, "bool"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (models.DecimalField, "decimal"),
    (models.IntegerField, "integer"),
    (ConditionField, "condition"),
    (models.JSONField, "json"),
    (models.TextField, "long"),
    (models.CharField, "text"),
)
_CELLS: dict[str, CellKind] = {
    "money": "money",
    "price": "number",
    "quantity": "number",
    "percent": "percent",
    "integer": "number",
    "decimal": "number",
    "date": "date",
    "datetime": "datetime",
    "bool": "bool",
    "long": "long",
}


def kind_of(field: models.Field) -> str:
    """The kind of a model field. Raises TypeError for one that no page can show."""
    if field.choices:
        return "choice"
    for model_field, kind in _KINDS:
        if isinstance(field, model_field):
            return kind
    raise TypeError(f"no kind for {field!r}")


def plain(value: Decimal, least: int) -> str:
    """A decimal as text without needless zeros, but with at least `least` places."""
    text = format(value.normalize(), "f")
    whole, _point, places = text.partition(".")
    return f"{whole}.{places.ljust(least, '0')}" if least else text


@dataclass(frozen=True, slots=True)
class Shown:
    """How people read a field whose type doesn't say it; programs get its values as they are.

    `names()` answers what its codes are called, in the active language. `percent`: its whole numbers are percentages.
    `money`: its amounts are money only where the field named first of the same record passes the test. `said`: the
    columns of source and arguments that say its text in any language (`kernel.words`).
    """

    field: str
    names: Callable[[], Mapping[str, Text]] | None = None
    percent: bool = False
    money: tuple[str, Callable[[Any], bool]] | None = None
    said: tuple[str, str] | None = None


AS_TYPED = Shown("")


@dataclass(frozen=True)
class FieldSpec:
    """A column of a model: how it is read, shown, written and described."""

    name: str
    model: type[models.Model]
    secret: str = ""
    shown: Shown = AS_TYPED
    mask: Mask | None = None

    @cached_property
    def field(self) -> models.Field:
        return cast("models.Field", self.model._meta.get_field(self.name))

    @cached_property
    def kind(self) -> str:
        return kind_of(self.field)

    @property
    def numeric(self) -> bool:
        """Whether its column holds a whole number, whatever it is shown as."""
        return isinstance(self.field, models.IntegerField)

    @cached_property
    def cell_kind(self) -> CellKind:
        """How its values stand in a column."""
        return "percent" if self.shown.percent else _CELLS.get(self.kind, "text")

    @cached_property
    def label(self) -> Text:
        return self.field.verbose_name

    @property
    def help(self) -> Text:
        return self.field.help_text

    @cached_property
    def attname(self) -> str:
        return self.field.attname

    @cached_property
    def column(self) -> str:
        """The column that `values()` must read for it."""
        return self.attname

    @cached_property
    def many(self) -> bool:
        """Whether it holds several of its choices."""
        return False

    @property
    def initial(self) -> Any:
        """What an empty form shows; None for nothing."""
        return self.field.get_default() if self.field.has_default() else None

    def value_of(self, record: Any) -> Any:
        """What a record holds."""
        return getattr(record, self.attname)

    def unpack(self, rows: Sequence[dict[str, Any]]) -> None:
        """Put the value into rows that were read with its column."""

    @cached_property
    def target(self) -> type[models.Model]:
        return cast("type[models.Model]", self.field.related_model)

    @cached_property
    def title(self) -> str:
        """The column that names the referenced record; lines of documents have none and go by their id."""
        default = "name" if has_field(self.target, "name") else "pk"
        return f"{self.name}__{getattr(self.target, 'title_field', default)}"

    @cached_property
    def title_of_target(self) -> str:
        """That column as seen from the target: `name`, or `product__name` of a line."""
        return self.title.removeprefix(f"{self.name}__")

    @cached_property
    def states(self) -> type[States] | None:
        """The enum of states, if the choices carry colours."""
        for kind in States.__subclasses__():
            if list(self.field.choices or ()) == list(kind.choices):
                return kind
        return None

    @cached_property
    def choices(self) -> dict[Any, Text]:
        return dict(self.field.flatchoices)

    @cached_property
    def clean(self) -> Clean:
        return cleaner(self.field)

    @cached_property
    def required(self) -> bool:
        return not self.field.blank and not self.field.has_default()

    @property
    def names(self) -> Mapping[str, Text]:
        """What the codes that it holds are called, in the active language; empty for values that speak themselves."""
        return self.shown.names() if self.shown.names is not None else {}

    def choosable(self, chosen: Any) -> Mapping[str, Text]:
        """Its codes with their names, and what is chosen now even if it is none of them."""
        names = self.names
        return names if not names or not chosen or chosen in names else {**names, chosen: chosen}

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """The other columns that a row must have for the value to be shown."""
        if isinstance(self.field, ConditionField):
            return tuple(name for _text, name, *_rest in Formatter().parse(self.field.terms) if name)
        if self.shown.said is not None:
            return self.shown.said
        return (self.shown.money[0],) if self.shown.money is not None else ()

    @cached_property
    def select(self) -> tuple[str, ...]:
        """What `values()` must read."""
        return (self.attname, self.title) if self.kind == "reference" else (self.attname, *self.beside)

    @cached_property
    def api_name(self) -> str:
        """The name under which programs write it."""
        return f"{self.name}_id" if self.kind == "reference" else self.name

    def veil(self, value: Any) -> Any:
        """What the reader is shown of a value: all of it."""
        return value

    @property
    def says(self) -> tuple[str, ...]:
        """The columns that say a text in any language."""
        return self.shown.said or ()

    def in_their_language(self, row: Row) -> str:
        """A text that is kept in every language, in that of the reader."""
        source, arguments = self.shown.said or ("", "")
        return read_words(row[source], row[arguments] or {}, row[self.attname])

    @cached_property
    def to_json(self) -> Callable[[Row], Any]:
        """A function from a row to the JSON value."""
        name, kind = self.attname, self.kind
        if self.shown.said is not None:
            return self.in_their_language
        if kind == "reference":
            title = self.title
            return lambda row: None if row[name] is None else {"id": row[name], "label": str(row[title] or "")}
        if kind == "money":
            return lambda row: None if row[name] is None else str(row[name])
        if kind in {"price", "quantity", "percent", "decimal"}:
            least = 2 if kind == "price" else 0
            return lambda row: None if row[name] is None else plain(row[name], least)
        return lambda row: row[name]

    def cell(self, row: Row, language: str, links: bool = True) -> Cell:
        """The value as shown to a person."""
        value: Any = row[self.attname] if self.shown.said is None else self.in_their_language(row)
        if value is None or value == "":
            return Cell(kind=self.cell_kind)
        match self.kind:
            case "reference":
                text = str(row[self.title] or f"#{value}")
                kind: CellKind = "person" if self.target is User else "link"
                url = f"/{resource_of(self.target).name}/{value}" if links and has_resource(self.target) else ""
                return Cell(text, kind, url=url if kind == "link" else "")
            case "choice":
                label = str(self.choices.get(value, value))
                if self.states is not None and value in self.states.values:
                    return Cell(label, "badge", colour=self.states(value).colour)
                return Cell(label)
            case "money" if self._is_money(row):
                return Cell(format_money(value, row.get("currency") or base_currency(), language), "money")
            case "money" | "price":
                return Cell(format_number(value), "number")
            case "integer" if self.name in UNGROUPED:
                return Cell(str(value), "number")
            case "percent" | "integer" if self.cell_kind == "percent":
                return Cell(f"{format_number(value)}%", "percent")
            case "quantity" | "integer" | "decimal":
                return Cell(format_number(value), "number")
            case "date":
                return Cell(format_date(value), "date", title=value.isoformat())
            case "datetime":
                return Cell(relative_datetime(value, language), "datetime", title=format_datetime(value))
            case "bool":
                return Cell(_("Yes") if value else _("No"), "bool", colour="green" if value else "secondary")
            case "condition":
                return Cell(self.condition_in_words(row), "long")
            case "json":
                return self._json_cell(value)
        return Cell(str(self.names.get(value, value)), self.cell_kind)

    def _is_money(self, row: Row) -> bool:
        if self.shown.money is None:
            return True
        column, test = self.shown.money
        return column in row and test(row[column])

    def terms_name(self, row: Row) -> str:
        """The vocabulary of a field that holds conditions."""
        return cast("ConditionField", self.field).terms.format_map(row)

    def condition_in_words(self, row: Row) -> str:
        """The conditions that it holds, as people read them; empty for none."""
        from saleswright.interface.conditions import say, vocabulary
        from saleswright.kernel.access.actors import system

        tree = row[self.attname]
        try:
            return say(tree, vocabulary(self.terms_name(row), system("words"))) if tree else ""
        except DomainError:  # a field that it names is no more
            return str(tree)

    def _json_cell(self, value: Any) -> Cell:
        if isinstance(value, list):
            names = self.names
            tags = tuple(str(names.get(item, item) if names else item) for item in value)
            return Cell(", ".join(tags), "tags", tags=tags)
        return Cell(str(value), "long")

    def export(self, row: Row) -> Any:
        """The value for a spreadsheet: dates and numbers stay what they are, references become their names."""
        value: Any = row[self.attname] if self.shown.said is None else self.in_their_language(row)
        if value is None:
            return None
        if self.kind == "reference":
            return str(row[self.title] or "")
        if self.kind == "choice":
            return str(self.choices.get(value, value))
        if self.kind == "datetime":
            return local_time(value).replace(tzinfo=None)
        if self.kind == "bool":
            return _("Yes") if value else _("No")
        if self.kind == "condition":
            return orjson.dumps(value).decode() if value else ""
        if self.kind == "json":
            return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return value

    def parse(self, text: Any) -> Any:
        """A value from a filter or a spreadsheet cell: also labels of choices, Chinese dates, 是/否.

        Raises Django's ValidationError.
        """
        if isinstance(text, str):
            text = text.strip()
        if text is None or text == "":
            return None
        match self.kind:
            case "choice":
                return self._parse_choice(text)
            case "bool":
                return _parse_bool(text)
            case "date":
                return _parse_date(text)
            case "datetime":
                return text if isinstance(text, datetime) else _parse_moment(str(text))
            case "condition":
                return text if isinstance(text, dict) else _parse_tree(str(text))
            case "json":
                return [part.strip() for part in str(text).replace("，", ",").split(",") if part.strip()]
            case "money" | "price" | "quantity" | "percent" | "decimal":
                return _parse_number(text, self.field)
            case "integer":
                return _parse_integer(text)
            case "text" | "long":
                return str(text)
        return text

    def _parse_choice(self, text: Any) -> Any:
        wanted = str(text).casefold()
        for value, label in self.choices.items():
            if wanted in {str(value).casefold(), str(label).casefold()}:
                return value
        raise ValidationError(_("“%(value)s” is not one of the choices.") % {"value": text}, code="invalid_choice")


@dataclass(frozen=True)
class Veiled(FieldSpec):
    """A masked field as those meet it who may not read it, or have not asked to.

    Every outlet reads its values here, so what is kept from them never leaves. `reveal` is the address that shows the
    value of a record, with `{id}`; "" for those who may not.
    """

    reveal: str = ""

    def veil(self, value: Any) -> Any:
        """What is shown of a value."""
        return self.mask(str(value)) if self.mask is not None and value not in (None, "") else value

    @cached_property
    def to_json(self) -> Callable[[Row], Any]:
        name = self.attname
        return lambda row: self.veil(row[name])

    def cell(self, row: Row, language: str, links: bool = True) -> Cell:
        value = row[self.attname]
        if value in (None, ""):
            return Cell(kind=self.cell_kind)
        reveal = self.reveal.format(id=row["id"]) if links and self.reveal and row.get("id") else ""
        return Cell(self.veil(value), "masked", reveal=reveal, scheme=SCHEMES.get(self.mask, "") if self.mask else "")

    def export(self, row: Row) -> Any:
        return self.veil(row[self.attname])


#: what a value is opened with when it is tapped, by its mask
SCHEMES: dict[Mask, str] = {masks.phone: "tel", masks.email: "mailto"}


def spec_of(
    model: type[models.Model], name: str, secret: str = "", shown: Shown = AS_TYPED, mask: Mask | None = None
) -> FieldSpec:
    """The spec of a model's field. Raises FieldDoesNotExist early, so that a typo fails at start."""
    spec = FieldSpec(name, model, secret, shown, mask)
    spec.kind  # noqa: B018  the look-up is the check
    return spec


def has_field(model: type[models.Model], name: str) -> bool:
    """Whether the model has a column of that name."""
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _parse_tree(text: str) -> Any:
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError:
        tree = None
    if not isinstance(tree, dict):
        raise ValidationError(_("The conditions are not well formed."), code="invalid")
    return tree


def _parse_bool(text: Any) -> bool:
    if isinstance(text, bool):
        return text
    word = str(text).strip().casefold()
    if word in {"1", "true", "yes", "y", "是", "有", "√"}:
        return True
    if word in {"0", "false", "no", "n", "否", "无", "×"}:
        return False
    raise ValidationError(_("Answer yes or no."), code="invalid")


def _parse_date(text: Any) -> date:
    if isinstance(text, datetime):
        return text.date()
    if isinstance(text, date):
        return text
    word = str(text).strip().split("T")[0].split(" ")[0]
    parts = word.replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").replace(".", "-").split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 3 and len(parts[0]) == 4:
            return date(numbers[0], numbers[1], numbers[2])
        if len(numbers) == 3 and len(parts[2]) == 4:
            return date(numbers[2], numbers[0], numbers[1])
        if len(numbers) == 1 and len(word) == 8:
            return date(int(word[:4]), int(word[4:6]), int(word[6:]))
    except ValueError:
        pass
    raise ValidationError(_("“%(value)s” is not a date such as 2026-11-23.") % {"value": text}, code="invalid")


def _parse_moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        day = _parse_date(text)
        return datetime(day.year, day.month, day.day)


def _parse_number(text: Any, field: models.Field) -> Decimal:
    if isinstance(text, bool):
        raise ValidationError(_("Enter a number."), code="invalid")
    return field.to_python(number_text(text))


def number_text(value: Any) -> str:
    """The digits of a number as people and spreadsheets write it; those count fifteen digits of binary numbers."""
    text = format(value, ".15g") if isinstance(value, float) else str(value)
    return text.strip().replace(",", "").replace("，", "").lstrip("¥￥$€£").removesuffix("%").strip()


def _parse_integer(text: Any) -> int:
    if isinstance(text, bool):
        raise ValidationError(_("Enter a number."), code="invalid")
    try:
        number = Decimal(str(text).replace(",", ""))
        if number.adjusted() < 20 and number == number.to_integral_value():
            return int(number)
    except ArithmeticError:
        pass
    raise ValidationError(_("Enter a whole number."), code="invalid")

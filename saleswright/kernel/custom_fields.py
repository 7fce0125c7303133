"""Custom fields 自定义字段: what a company adds to a kind of record, as every process knows it now.

A number beside that of the rights says which definitions hold; it changes in the transaction that changes them.
Whoever asks for the rights of an actor reads it with them, so nobody asks for it by itself; jobs look once at
their start.
"""

from __future__ import annotations

import re
import secrets
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from saleswright.kernel.caching import when_forgotten
from saleswright.kernel.cleaning import Clean, cleaner
from saleswright.kernel.custom_column import PATH, PREFIX, TYPES, IsoDate
from saleswright.kernel.errors import Text
from saleswright.kernel.fields import MoneyField, QuantityField, ScaledField

KINDS: dict[str, Text] = {
    "text": gettext_lazy("Text"),
    "long": gettext_lazy("Long text"),
    "integer": gettext_lazy("Whole number"),
    "decimal": gettext_lazy("Decimal number"),
    "money": gettext_lazy("Amount of money"),
    "date": gettext_lazy("Date"),
    "bool": gettext_lazy("Yes or no"),
    "choice": gettext_lazy("Choice"),
    "multi": gettext_lazy("Several choices"),
    "person": gettext_lazy("Person"),
    "reference": gettext_lazy("Record of another kind"),
}
NUMBERS = frozenset({"integer", "decimal", "money"})
CHOOSING = frozenset({"choice", "multi"})
REFERRING = frozenset({"person", "reference"})
#: kinds that lists are sorted by
SORTABLE = frozenset({"text", "integer", "decimal", "money", "date"})
UNIQUE = frozenset({"text", "integer"})
#: kinds whose words can be searched for
SEARCHABLE = frozenset({"text", "long", "integer", "choice", "multi"})
CODE = re.compile(r"[a-z](?:_?[a-z0-9])*")
LONGEST_CODE, LONGEST_TEXT, LONGEST_LONG = 40, 200, 5000
#: words that mean a comparison in a query
RESERVED = frozenset(models.JSONField().get_lookups())


def is_code(text: str) -> bool:
    """Whether a definition may have this code: it stands in SQL as it is."""
    return len(text) <= LONGEST_CODE and CODE.fullmatch(text) is not None and text not in RESERVED


@dataclass(frozen=True)
class Choice:
    """A choice of a field; one that is not active is kept where it stands, but not taken any more."""

    code: str
    label_zh: str
    label_en: str
    active: bool

    @property
    def label(self) -> str:
        return _in_language(self.label_zh, self.label_en)


def _in_language(zh: str, en: str) -> str:
    return zh if (get_language() or "zh").startswith("zh") else en or zh


@dataclass(frozen=True)
class CustomDefinition:
    """One custom field, as its row defines it."""

    pk: int
    resource: str
    code: str
    kind: str
    label_zh: str
    label_en: str = ""
    help: str = ""
    required: bool = False
    unique: bool = False
    default_text: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    right: str = ""
    target_name: str = ""
    retired: bool = False
    indexed: bool = False
    searchable: bool = False
    choices: tuple[Choice, ...] = ()

    @property
    def name(self) -> str:
        return PREFIX + self.code

    @property
    def attname(self) -> str:
        return PATH + self.code

    @property
    def label(self) -> str:
        label = _in_language(self.label_zh, self.label_en)
        return _("%(field)s (retired)") % {"field": label} if self.retired else label

    def words(self, held: Any) -> list[str]:
        """What a held value is searched for by: itself, or what the choices are called in both languages."""
        if self.kind not in CHOOSING:
            return [str(held)]
        found = (self.labels.get(code) for code in (held if isinstance(held, list) else [held]))
        return [text for choice in found if choice is not None for text in (choice.label_zh, choice.label_en) if text]

    @property
    def sortable(self) -> bool:
        return self.indexed and self.kind in SORTABLE

    @cached_property
    def target(self) -> Any:
        """The model that it refers to."""
        from saleswright.kernel.models import User
        from saleswright.kernel.resources import resource_named

        return User if self.kind == "person" else resource_named(self.target_name).model

    @cached_property
    def field(self) -> models.Field:
        """A field of its kind that belongs to no model."""
        return _field(self)

    @cached_property
    def in_database(self) -> models.Field:
        """The type of the value in queries."""
        if isinstance(self.field, ScaledField):
            return type(self.field)(null=True)
        return TYPES["text" if self.kind in {"choice", "multi", "long"} else self._stored_kind][0](null=True)

    @property
    def _stored_kind(self) -> str:
        return "integer" if self.kind in NUMBERS | REFERRING else self.kind

    @cached_property
    def cast(self) -> str:
        """What PostgreSQL makes of the text of the value."""
        return TYPES[self._stored_kind][1] if self._stored_kind in TYPES else ""

    @cached_property
    def labels(self) -> dict[str, Choice]:
        """Its choices by code, those no longer offered included."""
        return {choice.code: choice for choice in self.choices}

    @cached_property
    def clean(self) -> Clean:
        """From what was given to the value, None for nothing; raises Django's ValidationError."""
        if self.kind == "multi":
            return self._clean_many
        standard = cleaner(self.field)

        def clean(value: Any) -> Any:
            found = standard(value)
            return None if found == "" else found

        return clean

    def _clean_many(self, value: Any) -> list[str] | None:
        if value is None or value == "" or value == []:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValidationError(_("Give a list."), code="invalid")
        for one in value:
            if one not in self.labels:
                raise ValidationError(
                    _("“%(value)s” is not one of the choices.") % {"value": one}, code="invalid_choice"
                )
        return list(dict.fromkeys(value))

    @cached_property
    def store(self) -> Callable[[Any], Any]:
        """From a clean value to what the JSON object holds: whole numbers, text, true, lists."""
        if isinstance(self.field, ScaledField):
            return self.field.get_prep_value
        if self.kind == "date":
            return lambda value: value.isoformat()
        return lambda value: value

    @cached_property
    def load(self) -> Callable[[Any], Any]:
        """From what the JSON object holds to the value."""
        if isinstance(self.field, ScaledField):
            places = self.field.places
            return lambda held: None if held is None else Decimal(int(held)).scaleb(-places)
        if self.kind == "date":
            return lambda held: None if held is None else date.fromisoformat(held)
        return lambda held: held

    def default(self) -> Any:
        """The value of new records for which none is given."""
        text: Any = self.default_text
        if not text:
            return None
        if self.kind == "bool":
            text = text.casefold() in {"1", "true", "yes", "是"}
        elif self.kind == "multi":
            text = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
        return self.clean(text)


def _field(one: CustomDefinition) -> models.Field:
    open_: dict[str, Any] = {"null": True, "blank": True}
    match one.kind:
        case "text":
            return models.CharField(max_length=LONGEST_TEXT, **open_)
        case "long":
            return models.TextField(max_length=LONGEST_LONG, validators=[MaxLengthValidator(LONGEST_LONG)], **open_)
        case "integer":
            bounds: list[Any] = [] if one.minimum is None else [MinValueValidator(int(one.minimum))]
            bounds += [] if one.maximum is None else [MaxValueValidator(int(one.maximum))]
            low, high = MinValueValidator(-(2**63)), MaxValueValidator(2**63 - 1)
            return models.BigIntegerField(validators=[low, high, *bounds], **open_)
        case "decimal":
            return QuantityField(minimum=one.minimum, maximum=one.maximum, **open_)
        case "money":
            return MoneyField(minimum=one.minimum, maximum=one.maximum, **open_)
        case "date":
            return IsoDate(**open_)
        case "bool":
            return models.BooleanField(**open_)
        case "choice":
            named = [(choice.code, choice.label_zh) for choice in one.choices]
            return models.CharField(max_length=50, choices=named or [("", "")], **open_)
        case "multi":
            return models.JSONField(default=list, **open_)
    return models.ForeignKey(one.target, models.DO_NOTHING, related_name="+", db_constraint=False, **open_)


def index_name(one: CustomDefinition, *, unique: bool = False) -> str:
    """The name of the index, derived from kind of record and code, within 63 letters."""
    digest = zlib.crc32(f"{one.resource}.{one.code}".encode())
    return f"custom_{'once' if unique else 'sort'}_{one.resource.replace('-', '_')[:16]}_{digest:08x}"


class Definitions:
    """Every custom field as of one moment."""

    def __init__(self, found: list[CustomDefinition]) -> None:
        self.by_code = {(one.resource, one.code): one for one in found}
        self._by_resource: dict[str, tuple[CustomDefinition, ...]] = {}
        self._retired: dict[str, tuple[CustomDefinition, ...]] = {}
        for one in found:
            kept = self._retired if one.retired else self._by_resource
            kept[one.resource] = (*kept.get(one.resource, ()), one)

    def of(self, resource: str) -> tuple[CustomDefinition, ...]:
        """The fields of a kind of record that are in use; the same tuple as long as nothing changes."""
        return self._by_resource.get(resource, ())

    def retired_of(self, resource: str) -> tuple[CustomDefinition, ...]:
        """The fields of a kind of record that are retired: what was kept may still ask for their values."""
        return self._retired.get(resource, ())


NOTHING = Definitions([])
_kept: tuple[int, Definitions] = (0, NOTHING)
_known = threading.local()


def note_version(version: int) -> None:
    """Work with the definitions of this number from now on, in this thread."""
    _known.version = version


def as_shipped() -> None:
    """Work without any custom field, in this thread: what describes the product asks no database."""
    note_version(0)


def look() -> int:
    """Work with the definitions that hold now; their number. For jobs and what else asks for no rights."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT definitions FROM kernel_accessversion ORDER BY id LIMIT 1")
        row = cursor.fetchone()
    note_version(row[0] if row else 0)
    return int(_known.version)


def version() -> int:
    """The number of the definitions that this thread works with."""
    found = getattr(_known, "version", None)
    return look() if found is None else int(found)


def definitions() -> Definitions:
    """Every custom field."""
    global _kept
    wanted = version()
    number, found = _kept
    if number != wanted:
        found = Definitions(_read()) if wanted else NOTHING
        _kept = (wanted, found)
    return found


def fields_of(resource: str) -> tuple[CustomDefinition, ...]:
    """The custom fields of a kind of record that are in use, in their order."""
    return definitions().of(resource)


def words_of(resource: str, record: Any) -> list[str]:
    """The words of the searchable custom fields of a record."""
    held = getattr(record, "custom", None)
    if not held:
        return []
    fields = (one for one in fields_of(resource) if one.searchable and one.code in held)
    return [word for one in fields for word in one.words(held[one.code])]


def stored_field(model: Any, code: str) -> CustomDefinition | None:
    """The field that a value of the model's records is of, also one that is retired."""
    from saleswright.kernel.resources import has_resource, resource_of

    return definitions().by_code.get((resource_of(model).name, code)) if has_resource(model) else None


def definitions_changed() -> None:
    """Say, within the transaction, that definitions changed: every process reads them anew.

    The number is drawn, not counted, so that one of a transaction that failed never comes again.
    """
    from saleswright.kernel.models import AccessVersion

    drawn = secrets.randbits(62) | 1
    if not AccessVersion.objects.update(definitions=drawn):
        AccessVersion.objects.create(pk=1, definitions=drawn)
    note_version(drawn)


def _read() -> list[CustomDefinition]:
    from saleswright.kernel.models import CustomChoice, CustomField

    choices: dict[int, list[Choice]] = {}
    columns = ("field_id", "code", "label_zh", "label_en", "active")
    for field_id, *rest in CustomChoice.objects.order_by("position", "id").values_list(*columns):
        choices.setdefault(field_id, []).append(Choice(*rest))
    return [definition_of(one, choices.get(one.pk, [])) for one in CustomField.objects.order_by("position", "id")]


def definition_of(row: Any, choices: list[Choice]) -> CustomDefinition:
    """What a row defines."""
    return CustomDefinition(
        row.pk, row.resource, row.code, row.kind, row.label_zh, row.label_en, row.help, row.required, row.unique,
        row.default, row.minimum, row.maximum, row.right, row.target, row.archived_at is not None, row.indexed,
        row.searchable, tuple(choices),
    )  # fmt: skip


def expanded(changes: dict[str, list[Any]], resource: str) -> dict[str, list[Any]]:
    """Changes of a record with the custom ones by field, the values as people write them, for the audit."""
    if "custom" not in changes:
        return changes
    old, new = ({} if part is None else part for part in changes["custom"])
    rest = {name: pair for name, pair in changes.items() if name != "custom"}
    return rest | dict(_told(resource, old, new))


def _told(resource: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    known = definitions().by_code
    for code in dict.fromkeys((*old, *new)):
        if old.get(code) != new.get(code):
            one = known.get((resource, code))
            pair = [old.get(code), new.get(code)]
            yield PREFIX + code, [one.load(value) for value in pair] if one is not None else pair


def _forget() -> None:
    global _kept
    _kept = (0, NOTHING)
    _known.__dict__.clear()


when_forgotten(_forget)

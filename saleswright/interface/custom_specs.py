"""Custom fields as people and programs meet them: specs like those of columns, and their places in an entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from saleswright.interface.fields import FieldSpec, Row
from saleswright.interface.presentation import Cell
from saleswright.kernel.cleaning import Clean
from saleswright.kernel.custom_fields import CustomDefinition
from saleswright.kernel.errors import Text

#: a dataclass asks for a default behind those of its base
NOTHING = CustomDefinition(0, "", "", "text", "")


@dataclass(frozen=True)
class CustomSpec(FieldSpec):
    """A custom field. Rows are read with the whole object of them and unpacked by `labels.add_labels`."""

    definition: CustomDefinition = NOTHING

    @cached_property
    def field(self) -> models.Field:
        return self.definition.field

    @property
    def label(self) -> Text:
        return self.definition.label

    @property
    def help(self) -> Text:
        return self.definition.help

    @cached_property
    def attname(self) -> str:
        return self.definition.attname

    @cached_property
    def column(self) -> str:
        return "custom"

    @cached_property
    def select(self) -> tuple[str, ...]:
        return (self.column,)

    @cached_property
    def target(self) -> type[models.Model]:
        return cast("type[models.Model]", self.definition.target)

    @property
    def choices(self) -> dict[Any, Text]:
        return {choice.code: choice.label for choice in self.definition.choices}

    @property
    def names(self) -> Mapping[str, Text]:
        return cast("Mapping[str, Text]", self.choices) if self.many else {}

    @cached_property
    def many(self) -> bool:
        return self.definition.kind == "multi"

    @cached_property
    def clean(self) -> Clean:
        return self.definition.clean

    @cached_property
    def required(self) -> bool:
        return self.definition.required

    @property
    def initial(self) -> Any:
        return self.definition.default()

    def value_of(self, record: Any) -> Any:
        return self.definition.load((record.custom or {}).get(self.definition.code))

    def unpack(self, rows: Sequence[dict[str, Any]]) -> None:
        name, code, load = self.attname, self.definition.code, self.definition.load
        for row in rows:
            row[name] = load(row["custom"].get(code))

    def cell(self, row: Row, language: str, links: bool = True) -> Cell:
        if self.many and row[self.attname]:
            return self._json_cell(self._labels(row[self.attname]))
        if self.kind == "money":
            row = {self.attname: row[self.attname]}  # in the company's currency, whatever the record's is
        return super().cell(row, language, links)

    def export(self, row: Row) -> Any:
        if self.many and row[self.attname]:
            return ", ".join(self._labels(row[self.attname]))
        return super().export(row)

    def _labels(self, codes: list[str]) -> list[str]:
        names = self.names
        return [str(names.get(code, code)) for code in codes]

    def parse(self, text: Any) -> Any:
        if not self.many or text is None or text == "":
            return super().parse(text)
        parts = text if isinstance(text, list) else super().parse(text)
        return [self._code(str(part)) for part in parts] or None

    def _code(self, word: str) -> str:
        wanted = word.strip().casefold()
        for one in self.definition.choices:
            if wanted in {one.code.casefold(), one.label_zh.casefold(), one.label_en.casefold() or one.code}:
                return one.code
        raise ValidationError(_("“%(value)s” is not one of the choices.") % {"value": word}, code="invalid_choice")

    def _parse_choice(self, text: Any) -> Any:
        return self._code(str(text))


@dataclass(frozen=True)
class Shape:
    """What an entity has besides its declaration, as of some definitions."""

    fields: tuple[CustomDefinition, ...]
    retired_fields: tuple[CustomDefinition, ...]
    own: Mapping[str, FieldSpec]
    specs: Mapping[str, FieldSpec]
    retired: Mapping[str, FieldSpec]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All of them in their order."""
        return tuple(one.name for one in self.fields)

    @cached_property
    def sortable(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.fields if one.sortable)


def shape_of(
    model: Any,
    fields: tuple[CustomDefinition, ...],
    retired: tuple[CustomDefinition, ...],
    own: Mapping[str, FieldSpec],
) -> Shape:
    """The specs of an entity with those of its custom fields behind; retired ones apart."""
    customs, gone = (
        {one.name: CustomSpec(one.name, model, one.right, definition=one) for one in some} for some in (fields, retired)
    )
    return Shape(fields, retired, own, {**own, **customs}, gone)

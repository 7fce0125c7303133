"""The column of fields that a company adds: one JSON object a record, whose values have a type in queries.

`custom__<code>` works in filters, orders, `F` and aggregates like a column of the field's kind. The key stands inline
in the SQL, so that an index over the same expression serves it.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

#: what the names of such fields begin with, and their paths in queries
PREFIX, PATH = "custom.", "custom__"


def is_custom(name: str) -> bool:
    """Whether a field of that name is one that the company added."""
    return name.startswith(PREFIX)


class IsoDate(models.DateField):
    """A date that is kept as text such as 2026-11-23, whose order is that of the days."""

    def get_internal_type(self) -> str:
        return "CharField"

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is not None and not 1900 <= found.year <= 9000:
            raise ValidationError(self.error_messages["invalid_date"] % {"value": value}, code="invalid")
        return found

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or hasattr(value, "resolve_expression") else super().get_prep_value(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, datetime):
            value = value.date()
        return value.isoformat() if isinstance(value, date) else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return date.fromisoformat(value) if isinstance(value, str) else value


#: kind -> (field of the value in the database, cast on PostgreSQL)
TYPES: dict[str, tuple[Any, str]] = {
    "text": (models.TextField, ""),
    "integer": (models.BigIntegerField, "::bigint"),
    "date": (IsoDate, ""),
    "bool": (models.BooleanField, "::boolean"),
}


class Value(models.Transform):
    """One value of the column."""

    def __init__(self, code: str, field: models.Field, cast: str, *args: Any, **kwargs: Any) -> None:
        self.code, self.cast = code, cast
        super().__init__(*args, output_field=field, **kwargs)

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, Any]:  # type: ignore[override]
        column, parameters = compiler.compile(self.source_expressions[0])
        return value_sql(column, self.code, self.cast, connection.vendor), parameters

    @property
    def identity(self) -> Any:
        """What makes two values the same expression."""
        return (*super().identity, self.code, self.cast)


def value_sql(column: str, code: str, cast: str, vendor: str) -> str:
    """The SQL of a value; `code` is one that a definition may have."""
    if vendor == "postgresql":
        return f"(({column} ->> '{code}'){cast})"
    return f"json_extract({column}, '$.{code}')"


class CustomColumn(models.JSONField):
    """A JSON object of values by code, typed by their definitions; to migrations a plain JSON field."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_transform(self, lookup_name: str) -> Any:
        from saleswright.kernel.custom_fields import stored_field

        found = stored_field(self.model, lookup_name)
        if found is None:
            return super().get_transform(lookup_name)
        return partial(Value, found.code, found.in_database, found.cast)

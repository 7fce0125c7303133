"""Money, price and quantity columns: scaled 64-bit integers on both databases, Decimals in Python.

SQLite keeps decimals as binary floats, so sums and conditional updates would drift; whole numbers don't.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

#: 15 digits before the point for money; well inside 64 bits with any of our scales
LIMITS = {2: Decimal("9999999999999.99"), 4: Decimal("99999999999.9999"), 6: Decimal("999999999.999999")}


class ScaledField(models.Field):
    """A Decimal with a fixed number of decimal places, stored as `value * 10**places` in a bigint.

    Values with more places are refused, never rounded silently. In arithmetic with `F()` a number must be written
    `Value(amount, MoneyField())`: a bare Decimal would not be scaled. `minimum` and `maximum` are inclusive.
    """

    places = 2
    _validators: list[Callable[[Any], None]]
    default_error_messages = {
        "invalid": _("Enter a number."),
        "places": _("At most %(places)d digits after the decimal point."),
        "float": _("Give decimals as text, not as floating point."),
    }

    def __init__(
        self, *args: Any, minimum: Decimal | int | None = None, maximum: Decimal | int | None = None, **kwargs: Any
    ) -> None:
        self.minimum, self.maximum = minimum, maximum
        super().__init__(*args, **kwargs)
        low = Decimal(minimum) if minimum is not None else -LIMITS[self.places]
        high = Decimal(maximum) if maximum is not None else LIMITS[self.places]
        self._validators = [MinValueValidator(low), MaxValueValidator(high), *self._validators]

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        for key in ("minimum", "maximum"):
            if getattr(self, key) is not None:
                kwargs[key] = getattr(self, key)
        kwargs.pop("validators", None)
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else Decimal(int(value)).scaleb(-self.places)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        if isinstance(value, (float, bool)):
            raise ValidationError(self.error_messages["float"], code="invalid")
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
        except InvalidOperation:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if not number.is_finite():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        if abs(number) > Decimal(10) ** 15:
            return number  # the range validator says it better
        exact = number.quantize(Decimal(1).scaleb(-self.places)) if number else Decimal(0).scaleb(-self.places)
        if exact != number:
            raise ValidationError(self.error_messages["places"] % {"places": self.places}, code="invalid")
        return exact

    def get_prep_value(self, value: Any) -> int | None:
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if isinstance(value, float):
            raise TypeError("money, prices and quantities are Decimals, not floats")
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimal places")
        return int(scaled)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        return super().formfield(
            **{
                "form_class": forms.DecimalField,
                "decimal_places": self.places,
                "max_digits": 15 + self.places,
                **kwargs,
            }
        )


class MoneyField(ScaledField):
    """An amount of money: two places."""

    places = 2
    description = _("Amount")


class PriceField(ScaledField):
    """A unit price: six places."""

    places = 6
    description = _("Price")


class QuantityField(ScaledField):
    """A quantity: four places."""

    places = 4
    description = _("Quantity")


class PercentField(ScaledField):
    """A percentage such as 13 or 12.5: four places."""

    places = 4
    description = _("Percent")


class ConditionField(models.JSONField):
    """A tree of `kernel.conditions`, `{}` for none.

    `terms` names the vocabulary it is written in; `{column}` in it stands for a column of the same record.
    """

    def __init__(self, *args: Any, terms: str = "", **kwargs: Any) -> None:
        self.terms = terms
        kwargs.setdefault("default", dict)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"terms": self.terms}

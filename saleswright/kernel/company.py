"""The company itself: its name, time zone, fiscal year and base currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from saleswright.kernel.caching import kept
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.money import round_half_up

if TYPE_CHECKING:
    from saleswright.kernel.models import Company


@kept(seconds=30)
def company() -> Company:
    """The one company of this installation (made with the settings' defaults at first sight)."""
    from saleswright.kernel.models import Company

    return Company.objects.order_by("id").first() or Company()


def base_currency() -> str:
    """The currency in which the company adds up."""
    return company().currency


def exchange_rate(currency: str, on: date) -> Decimal:
    """Units of base currency for one unit of `currency` on `on`: the last rate known by then.

    Raises ValidationFailed when the company keeps no rate for the currency by that day.
    """
    from saleswright.kernel.models import ExchangeRate

    if currency == base_currency():
        return Decimal(1)
    rate = ExchangeRate.objects.filter(currency=currency, valid_from__lte=on).order_by("-valid_from").first()
    if rate is None:
        message = _("There is no exchange rate for %(currency)s on %(date)s.")
        raise ValidationFailed.of("currency", "invalid", message % {"currency": currency, "date": on})
    return rate.rate


def to_base(amount: Decimal, currency: str, on: date) -> Decimal:
    """`amount` in base currency at the rate of `on`, two places, half up."""
    return round_half_up(amount * exchange_rate(currency, on))

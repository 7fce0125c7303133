"""The company, its currencies and its numbering."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.fields import PriceField
from saleswright.kernel.models.base import Record


def default_time_zone() -> str:
    return settings.TIME_ZONE


def default_currency() -> str:
    return settings.CURRENCY


class Company(Record):
    """The company of this installation: exactly one row."""

    name = models.CharField(_("Name"), max_length=200, default="销匠")
    time_zone = models.CharField(_("Time zone"), max_length=50, default=default_time_zone)
    currency = models.CharField(_("Base currency"), max_length=3, default=default_currency)
    fiscal_year_start = models.PositiveSmallIntegerField(
        _("First month of the fiscal year"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    address = models.CharField(_("Address"), max_length=200, blank=True)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    credit_code = models.CharField(_("Unified social credit code"), max_length=30, blank=True)
    approver_of_last_resort = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("Approver of last resort"),
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name = _("Company")


class ExchangeRate(Record):
    """Units of base currency for one unit of a foreign one, from a day on."""

    title_field = "currency"
    currency = models.CharField(_("Currency"), max_length=3)
    valid_from = models.DateField(_("Valid from"))
    rate = PriceField(_("Rate"), minimum=Decimal("0.000001"))

    class Meta:
        verbose_name, verbose_name_plural = _("Exchange rate"), _("Exchange rates")
        constraints = (models.UniqueConstraint(fields=("currency", "valid_from"), name="kernel_rate_once_a_day"),)


class NumberSeries(models.Model):
    """How the numbers of one resource look: prefix, date part and length; `SO-202611-000123`."""

    resource = models.CharField(max_length=50, unique=True)
    prefix = models.CharField(_("Prefix"), max_length=10)
    date_format = models.CharField(_("Date part"), max_length=10, default="%Y%m", blank=True)
    digits = models.PositiveSmallIntegerField(_("Digits"), default=6)

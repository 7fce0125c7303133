"""The company, its currencies, its numbering and its working time."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
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
    bank = models.CharField(_("Bank"), max_length=100, blank=True)
    bank_account = models.CharField(_("Bank account"), max_length=40, blank=True)
    approver_of_last_resort = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("Approver of last resort"),
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Company"), _("Company")


class ExchangeRate(Record):
    """Units of base currency for one unit of a foreign one, from a day on."""

    title_field = "currency"
    currency = models.CharField(_("Currency"), max_length=3)
    valid_from = models.DateField(_("Valid from"))
    rate = PriceField(_("Rate"), minimum=Decimal("0.000001"))

    class Meta:
        verbose_name, verbose_name_plural = _("Exchange rate"), _("Exchange rates")
        constraints = (models.UniqueConstraint(fields=("currency", "valid_from"), name="kernel_rate_once_a_day"),)


class DatePart(models.TextChoices):
    """What of the date stands in a number; the sequence begins anew with each."""

    NONE = "", _("None")
    YEAR = "%Y", _("Year: 2026")
    MONTH = "%Y%m", _("Year and month: 202611")
    SHORT_MONTH = "%y%m", _("Short year and month: 2611")
    DAY = "%Y%m%d", _("Day: 20261123")


class NumberSeries(Record):
    """How the numbers of one resource look: prefix, date part and length; `SO-202611-000123`."""

    resource = models.CharField(_("Kind of record"), max_length=50, unique=True)
    prefix = models.CharField(
        _("Prefix"), max_length=10, help_text=_("Letters and digits, beginning with a letter; each kind has its own."),
        validators=[RegexValidator("^[A-Za-z][A-Za-z0-9]*$", _("Letters and digits, beginning with a letter."))],
    )  # fmt: skip
    date_format = models.CharField(_("Date part"), max_length=10, choices=DatePart.choices, blank=True)
    digits = models.PositiveSmallIntegerField(
        _("Digits"), default=6, validators=[MinValueValidator(3), MaxValueValidator(10)]
    )
    gapless = models.BooleanField(_("Without gaps"), default=False, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Number series"), _("Numbering")

    def __str__(self) -> str:
        return self.resource


class Weekday(models.IntegerChoices):
    """The days of the week, numbered as ISO 8601 does."""

    MONDAY = 1, _("Monday")
    TUESDAY = 2, _("Tuesday")
    WEDNESDAY = 3, _("Wednesday")
    THURSDAY = 4, _("Thursday")
    FRIDAY = 5, _("Friday")
    SATURDAY = 6, _("Saturday")
    SUNDAY = 7, _("Sunday")


class WorkingDay(Record):
    """When the company works on a day of the week: `09:00-12:00, 13:30-18:00`; nothing on a day off."""

    weekday = models.PositiveSmallIntegerField(_("Day of the week"), choices=Weekday.choices, unique=True)
    hours = models.CharField(
        _("Working hours"), max_length=100, blank=True,
        help_text=_("Such as 09:00-12:00, 13:30-18:00; empty on a day off."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Working hours"), _("Working hours")

    def __str__(self) -> str:
        return str(Weekday(self.weekday).label)


class SpecialDay(Record):
    """A day that differs from its weekday: a public holiday, or a make-up day 调休 with a weekday's hours."""

    day = models.DateField(_("Day"), unique=True)
    name = models.CharField(_("Name"), max_length=100)
    works_like = models.PositiveSmallIntegerField(
        _("Works like"), choices=Weekday.choices, null=True, blank=True,
        help_text=_("Empty for a holiday; for a make-up day the day of the week whose hours hold."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Holiday or make-up day"), _("Holidays and make-up days")

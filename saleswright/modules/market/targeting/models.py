"""Target markets with their ratings, the criteria of attractiveness, and sizes by period."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import OwnedRecord, Record
from saleswright.modules.market.targeting.states import MarketPeriod


class MarketCriterion(Record):
    """What makes a market attractive, with its weight beside the others."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    weight = models.PositiveSmallIntegerField(
        _("Weight"), default=10, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Beside those of the other criteria."),
    )  # fmt: skip
    description = models.CharField(_("What 0 and 10 mean"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(_("Order"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("Market criterion"), _("Market criteria")
        indexes = sort_indexes("market_criterion", "position", "weight")


class TargetMarket(OwnedRecord):
    """A region x industry x size of customer; what is left empty doesn't narrow it.

    The region is the sales territory with those below it, industry and size are those of the customers.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    region = models.ForeignKey(
        "kernel.Region", models.PROTECT, verbose_name=_("Region"), null=True, blank=True, related_name="+",
        help_text=_("The sales territory with those below it; left empty, everywhere."),
    )  # fmt: skip
    industry = models.CharField(
        _("Industry"), max_length=100, blank=True, db_index=True, help_text=_("Left empty, every industry.")
    )
    size = models.CharField(
        _("Size of the customers"), max_length=50, blank=True,
        help_text=_("As it stands with the customers; left empty, every size."),
    )  # fmt: skip
    note = models.TextField(_("Note"), blank=True, max_length=2000)

    class Meta:
        verbose_name, verbose_name_plural = _("Target market"), _("Target markets")
        indexes = sort_indexes("target_market", "created_at")


class MarketRating(models.Model):
    """How a market does by a criterion, 0 to 10."""

    market = models.ForeignKey(TargetMarket, models.CASCADE, related_name="ratings")
    position = models.PositiveIntegerField(default=0, editable=False)
    criterion = models.ForeignKey(MarketCriterion, models.PROTECT, verbose_name=_("Criterion"), related_name="+")
    rating = models.PositiveSmallIntegerField(_("Rating"), validators=[MaxValueValidator(10)])
    note = models.CharField(_("Why"), max_length=200, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("market", "criterion"), name="market_rating_once"),)


class MarketSize(Record):
    """What all suppliers together sell in a market in a period, untaxed, in base currency, and who says so."""

    title_field = "source"
    market = models.ForeignKey(TargetMarket, models.CASCADE, verbose_name=_("Target market"), related_name="sizes")
    year = models.PositiveSmallIntegerField(
        _("Fiscal year"), validators=[MinValueValidator(1990), MaxValueValidator(2100)]
    )
    period = models.CharField(
        _("Period"), max_length=4, choices=MarketPeriod.choices, default=MarketPeriod.YEAR, blank=True
    )
    amount = MoneyField(
        _("Market size"), minimum=0, help_text=_("What all suppliers together sell, untaxed, in base currency.")
    )
    source = models.CharField(_("Source"), max_length=200, help_text=_("Who says so: report, association, estimate."))

    class Meta:
        verbose_name, verbose_name_plural = _("Market size"), _("Market sizes")
        indexes = sort_indexes("market_size", "year", "amount", "created_at")
        constraints = (models.UniqueConstraint(fields=("market", "year", "period"), name="market_size_once"),)

"""The products of competitors with their prices."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.clock import today
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import PriceField


class CompetitorProduct(models.Model):
    """A product of a competitor, the one of ours that it competes with, and what it cost on a day, without tax.

    A further price of the same product is a further row; the latest day counts.
    """

    competitor = models.ForeignKey("market.Competitor", models.CASCADE, related_name="offers")
    position = models.PositiveIntegerField(default=0, editable=False)
    name = models.CharField(_("Their product"), max_length=200)
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Our comparable product"), null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    price = PriceField(_("Their price"), minimum=0, null=True, blank=True, help_text=_("Without tax."))
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency, blank=True)
    seen_on = models.DateField(_("Price of"), default=today, blank=True)
    source = models.CharField(_("Source"), max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name

"""Price lists with quantity breaks, and the discount that each role may give."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import PercentField, PriceField, QuantityField
from saleswright.kernel.models import Record


class PriceList(Record):
    """Prices in one currency for a time, for some levels of customers or regions; empty lists mean all of them."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency)
    valid_from = models.DateField(_("Valid from"))
    valid_to = models.DateField(_("Valid to"), null=True, blank=True, help_text=_("The last day; empty for open end."))
    customer_levels = models.JSONField(_("Customer levels"), default=list, blank=True, help_text=_("A to D."))
    regions = models.JSONField(
        _("Regions"), default=list, blank=True, help_text=_("Ids of regions; what lies below them is included.")
    )

    floor_percent = PercentField(
        _("Floor"), minimum=0, maximum=100, null=True, blank=True,
        help_text=_("The lowest price that may be given, in percent of the price on this list."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Price list"), _("Price lists")
        indexes = sort_indexes("pricelist", "valid_from", "valid_to", "currency")

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on that day, its first and last day included."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class PriceListLine(models.Model):
    """The price of a product from a quantity on, without tax."""

    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0, editable=False)
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Product"), related_name="price_list_lines"
    )
    min_quantity = QuantityField(_("From quantity"), minimum=0, default=0)
    price = PriceField(_("Price"), minimum=0)

    class Meta:
        verbose_name, verbose_name_plural = _("Price"), _("Prices")
        constraints = (
            models.UniqueConstraint(
                fields=("price_list", "product", "min_quantity"), name="pricing_one_price_from_a_quantity"
            ),
        )


class DiscountAuthority(Record):
    """How many percent off the price list a role may give without asking (QUO-02)."""

    title_field = "role"
    role = models.OneToOneField("kernel.Role", models.PROTECT, verbose_name=_("Role"), related_name="+")
    percent = PercentField(_("Discount up to"), minimum=0, maximum=100)

    class Meta:
        verbose_name, verbose_name_plural = _("Discount authority"), _("Discount authorities")

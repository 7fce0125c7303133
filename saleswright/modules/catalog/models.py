"""The product archive: categories and products."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import PercentField, PriceField
from saleswright.kernel.models import Record
from saleswright.modules.catalog.states import LifeCycle


class ProductCategory(Record):
    """A node of the category tree."""

    code = models.CharField(_("Code"), max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(_("Name"), max_length=100, unique=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Parent category"), null=True, blank=True, related_name="children"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Product category"), _("Product categories")


class Product(Record):
    """Something the company sells: goods or a service. Prices are without tax."""

    code = models.CharField(_("Code"), max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(_("Name"), max_length=200)
    category = models.ForeignKey(
        ProductCategory, models.PROTECT, verbose_name=_("Category"), null=True, blank=True, related_name="products"
    )
    unit = models.CharField(_("Unit"), max_length=20, default="件")
    list_price = PriceField(_("List price"), minimum=0, default=Decimal(0), help_text=_("Without tax."))
    cost = PriceField(_("Standard cost"), minimum=0, null=True, blank=True)
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency)
    tax_rate = PercentField(_("Tax rate"), minimum=0, maximum=100, default=Decimal(13))
    life_cycle = models.CharField(
        _("Life cycle"), max_length=12, choices=LifeCycle.choices, default=LifeCycle.GROWTH, db_index=True
    )
    successor = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Successor"), null=True, blank=True, related_name="predecessors"
    )
    warranty_months = models.PositiveSmallIntegerField(_("Warranty in months"), default=0)
    specifications = models.JSONField(
        _("Specifications"), default=list, blank=True, help_text=_("One “name: value” each, such as “Power: 5 kW”.")
    )
    is_service = models.BooleanField(_("Service"), default=False, help_text=_("Fulfilled without stock."))

    class Meta:
        verbose_name, verbose_name_plural = _("Product"), _("Products")
        indexes = sort_indexes("product", "name", "list_price", "created_at", "updated_at")

    @property
    def offered(self) -> bool:
        """Whether it may be put on new quotes."""
        return self.life_cycle != LifeCycle.DISCONTINUED and self.archived_at is None

"""Categories and products as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Entity, Exchange, Related, Section, register
from saleswright.modules.catalog import actions
from saleswright.modules.catalog.models import Product, ProductCategory


@register
class ProductCategoryEntity(Entity):
    """The category tree."""

    name, model = "product-categories", ProductCategory
    icon = "category"
    search = ("name", "code")
    columns = ("name", "code", "parent", "updated_at")
    sortable = ("name", "code")
    filters = ("name", "code", "parent")
    ordering = "name"
    form = (Section(_("Category"), ("name", "code", "parent")),)
    related = (Related("products", "category"), Related("product-categories", "parent", label=_("Subcategories")))
    exchange = Exchange(key="name", fields=("name", "code", "parent__name"))

    def prepare(self, batch: Any) -> None:
        actions.check_category_tree(batch)


@register
class ProductEntity(Entity):
    """The product archive."""

    name, model = "products", Product
    icon = "package"
    number_field = "code"
    search = ("name", "code")
    secret = {"cost": "cost"}
    columns = ("code", "name", "category", "unit", "list_price", "tax_rate", "life_cycle", "updated_at")
    sortable = ("code", "name", "list_price", "created_at", "updated_at")
    filters = ("code", "name", "category", "life_cycle", "list_price", "successor", "created_at", "updated_at")
    form = (
        Section(_("Product"), ("code", "name", "category", "unit", "is_service")),
        Section(_("Price"), ("list_price", "currency", "tax_rate", "cost")),
        Section(_("Life cycle"), ("life_cycle", "successor", "warranty_months")),
        Section(_("Specifications"), ("specifications",)),
    )
    transitions = (actions.discontinue_product, actions.reintroduce_product)
    related = (Related("products", "successor", label=_("Replaces")),)
    exchange = Exchange(
        key="code",
        fields=(
            "code", "name", "category__name", "unit", "list_price", "currency", "tax_rate", "cost", "life_cycle",
            "successor__code", "warranty_months", "specifications", "is_service",
        ),
    )  # fmt: skip
    cleaners = {"specifications": actions.clean_specifications}
    empty_text = _("No products yet. Create the first one, or import your list.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_products(batch)


choose_from("units", "products", "unit")
choose_from("tax-rates", "products", "tax_rate")
choose_from("currencies", "products", "currency")

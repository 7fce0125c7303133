"""Price lists and discount authorities as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Entity, Exchange, Section, register
from saleswright.kernel.resources import Lines
from saleswright.modules.pricing import actions
from saleswright.modules.pricing.models import DiscountAuthority, PriceList, PriceListLine


@register
class PriceListEntity(Entity):
    """Price lists with quantity breaks."""

    name, model = "price-lists", PriceList
    icon = "tags"
    search = ("name",)
    secret = {"floor_percent": "cost"}
    columns = ("name", "currency", "valid_from", "valid_to", "customer_levels", "updated_at")
    sortable = ("name", "currency", "valid_from", "valid_to")
    filters = ("name", "currency", "valid_from", "valid_to")
    form = (
        Section(_("Price list"), ("name", "currency", "valid_from", "valid_to")),
        Section(_("For whom"), ("customer_levels", "regions"), help=_("Empty means everyone.")),
        Section(_("Limits"), ("floor_percent",)),
    )
    lines = (Lines("lines", PriceListLine, "price_list", _("Prices"), ("product", "min_quantity", "price")),)
    exchange = Exchange(
        key="name",
        fields=(
            "name", "currency", "valid_from", "valid_to", "customer_levels", "regions", "lines.product__code",
            "lines.min_quantity", "lines.price",
        ),
    )  # fmt: skip
    cleaners = {"customer_levels": actions.clean_levels, "regions": actions.clean_regions}

    def prepare(self, batch: Any) -> None:
        actions.prepare_price_lists(batch)


@register
class DiscountAuthorityEntity(Entity):
    """How much each role may give off."""

    name, model = "discount-authorities", DiscountAuthority
    icon = "discount"
    columns = ("role", "percent", "updated_at")
    filters = ("role",)
    form = (Section(_("Authority"), ("role", "percent")),)


choose_from("currencies", "price-lists", "currency")

"""Target markets, criteria and market sizes as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Attached, Entity, Exchange, Related, Section, register
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.resources import Lines
from saleswright.modules.market.targeting import rules
from saleswright.modules.market.targeting.models import MarketCriterion, MarketRating, MarketSize, TargetMarket


def _points(ids: list[int], actor: Actor) -> dict[int, Any]:
    return {pk: str(points) for pk, points in rules.attractiveness(ids).items()}


@register
class TargetMarketEntity(Entity):
    """Where we want to sell, and how attractive that is."""

    name, model = "target-markets", TargetMarket
    icon = "target"
    search = ("name",)
    columns = ("name", "region", "industry", "size", "owner")
    sortable = ("name", "created_at")
    filters = ("name", "region", "industry", "created_at")
    ordering = "name"
    form = (
        Section(_("Target market"), ("name", "owner", "note")),
        Section(
            _("What belongs to it"), ("region", "industry", "size"),
            _("Own sales are cut by these to know the share of the market."),
        ),
    )  # fmt: skip
    lines = (
        Lines(
            "ratings", MarketRating, "market", _("How attractive it is"), fields=("criterion", "rating", "note"),
            required=False,
        ),
    )  # fmt: skip
    attached = (
        Attached(
            "attractiveness", _("Attractiveness (of 100)"), _points, {"type": ["string", "null"]}, default=lambda: None
        ),
    )
    related = (Related("market-sizes", "market"),)
    exchange = Exchange(
        key="name",
        fields=(
            "name", "region__name", "industry", "size", "note", "owner__username", "ratings.criterion__name",
            "ratings.rating", "ratings.note",
        ),
    )  # fmt: skip
    empty_text = _("No target markets yet. Say where you want to sell, and what makes it worth it.")

    def prepare(self, batch: Any) -> None:
        rules.prepare_markets(batch)


@register
class MarketSizeEntity(Entity):
    """How large markets are; seen by whoever sees the market."""

    name, model, via = "market-sizes", MarketSize, "market"
    icon = "ruler"
    search = ("source",)
    columns = ("market", "year", "period", "amount", "source")
    sortable = ("year", "amount", "created_at")
    filters = ("market", "year", "amount", "created_at")
    ordering = "-year"
    form = (Section(_("Market size"), ("market", "year", "period", "amount", "source")),)
    exchange = Exchange(key="market__name,year,period", fields=("market__name", "year", "period", "amount", "source"))


@register
class MarketCriterionEntity(Entity):
    """By what markets are rated."""

    name, model = "market-criteria", MarketCriterion
    icon = "list-numbers"
    search = ("name",)
    columns = ("name", "weight", "description", "position")
    sortable = ("position", "weight", "name")
    filters = ("name", "weight")
    ordering = "position"
    form = (Section(_("Market criterion"), ("name", "weight", "description", "position")),)
    exchange = Exchange(key="name")


choose_from("industries", "target-markets", "industry")
add_setting("process", Setting("market-criteria", _("By what markets are rated, and how much each weighs")))

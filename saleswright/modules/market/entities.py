"""Campaigns and competitors as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Calendar, Entity, Exchange, Section, register
from saleswright.kernel.resources import Lines
from saleswright.modules.market import actions
from saleswright.modules.market.models import Campaign, Competitor
from saleswright.modules.market.profiles import entities as profiles
from saleswright.modules.market.research import entities as research
from saleswright.modules.market.rivals import prices
from saleswright.modules.market.rivals.models import CompetitorProduct
from saleswright.modules.market.surveys import entities as surveys
from saleswright.modules.market.targeting import entities as targeting

__all__ = ["intelligence", "profiles", "research", "surveys", "targeting"]


@register
class CampaignEntity(Entity):
    """Marketing activities."""

    name, model = "campaigns", Campaign
    icon = "speakerphone"
    number_field = "code"
    search = ("name", "code", "place")
    columns = ("name", "code", "kind", "starts_on", "ends_on", "budget", "cost", "owner")
    sortable = ("name", "code", "starts_on", "ends_on", "created_at")
    filters = ("kind", "starts_on", "ends_on", "code", "name", "created_at")
    form = (
        Section(_("Campaign"), ("name", "code", "kind", "owner", "place", "starts_on", "ends_on")),
        Section(_("Objective and money"), ("objective", "budget", "cost")),
    )
    calendar = Calendar(by="starts_on", title="name")
    exchange = Exchange(
        key="code",
        fields=(
            "code", "name", "kind", "starts_on", "ends_on", "place", "objective", "budget", "cost", "owner__username",
        ),
    )  # fmt: skip
    empty_text = _("No campaigns yet. Plan the first one; leads that it brings then name it.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_campaigns(batch)


@register
class CompetitorEntity(Entity):
    """Who sells against us."""

    name, model = "competitors", Competitor
    icon = "swords"
    search = ("name", "website")
    columns = ("name", "website", "strengths", "weaknesses")
    sortable = ("name", "created_at")
    filters = ("name", "created_at")
    form = (
        Section(_("Competitor"), ("name", "website", "products")),
        Section(_("How they sell"), ("strengths", "weaknesses", "battle_card")),
    )
    lines = (
        Lines(
            "offers", CompetitorProduct, "competitor", _("Their products"),
            fields=("name", "product", "price", "currency", "seen_on", "source"), required=False,
        ),
    )  # fmt: skip
    exchange = Exchange(
        key="name",
        fields=(
            "name", "website", "products", "strengths", "weaknesses", "battle_card", "offers.name",
            "offers.product__name", "offers.price", "offers.currency", "offers.seen_on", "offers.source",
        ),
    )  # fmt: skip
    empty_text = _("No competitors yet. Enter whom you meet; deals then name them.")

    def prepare(self, batch: Any) -> None:
        prices.prepare_competitors(batch)


choose_from("currencies", "competitors", "offers.currency")

# these add to competitors
from saleswright.modules.market.intelligence import entities as intelligence  # noqa: E402

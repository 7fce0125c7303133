"""Campaigns that bring leads, and competitors that sales meets."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import OwnedRecord, Record
from saleswright.modules.market.intelligence.models import Intelligence
from saleswright.modules.market.profiles.models import CustomerProfile, ProfileCriterion
from saleswright.modules.market.research.models import Conclusion, Research, ResearchSurvey
from saleswright.modules.market.rivals.models import CompetitorProduct
from saleswright.modules.market.states import CampaignKind
from saleswright.modules.market.surveys.models import (
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyQuestion,
    SurveyReply,
)
from saleswright.modules.market.targeting.models import MarketCriterion, MarketRating, MarketSize, TargetMarket

__all__ = [
    "Campaign",
    "Competitor",
    "CompetitorProduct",
    "Conclusion",
    "CustomerProfile",
    "Intelligence",
    "MarketCriterion",
    "MarketRating",
    "MarketSize",
    "ProfileCriterion",
    "Research",
    "ResearchSurvey",
    "Survey",
    "SurveyAnswer",
    "SurveyInvitation",
    "SurveyQuestion",
    "SurveyReply",
    "TargetMarket",
]


class Campaign(OwnedRecord):
    """A marketing activity with its time, budget and objective; amounts are in base currency."""

    code = models.CharField(_("Code"), max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(_("Name"), max_length=200)
    kind = models.CharField(
        _("Kind"), max_length=12, choices=CampaignKind.choices, default=CampaignKind.OTHER, db_index=True
    )
    starts_on = models.DateField(_("Starts on"), null=True, blank=True)
    ends_on = models.DateField(_("Ends on"), null=True, blank=True)
    place = models.CharField(_("Place"), max_length=200, blank=True)
    objective = models.TextField(
        _("Objective"), blank=True, help_text=_("What shall be reached, so that it can be measured.")
    )
    budget = MoneyField(_("Budget"), null=True, blank=True, minimum=0)
    cost = MoneyField(_("Actual cost"), null=True, blank=True, minimum=0)

    class Meta:
        verbose_name, verbose_name_plural = _("Campaign"), _("Campaigns")
        indexes = sort_indexes("campaign", "name", "starts_on", "ends_on", "created_at")


class Competitor(Record):
    """A company that sells against us."""

    name = models.CharField(_("Name"), max_length=200, unique=True)
    website = models.CharField(_("Website"), max_length=200, blank=True)
    products = models.TextField(_("What they sell"), blank=True)
    strengths = models.TextField(_("Strengths"), blank=True)
    weaknesses = models.TextField(_("Weaknesses"), blank=True)
    battle_card = models.TextField(_("Battle card"), blank=True, help_text=_("How we win against them."))

    class Meta:
        verbose_name, verbose_name_plural = _("Competitor"), _("Competitors")
        indexes = sort_indexes("competitor", "created_at")

"""Research projects with the questionnaires that they use and what they concluded."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import OwnedRecord
from saleswright.modules.market.research.states import Method, ResearchStatus


class Research(OwnedRecord):
    """A question about the market, who answers it how and until when, and what was found; money in base currency."""

    title_field = "title"
    title = models.CharField(_("Title"), max_length=150)
    question = models.TextField(
        _("What we want to know"), max_length=2000, help_text=_("What shall be known afterwards that isn't now.")
    )
    method = models.CharField(_("Research method"), max_length=9, choices=Method.choices, db_index=True)
    status = models.CharField(
        _("Status"), max_length=9, choices=ResearchStatus.choices, default=ResearchStatus.PLANNED, editable=False,
        db_index=True,
    )  # fmt: skip
    market = models.ForeignKey(
        "market.TargetMarket", models.PROTECT, verbose_name=_("Target market"), null=True, blank=True, related_name="+"
    )
    starts_on = models.DateField(_("Starts on"), null=True, blank=True)
    ends_on = models.DateField(_("Ends on"), null=True, blank=True)
    budget = MoneyField(_("Budget"), null=True, blank=True, minimum=0)
    cost = MoneyField(_("Actual cost"), null=True, blank=True, minimum=0)
    findings = models.TextField(_("Findings"), blank=True, max_length=10_000)
    concluded_on = models.DateField(_("Concluded on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Research project"), _("Research projects")
        indexes = sort_indexes("research", "title", "starts_on", "ends_on", "created_at")


class ResearchSurvey(models.Model):
    """A questionnaire that a project uses."""

    research = models.ForeignKey(Research, models.CASCADE, related_name="surveys")
    position = models.PositiveIntegerField(default=0, editable=False)
    survey = models.ForeignKey("market.Survey", models.PROTECT, verbose_name=_("Questionnaire"), related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("research", "survey"), name="research_survey_once"),)


class Conclusion(models.Model):
    """What follows from the findings; `task` is what was made of it."""

    research = models.ForeignKey(Research, models.CASCADE, related_name="conclusions")
    position = models.PositiveIntegerField(default=0, editable=False)
    text = models.CharField(_("Conclusion"), max_length=200)
    task = models.ForeignKey(
        "work.Task", models.SET_NULL, verbose_name=_("Task"), null=True, blank=True, editable=False, related_name="+"
    )

    def __str__(self) -> str:
        return self.text

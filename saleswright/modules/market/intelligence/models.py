"""Pieces of intelligence."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.clock import today
from saleswright.kernel.models import OwnedRecord, person
from saleswright.modules.market.intelligence.states import IntelligenceStatus, SourceKind, Topic


class Intelligence(OwnedRecord):
    """Something that was learned of the market. `visit_id` is the activity in which it was heard, if it was in one.

    `digested_on` is the day on which the weekly digest told of it; each verified piece is told of once.
    """

    title_field = "title"
    title = models.CharField(_("Headline"), max_length=150)
    content = models.TextField(_("What was learned"), max_length=4000)
    topic = models.CharField(_("What it concerns"), max_length=10, choices=Topic.choices, db_index=True)
    status = models.CharField(
        _("Status"), max_length=8, choices=IntelligenceStatus.choices, default=IntelligenceStatus.NEW, editable=False,
        db_index=True,
    )  # fmt: skip
    market = models.ForeignKey(
        "market.TargetMarket", models.PROTECT, verbose_name=_("Target market"), null=True, blank=True, related_name="+"
    )
    industry = models.CharField(_("Industry"), max_length=100, blank=True, db_index=True)
    competitor = models.ForeignKey(
        "market.Competitor", models.PROTECT, verbose_name=_("Competitor"), null=True, blank=True, related_name="+"
    )
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Our product"), null=True, blank=True, related_name="+"
    )
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Heard at the customer"), null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    source_kind = models.CharField(
        _("Kind of source"), max_length=9, choices=SourceKind.choices, default=SourceKind.OTHER, db_index=True
    )
    source = models.CharField(_("Source"), max_length=200, help_text=_("Who said it, or where it stands."))
    visit_id = models.BigIntegerField(_("Visit"), null=True, blank=True, editable=False, db_index=True)
    observed_on = models.DateField(_("Learned on"), default=today, blank=True)
    checked_by = person(_("Checked by"), null=True, blank=True, editable=False)
    checked_at = models.DateTimeField(_("Checked at"), null=True, blank=True, editable=False)
    checked_how = models.CharField(_("How it was checked"), max_length=200, blank=True, editable=False)
    digested_on = models.DateField(_("In the digest of"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Intelligence"), _("Intelligence")
        indexes = sort_indexes("intelligence", "title", "observed_on", "checked_at", "digested_on", "created_at")

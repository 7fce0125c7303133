"""Solutions 方案: what we answer to each need of a deal, in revisions of which one at most is in force."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import PriceField, QuantityField
from saleswright.kernel.models import Record
from saleswright.modules.pipeline.states import SolutionStatus


class Solution(Record):
    """An answer to the needs of an opportunity; whoever sees the opportunity sees it.

    A deal's solutions are numbered from 1. One that was approved replaces the approved one before it.
    """

    title = models.CharField(_("Title"), max_length=200, blank=True, help_text=_("Left empty: that of the deal."))
    opportunity = models.ForeignKey(
        "pipeline.Opportunity", models.PROTECT, verbose_name=_("Opportunity"), related_name="solutions"
    )
    revision = models.PositiveIntegerField(_("Revision"), default=1, editable=False)
    status = models.CharField(
        _("Status"), max_length=10, choices=SolutionStatus.choices, default=SolutionStatus.DRAFT, editable=False,
    )  # fmt: skip
    summary = models.TextField(_("Summary"), blank=True)
    title_field = "title"

    class Meta:
        verbose_name, verbose_name_plural = _("Solution"), _("Solutions")
        indexes = sort_indexes("solution", "status", "created_at")
        constraints = (
            models.UniqueConstraint(fields=("opportunity", "revision"), name="solution_revision_once"),
            models.UniqueConstraint(
                fields=("opportunity",), condition=Q(status="approved"), name="solution_one_in_force"
            ),
        )


class SolutionLine(models.Model):
    """The answer to one need, with the product that brings it if there is one."""

    solution = models.ForeignKey(Solution, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0, editable=False)
    need = models.CharField(_("Need"), max_length=300)
    answer = models.CharField(_("Our answer"), max_length=500, blank=True)
    gap = models.CharField(pgettext_lazy("need", "Gap"), max_length=300, blank=True)
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Product"), null=True, blank=True, related_name="+"
    )
    quantity = QuantityField(_("Quantity"), default=1, minimum=0)
    unit_price = PriceField(_("Unit price"), null=True, blank=True, minimum=0)

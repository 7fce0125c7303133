"""Targets: what is to be reached, by whom, when, for which goal."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel import clock
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Text
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.metrics import all_metrics
from saleswright.kernel.models import OwnedRecord
from saleswright.kernel.models.base import person
from saleswright.modules.targets.states import PeriodCode, ScopeKind, TargetStatus

#: kind of scope -> the field that names whose target it is
SCOPE_FIELDS = {
    ScopeKind.DEPARTMENT: "scope_department",
    ScopeKind.REGION: "scope_region",
    ScopeKind.PERSON: "scope_person",
    ScopeKind.CATEGORY: "scope_category",
}


def metric_choices() -> list[tuple[str, Text]]:
    """Every measure of the metric layer."""
    return [(metric.name, metric.label) for metric in all_metrics()]


def this_year() -> int:
    """The present fiscal year."""
    return clock.fiscal_year_of(clock.today())


class Target(OwnedRecord):
    """A value that a measure shall reach in a period for a scope (TGT-01); amounts are in base currency.

    A person's target belongs to the person, a department's to the department. The children of a target divide it
    either by time or by scope; `code` is unique, so nothing has two targets for the same measure and period.
    """

    code = models.CharField(_("Code"), max_length=100, unique=True, editable=False)
    name = models.CharField(_("Name"), max_length=200, editable=False, blank=True)
    metric = models.CharField(_("Measure"), max_length=60, choices=metric_choices)
    year = models.PositiveSmallIntegerField(
        _("Fiscal year"), default=this_year, validators=[MinValueValidator(2000), MaxValueValidator(2199)]
    )
    period = models.CharField(_("Period"), max_length=4, choices=PeriodCode.choices, default=PeriodCode.YEAR)
    starts_on = models.DateField(_("Start"), editable=False)
    ends_on = models.DateField(_("Deadline"), editable=False)
    scope_kind = models.CharField(
        _("Target of"), max_length=10, choices=ScopeKind.choices, default=ScopeKind.COMPANY, db_index=True
    )
    scope_department = models.ForeignKey(
        "kernel.Department", models.PROTECT, verbose_name=_("Department of the target"), null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    scope_region = models.ForeignKey(
        "kernel.Region", models.PROTECT, verbose_name=_("Region of the target"), null=True, blank=True, related_name="+"
    )
    scope_person = person(_("Person of the target"), null=True, blank=True)
    scope_category = models.ForeignKey(
        "catalog.ProductCategory", models.PROTECT, verbose_name=_("Product category of the target"), null=True,
        blank=True, related_name="+",
    )  # fmt: skip
    value = MoneyField(_("Target value"), minimum=Decimal(0))
    parent = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Part of"), null=True, blank=True, related_name="children"
    )
    goal = models.CharField(
        _("Goal"), max_length=300, blank=True, help_text=_("The goal of the company that it serves.")
    )
    status = models.CharField(
        _("Status"), max_length=10, choices=TargetStatus.choices, default=TargetStatus.DRAFT, editable=False
    )
    agreed_on = models.DateField(_("Agreed on"), null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(_("Revision"), default=1, editable=False)
    reason = models.CharField(_("Reason of the change"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Target"), _("Targets")
        indexes = sort_indexes(
            "target", "metric", "year", "period", "starts_on", "ends_on", "value", "status", "created_at", "updated_at"
        )
        constraints = (
            models.CheckConstraint(condition=Q(ends_on__gte=models.F("starts_on")), name="targets_end_after_start"),
        )

    @property
    def scope_id(self) -> int | None:
        """The id of the department, region, person or category; None for the company."""
        field = SCOPE_FIELDS.get(ScopeKind(self.scope_kind))
        return getattr(self, f"{field}_id") if field else None

    @property
    def span(self) -> Period:
        """The days that count."""
        return Period(self.starts_on, self.ends_on)

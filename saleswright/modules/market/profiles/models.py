"""Profiles of the ideal customer, and the criteria by which customers are held against them."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import ConditionField
from saleswright.kernel.models import Record

HUNDRED = (MinValueValidator(1), MaxValueValidator(100))


class CustomerProfile(Record):
    """What a customer that suits us looks like. A customer fits from `threshold` of 100 points on."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    description = models.TextField(_("Description"), blank=True, max_length=2000)
    threshold = models.PositiveSmallIntegerField(
        _("Fits from"), default=70, validators=HUNDRED, help_text=_("Points of 100 from which a customer fits.")
    )
    active = models.BooleanField(
        _("In use"), default=True, help_text=_("Profiles in use are shown on the page of each customer.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Customer profile"), _("Customer profiles")
        indexes = sort_indexes("customer_profile", "threshold", "created_at")


class ProfileCriterion(Record):
    """A group of conditions with its weight. One that is `required` must hold for a customer to fit at all."""

    title_field = "label"
    profile = models.ForeignKey(
        CustomerProfile, models.CASCADE, verbose_name=_("Customer profile"), related_name="criteria"
    )
    label = models.CharField(_("Criterion"), max_length=100, help_text=_("As it stands beside the points."))
    weight = models.PositiveSmallIntegerField(
        _("Weight"), default=10, validators=HUNDRED, help_text=_("Beside those of the other criteria.")
    )
    required = models.BooleanField(
        _("Must be met"), default=False, help_text=_("A customer that doesn't meet it never fits.")
    )
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    conditions = ConditionField(
        _("Conditions"), terms="customers", help_text=_("A criterion without conditions is met by nobody.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Profile criterion"), _("Profile criteria")
        indexes = sort_indexes("profile_criterion", "position", "weight", "label")

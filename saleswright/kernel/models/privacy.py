"""Personal data: how each group of it is kept, and how often people looked at masked values."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.access import User
from saleswright.kernel.models.base import Record


class DataGroup(Record):
    """What the company decides for a group of personal fields (`kernel.personal.GROUPS` names the groups)."""

    title_field = "code"
    code = models.CharField(_("Group"), max_length=20, unique=True)
    masked = models.BooleanField(
        _("Masked until asked for"), default=True,
        help_text=_("Also for those who may read it: they ask for a value with one tap, and that is recorded."),
    )  # fmt: skip
    months = models.PositiveSmallIntegerField(
        _("Kept for months"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text=_("Counted from the day on which it was last needed. Empty: as long as the record is kept."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Group of personal data"), _("Groups of personal data")


class UnmaskCount(models.Model):
    """How many masked values a person had shown on a day."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    day = models.DateField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "day"), name="kernel_unmask_day"),)

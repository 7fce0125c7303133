"""How long records may stay in a state."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.access import User
from saleswright.kernel.models.base import Record

YEARS = MaxValueValidator(1_000_000)  # minutes; eight years of working time


class StateLimit(Record):
    """The working time that records of one kind may stay in one state, and who is told when they stay longer."""

    title_field = "resource"
    resource = models.CharField(_("Kind of record"), max_length=50)
    state = models.CharField(_("State"), max_length=40)
    minutes = models.PositiveIntegerField(
        _("Limit in minutes"), validators=[MinValueValidator(1), YEARS],
        help_text=_("Of working time: a day from 9:00 to 18:00 has 540."),
    )  # fmt: skip
    tell_owner = models.BooleanField(_("Tell the owner"), default=True)
    escalation_minutes = models.PositiveIntegerField(
        _("Minutes until the manager is told"), null=True, blank=True, validators=[MinValueValidator(1), YEARS],
        help_text=_("Of working time since the state began, not less than the limit. Empty: the manager is not told."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Time limit of a state"), _("Time limits of states")
        constraints = (models.UniqueConstraint(fields=("resource", "state"), name="kernel_limit_once_a_state"),)


class LimitNotice(models.Model):
    """Somebody was told that a record is in its state for too long, since that moment: once, not again."""

    limit = models.ForeignKey(StateLimit, models.CASCADE)
    record_id = models.BigIntegerField()
    since = models.DateTimeField()
    user = models.ForeignKey(User, models.CASCADE)
    escalated = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("limit", "record_id", "since", "escalated"), name="kernel_told_once"),
        )

"""Rules of the score, how it is learned, and the versions that were learned."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import ConditionField
from saleswright.kernel.models import Record
from saleswright.modules.leads.scoring.states import RulePart, VersionStatus

#: fewer outcomes say too little, whatever the company sets
FEWEST_OUTCOMES = 100


class ScoreRule(Record):
    """Points for leads on which a condition holds. The points of all rules that hold add up, between 0 and 100."""

    title_field = "label"
    label = models.CharField(_("Reason"), max_length=100, help_text=_("As it stands beside the points of a lead."))
    part = models.CharField(_("Fit or behaviour"), max_length=10, choices=RulePart.choices, default=RulePart.FIT)
    points = models.SmallIntegerField(
        _("Points given"), validators=[MinValueValidator(-100), MaxValueValidator(100)],
        help_text=_("Below zero they lower the score."),
    )  # fmt: skip
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    active = models.BooleanField(_("In use"), default=True)
    conditions = ConditionField(
        _("Conditions"), terms="lead-score:leads", help_text=_("A rule without conditions matches nothing.")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Score rule"), _("Score rules")
        indexes = sort_indexes("score_rule", "position", "points", "part", "label")


class ScoreSetup(Record):
    """How the score is learned: exactly one row."""

    title_field = "name"
    name = models.CharField(max_length=1, default="1", unique=True, editable=False)
    learns = models.BooleanField(
        _("Use what was learned"), default=True,
        help_text=_("A new version replaces the one before, or the rules, by itself when it does better."),
    )  # fmt: skip
    fewest_outcomes = models.PositiveIntegerField(
        _("Fewest outcomes"), default=500, validators=[MinValueValidator(FEWEST_OUTCOMES), MaxValueValidator(10**6)],
        help_text=_("Converted and disqualified leads that there must be before anything is learned."),
    )  # fmt: skip
    lost_after_days = models.PositiveSmallIntegerField(
        _("Open for longer counts as not converted (days)"), null=True, blank=True,
        validators=[MinValueValidator(7), MaxValueValidator(3650)],
        help_text=_("Left empty, leads without an outcome are not learned from."),
    )  # fmt: skip
    every_days = models.PositiveSmallIntegerField(
        _("Learn anew every so many days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    known_after = models.JSONField(
        _("Known only after the outcome"), default=list, blank=True,
        help_text=_("Names of columns that are never learned from, separated by commas."),
    )  # fmt: skip
    admitted = models.JSONField(
        _("Used in spite of suspicion"), default=list, blank=True,
        help_text=_("Names of columns that were set aside and are used all the same."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("How the lead score is learned"), _("How the lead score is learned")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


class ScoreVersion(Record):
    """A version that was learned, with its evaluation; what it holds lies in `ScoreContent`."""

    title_field = "number"
    number = models.PositiveIntegerField(_("Version"), unique=True, editable=False)
    status = models.CharField(
        _("Status"), max_length=8, choices=VersionStatus.choices, default=VersionStatus.TRAINING, editable=False
    )
    note = models.CharField(_("Note"), max_length=200, blank=True)
    percent = models.PositiveSmallIntegerField(_("Progress"), default=0, editable=False)
    method = models.CharField(_("Learning method"), max_length=10, blank=True, editable=False)
    outcomes = models.PositiveIntegerField(_("Outcomes"), default=0, editable=False)
    converted = models.PositiveIntegerField(_("Of them converted"), default=0, editable=False)
    auc = models.DecimalField(_("AUC"), max_digits=5, decimal_places=4, null=True, blank=True, editable=False)
    evaluation = models.JSONField(_("Evaluation"), default=dict, editable=False)
    columns = models.JSONField(_("Columns"), default=dict, editable=False)
    problem = models.CharField(_("Problem"), max_length=300, blank=True, editable=False)
    used_since = models.DateTimeField(_("In use since"), null=True, blank=True, editable=False)
    job_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Learned version"), _("Learned versions")
        indexes = sort_indexes("score_version", "status", "created_at", "auc")
        constraints = (
            models.UniqueConstraint(
                fields=("status",), condition=Q(status="in_use"), name="leads_one_score_version_in_use"
            ),
            models.UniqueConstraint(
                fields=("status",), condition=Q(status="training"), name="leads_one_score_training_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"#{self.number}"


class ScoreContent(models.Model):
    """A learned model as sealed, compressed JSON in Base64; a changed one is not read."""

    version = models.OneToOneField(ScoreVersion, models.CASCADE, related_name="content")
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)

"""Rules by which leads find their owner, and time limits for the owner's answer."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.errors import Text
from saleswright.kernel.fields import ConditionField
from saleswright.kernel.models import Department, Record, User, person
from saleswright.modules.leads.states import AssignmentWay
from saleswright.modules.pool.public import Pool

MOST_MINUTES = 1_000_000
EVERY_LEAD = _("Without conditions: every lead.")
PAST = _("Minutes of working time past the limit. Left empty: never.")


class AssignmentRule(Record):
    """Who gets a lead that nobody has; rules are asked in their order (LEAD-06).

    A rule without conditions takes every lead. Its `turn` is the virtual time of its round (see `desks`).
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    active = models.BooleanField(pgettext_lazy("rule", "In force"), default=True, db_index=True)
    conditions = ConditionField(_("Conditions"), terms="leads", help_text=EVERY_LEAD)
    way = models.CharField(
        _("Who gets it"), max_length=5, choices=AssignmentWay.choices, default=AssignmentWay.ROUND_ROBIN
    )
    most_open = models.PositiveIntegerField(
        _("Most open leads for each"), null=True, blank=True,
        help_text=_("Who has as many gets no more by this rule. Members may have a limit of their own."),
    )  # fmt: skip
    on_form = models.BooleanField(_("Leads of public forms"), default=True)
    on_api = models.BooleanField(_("Leads of programs"), default=True)
    on_import = models.BooleanField(_("Imported leads"), default=True)
    by_hand = models.BooleanField(
        _("Leads typed in"), default=False, help_text=_("Otherwise they stay with whoever typed them in.")
    )
    turn = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Assignment rule"), _("Assignment rules")
        indexes = sort_indexes("assignment_rule", "position", "name")


class AssignmentMember(models.Model):
    """A person, the holders of a post, or everybody in a department and below may get leads by a rule."""

    rule = models.ForeignKey(AssignmentRule, models.CASCADE, related_name="members")
    position = models.PositiveIntegerField(default=0, editable=False)
    member = person(_("Person"), null=True, blank=True)
    post = models.ForeignKey(
        "org.Post", models.PROTECT, verbose_name=_("Post"), null=True, blank=True, related_name="+"
    )
    department = models.ForeignKey(
        Department, models.PROTECT, verbose_name=_("Department"), null=True, blank=True, related_name="+"
    )
    weight = models.PositiveSmallIntegerField(
        _("Share"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    most_open = models.PositiveIntegerField(_("Most open leads"), null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(member__isnull=False, post=None, department=None)
                | Q(member=None, post__isnull=False, department=None)
                | Q(member=None, post=None, department__isnull=False),
                name="assignment_member_is_somebody",
            ),
            models.CheckConstraint(condition=Q(weight__gte=1, weight__lte=10), name="assignment_weight_1_to_10"),
        )


class AssignmentTurn(models.Model):
    """How far a person has come in the round of a rule, and how many leads they got by it."""

    rule = models.ForeignKey(AssignmentRule, models.CASCADE, related_name="turns")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    passed = models.PositiveBigIntegerField(default=0)
    given = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("rule", "user"), name="assignment_one_turn_a_person"),)


def _minutes(label: Text, help_text: Text) -> models.PositiveIntegerField:
    """A span of working time in minutes, or none."""
    return models.PositiveIntegerField(
        label, validators=[MaxValueValidator(MOST_MINUTES)], help_text=help_text, null=True, blank=True
    )


class ResponseLimit(Record):
    """How soon owners must answer leads, and what happens when they don't (LEAD-07); all of it in working time.

    It holds for leads that their owner got, or followed up, since it is in force. The first limit whose conditions
    hold decides.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    active = models.BooleanField(pgettext_lazy("rule", "In force"), default=True)
    in_force_since = models.DateTimeField(_("In force since"), null=True, blank=True, editable=False)
    conditions = ConditionField(_("Conditions"), terms="leads", help_text=EVERY_LEAD)
    first_minutes = _minutes(_("First response within"), _("Minutes of working time."))
    follow_up_minutes = _minutes(_("Next follow-up within"), _("Minutes of working time after each follow-up."))
    manager_minutes = _minutes(_("To the manager after"), PAST)
    pool_minutes = _minutes(_("Back to the pool after"), PAST)
    pool = models.ForeignKey(
        Pool, models.PROTECT, verbose_name=_("Goes to the pool"), null=True, blank=True, related_name="+",
        help_text=_("Left empty: the first pool of leads."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Response limit"), _("Response limits")
        indexes = sort_indexes("response_limit", "position")

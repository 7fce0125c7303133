"""Segments of customers, the nightly figures of each customer, and how its life cycle went."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import ConditionField, MoneyField
from saleswright.kernel.models import OwnedRecord, Record, person
from saleswright.modules.customers.public import Level, LifeCycle
from saleswright.modules.insight.states import Card, CareKind, CareState, LevelCause, SegmentKind

#: ten years: longer than any rule of a life cycle makes sense
MOST_DAYS = MaxValueValidator(3650)
PERCENT = (MinValueValidator(1), MaxValueValidator(100))


class Segment(OwnedRecord):
    """Customers that are looked at together: those that meet conditions now, or those of a list.

    Conditions hold with the rights of the owner; whoever sees the segment sees which of their own customers are in it.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    kind = models.CharField(_("Members"), max_length=5, choices=SegmentKind.choices, default=SegmentKind.LIVE)
    conditions = ConditionField(
        _("Conditions"), terms="customers", help_text=_("Without conditions nobody is in the segment.")
    )
    note = models.TextField(_("Remark"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Segment"), _("Segments")
        indexes = sort_indexes("segment", "kind", "created_at", "updated_at")


class SegmentMember(models.Model):
    """A customer on a fixed list."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members")
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="+")
    added_at = models.DateTimeField()
    added_by = person(_("Who added it"), null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("segment", "customer"), name="insight_in_a_segment_once"),)


class CustomerStanding(Record):
    """What the orders say of a customer, as of a day: rhythm, value, and the probability that it still buys.

    Worked out for every customer with an order; days on which it ordered several times count once in the rhythm.
    Percentages are whole, amounts in base currency without tax.
    """

    title_field = "rfm_score"
    customer = models.OneToOneField(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="standing"
    )
    as_of = models.DateField(_("As of"))
    orders = models.PositiveIntegerField(_("Orders"))
    first_order_on = models.DateField(_("First order"))
    last_order_on = models.DateField(_("Last order"))
    usual_gap = models.PositiveIntegerField(
        _("Usual days between orders"),
        null=True,
        blank=True,
        help_text=_("The median, from three days of ordering on."),
    )
    silent_days = models.PositiveIntegerField(_("Days since the last order"))
    alive_percent = models.PositiveSmallIntegerField(
        _("Still buys"), null=True, blank=True, help_text=_("The probability in percent; see docs/churn.md.")
    )
    revenue_year = MoneyField(_("Revenue of 12 months"), default=0)
    revenue_before = MoneyField(_("Revenue of the 12 months before"), default=0)
    recency_score = models.PositiveSmallIntegerField(_("Recency"), null=True, blank=True)
    frequency_score = models.PositiveSmallIntegerField(_("Frequency"), null=True, blank=True)
    monetary_score = models.PositiveSmallIntegerField(_("Monetary"), null=True, blank=True)
    value_score = models.PositiveSmallIntegerField(_("Value score"), null=True, blank=True)
    rfm_score = models.CharField(_("RFM"), max_length=3, blank=True, default="")

    class Meta:
        verbose_name, verbose_name_plural = _("Figures of a customer"), _("Figures of customers")
        indexes = sort_indexes(
            "standing", "last_order_on", "silent_days", "usual_gap", "alive_percent", "revenue_year", "orders",
            "rfm_score", "created_at",
        )  # fmt: skip


class CustomerRules(Record):
    """What makes a customer dormant, lost or at risk, and over which days RFM looks; there is one row."""

    title_field = "dormant_days"
    dormant_days = models.PositiveIntegerField(
        _("Dormant after"), default=180, validators=[MinValueValidator(1), MOST_DAYS],
        help_text=_("Days without an order."),
    )  # fmt: skip
    lost_days = models.PositiveIntegerField(
        _("Lost after"), default=365, validators=[MinValueValidator(2), MOST_DAYS],
        help_text=_("Days without an order."),
    )  # fmt: skip
    rfm_days = models.PositiveIntegerField(
        _("Period of RFM"), default=730, validators=[MinValueValidator(30), MOST_DAYS],
        help_text=_("Days back from the day itself. Customers without an order in them get no scores."),
    )  # fmt: skip
    medium_percent = models.PositiveSmallIntegerField(
        _("Medium risk from"), default=40, validators=PERCENT,
        help_text=_("Probability in percent that the customer buys no more."),
    )  # fmt: skip
    high_percent = models.PositiveSmallIntegerField(
        _("High risk from"), default=70, validators=PERCENT,
        help_text=_("Probability in percent that the customer buys no more."),
    )  # fmt: skip
    gap_factor = models.PositiveSmallIntegerField(
        _("Gaps that alarm"), default=3, validators=[MinValueValidator(2), MaxValueValidator(50)],
        help_text=_("At so many times its usual gap the risk of a customer is medium at least."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Rules of life cycle and risk"), _("Rules of life cycle and risk")
        constraints = (
            models.CheckConstraint(condition=Q(lost_days__gt=F("dormant_days")), name="insight_lost_after_dormant"),
            models.CheckConstraint(condition=Q(high_percent__gt=F("medium_percent")), name="insight_high_over_medium"),
        )


class LifeCycleChange(Record):
    """A customer came into another phase of its life by the rules; append-only."""

    title_field = "after"
    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="life_cycle_changes"
    )
    before = models.CharField(_("Before"), max_length=10, choices=LifeCycle.choices)
    after = models.CharField(_("Afterwards"), max_length=10, choices=LifeCycle.choices)
    on = models.DateField(_("Day of the change"))
    silent_days = models.PositiveIntegerField(_("Days since the last order"))

    class Meta:
        verbose_name, verbose_name_plural = _("Change of life cycle"), _("Changes of life cycle")
        indexes = sort_indexes("lifecycle", "on", "after", "created_at")


class GradeRules(Record):
    """How customers and prospects are graded; there is one row. Weights are percent and add up to 100 on each card."""

    title_field = "a_from"
    active = models.BooleanField(
        _("Set levels by the score"), default=False,
        help_text=_("Otherwise scores are worked out, and levels stay what people say."),
    )  # fmt: skip
    revenue_weight = models.PositiveSmallIntegerField(_("Revenue"), default=40, validators=[MaxValueValidator(100)])
    margin_weight = models.PositiveSmallIntegerField(_("Margin"), default=15, validators=[MaxValueValidator(100)])
    growth_weight = models.PositiveSmallIntegerField(
        _("Growth of revenue"), default=15, validators=[MaxValueValidator(100)]
    )
    payment_weight = models.PositiveSmallIntegerField(
        _("Payment behaviour"), default=15, validators=[MaxValueValidator(100)]
    )
    potential_weight = models.PositiveSmallIntegerField(_("Potential"), default=15, validators=[MaxValueValidator(100)])
    fit_weight = models.PositiveSmallIntegerField(_("Fit"), default=40, validators=[MaxValueValidator(100)])
    prospect_weight = models.PositiveSmallIntegerField(
        _("Potential of a prospect"), default=40, validators=[MaxValueValidator(100)]
    )
    timing_weight = models.PositiveSmallIntegerField(_("Timing"), default=20, validators=[MaxValueValidator(100)])
    a_from = models.PositiveSmallIntegerField(_("A from"), default=75, validators=PERCENT)
    b_from = models.PositiveSmallIntegerField(_("B from"), default=55, validators=PERCENT)
    c_from = models.PositiveSmallIntegerField(_("C from"), default=30, validators=PERCENT)
    graded_on = models.DateField(_("Last graded on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Rules of grading"), _("Rules of grading")
        constraints = (
            models.CheckConstraint(
                condition=Q(a_from__gt=F("b_from"), b_from__gt=F("c_from")), name="insight_levels_in_order"
            ),
        )


class CustomerGrade(Record):
    """The score of a customer out of 100 as of a day, the level that it makes, and the points of each measure.

    `parts` holds [measure, points of 100 (null: unknown, counted as 50), weight].
    """

    title_field = "score"
    customer = models.OneToOneField(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="grade"
    )
    as_of = models.DateField(_("As of"))
    card = models.CharField(_("Card"), max_length=8, choices=Card.choices, db_index=True)
    score = models.PositiveSmallIntegerField(_("Score"))
    level = models.CharField(_("Level by the score"), max_length=1, choices=Level.choices)
    parts = models.JSONField(_("Points of the measures"), default=list)

    class Meta:
        verbose_name, verbose_name_plural = _("Grade of a customer"), _("Grades of customers")
        indexes = sort_indexes("grade", "score", "level", "created_at")


class LevelOverride(Record):
    """Somebody set the level of a customer by hand, why and until when; then the score decides again."""

    title_field = "reason"
    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="level_overrides"
    )
    level = models.CharField(_("Level"), max_length=1, choices=Level.choices)
    reason = models.CharField(_("Reason"), max_length=200)
    until = models.DateField(_("Holds until"))
    ended_on = models.DateField(_("Ended on"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Level set by hand"), _("Levels set by hand")
        indexes = sort_indexes("override", "until", "level", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("customer",), condition=Q(ended_on=None), name="insight_one_override_at_a_time"
            ),
        )


class LevelChange(Record):
    """The level of a customer changed by grading or by hand; append-only."""

    title_field = "after"
    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="level_changes"
    )
    before = models.CharField(_("Before"), max_length=1, choices=Level.choices, blank=True)
    after = models.CharField(_("Afterwards"), max_length=1, choices=Level.choices, blank=True)
    on = models.DateField(_("Day of the change"))
    cause = models.CharField(_("Cause"), max_length=6, choices=LevelCause.choices)
    score = models.PositiveSmallIntegerField(_("Score"), null=True, blank=True)
    reason = models.CharField(_("Reason"), max_length=200, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Change of level"), _("Changes of level")
        indexes = sort_indexes("levelchange", "on", "after", "created_at")


class CarePlan(Record):
    """How customers are looked after: those of a level that meet the conditions; of several plans the first decides."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    position = models.PositiveSmallIntegerField(_("Order"), default=0)
    active = models.BooleanField(_("Plan is in force"), default=True)
    level = models.CharField(_("Level"), max_length=1, choices=Level.choices, blank=True)
    conditions = ConditionField(
        _("Conditions"), terms="customers", help_text=_("Without conditions all customers of the level.")
    )
    contact_days = models.PositiveSmallIntegerField(
        _("Contact every"), null=True, blank=True, validators=[MinValueValidator(1), MOST_DAYS],
        help_text=_("Days from one activity to the next."),
    )  # fmt: skip
    visits_a_quarter = models.PositiveSmallIntegerField(
        _("Visits a quarter"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(60)],
    )  # fmt: skip
    festivals = models.BooleanField(
        _("Festival wishes"), default=False, help_text=_("On public holidays, Tomb-Sweeping Day left out.")
    )
    birthdays = models.BooleanField(
        _("Birthday wishes"), default=False, help_text=_("To contacts who consent to be contacted.")
    )
    verify_months = models.PositiveSmallIntegerField(
        _("Verify the record every"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text=_("Months."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Care plan"), _("Care plans")
        indexes = sort_indexes("care_plan", "position", "created_at")


class CareDuty(Record):
    """Something that a care plan asks for; `key` says what for, so that it is asked once however often one looks."""

    title_field = "kind"
    plan = models.ForeignKey(CarePlan, models.PROTECT, verbose_name=_("Care plan"), related_name="duties")
    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, verbose_name=_("Customer"), related_name="care_duties"
    )
    kind = models.CharField(_("Kind"), max_length=8, choices=CareKind.choices, db_index=True)
    key = models.CharField(max_length=60, editable=False)
    due_on = models.DateField(_("Due on"))
    state = models.CharField(_("State"), max_length=7, choices=CareState.choices, default=CareState.OPEN)
    done_on = models.DateField(_("Done on"), null=True, blank=True)
    task = models.ForeignKey("work.Task", models.SET_NULL, verbose_name=_("Task"), null=True, related_name="+")

    class Meta:
        verbose_name, verbose_name_plural = _("Duty of care"), _("Duties of care")
        indexes = sort_indexes("care_duty", "due_on", "state", "created_at")
        constraints = (models.UniqueConstraint(fields=("customer", "key"), name="insight_duty_once"),)

"""Pipelines, opportunities with their lines and history, and activities."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.clock import today
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import ConditionField, MoneyField, PriceField, QuantityField
from saleswright.kernel.models import OwnedRecord, Record, person
from saleswright.modules.customers.public import Attitude, DecisionRole
from saleswright.modules.pipeline.solution_models import Solution as Solution
from saleswright.modules.pipeline.solution_models import SolutionLine as SolutionLine
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    CriterionKind,
    ForecastCategory,
    Importance,
    LimitMode,
    OpportunityStatus,
    PlaceState,
    ProbabilityMode,
    Standing,
)
from saleswright.modules.work.public import FileGroup

PERCENT = MaxValueValidator(100)
#: how long a planned activity is taken to last when nothing is said
USUAL_LENGTH = timedelta(hours=1)


class Pipeline(Record):
    """A way of selling with stages of its own; `name` is the code that programs use."""

    title_field = "title"
    name = models.CharField(_("Code"), max_length=50, unique=True)
    title = models.CharField(_("Name"), max_length=100)
    sequence = models.PositiveSmallIntegerField(
        _("Sequence"), default=0, help_text=_("New opportunities go into the pipeline that comes first.")
    )
    review_post = models.ForeignKey(
        "org.Post", models.PROTECT, verbose_name=_("Reviews solutions"), null=True, blank=True, related_name="+",
        help_text=_("One of its holders agrees to each solution. Left empty: the manager of who wrote it."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Pipeline"), _("Pipelines")
        indexes = sort_indexes("pipeline", "title", "sequence")


class Stage(Record):
    """A stage of a pipeline; `name` is the code that programs use."""

    title_field = "title"
    pipeline = models.ForeignKey(Pipeline, models.PROTECT, verbose_name=_("Pipeline"), related_name="stages")
    name = models.CharField(_("Code"), max_length=50, db_index=True)
    title = models.CharField(_("Name"), max_length=100)
    sequence = models.PositiveSmallIntegerField(_("Sequence"))
    probability = models.PositiveSmallIntegerField(
        _("Probability"), default=0, validators=[PERCENT], help_text=_("Percent of deals in this stage that are won.")
    )
    forecast_category = models.CharField(
        _("Forecast category"), max_length=10, choices=ForecastCategory.choices, default=ForecastCategory.PIPELINE
    )
    time_limit_days = models.PositiveSmallIntegerField(
        _("Time limit"), null=True, blank=True, validators=[MaxValueValidator(1000)],
        help_text=_("Working days after which a deal counts as stuck."),
    )  # fmt: skip
    post = models.ForeignKey(
        "org.Post", models.PROTECT, verbose_name=_("Responsible post"), null=True, blank=True, related_name="+",
        help_text=_("Its holders are told when a deal comes into the stage."),
    )  # fmt: skip
    most_deals = models.PositiveSmallIntegerField(
        _("Limit of the column"),
        null=True,
        blank=True,
        help_text=_("As many open deals may stand in the stage at once."),
    )
    limit_mode = models.CharField(
        _("When the column is full"), max_length=5, choices=LimitMode.choices, default=LimitMode.WARN
    )
    exit_requires = models.JSONField(
        _("Needed to go on"), default=list, blank=True, help_text=_("Fields that must be filled to leave forward.")
    )
    guidance = models.TextField(_("What good looks like"), blank=True)
    scripts = models.TextField(_("What to say and ask"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Stage"), _("Stages")
        constraints = (
            models.UniqueConstraint(fields=("pipeline", "name"), name="stage_name_once"),
            models.UniqueConstraint(fields=("pipeline", "sequence"), name="stage_sequence_once"),
        )
        indexes = sort_indexes("stage", "sequence")


class StageCriterion(Record):
    """Something that must be so before an opportunity leaves a stage forward, beside the fields to be filled.

    An activity counts when it was done since the opportunity came into the stage; a document when a file of the
    opportunity has that text in its name and is of that kind; a condition when it holds for the opportunity.
    """

    title_field = "title"
    stage = models.ForeignKey(Stage, models.CASCADE, verbose_name=_("Stage"), related_name="criteria")
    sequence = models.PositiveSmallIntegerField(_("Sequence"), default=0)
    kind = models.CharField(_("Kind"), max_length=9, choices=CriterionKind.choices)
    title = models.CharField(
        _("What people read"), max_length=200, blank=True, help_text=_("Left empty, it is said by what is asked for.")
    )
    activity_kind = models.CharField(_("Kind of activity"), max_length=8, choices=ActivityKind.choices, blank=True)
    count = models.PositiveSmallIntegerField(
        _("How many"), default=1, validators=[MinValueValidator(1), MaxValueValidator(99)]
    )
    document_name = models.CharField(_("Text in the file name"), max_length=100, blank=True)
    document_group = models.CharField(_("Kind of file"), max_length=10, choices=FileGroup.choices, blank=True)
    condition = ConditionField(_("Condition"), terms="opportunities")

    class Meta:
        verbose_name, verbose_name_plural = _("Exit criterion"), _("Exit criteria")
        indexes = (models.Index(fields=("stage", "sequence", "id"), name="stage_criterion_order"),)


class LossReason(Record):
    """Why deals are lost; `code` is what programs use."""

    code = models.CharField(_("Code"), max_length=50, unique=True)
    name = models.CharField(_("Name"), max_length=100)

    class Meta:
        verbose_name, verbose_name_plural = _("Loss reason"), _("Loss reasons")
        indexes = sort_indexes("loss_reason", "name")


class Opportunity(OwnedRecord):
    """A deal that may be had; `customer` may be empty until it is won (OPP-02).

    `base_amount` is `amount` in base currency at the rate of the day on which it was closed, or else opened.
    `stage_due_on` is the last day on which it is not yet stuck: so many working days after `stage_since`; None when
    closed or without a limit. `needs` are the texts of its need lines, `probability_manual` says that of the mode.
    """

    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    code = models.CharField(
        _("Outside code"), max_length=40, unique=True, null=True, blank=True,
        help_text=_("The number that it has in another system."),
    )  # fmt: skip
    name = models.CharField(_("Name"), max_length=200, blank=True, help_text=_("Left empty: customer and product."))
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), null=True, blank=True,
        related_name="opportunities",
    )  # fmt: skip
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True,
        related_name="opportunities",
    )  # fmt: skip
    lead = models.ForeignKey(
        "leads.Lead", models.PROTECT, verbose_name=_("Lead"), null=True, blank=True, editable=False,
        related_name="opportunities",
    )  # fmt: skip
    pipeline = models.ForeignKey(
        Pipeline, models.PROTECT, verbose_name=_("Pipeline"), blank=True, related_name="opportunities"
    )
    stage = models.ForeignKey(Stage, models.PROTECT, verbose_name=_("Stage"), blank=True, related_name="opportunities")
    stage_since = models.DateField(_("In this stage since"), editable=False)
    stage_due_on = models.DateField(_("Stage to be left by"), null=True, blank=True, editable=False)
    status = models.CharField(
        _("Status"), max_length=8, choices=OpportunityStatus.choices, default=OpportunityStatus.OPEN, editable=False,
        db_index=True,
    )  # fmt: skip
    amount = MoneyField(_("Amount"), default=0, blank=True, minimum=0)
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency, blank=True)
    base_amount = MoneyField(_("Amount in base currency"), default=0, editable=False)
    probability = models.PositiveSmallIntegerField(
        _("Probability"), default=0, blank=True, validators=[PERCENT],
        help_text=_("Percent; left empty it is the stage's."),
    )  # fmt: skip
    probability_mode = models.CharField(
        _("Probability by"), max_length=7, choices=ProbabilityMode.choices, default=ProbabilityMode.STAGE, blank=True,
        help_text=_("Learned: what the past says of deals like this, where that is known; else the stage's."),
    )  # fmt: skip
    probability_manual = models.BooleanField(_("Probability set by hand"), default=False, editable=False)
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, verbose_name=_("Main product"), null=True, blank=True,
        related_name="opportunities",
    )  # fmt: skip
    opened_on = models.DateField(_("Opened on"), null=True, blank=True, default=today)
    closed_on = models.DateField(_("Closed on"), null=True, blank=True, editable=False)
    expected_close = models.DateField(_("Expected close"), null=True, blank=True)
    source = models.CharField(_("Source"), max_length=50, blank=True, db_index=True)
    campaign = models.ForeignKey(
        "market.Campaign", models.PROTECT, verbose_name=_("Campaign"), null=True, blank=True,
        related_name="opportunities",
    )  # fmt: skip
    needs = models.JSONField(_("Needs"), default=list, blank=True)
    next_step = models.CharField(_("Next step"), max_length=200, blank=True)
    next_step_at = models.DateTimeField(_("Next step at"), null=True, blank=True)
    competitor = models.ForeignKey(
        "market.Competitor", models.PROTECT, verbose_name=_("Competitor"), null=True, blank=True,
        related_name="opportunities",
    )  # fmt: skip
    loss_reason = models.ForeignKey(
        LossReason, models.PROTECT, verbose_name=_("Loss reason"), null=True, blank=True, editable=False,
        related_name="opportunities",
    )  # fmt: skip
    loss_note = models.CharField(_("Why lost"), max_length=200, blank=True, editable=False)
    lesson = models.TextField(_("Lesson learned"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Opportunity"), _("Opportunities")
        constraints = (
            models.CheckConstraint(
                condition=~Q(status="won") | Q(customer__isnull=False), name="opportunity_won_has_customer"
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_on=None) | (~Q(status="open") & Q(closed_on__isnull=False)),
                name="opportunity_closed_has_a_day",
            ),
            models.CheckConstraint(
                condition=Q(opened_on=None) | Q(closed_on=None) | Q(closed_on__gte=F("opened_on")),
                name="opportunity_closes_after_opening",
            ),
        )
        indexes = (
            *sort_indexes(
                "opportunity", "name", "amount", "base_amount", "probability", "opened_on",
                "closed_on", "expected_close", "next_step_at", "stage_since", "stage_due_on", "created_at",
                "updated_at",
            ),
            models.Index(fields=("stage", "status", "id"), name="opportunity_stage_board"),
            models.Index(fields=("status", "closed_on"), name="opportunity_closed"),
        )  # fmt: skip


class OpportunityLine(models.Model):
    """A product of an opportunity; without a price it isn't priced yet."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0, editable=False)
    product = models.ForeignKey("catalog.Product", models.PROTECT, verbose_name=_("Product"), related_name="+")
    quantity = QuantityField(_("Quantity"), default=1, minimum=0)
    unit_price = PriceField(_("Unit price"), null=True, blank=True, minimum=0)
    amount = MoneyField(_("Amount"), null=True, blank=True, editable=False)


class OpportunityLineBase(models.Model):
    """A line of an opportunity beside its products."""

    position = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


class OpportunityNeed(OpportunityLineBase):
    """What the customer needs, how much it matters, what we answer and what that leaves open."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="need_lines")
    need = models.CharField(_("Need"), max_length=300)
    importance = models.CharField(
        _("Importance"), max_length=6, choices=Importance.choices, default=Importance.MEDIUM, blank=True
    )
    answer = models.CharField(_("Our answer"), max_length=500, blank=True)
    gap = models.CharField(pgettext_lazy("need", "Gap"), max_length=300, blank=True)


class OpportunityContact(OpportunityLineBase):
    """A person at the customer, what they have to say in this deal, and whether they are for us."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="contact_lines")
    contact = models.ForeignKey("customers.Contact", models.PROTECT, verbose_name=_("Contact"), related_name="+")
    role = models.CharField(_("Role"), max_length=10, choices=DecisionRole.choices, blank=True)
    attitude = models.CharField(_("Attitude"), max_length=10, choices=Attitude.choices, blank=True)
    note = models.CharField(_("Note"), max_length=200, blank=True)


class OpportunityMember(OpportunityLineBase):
    """A colleague who works on the deal, as what, and which percent of it counts as theirs."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="member_lines")
    member = person(_("Member"))
    role = models.CharField(_("Role"), max_length=60, blank=True)
    share = models.PositiveSmallIntegerField(_("Share"), null=True, blank=True, validators=[PERCENT])


class OpportunityCompetitor(OpportunityLineBase):
    """Who else is in the race and how they stand."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="competitor_lines")
    competitor = models.ForeignKey("market.Competitor", models.PROTECT, verbose_name=_("Competitor"), related_name="+")
    standing = models.CharField(_("Standing"), max_length=7, choices=Standing.choices, blank=True)
    note = models.CharField(_("Note"), max_length=200, blank=True)


class CloseChange(models.Model):
    """The expected close of an open opportunity was put to another day; append-only."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="close_changes")
    from_day = models.DateField()
    to_day = models.DateField()
    at = models.DateTimeField()
    actor = person(_("Person"), null=True)

    class Meta:
        indexes = (models.Index(fields=("opportunity", "id"), name="closechange_opportunity"),)


class PipelineNight(models.Model):
    """An open opportunity as it stood at the end of a day; append-only, a row for each night.

    `night` is the day that ended. What the opportunity is called, and whose customer it is with, is read from it.
    """

    night = models.DateField()
    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="nights")
    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="+", db_index=False)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    owner = person(_("Owner"), null=True, db_index=False)
    department = models.ForeignKey("kernel.Department", models.PROTECT, null=True, related_name="+", db_index=False)
    base_amount = MoneyField(_("Amount in base currency"))
    probability = models.PositiveSmallIntegerField(_("Probability"))
    expected_close = models.DateField(_("Expected close"), null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("night", "opportunity"), name="pipeline_night_once"),)


class StageChange(models.Model):
    """An opportunity came into a stage; `days` is how long it had been in the one before."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="stage_changes")
    from_stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+")
    to_stage = models.ForeignKey(Stage, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    days = models.PositiveIntegerField(null=True)
    actor = person(_("Person"), null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = (models.Index(fields=("opportunity", "id"), name="stagechange_opportunity"),)


class Activity(OwnedRecord):
    """A visit, call or other step towards a customer, planned or done."""

    title_field = "subject"
    kind = models.CharField(_("Kind"), max_length=8, choices=ActivityKind.choices, db_index=True)
    subject = models.CharField(_("Topic"), max_length=200)
    status = models.CharField(
        _("Status"), max_length=10, choices=ActivityStatus.choices, default=ActivityStatus.PLANNED, editable=False,
        db_index=True,
    )  # fmt: skip
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), null=True, blank=True,
        related_name="activities",
    )  # fmt: skip
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True,
        related_name="activities",
    )  # fmt: skip
    lead = models.ForeignKey(
        "leads.Lead", models.PROTECT, verbose_name=_("Lead"), null=True, blank=True, related_name="activities"
    )
    opportunity = models.ForeignKey(
        Opportunity, models.PROTECT, verbose_name=_("Opportunity"), null=True, blank=True, related_name="activities"
    )
    planned_at = models.DateTimeField(_("Planned at"), null=True, blank=True)
    planned_until = models.DateTimeField(
        _("Planned until"), null=True, blank=True, help_text=_("Left empty: one hour after it begins.")
    )
    done_at = models.DateTimeField(_("Done at"), null=True, blank=True)
    purpose = models.TextField(_("Purpose"), blank=True)
    outcome = models.TextField(_("Outcome"), blank=True)
    needs = models.TextField(_("Needs learned"), blank=True, help_text=_("One need on each line."))
    next_step = models.CharField(_("Next step"), max_length=200, blank=True)
    next_step_at = models.DateTimeField(_("Next step at"), null=True, blank=True)
    follows = models.ForeignKey(
        "self", models.SET_NULL, verbose_name=_("Follows from"), null=True, blank=True, editable=False,
        related_name="followed_by",
    )  # fmt: skip
    latitude = models.DecimalField(_("Latitude"), max_digits=9, decimal_places=6, null=True, blank=True, editable=False)
    longitude = models.DecimalField(
        _("Longitude"), max_digits=9, decimal_places=6, null=True, blank=True, editable=False
    )
    checked_in_at = models.DateTimeField(_("Checked in at"), null=True, blank=True, editable=False)
    accuracy = models.PositiveIntegerField(
        _("Accuracy"), null=True, blank=True, editable=False, help_text=_("Metres, as the phone said.")
    )
    distance = models.PositiveIntegerField(
        _("Distance"), null=True, blank=True, editable=False, help_text=_("Metres to the customer's address.")
    )
    place = models.CharField(
        _("Place"), max_length=12, choices=PlaceState.choices, blank=True, editable=False, db_index=True
    )
    place_note = models.CharField(_("About the place"), max_length=200, blank=True, editable=False)
    ad_hoc = models.BooleanField(_("Not planned before"), default=False, editable=False)
    checked_out_at = models.DateTimeField(_("Checked out at"), null=True, blank=True, editable=False)

    @property
    def ends_at(self) -> datetime | None:
        """Until when it is planned; an hour where nothing is said."""
        if self.planned_at is None:
            return None
        return self.planned_until or self.planned_at + USUAL_LENGTH

    @property
    def minutes_there(self) -> int | None:
        """How many whole minutes passed between check-in and check-out."""
        if self.checked_in_at is None or self.checked_out_at is None:
            return None
        return int((self.checked_out_at - self.checked_in_at).total_seconds() // 60)

    class Meta:
        verbose_name, verbose_name_plural = _("Activity"), _("Activities")
        constraints = (
            models.CheckConstraint(
                condition=Q(customer__isnull=False) | Q(lead__isnull=False) | Q(opportunity__isnull=False),
                name="activity_is_about_something",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(done_at__isnull=False), name="activity_done_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(planned_until=None) | Q(planned_until__gt=F("planned_at")), name="activity_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(checked_out_at=None) | Q(checked_out_at__gte=F("checked_in_at")),
                name="activity_leaves_after_arriving",
            ),
        )
        indexes = (
            *sort_indexes("activity", "subject", "planned_at", "done_at", "created_at"),
            models.Index(fields=("owner", "planned_at"), name="activity_calendar"),
        )


class ActivityParticipant(models.Model):
    """Somebody who takes part in an activity besides its owner: a colleague, or a person of the customer."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="participants")
    position = models.PositiveIntegerField(default=0, editable=False)
    person = person(_("Colleague"), null=True, blank=True)
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Participant"), _("Participants")
        constraints = (
            models.CheckConstraint(
                condition=Q(person=None, contact__isnull=False) | Q(person__isnull=False, contact=None),
                name="activity_participant_is_one",
            ),
        )

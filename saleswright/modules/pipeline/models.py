"""Pipelines, opportunities with their lines and history, and activities."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.clock import today
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import MoneyField, PriceField, QuantityField
from saleswright.kernel.models import OwnedRecord, Record, person
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    ForecastCategory,
    OpportunityStatus,
    PlaceState,
)

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
        _("Time limit"), null=True, blank=True, help_text=_("Days after which a deal counts as stuck.")
    )
    exit_requires = models.JSONField(
        _("Needed to go on"), default=list, blank=True, help_text=_("Fields that must be filled to leave forward.")
    )
    guidance = models.TextField(_("What good looks like"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Stage"), _("Stages")
        constraints = (
            models.UniqueConstraint(fields=("pipeline", "name"), name="stage_name_once"),
            models.UniqueConstraint(fields=("pipeline", "sequence"), name="stage_sequence_once"),
        )
        indexes = sort_indexes("stage", "sequence")


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
                "closed_on", "expected_close", "next_step_at", "stage_since", "created_at", "updated_at",
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

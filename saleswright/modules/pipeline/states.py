"""States of opportunities and activities, and how stages enter the forecast."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class OpportunityStatus(States):
    """Whether a deal is still to be had."""

    OPEN = "open", "blue", _("In progress")
    WON = "won", "green", _("Deal won")
    LOST = "lost", "red", _("Deal lost")


class ForecastCategory(models.TextChoices):
    """How far the forecast counts on a stage (OPP-01)."""

    PIPELINE = "pipeline", pgettext_lazy("forecast", "Pipeline")
    BEST_CASE = "best_case", _("Best case")
    COMMIT = "commit", _("Commit")
    CLOSED = "closed", _("Closed")


class CriterionKind(models.TextChoices):
    """What an exit criterion asks for."""

    ACTIVITY = "activity", _("Activity done")
    DOCUMENT = "document", _("Document attached")
    CONDITION = "condition", _("Condition")


class LimitMode(models.TextChoices):
    """What follows when a column of the board is full."""

    WARN = "warn", _("Warn")
    BLOCK = "block", _("Let no more in")


class ProbabilityMode(models.TextChoices):
    """Where the probability of an open deal comes from."""

    STAGE = "stage", _("Stage")
    MANUAL = "manual", _("Set by hand")
    LEARNED = "learned", _("Learned")


class Importance(States):
    """How much a need matters to the customer."""

    HIGH = "high", "red", pgettext_lazy("importance", "High")
    MEDIUM = "medium", "yellow", pgettext_lazy("importance", "Medium")
    LOW = "low", "secondary", pgettext_lazy("importance", "Low")


class Standing(States):
    """How a competitor stands in a deal, seen from us."""

    AHEAD = "ahead", "red", _("Ahead of us")
    LEVEL = "level", "yellow", _("Level with us")
    BEHIND = "behind", "green", _("Behind us")
    OUT = "out", "secondary", _("Out of the race")


class SolutionStatus(States):
    """Where a solution stands between writing and being in force."""

    DRAFT = "draft", "secondary", _("Draft")
    IN_REVIEW = "in_review", "yellow", _("In review")
    APPROVED = "approved", "green", pgettext_lazy("solution", "In force")
    REPLACED = "replaced", "secondary", _("Replaced")


class ActivityStatus(States):
    """Whether an activity lies ahead or behind."""

    PLANNED = "planned", "blue", _("Planned")
    DONE = "done", "green", _("Done")
    CANCELLED = "cancelled", "secondary", _("Cancelled")
    MISSED = "missed", "orange", _("Missed")


class PlaceState(States):
    """How the place of a check-in stands to the customer's address (VIS-02)."""

    WITHIN = "within", "green", _("At the customer's")
    OUTSIDE = "outside", "orange", _("Out of range")
    NO_POSITION = "no_position", "orange", _("Without position")
    NO_ADDRESS = "no_address", "secondary", _("Customer without coordinates")


class ActivityKind(models.TextChoices):
    """What is done with a customer (VIS-01)."""

    VISIT = "visit", _("Visit")
    CALL = "call", _("Call")
    MEETING = "meeting", _("Meeting")
    MESSAGE = "message", _("Message")
    DEMO = "demo", _("Demonstration")
    SAMPLE = "sample", _("Sample")

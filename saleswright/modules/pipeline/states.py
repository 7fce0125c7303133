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

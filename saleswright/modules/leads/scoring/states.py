"""What a rule is about, and where a learned version stands."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class RulePart(models.TextChoices):
    """Whether points are for who a lead is or for what it does."""

    FIT = "fit", _("Fit")
    BEHAVIOUR = "behaviour", _("Behaviour")


class VersionStatus(States):
    """From the request to learn until it is replaced."""

    TRAINING = "training", "blue", _("Being learned")
    READY = "ready", "azure", _("Ready")
    IN_USE = "in_use", "green", _("In use")
    RETIRED = "retired", "secondary", _("Replaced")
    REFUSED = "refused", "yellow", _("No better than the rules")
    FAILED = "failed", "red", _("Failed")

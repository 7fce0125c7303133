"""Levels, phases of life and roles of people at a customer."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class Level(States):
    """How much a customer matters."""

    A = "A", "green", _("A key")
    B = "B", "blue", _("B important")
    C = "C", "azure", _("C regular")
    D = "D", "secondary", _("D small")


class LifeCycle(States):
    """Where a customer stands with us."""

    PROSPECT = "prospect", "azure", _("Prospect")
    ACTIVE = "active", "green", _("Active")
    DORMANT = "dormant", "yellow", _("Dormant")
    LOST = "lost", "red", _("Lost")


class DecisionRole(models.TextChoices):
    """What a contact has to say in a purchase."""

    DECIDES = "decides", _("Decides")
    INFLUENCES = "influences", _("Influences")
    USES = "uses", _("Uses")
    GATEKEEPER = "gatekeeper", _("Gatekeeper")

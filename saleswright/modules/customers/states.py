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


class PairStatus(States):
    """What people made of two customers that look the same."""

    OPEN = "open", "yellow", _("To be looked at")
    DISMISSED = "dismissed", "secondary", _("Not the same")


class ScanStatus(States):
    """How far a search for duplicates is."""

    RUNNING = "running", "blue", _("Running")
    DONE = "done", "green", _("Done")
    CANCELLED = "cancelled", "secondary", _("Cancelled")
    FAILED = "failed", "red", _("Failed")


class JoinStatus(States):
    """What became of a request to work with somebody else's customer or lead."""

    OPEN = "open", "yellow", _("To be decided")
    JOINED = "joined", "green", _("Collaborates")
    TRANSFERRED = "transferred", "blue", _("Given over")
    REFUSED = "refused", "red", _("Refused")
    WITHDRAWN = "withdrawn", "secondary", _("Withdrawn")


class JoinKind(models.TextChoices):
    """The kinds of record that one can ask to join."""

    CUSTOMERS = "customers", _("Customer")
    LEADS = "leads", _("Lead")

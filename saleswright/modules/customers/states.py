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


class ChurnRisk(States):
    """How likely it is that a customer buys no more, from the rhythm of its orders."""

    LOW = "low", "green", _("Low")
    MEDIUM = "medium", "yellow", _("Medium")
    HIGH = "high", "red", _("High")


class RfmGroup(States):
    """What recency, frequency and monetary value say of a customer; the map is in `insight.rfm`."""

    CHAMPIONS = "champions", "green", _("Champions")
    LOYAL = "loyal", "teal", _("Loyal")
    POTENTIAL = "potential", "cyan", _("Potentially loyal")
    NEW = "new", "azure", _("Newcomers")
    PROMISING = "promising", "blue", _("Promising")
    ATTENTION = "attention", "indigo", _("Need attention")
    SLEEPY = "sleepy", "purple", _("About to sleep")
    AT_RISK = "at_risk", "orange", _("At risk")
    CANT_LOSE = "cant_lose", "red", _("Must not be lost")
    HIBERNATING = "hibernating", "yellow", _("Hibernating")
    LOST = "lost", "secondary", _("Lost")


class Attitude(States):
    """How a contact stands towards us."""

    CHAMPION = "champion", "green", _("Speaks for us")
    FRIENDLY = "friendly", "teal", _("Friendly")
    NEUTRAL = "neutral", "secondary", _("Neutral")
    CRITICAL = "critical", "orange", _("Critical")
    OPPONENT = "opponent", "red", _("Against us")


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

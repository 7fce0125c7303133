"""Where a lead stands, and kinds of sources."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class LeadStatus(States):
    """The states of a lead (LEAD-05)."""

    NEW = "new", "azure", _("New")
    CONTACTED = "contacted", "blue", _("Contacted")
    QUALIFIED = "qualified", "green", _("Qualified")
    CONVERTED = "converted", "teal", _("Converted")
    DISQUALIFIED = "disqualified", "secondary", _("Disqualified")


class SourceKind(models.TextChoices):
    """Whether a source has to be paid for, and by whom the leads come."""

    OWN = "own", _("Own work")
    PAID = "paid", _("Paid advertising")
    REFERRED = "referred", _("Referred")
    INBOUND = "inbound", _("Inbound")


class ResponseState(States):
    """Where the clock of a lead's answer stands; a lead for which nothing is waited has none of these (LEAD-07)."""

    RUNNING = "running", "blue", pgettext_lazy("answer", "Awaited")
    OVERDUE = "overdue", "orange", pgettext_lazy("answer", "Overdue")
    ESCALATED = "escalated", "red", pgettext_lazy("answer", "With the manager")


class AssignmentWay(models.TextChoices):
    """How a rule chooses among its people (LEAD-06)."""

    ROUND_ROBIN = "turns", _("In turn")
    BY_LOAD = "load", _("Fewest open leads first")
    BY_SCORE = "score", _("Best leads to the best people")
    FIXED = "fixed", _("The first who is free, in the order of the list")


class CaptureVerdict(States):
    """What became of what was sent by a public form."""

    LEAD = "lead", "green", _("Became a lead")
    SPAM = "spam", "secondary", _("Spam")

"""Where a lead stands, and kinds of sources."""

from django.db import models
from django.utils.translation import gettext_lazy as _

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

"""Where requests about personal data and proposals to erase stand."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class RequestKind(models.TextChoices):
    """What a person may ask for (articles 44 to 47 of the PIPL)."""

    ACCESS = "access", _("To know what is kept")
    EXPORT = "export", _("To get a copy")
    CORRECTION = "correction", _("To have it corrected")
    ERASURE = "erasure", _("To have it erased")


class RequestState(States):
    """From the request to the answer; an erasure waits for a second person."""

    RECEIVED = "received", "azure", _("Received")
    WAITING = "waiting", "yellow", _("Waits for confirmation")
    DONE = "done", "green", _("Done")
    REFUSED = "refused", "red", _("Refused")


class ProposalState(States):
    """What has been decided about data that is past its retention."""

    OPEN = "open", "yellow", pgettext_lazy("a proposal", "Open")
    KEPT = "kept", "secondary", _("Kept on")
    REQUESTED = "requested", "blue", _("Erasure asked for")

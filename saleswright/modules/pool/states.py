"""Where recycle rules and protections stand, and how records leave a pool."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class RuleStatus(States):
    """Whether a recycle rule is carried out at night."""

    DRAFT = "draft", "secondary", _("Draft")
    LIVE = "live", "green", pgettext_lazy("rule", "Live")
    PAUSED = "paused", "yellow", _("Paused")


class ProtectionStatus(States):
    """Where the wish to keep a record out of the pool stands."""

    DRAFT = "draft", "secondary", _("Draft")
    IN_APPROVAL = "in_approval", "yellow", _("In approval")
    GRANTED = "granted", "green", _("Granted")


class Way(models.TextChoices):
    """How a record left a pool."""

    CLAIM = "claim", _("Claimed")
    ASSIGN = "assign", _("Assigned")

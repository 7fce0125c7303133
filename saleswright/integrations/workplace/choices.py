"""What the settings of a workplace program and its runs are chosen from."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class Provider(models.TextChoices):
    """The programs that can be connected."""

    WECOM = "wecom", _("WeCom")
    DINGTALK = "dingtalk", _("DingTalk")


class MatchBy(models.TextChoices):
    """By what somebody who is not linked yet is recognised."""

    MOBILE = "phone", _("Mobile number")
    EMAIL = "email", _("E-mail")
    USERNAME = "username", _("Their id there is the sign-in name here")


class Missing(models.TextChoices):
    """What it means that a linked person is not there any more."""

    PROPOSE = "propose", _("Propose that they leave")
    LEAVE = "leave", _("Mark them as left once they own nothing any more")
    IGNORE = "ignore", _("Nothing")


class RunKind(models.TextChoices):
    """How much a run does."""

    PREVIEW = "preview", _("Preview")
    FULL = "full", _("Everything")
    PART = "part", _("What was changed there")


class RunState(States):
    """Where a run stands."""

    RUNNING = "running", "blue", _("Running")
    DONE = "done", "green", _("Done")
    FAILED = "failed", "red", _("Failed")


class CardState(models.TextChoices):
    """Where the card of an approval stands."""

    WAITING = "waiting"
    SENT = "sent"
    CLOSED = "closed"
    FAILED = "failed"

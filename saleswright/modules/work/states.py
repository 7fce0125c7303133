"""States of approvals and tasks, and the choices that approval flows and tasks are made of."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class ApprovalState(States):
    """Where a request for consent stands."""

    PENDING = "pending", "yellow", _("Waiting for approval")
    APPROVED = "approved", "green", _("Approved")
    REJECTED = "rejected", "red", _("Rejected")
    RETURNED = "returned", "orange", _("Returned")
    WITHDRAWN = "withdrawn", "secondary", _("Withdrawn")


class StepState(States):
    """Where one person's part in an approval stands."""

    WAITING = "waiting", "secondary", _("Not yet asked")
    OPEN = "open", "yellow", _("To be decided")
    APPROVED = "approved", "green", _("Approved")
    REJECTED = "rejected", "red", _("Rejected")
    RETURNED = "returned", "orange", _("Returned")
    SKIPPED = "skipped", "secondary", _("Not needed")


class TaskState(States):
    """Where a task stands."""

    OPEN = "open", "blue", _("To do")
    DONE = "done", "green", _("Done")
    CANCELLED = "cancelled", "secondary", _("Cancelled")


class Priority(States):
    """How urgent a task is."""

    HIGH = "high", "red", _("High")
    NORMAL = "normal", "blue", _("Normal")
    LOW = "low", "secondary", _("Low")


class Recurrence(models.TextChoices):
    """How often a task comes again."""

    NONE = "none", _("Once")
    DAILY = "daily", _("Every day")
    WEEKLY = "weekly", _("Every week")
    MONTHLY = "monthly", _("Every month")


class ApproverKind(models.TextChoices):
    """How the approvers of a step are found."""

    MANAGER = "manager_level", _("Manager of the submitter, so many levels up")
    ROLE = "role", _("Holders of a role")
    POST = "post", _("Holders of a post")
    PERSON = "person", _("A named person")
    AUTHORITY = "discount_authority", _("The first manager upward whose discount authority suffices")


class Rule(models.TextChoices):
    """How many of a step's approvers must agree."""

    ANY = "any", _("Any one of them")
    MAJORITY = "majority", _("More than half of them")
    ALL = "all", _("All of them")


class Nobody(models.TextChoices):
    """What becomes of a step for which no approver is found."""

    ADMINISTRATOR = "administrator", _("The approver of last resort, else the administrators")
    PERSON = "person", _("A named person decides")
    PASS = "pass", _("The step is left out")


class SamePerson(models.TextChoices):
    """Whether somebody who agreed in an earlier step is asked again in a later one."""

    ONCE = "once", _("Asked once")
    EACH = "each", _("Asked each time")


class OwnRequest(models.TextChoices):
    """What becomes of submitters among the approvers of their own request."""

    MANAGER = "manager", _("Their manager decides")
    SKIP = "skip", _("Left out, alone the step with them")
    ALLOW = "allow", _("They may decide themselves")


class Pace(models.TextChoices):
    """How soon a person is told of a kind of notice by a channel."""

    NOW = "now", _("At once")
    HOURLY = "hourly", _("Every hour")
    DAILY = "daily", _("Once a day")
    OFF = "off", _("Not at all")


class NoticeState(States):
    """Where a notice on its way to a channel stands."""

    WAITING = "waiting", "blue", _("Waiting")
    SENDING = "sending", "yellow", _("Being sent")
    SENT = "sent", "green", _("Sent")
    DROPPED = "dropped", "secondary", _("Left out")
    FAILED = "failed", "red", _("Failed")


class BotService(models.TextChoices):
    """Whose group bot it is; the value is the name of its channel."""

    WECOM = "wecom_bot", _("WeCom group bot")
    DINGTALK = "dingtalk_bot", _("DingTalk group bot")
    FEISHU = "feishu_bot", _("Feishu group bot")


class DutyChoice(models.TextChoices):
    """What becomes of a person's open approval steps and of what they follow when they hand over."""

    PASS = "pass", _("Go to the successors")
    KEEP = "keep", _("Stay with the person")

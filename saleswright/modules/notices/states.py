"""States of announcements and meetings, for whom an announcement is, and answers to invitations."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class AnnouncementStatus(States):
    """From the draft to the end of an announcement."""

    DRAFT = "draft", "secondary", _("Draft")
    SCHEDULED = "scheduled", "azure", _("Scheduled")
    PUBLISHED = "published", "green", _("Published")
    EXPIRED = "expired", "secondary", _("Expired")
    WITHDRAWN = "withdrawn", "red", _("Withdrawn")


class AudienceKind(models.TextChoices):
    """What an announcement can be for, beside everybody."""

    DEPARTMENT = "department", _("Departments")
    REGION = "region", _("Regions")
    POST = "post", _("Posts")
    ROLE = "role", _("Roles")
    BODY = "body", _("Bodies")
    PERSON = "person", _("People")


class MeetingStatus(States):
    """From the first plan to the minutes that stand."""

    DRAFT = "draft", "secondary", _("Draft")
    CALLED = "called", "blue", pgettext_lazy("meeting", "Invited")
    SIGNED = "signed", "green", _("Minutes signed off")
    CANCELLED = "cancelled", "red", _("Cancelled")


class Answer(States):
    """What a participant says to an invitation."""

    NONE = "none", "secondary", _("No answer yet")
    YES = "yes", "green", _("Will come")
    MAYBE = "maybe", "yellow", _("Perhaps")
    NO = "no", "red", _("Can't come")


class Reply(models.TextChoices):
    """What a participant can choose."""

    YES = "yes", _("Will come")
    MAYBE = "maybe", _("Perhaps")
    NO = "no", _("Can't come")

"""States and methods of research projects."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class ResearchStatus(States):
    """Where a project stands."""

    PLANNED = "planned", "secondary", _("Planned")
    RUNNING = "running", "blue", _("Under way")
    DONE = "done", "green", _("Concluded")
    CANCELLED = "cancelled", "red", _("Given up")


class Method(models.TextChoices):
    """How a question is answered."""

    SURVEY = "survey", _("Survey")
    INTERVIEW = "interview", _("Interviews")
    DESK = "desk", _("Desk research")
    WEB = "web", _("Web research")
    MIXED = "mixed", _("Several methods")

"""States of questionnaires and kinds of questions."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class SurveyStatus(States):
    """Whether answers are taken."""

    DRAFT = "draft", "secondary", _("Draft")
    OPEN = "open", "green", _("Takes answers")
    CLOSED = "closed", "blue", _("Closed")


class QuestionKind(models.TextChoices):
    """How a question is answered."""

    CHOICE = "choice", _("One of several")
    MULTI = "multi", _("Several of them")
    SCALE = "scale", _("Scale")
    NPS = "nps", _("Recommendation, 0 to 10 (NPS)")
    NUMBER = "number", _("A number")
    DATE = "date", _("A day")
    TEXT = "text", _("Free text")


class BranchTest(models.TextChoices):
    """What an earlier answer must be for a question to be asked."""

    IS_ONE_OF = "is", _("is one of")
    IS_NONE_OF = "not", _("is none of")
    AT_LEAST = "least", _("is at least")
    AT_MOST = "most", _("is at most")


#: kinds whose answers are options, and those whose answers are numbers
OPTIONS = frozenset({QuestionKind.CHOICE, QuestionKind.MULTI})
NUMBERS = frozenset({QuestionKind.SCALE, QuestionKind.NPS, QuestionKind.NUMBER})

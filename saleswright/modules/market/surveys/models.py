"""Questionnaires with their questions, whom they were sent to, and what came back."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import QuantityField
from saleswright.kernel.models import OwnedRecord, Record
from saleswright.modules.market.surveys.states import BranchTest, QuestionKind, SurveyStatus

LONGEST_OPTION = 100
STEPS = (MinValueValidator(2), MaxValueValidator(10))


class Survey(OwnedRecord):
    """A questionnaire. Its questions stand fast once it takes answers, so that all answers are to the same ones."""

    title_field = "title"
    title = models.CharField(_("Title"), max_length=150)
    intro = models.TextField(_("Opening words"), blank=True, max_length=2000)
    thanks = models.TextField(_("Thanks"), blank=True, max_length=1000, help_text=_("Shown once it was sent."))
    status = models.CharField(
        _("Status"), max_length=6, choices=SurveyStatus.choices, default=SurveyStatus.DRAFT, editable=False,
        db_index=True,
    )  # fmt: skip
    anonymous = models.BooleanField(
        _("Anonymous"), default=False, help_text=_("It is not kept who gave which answers, only who has answered.")
    )
    anybody = models.BooleanField(
        _("Open to anybody with the link"), default=False,
        help_text=_("Besides those who are invited, whoever has the common link may answer."),
    )  # fmt: skip
    closes_on = models.DateField(_("Closes on"), null=True, blank=True, help_text=_("Answers are taken until its end."))
    opened_at = models.DateTimeField(_("Open since"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("Closed at"), null=True, blank=True, editable=False)
    nonce = models.CharField(max_length=32, unique=True, null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Questionnaire"), _("Questionnaires")
        indexes = sort_indexes("survey", "title", "opened_at", "created_at")


class SurveyQuestion(models.Model):
    """A question. It is asked when the answer to an earlier one (`branch_on`, by its code) passes the test.

    `options` are one a line; `branch_value` is a number, or options of the earlier question, one a line.
    """

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="questions")
    position = models.PositiveIntegerField(default=0, editable=False)
    code = models.CharField(_("Code"), max_length=20, blank=True)
    kind = models.CharField(_("Kind"), max_length=6, choices=QuestionKind.choices, default=QuestionKind.CHOICE)
    text = models.CharField(_("Question"), max_length=300)
    help = models.CharField(_("Explanation"), max_length=300, blank=True)
    required = models.BooleanField(_("Required"), default=False)
    options = models.TextField(_("Options"), blank=True, max_length=4000, help_text=_("One a line."))
    steps = models.PositiveSmallIntegerField(_("Steps of the scale"), default=5, blank=True, validators=STEPS)
    low_label = models.CharField(_("Lowest means"), max_length=50, blank=True)
    high_label = models.CharField(_("Highest means"), max_length=50, blank=True)
    minimum = QuantityField(_("Smallest"), null=True, blank=True)
    maximum = QuantityField(_("Greatest"), null=True, blank=True)
    branch_on = models.CharField(_("Asked only if"), max_length=20, blank=True)
    branch_test = models.CharField(_("Test"), max_length=5, choices=BranchTest.choices, blank=True)
    branch_value = models.TextField(_("Answer"), blank=True, max_length=4000)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("survey", "code"), name="survey_question_code_once"),)

    def __str__(self) -> str:
        return self.text


class SurveyInvitation(Record):
    """A link for one person to one questionnaire, good until a moment and for one answer."""

    title_field = "name"
    survey = models.ForeignKey(Survey, models.CASCADE, verbose_name=_("Questionnaire"), related_name="invitations")
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), null=True, blank=True, related_name="+"
    )
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="+"
    )
    name = models.CharField(_("For whom"), max_length=100)
    nonce = models.CharField(max_length=32, unique=True, editable=False)
    expires_at = models.DateTimeField(_("Good until"))
    seen_on = models.DateField(_("First opened on"), null=True, blank=True, editable=False)
    answered_on = models.DateField(_("Answered on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Invitation"), _("Invitations")
        indexes = sort_indexes("survey_invitation", "name", "expires_at", "answered_on", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("survey", "contact"), condition=Q(contact__isnull=False), name="survey_invites_a_contact_once"
            ),
        )


class SurveyAnswer(Record):
    """What one person answered. `ticket` is the page or the invitation that it came from, each of which is taken once;
    of an anonymous questionnaire neither invitation nor customer are kept."""

    title_field = "ticket"
    survey = models.ForeignKey(Survey, models.PROTECT, verbose_name=_("Questionnaire"), related_name="answers")
    invitation = models.OneToOneField(
        SurveyInvitation, models.PROTECT, verbose_name=_("Invitation"), null=True, blank=True, related_name="answer"
    )
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), null=True, blank=True, related_name="+"
    )
    answered_on = models.DateField(_("Answered on"))
    ticket = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Answer"), _("Answers")
        indexes = sort_indexes("survey_answer", "answered_on", "created_at")


class SurveyReply(models.Model):
    """The reply to one question; of several options each has a row. One of `option`, `number`, `day`, `text` is set."""

    answer = models.ForeignKey(SurveyAnswer, models.CASCADE, related_name="replies")
    question = models.ForeignKey(SurveyQuestion, models.PROTECT, related_name="replies")
    option = models.CharField(max_length=LONGEST_OPTION, blank=True)
    number = QuantityField(null=True)
    day = models.DateField(null=True)
    text = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=("question", "option", "number"), name="survey_reply_counted"),)

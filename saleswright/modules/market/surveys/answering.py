"""What somebody sends from the public page: whose link it is, what is wrong with it, and keeping it once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core import signing
from django.db import IntegrityError
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.errors import Conflict, FieldError, NotFound, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.modules.market.surveys.branching import asked, highest, lowest, number_of, options_of
from saleswright.modules.market.surveys.models import (
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyQuestion,
    SurveyReply,
)
from saleswright.modules.market.surveys.states import QuestionKind, SurveyStatus

SALT = "market.survey"
#: what is answered on a page of the common link stays good for so long
PAGE_LASTS = timedelta(days=1)
LONGEST_TEXT = 2000
#: numbers have four decimal places and fit their column
LARGEST_NUMBER = Decimal(10) ** 12
COLUMNS = ("answer_id", "question_id", "option", "number", "day", "text")
Given = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where somebody came in: to which questionnaire, and by whose invitation if by one."""

    survey: Survey
    invitation: SurveyInvitation | None = None

    @property
    def token(self) -> str:
        """What stands in the address."""
        return token_of(self.invitation or self.survey)


def token_of(one: Survey | SurveyInvitation) -> str:
    """The signed token of an invitation, or of the common link of a questionnaire."""
    kind = "i" if isinstance(one, SurveyInvitation) else "s"
    return signing.Signer(salt=SALT, sep="~").sign(f"{kind}{one.nonce}")


def open_door(token: str) -> Door:
    """Where a link leads. Raises NotFound for one that we never gave, or whose questionnaire isn't out."""
    try:
        text = signing.Signer(salt=SALT, sep="~").unsign(token)
    except signing.BadSignature:
        raise NotFound from None
    surveys = Survey.objects.filter(archived_at=None).exclude(status=SurveyStatus.DRAFT)
    if text.startswith("i"):
        rows = SurveyInvitation.objects.filter(nonce=text[1:], archived_at=None, survey__in=surveys)
        invitation = rows.select_related("survey").first()
        if invitation is None:
            raise NotFound
        return Door(invitation.survey, invitation)
    survey = surveys.filter(nonce=text[1:], anybody=True).first()
    if survey is None:
        raise NotFound
    return Door(survey)


def closed_for(door: Door, at: datetime) -> str:
    """Why nothing can be answered here now, in words; "" when it can."""
    survey, invitation = door.survey, door.invitation
    if invitation is not None and invitation.answered_on is not None:
        return _("This has been answered already. Thank you.")
    if survey.status != SurveyStatus.OPEN or (survey.closes_on and survey.closes_on < clock.local_date(at)):
        return _("Answers are no longer taken. Thank you for your interest.")
    if invitation is not None and invitation.expires_at <= at:
        return _("This link has expired. Please ask us for a new one.")
    return ""


def questions_of(survey: Survey) -> list[SurveyQuestion]:
    """The questions in their order."""
    return list(survey.questions.order_by("position", "id"))


def new_ticket(survey: Survey, at: datetime) -> str:
    """What a page of the common link carries, so that one page is taken once."""
    return signing.dumps([survey.nonce, secrets.token_urlsafe(16), int(at.timestamp())], salt=SALT)


def _ticket(door: Door, text: str, at: datetime) -> str:
    """What names this answer. Raises ValidationFailed for a page that isn't ours or was open for long."""
    if door.invitation is not None:
        return door.invitation.nonce
    try:
        nonce, ticket, made = signing.loads(text, salt=SALT)
        fresh = nonce == door.survey.nonce and at.timestamp() - made <= PAGE_LASTS.total_seconds()
    except (signing.BadSignature, ValueError, TypeError):
        fresh = False
    if not fresh:
        raise ValidationFailed.of("", "expired", _("The page was open for long. Please send it once more."))
    return str(ticket)


def note_seen(door: Door, at: datetime) -> None:
    """Keep the day on which an invitation was first opened."""
    if door.invitation is not None and door.invitation.seen_on is None:
        rows = SurveyInvitation.objects.filter(pk=door.invitation.pk, seen_on=None)
        rows.update(seen_on=clock.local_date(at))


def take_answer(door: Door, given: Given, ticket: str, *, at: datetime) -> SurveyAnswer:
    """Keep the answers, once for an invitation or a page.

    Answers to questions that these answers don't lead to are dropped. Raises Conflict when nothing is taken (any
    more), ValidationFailed by the codes of the questions.
    """
    survey, today = door.survey, clock.local_date(at)
    with atomic():
        # whoever closes the questionnaire, or answers by the same link, waits for us or we for them
        fresh = Survey.objects.select_for_update().get(pk=survey.pk)
        invitation = door.invitation
        if invitation is not None:
            invitation = SurveyInvitation.objects.select_for_update().get(pk=invitation.pk)
        if reason := closed_for(Door(fresh, invitation), at):
            raise Conflict(reason)
        name = _ticket(door, ticket, at)
        if SurveyAnswer.objects.filter(ticket=name).exists():
            raise Conflict(_("This has been answered already. Thank you."))
        questions, answers = questions_of(survey), read(questions_of(survey), given)
        values: dict[str, Any] = {"survey": survey.pk, "answered_on": today}
        if invitation is not None and not survey.anonymous:
            values |= {"invitation": invitation.pk, "customer": invitation.customer_id}
        if survey.anonymous:
            name = secrets.token_urlsafe(16)
        try:
            with atomic():
                answer = save_record(SurveyAnswer, {**values, "ticket": name}, actor=system("survey"), at=at)
        except IntegrityError:
            raise Conflict(_("This has been answered already. Thank you.")) from None
        if invitation is not None:
            SurveyInvitation.objects.filter(pk=invitation.pk).update(answered_on=today)
        insert_many(SurveyReply, COLUMNS, list(_rows(answer, asked(questions, answers), answers)))
    return answer


def _rows(answer: SurveyAnswer, questions: Sequence[SurveyQuestion], answers: Mapping[str, Any]) -> Any:
    for question in questions:
        value = answers.get(question.code)
        for one in value if isinstance(value, list) else [value]:
            match one:
                case None:
                    pass
                case Decimal():
                    yield answer.pk, question.pk, "", one, None, ""
                case date():
                    yield answer.pk, question.pk, "", None, one, ""
                case _ if question.kind == QuestionKind.TEXT:
                    yield answer.pk, question.pk, "", None, None, one
                case _:
                    yield answer.pk, question.pk, one, None, None, ""


# --- reading what was typed ------------------------------------------------------------------------------------


def read(questions: Sequence[SurveyQuestion], given: Given) -> dict[str, Any]:
    """The answers by question: options as a list, numbers, days, texts. Raises ValidationFailed, all faults at once.

    Only what is asked is looked at: a fault in a question that these answers don't lead to is none.
    """
    answers: dict[str, Any] = {}
    errors: list[FieldError] = []
    for question in questions:
        if question not in asked([*questions[: questions.index(question)], question], answers):
            continue
        texts = [text.replace("\x00", "").strip() for text in given.get(question.code, ())]
        texts = [text for text in texts if text]
        if not texts:
            if question.required:
                errors.append(FieldError(question.code, "required", _("Please answer this question.")))
            continue
        try:
            answers[question.code] = _value(question, texts)
        except ValueError as fault:
            errors.append(FieldError(question.code, "invalid", str(fault)))
    if errors:
        raise ValidationFailed(errors)
    return answers


def _value(question: SurveyQuestion, texts: list[str]) -> Any:
    """The value of an answer. Raises ValueError with what is wrong in words."""
    match question.kind:
        case QuestionKind.CHOICE | QuestionKind.MULTI:
            chosen = [option for option in options_of(question) if option in texts]
            if not chosen or set(texts) - set(chosen) or (question.kind == QuestionKind.CHOICE and len(chosen) > 1):
                raise ValueError(_("Choose from the options."))
            return chosen
        case QuestionKind.SCALE | QuestionKind.NPS:
            number = number_of(texts[0])
            if number is None or number % 1 or not lowest(question) <= number <= highest(question):
                raise ValueError(_("Choose a step of the scale."))
            return number
        case QuestionKind.NUMBER:
            return _number(question, texts[0])
        case QuestionKind.DATE:
            try:
                day = parse_date(texts[0])
            except ValueError:
                day = None
            if day is None:
                raise ValueError(_("Enter a day such as 2026-11-25."))
            return day
    if len(texts[0]) > LONGEST_TEXT:
        raise ValueError(_("At most %(count)d characters.") % {"count": LONGEST_TEXT})
    return texts[0]


def _number(question: SurveyQuestion, text: str) -> Decimal:
    number = number_of(text)
    if number is None or abs(number) >= LARGEST_NUMBER:
        raise ValueError(_("Enter a number."))
    if question.minimum is not None and number < question.minimum:
        raise ValueError(_("At least %(number)s.") % {"number": f"{question.minimum.normalize():f}"})
    if question.maximum is not None and number > question.maximum:
        raise ValueError(_("At most %(number)s.") % {"number": f"{question.maximum.normalize():f}"})
    return round(number, 4)

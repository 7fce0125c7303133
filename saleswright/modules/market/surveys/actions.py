"""What happens to questionnaires: they are drawn up, opened, sent to people, closed and copied."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.drafts import Batch, Draft, LineDraft
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.records import save_record, save_records
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Contact
from saleswright.modules.market.surveys.branching import fault_of, options_of
from saleswright.modules.market.surveys.models import LONGEST_OPTION, Survey, SurveyInvitation, SurveyQuestion
from saleswright.modules.market.surveys.states import OPTIONS, QuestionKind, SurveyStatus

GOOD_FOR_DAYS, LONGEST_DAYS = 30, 365
MOST_QUESTIONS, MOST_OPTIONS, MOST_NAMES = 100, 50, 1000
QUESTION_FIELDS = (
    "code", "kind", "text", "help", "required", "options", "steps", "low_label", "high_label", "minimum", "maximum",
    "branch_on", "branch_test", "branch_value",
)  # fmt: skip


def new_nonce() -> str:
    """What makes a link unguessable: 128 bits of chance."""
    return secrets.token_urlsafe(16)


# --- drawing up ------------------------------------------------------------------------------------------------


def prepare_surveys(batch: Batch) -> None:
    """Questions have codes of their own, options that differ, and branches that rest on what was asked before."""
    for draft in batch.good:
        if draft.record.nonce is None:
            draft.record.nonce = new_nonce()
        questions = draft.line_drafts.get("questions", ())
        if questions and draft.record.status != SurveyStatus.DRAFT and not batch.history:
            draft.error("questions", "read_only", _("The questions stand fast once answers are taken."))
        elif len(questions) > MOST_QUESTIONS:
            draft.error("questions", "too_many", _("At most %(count)d questions.") % {"count": MOST_QUESTIONS})
        else:
            _check_questions(draft, list(questions))


def _check_questions(draft: Draft, questions: list[LineDraft]) -> None:
    taken = {one.record.code for one in questions if one.record.code}
    if len(taken) < sum(bool(one.record.code) for one in questions):
        draft.error("questions", "duplicate", _("Two questions have the same code."))
        return
    earlier: dict[str, SurveyQuestion] = {}
    for line in questions:
        question: SurveyQuestion = line.record
        if not question.code:
            question.code = next(code for n in range(1, 1000) if (code := f"q{n}") not in taken)
            taken.add(question.code)
        for name, text in _faults(question):
            draft.error(f"questions.{line.index}.{name}", "invalid", text)
        if fault := fault_of(question, earlier):
            draft.error(f"questions.{line.index}.{fault[0]}", "invalid", fault[1])
        earlier[question.code] = question


def _faults(question: SurveyQuestion) -> list[tuple[str, str]]:
    """What is wrong with a question by itself."""
    if question.kind in OPTIONS:
        options = options_of(question)
        if len(options) < 2 or len(options) > MOST_OPTIONS:
            return [("options", _("Give 2 to %(count)d options, one a line.") % {"count": MOST_OPTIONS})]
        if len(set(options)) < len(options):
            return [("options", _("Two options are the same."))]
        if max(map(len, options)) > LONGEST_OPTION:
            return [("options", _("An option has at most %(count)d characters.") % {"count": LONGEST_OPTION})]
        question.options = "\n".join(options)
    least, most = question.minimum, question.maximum
    if question.kind == QuestionKind.NUMBER and least is not None and most is not None and most < least:
        return [("maximum", _("The greatest is below the smallest."))]
    return []


def edit_refusal(survey: Survey) -> Text | None:
    """A closed questionnaire is a record of what was asked."""
    return _("The questionnaire is closed. Open it again first.") if survey.status == SurveyStatus.CLOSED else None


# --- states ----------------------------------------------------------------------------------------------------


def _has_questions(survey: Survey) -> Text | None:
    return None if survey.questions.exists() else _("There are no questions yet.")


def _has_days_left(survey: Survey) -> Text | None:
    over = survey.closes_on is not None and survey.closes_on < clock.today()
    return _("Its last day has passed.") if over else None


@transition(
    "surveys", "open", label=gettext_lazy("Take answers"), source=[SurveyStatus.DRAFT], target=SurveyStatus.OPEN,
    guards=(_has_questions, _has_days_left), icon="player-play", style="primary",
)  # fmt: skip
def open_survey(survey: Survey, *, actor: Actor, at: datetime) -> None:
    """Take answers from now on; the questions stand fast."""
    survey.opened_at = at


@transition(
    "surveys", "close", label=gettext_lazy("Close"), source=[SurveyStatus.OPEN], target=SurveyStatus.CLOSED,
    icon="lock",
)  # fmt: skip
def close_survey(survey: Survey, *, actor: Actor, at: datetime) -> None:
    """Take no more answers."""
    survey.closed_at = at


@transition(
    "surveys", "reopen", label=gettext_lazy("Open again"), source=[SurveyStatus.CLOSED], target=SurveyStatus.OPEN,
    guards=(_has_days_left,), icon="lock-open",
)  # fmt: skip
def reopen_survey(survey: Survey, *, actor: Actor, at: datetime) -> None:
    """Take answers again, to the same questions."""
    survey.closed_at = None


@transition(
    "surveys", "copy", label=gettext_lazy("Copy"), icon="copy", result=(("id", int),), leads_to="surveys",
)  # fmt: skip
def copy_survey(survey: Survey, *, actor: Actor, at: datetime) -> dict[str, int]:
    """Draw up the same questionnaire anew, to change its questions."""
    values = {name: getattr(survey, name) for name in ("intro", "thanks", "anonymous", "anybody")}
    title = _("%(title)s (copy)") % {"title": survey.title}
    questions = [
        {name: getattr(one, name) for name in QUESTION_FIELDS}
        for one in survey.questions.order_by("position", "id")
    ]  # fmt: skip
    made = save_record(Survey, {**values, "title": title[:150]}, lines={"questions": questions}, actor=actor, at=at)
    return {"id": made.pk}


# --- inviting --------------------------------------------------------------------------------------------------


CONTACT = Arg("contact_id", gettext_lazy("Contact"), "reference", to="contacts")


@transition(
    "surveys", "invite", label=gettext_lazy("Invite"), source=[SurveyStatus.DRAFT, SurveyStatus.OPEN],
    guards=(_has_days_left,), icon="mail-forward",
    args=(
        Arg("customer_id", gettext_lazy("Customer"), "reference", required=False, to="customers",
            help=gettext_lazy("All contacts of the customer who consent to be contacted.")),
        Arg("contact_id", gettext_lazy("Contact"), "reference", required=False, to="contacts"),
        Arg("names", gettext_lazy("Others by name"), "long", required=False, help=gettext_lazy("One a line.")),
        Arg("contacts", gettext_lazy("Contacts"), "rows", required=False, rows=(CONTACT,)),
        Arg("days", gettext_lazy("Good for days"), "integer", required=False, default=GOOD_FOR_DAYS),
    ),
    result=(("invited", int), ("left_out", int)),
)  # fmt: skip
def invite_to_survey(
    survey: Survey, *, actor: Actor, at: datetime, customer_id: int | None, contact_id: int | None,
    names: str | None, contacts: list[dict[str, Any]] | None, days: int,
) -> dict[str, int]:  # fmt: skip
    """Make a link of their own for each of these people, good for so many days.

    Left out is who was invited before and who doesn't consent to be contacted. Raises ValidationFailed when nobody is
    named.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValidationFailed.of("days", "invalid", _("1 to %(days)d days.") % {"days": LONGEST_DAYS})
    ids = {row["contact_id"] for row in contacts or ()} | ({contact_id} if contact_id else set())
    people = [line.strip()[:100] for line in (names or "").splitlines() if line.strip()]
    if not ids and not people and customer_id is None:
        raise ValidationFailed.of("contact_id", "required", _("Say who is invited."))
    if len(ids) + len(people) > MOST_NAMES:
        raise ValidationFailed.of("names", "too_many", _("At most %(count)d at a time.") % {"count": MOST_NAMES})
    wanted = visible(Contact.objects.filter(archived_at=None), actor)
    found = {one.pk: one for one in wanted.filter(pk__in=ids)}
    if customer_id is not None:
        found |= {one.pk: one for one in wanted.filter(customer_id=customer_id)}
    before = set(SurveyInvitation.objects.filter(survey=survey, contact__in=found).values_list("contact_id", flat=True))
    fresh = [one for pk, one in sorted(found.items()) if pk not in before and one.may_be_contacted]
    until = at + timedelta(days=days)
    drafts = [
        Draft({"survey": survey.pk, "contact": one.pk, "customer": one.customer_id, "name": one.name,
               "expires_at": until})
        for one in fresh
    ]  # fmt: skip
    drafts += [Draft({"survey": survey.pk, "name": name, "expires_at": until}) for name in people]
    if not drafts:
        raise Conflict(_("Everybody named was invited before, or doesn't consent to be contacted."))
    save_records(SurveyInvitation, drafts, actor=actor.trusted_with("survey-invitations.create"), at=at)
    return {"invited": len(drafts), "left_out": len(found) - len(fresh)}


def prepare_invitations(batch: Batch) -> None:
    """Each invitation has a link of its own, for a contact of its customer."""
    for draft in batch.good:
        one: SurveyInvitation = draft.record
        if draft.fresh:
            one.nonce = new_nonce()
        if one.contact is not None:
            one.customer_id = one.contact.customer_id


def _is_open(one: SurveyInvitation) -> Text | None:
    return _("It was answered already.") if one.answered_on else None


@transition(
    "survey-invitations", "revoke", label=gettext_lazy("Revoke the link"), guards=(_is_open,), icon="ban",
    style="danger",
)  # fmt: skip
def revoke_invitation(one: SurveyInvitation, *, actor: Actor, at: datetime) -> None:
    """The link leads nowhere from now on."""
    one.expires_at = at

"""Questionnaires, invitations and answers as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Attached, Entity, Exchange, Related, Section, register
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.personal import Personal
from saleswright.kernel.resources import Lines
from saleswright.modules.market.surveys import actions
from saleswright.modules.market.surveys.answering import token_of
from saleswright.modules.market.surveys.models import (
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyQuestion,
    SurveyReply,
)
from saleswright.modules.market.surveys.states import SurveyStatus


@register
class SurveyEntity(Entity):
    """Questionnaires that customers answer without signing in."""

    name, model = "surveys", Survey
    icon = "clipboard-list"
    state_field = "status"
    path = (SurveyStatus.DRAFT, SurveyStatus.OPEN, SurveyStatus.CLOSED)
    search = ("title",)
    columns = ("title", "status", "anonymous", "anybody", "opened_at", "closes_on", "owner")
    sortable = ("title", "opened_at", "created_at")
    filters = ("title", "status", "opened_at", "created_at")
    form = (
        Section(_("Questionnaire"), ("title", "owner", "intro", "thanks")),
        Section(_("Who answers"), ("anonymous", "anybody", "closes_on")),
    )
    detail = (Section(_("Questionnaire"), ("intro", "closes_on", "anonymous", "anybody", "opened_at", "closed_at")),)
    private = ("nonce",)
    lines = (
        Lines(
            "questions",
            SurveyQuestion,
            "survey",
            _("Questions"),
            fields=actions.QUESTION_FIELDS,
            required=False,
            tabled=False,
        ),
    )
    transitions = (
        actions.open_survey,
        actions.invite_to_survey,
        actions.close_survey,
        actions.reopen_survey,
        actions.copy_survey,
    )
    panels = ("/surveys/{pk}/results/panel",)
    related = (Related("survey-invitations", "survey", create=False), Related("survey-answers", "survey", create=False))
    exchange = Exchange(key="id", fields=("title", "intro", "thanks", "anonymous", "anybody", "closes_on"))
    empty_text = _("No questionnaires yet. Draw up the first one; customers answer it by a link.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_surveys(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        return actions.edit_refusal(record)


def _links(ids: list[int], actor: Actor) -> dict[int, str]:
    """The addresses of invitations, below that of the site."""
    return {one.pk: f"/s/{token_of(one)}" for one in SurveyInvitation.objects.filter(pk__in=ids)}


@register
class SurveyInvitationEntity(Entity):
    """Who was invited to a questionnaire, with their links; seen by whoever sees the questionnaire."""

    name, model = "survey-invitations", SurveyInvitation
    icon = "mail-forward"
    via = "survey"
    columns = ("name", "survey", "customer", "expires_at", "seen_on", "answered_on")
    sortable = ("name", "expires_at", "answered_on", "created_at")
    filters = ("survey", "customer", "contact", "answered_on", "expires_at", "created_at")
    detail = (
        Section(_("Invitation"), ("survey", "name", "customer", "contact", "expires_at", "seen_on", "answered_on")),
    )
    form = (Section(_("Invitation"), ("survey", "name", "customer", "contact", "expires_at")),)
    private = ("nonce",)
    attached = (Attached("link", _("Link"), _links, {"type": "string"}, default=str),)
    personal_data = {"name": Personal("contacts", _("To know whom the link is for"), erased="name")}
    transitions = (actions.revoke_invitation,)
    exchange = Exchange(
        key="id", fields=("survey__title", "name", "customer__name", "expires_at", "seen_on", "answered_on"),
        extra_export=("link",),
    )  # fmt: skip
    creatable = editable = deletable = archivable = False

    def prepare(self, batch: Any) -> None:
        actions.prepare_invitations(batch)


def _replies(ids: list[int], actor: Actor) -> dict[int, Any]:
    """The replies of answers, by the code of the question; several options as a list."""
    found: dict[int, dict[str, list[Any]]] = {}
    rows = SurveyReply.objects.filter(answer__in=ids).order_by("question__position", "id")
    for answer, code, option, number, day, text in rows.values_list(
        "answer", "question__code", "option", "number", "day", "text"
    ):
        value = str(number) if number is not None else day if day is not None else option or text
        found.setdefault(answer, {}).setdefault(code, []).append(value)
    return {pk: {code: _one(values) for code, values in each.items()} for pk, each in found.items()}


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


@register
class SurveyAnswerEntity(Entity):
    """What came back; seen by whoever sees the questionnaire, changed by nobody."""

    name, model = "survey-answers", SurveyAnswer
    icon = "message-2"
    via = "survey"
    columns = ("answered_on", "survey", "customer", "invitation")
    sortable = ("answered_on", "created_at")
    filters = ("survey", "customer", "invitation", "answered_on", "created_at")
    detail = (Section(_("Answer"), ("survey", "answered_on", "customer", "invitation")),)
    private = ("ticket",)
    attached = (Attached("replies", _("Replies"), _replies, {"type": "object"}, default=dict),)
    panels = ("/survey-answers/{pk}/replies",)
    exchange = Exchange(key="id", fields=("survey__title", "answered_on", "customer__name"))
    creatable = editable = deletable = archivable = False

    def edit_refusal(self, record: Any) -> Text | None:
        return _("What was answered stays as it is.")

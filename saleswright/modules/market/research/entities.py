"""Research projects as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Calendar, Entity, Exchange, Section, register
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Lines
from saleswright.modules.market.research import actions
from saleswright.modules.market.research.models import Conclusion, Research, ResearchSurvey
from saleswright.modules.market.research.states import ResearchStatus


@register
class ResearchEntity(Entity):
    """Questions about the market that somebody answers."""

    name, model = "research-projects", Research
    icon = "microscope"
    state_field = "status"
    path = (ResearchStatus.PLANNED, ResearchStatus.RUNNING, ResearchStatus.DONE)
    search = ("title", "question", "findings")
    columns = ("title", "method", "status", "market", "starts_on", "ends_on", "budget", "cost", "owner")
    sortable = ("title", "starts_on", "ends_on", "created_at")
    filters = ("method", "status", "market", "starts_on", "ends_on", "created_at", "title")
    form = (
        Section(_("Research project"), ("title", "question", "method", "market", "owner")),
        Section(_("Dates and cost"), ("starts_on", "ends_on", "budget", "cost")),
        Section(_("Result"), ("findings",)),
    )
    detail = (
        Section(_("Research project"), ("question", "method", "market")),
        Section(_("Dates and cost"), ("starts_on", "ends_on", "concluded_on", "budget", "cost")),
        Section(_("Result"), ("findings",)),
    )
    lines = (
        Lines(
            "conclusions", Conclusion, "research", _("Conclusions"), fields=("text",), read=("task",), required=False
        ),
        Lines("surveys", ResearchSurvey, "research", _("Questionnaires"), fields=("survey",), required=False),
    )
    transitions = (
        actions.start_research, actions.conclude_research, actions.cancel_research, actions.reopen_research,
        actions.make_tasks,
    )  # fmt: skip
    panels = ("/research-projects/{pk}/surveys/panel",)
    calendar = Calendar(by="ends_on", title="title")
    exchange = Exchange(
        key="id",
        fields=(
            "title", "question", "method", "market__name", "starts_on", "ends_on", "budget", "cost", "findings",
            "owner__username", "conclusions.text",
        ),
        extra_export=("status", "concluded_on"),
    )  # fmt: skip
    empty_text = _("No research yet. Write down what you need to know of the market, and who finds out how.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_research(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        return actions.edit_refusal(record)

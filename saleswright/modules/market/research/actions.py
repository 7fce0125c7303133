"""What happens to research projects: they are planned, carried out, concluded, and their conclusions become tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.records import save_records
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.market.research.models import Conclusion, Research
from saleswright.modules.market.research.states import ResearchStatus
from saleswright.modules.work.public import Task

PLANNED, RUNNING = ResearchStatus.PLANNED, ResearchStatus.RUNNING
DONE, CANCELLED = ResearchStatus.DONE, ResearchStatus.CANCELLED


def prepare_research(batch: Batch) -> None:
    """A project ends after it starts, uses each questionnaire once, and keeps conclusions of which tasks were made."""
    for draft in batch.good:
        project: Research = draft.record
        if project.starts_on and project.ends_on and project.ends_on < project.starts_on:
            draft.error("ends_on", "order", _("The end lies before the start."))
        seen: set[int] = set()
        for line in draft.line_drafts.get("surveys", ()):
            if line.record.survey_id in seen:
                draft.error(f"surveys.{line.index}.survey", "duplicate", _("The questionnaire is named already."))
            seen.add(line.record.survey_id)
    removed = {pk for draft in batch.good for pk in draft.removed_lines.get("conclusions", ())}
    if removed:
        rows = Conclusion.objects.filter(pk__in=removed, task__isnull=False)
        kept = set(rows.values_list("research_id", flat=True))
        for draft in batch.good:
            if draft.pk in kept:
                draft.error("conclusions", "in_use", _("A conclusion of which a task was made stays."))


def edit_refusal(project: Research) -> Text | None:
    """What was concluded is a record of it."""
    over = project.status in {DONE, CANCELLED}
    return _("The project is over. Open it again first.") if over else None


# --- states ----------------------------------------------------------------------------------------------------


@transition(
    "research-projects", "start", label=gettext_lazy("Start the work"), source=[PLANNED], target=RUNNING,
    icon="player-play", style="primary", required=("owner",),
)  # fmt: skip
def start_research(project: Research, *, actor: Actor, at: datetime) -> None:
    """The work begins; without a day it begins today."""
    project.starts_on = project.starts_on or clock.local_time(at).date()


def _has_findings(project: Research) -> Text | None:
    return None if project.findings.strip() else _("Write down the findings first.")


def _has_conclusions(project: Research) -> Text | None:
    return None if project.conclusions.exists() else _("Write down a conclusion first.")


@transition(
    "research-projects", "conclude", label=gettext_lazy("Conclude"), source=[RUNNING], target=DONE,
    guards=(_has_findings, _has_conclusions), icon="check", style="success",
    args=(Arg("cost", gettext_lazy("Actual cost"), "money", required=False),),
)  # fmt: skip
def conclude_research(project: Research, *, actor: Actor, at: datetime, cost: Any) -> None:
    """The question is answered; findings and conclusions stand fast. Raises ValidationFailed for a cost below zero."""
    if cost is not None and cost < 0:
        raise ValidationFailed.of("cost", "range", _("The cost is not below zero."))
    project.cost = cost if cost is not None else project.cost
    project.concluded_on = clock.local_time(at).date()


@transition(
    "research-projects", "cancel", label=gettext_lazy("Give up"), source=[PLANNED, RUNNING], target=CANCELLED,
    icon="ban", style="danger",
)  # fmt: skip
def cancel_research(project: Research, *, actor: Actor, at: datetime) -> None:
    """The question is not answered."""


@transition(
    "research-projects", "reopen", label=gettext_lazy("Open again"), source=[DONE, CANCELLED], target=RUNNING,
    icon="lock-open",
)  # fmt: skip
def reopen_research(project: Research, *, actor: Actor, at: datetime) -> None:
    """Go on with it; tasks that were made of conclusions stay."""
    project.concluded_on = None


# --- conclusions become tasks ----------------------------------------------------------------------------------


def _open_conclusions(project: Research) -> list[Conclusion]:
    return list(project.conclusions.filter(task=None).order_by("position", "id"))


def _has_open_conclusions(project: Research) -> Text | None:
    left = project.conclusions.filter(task=None).exists()
    return None if left else _("A task was made of every conclusion.")


def _offered(project: Research) -> list[tuple[str, Text]]:
    return [(str(one.pk), one.text) for one in _open_conclusions(project)]


@transition(
    "research-projects", "make-tasks", label=gettext_lazy("Make tasks"), source=[DONE],
    guards=(_has_open_conclusions,), icon="checklist",
    args=(
        Arg("conclusion_id", gettext_lazy("Conclusion"), "text", required=False, offer=_offered,
            help=gettext_lazy("Left empty, a task for each that has none.")),
        Arg("owner_id", gettext_lazy("Who does it"), "reference", required=False, to="employees",
            help=gettext_lazy("Left empty, the owner of the project.")),
        Arg("due_at", gettext_lazy("Due"), "datetime", required=False),
    ),
    result=(("tasks", list),),
)  # fmt: skip
def make_tasks(
    project: Research, *, actor: Actor, at: datetime, conclusion_id: str | None, owner_id: int | None,
    due_at: datetime | None,
) -> dict[str, list[int]]:  # fmt: skip
    """Make a task of one conclusion, or of each that has none; answers their ids.

    Raises ValidationFailed for a conclusion that isn't one of the project or has a task, and for an unknown person.
    """
    wanted = _open_conclusions(project)
    if conclusion_id:
        wanted = [one for one in wanted if str(one.pk) == str(conclusion_id)]
        if not wanted:
            raise ValidationFailed.of("conclusion_id", "choice", _("There is no such conclusion without a task."))
    if owner_id is not None and not visible(User.objects.filter(archived_at=None, pk=owner_id), actor).exists():
        raise ValidationFailed.of("owner_id", "not_found", _("There is no such person."))
    owner = owner_id or project.owner_id or actor.user_id
    if owner is None:
        raise Conflict(_("Say who does it."))
    drafts = [
        Draft({
            "title": one.text, "description": project.title, "owner": owner, "due_at": due_at,
            "resource": "research-projects", "record_id": project.pk,
        })
        for one in wanted
    ]  # fmt: skip
    save_records(Task, drafts, actor=actor.trusted_with("tasks.create"), at=at)
    for one, draft in zip(wanted, drafts, strict=True):
        one.task = draft.record
    Conclusion.objects.bulk_update(wanted, ["task"])
    return {"tasks": [draft.record.pk for draft in drafts]}

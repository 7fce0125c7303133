"""Pages of opportunities that are not generated: what is missing to go on, with the guidance of the stage."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import format_date
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, address, in_range
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.modules.pipeline import criteria
from saleswright.modules.pipeline.actions.opportunities import move_opportunity
from saleswright.modules.pipeline.actions.standing import holders_of
from saleswright.modules.pipeline.models import Activity, Opportunity, Solution, Stage
from saleswright.modules.pipeline.queries import stages_of
from saleswright.modules.pipeline.recommend import recommended
from saleswright.modules.pipeline.states import OpportunityStatus, SolutionStatus
from saleswright.modules.pipeline.team_pages import team_page
from saleswright.modules.work.public import Attachment


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """What the stage asks for and what of it is missing, with the way there, as a part of the deal's page."""
    actor = actor_of(request)
    opportunity = fetch(Opportunity, in_range(pk), actor=actor)
    return render(request, "pipeline/progress.html", _standing(opportunity, actor))


def _standing(opportunity: Opportunity, actor: Actor) -> dict[str, Any]:
    stages = stages_of(opportunity.pipeline_id)
    stage = opportunity.stage
    is_open = opportunity.status == OpportunityStatus.OPEN and opportunity.archived_at is None
    following = next((one for one in stages if one.sequence > stage.sequence), None)
    checks = criteria.checks(opportunity) if is_open else []
    lacking = [one for one in checks if not one.met]
    moves = is_open and following is not None and move_opportunity.availability(opportunity, actor).enabled
    today = clock.today()
    return {
        "deal": opportunity,
        "stage": stage,
        "stages": stages,
        "is_open": is_open,
        "days": max((today - opportunity.stage_since).days, 0),
        "due": format_date(opportunity.stage_due_on) if opportunity.stage_due_on else "",
        "is_stuck": is_open and opportunity.stage_due_on is not None and opportunity.stage_due_on < today,
        "step_late": is_open and opportunity.next_step_at is not None and opportunity.next_step_at < clock.now(),
        "step_on": format_date(clock.local_date(opportunity.next_step_at)) if opportunity.next_step_at else "",
        "checks": [(one, *_way(opportunity, one, actor)) for one in checks],
        "lacking": len(lacking),
        "following": following,
        "may_move": moves and not lacking,
        "responsible": [one.get_short_name() for one in holders_of(stage)] if is_open else [],
        "documents": _documents(stage) if is_open else [],
    }


def _way(opportunity: Opportunity, check: criteria.Check, actor: Actor) -> tuple[str, str]:
    """What the button beside something missing says and where it leads; nothing for what is there."""
    if check.met:
        return "", ""
    edits = actor.may("opportunities.edit")
    edit = f"/opportunities/{opportunity.pk}/edit"
    match check.kind:
        case "activity":
            if not actor.may("activities.create"):
                return "", ""
            given = {"opportunity": opportunity.pk, "customer": opportunity.customer_id, "kind": check.detail}
            return _("Log it"), address("/activities/new", given)
        case "document":
            return (_("Add a file"), "#files") if actor.may("attachments.create") else ("", "")
        case "field":
            return (_("Fill in"), f"{edit}#id_{check.detail}") if edits else ("", "")
    return (_("Edit"), edit) if edits else ("", "")


def _documents(stage: Stage) -> list[tuple[str, str]]:
    """The files of a stage: templates and examples, as name and address."""
    files = Attachment.objects.filter(resource="stages", record_id=stage.pk, latest=True, archived_at=None)
    return [(name, f"/attachments/{pk}") for pk, name in files.order_by("name").values_list("pk", "name")]


@require_GET
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """On the page of an activity: that its deal may go on now; nothing when it may not."""
    actor = actor_of(request)
    activity = fetch(Activity, in_range(pk), actor=actor)
    deal = visible(Opportunity.objects.filter(activities=activity), actor).first()
    context = _standing(deal, actor) if deal is not None else {"deal": None}
    return render(request, "pipeline/proposal.html", context)


@require_GET
def recommendations(request: HttpRequest, pk: int) -> HttpResponse:
    """Products that may answer the needs of a solution, as a part of its page."""
    actor = actor_of(request)
    solution = fetch(Solution, in_range(pk), actor=actor)
    needs = list(solution.lines.order_by("position", "id").values_list("need", flat=True))
    chosen = list(solution.lines.filter(product__isnull=False).values_list("product_id", flat=True))
    draft = solution.status == SolutionStatus.DRAFT and actor.may("products.view")
    found = recommended(needs, chosen, actor) if draft else []
    return render(request, "pipeline/recommended.html", {"found": found, "solution": solution})


def _on_activities(resource: str, pk: int, actor: Actor) -> str | None:
    shown = resource == "activities" and actor.may("opportunities.move")
    return f"/activities/{pk}/proposal" if shown else None


details.everywhere.append(_on_activities)

urlpatterns = [
    path("opportunities/<int:pk>/progress", progress),
    path("activities/<int:pk>/proposal", proposal),
    path("solutions/<int:pk>/recommended", recommendations),
    path("team-pipeline", team_page),
]

"""How solutions are written, reviewed and revised (OPP-08)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import transition
from saleswright.modules.pipeline.models import Opportunity, OpportunityNeed, Solution
from saleswright.modules.pipeline.states import OpportunityStatus, SolutionStatus
from saleswright.modules.work.public import managers_of

DRAFT, IN_REVIEW, APPROVED, REPLACED = (
    SolutionStatus.DRAFT, SolutionStatus.IN_REVIEW, SolutionStatus.APPROVED, SolutionStatus.REPLACED,
)  # fmt: skip
COPIED = ("need", "answer", "gap", "product_id", "quantity", "unit_price")


def prepare_solutions(batch: Batch) -> None:
    """New ones get the next revision of their deal and, without lines, a line for each of its needs; they stay with
    it. The deal is locked meanwhile, so that of two at once each gets a number of its own."""
    fresh = [draft for draft in batch.good if draft.fresh and draft.record.opportunity_id]
    ids = sorted({draft.record.opportunity_id for draft in fresh})
    if ids:
        list(Opportunity.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    rows = Solution.objects.filter(opportunity__in=ids).order_by().values("opportunity_id")
    last = dict(rows.annotate(n=Max("revision")).values_list("opportunity_id", "n"))
    names = dict(Opportunity.objects.filter(pk__in=ids).values_list("pk", "name"))
    for draft in batch.good:
        one = draft.record
        if not draft.fresh and draft.changed("opportunity"):
            draft.error("opportunity", "read_only", _("A solution stays with its deal."))
        elif draft.fresh and one.opportunity_id in names:
            last[one.opportunity_id] = one.revision = last.get(one.opportunity_id, 0) + 1
            one.title = one.title or names[one.opportunity_id]


def lines_for(opportunity: Any, actor: Actor) -> list[dict[str, Any]]:
    """The lines that a new solution begins with: the needs of the deal with what was answered so far."""
    rows = OpportunityNeed.objects.filter(opportunity=opportunity).order_by("position", "id")
    return [dict(row) for row in rows.values("need", "answer", "gap")]


def edit_refusal(solution: Solution) -> Text | None:
    """What was reviewed stands; a revision takes its place."""
    return None if solution.status == DRAFT else _("Only a draft can be changed. Make a revision.")


def answers_all(solution: Solution) -> Text | None:
    """Each need of the deal, and of the solution itself, has an answer."""
    lines = list(solution.lines.order_by("position", "id").values_list("need", "answer"))
    if not lines:
        return _("There is no line yet.")
    open_needs = [need for need, answer in lines if not answer.strip()]
    named = {need for need, _answer in lines}
    needs = OpportunityNeed.objects.filter(opportunity=solution.opportunity_id).order_by("position", "id")
    open_needs += [need for need in needs.values_list("need", flat=True) if need not in named]
    if not open_needs:
        return None
    return _("No answer yet to: %(needs)s") % {"needs": pgettext("list", ", ").join(open_needs)}


def _review(solution: Solution, actor: Actor, args: Mapping[str, Any]) -> ApprovalNeed | None:
    """One holder of the pipeline's reviewing post agrees, other than who submits it; without a post the nearest
    manager; where there is neither nobody is asked, unless a flow says so."""
    post = solution.opportunity.pipeline.review_post_id
    people = []
    if post is not None:
        held = User.objects.filter(holdings__post=post, holdings__until=None, archived_at=None).distinct()
        people = [one.pk for one in held.order_by("id") if one.is_active and one.pk != actor.user_id]
    user = User.objects.filter(pk=actor.user_id).first()
    if not people and user is not None:
        people = [one.pk for one in managers_of(user)[:1]]
    reason = _("Technical review of “%(title)s”, revision %(revision)d") % {
        "title": solution.title, "revision": solution.revision,
    }  # fmt: skip
    return ApprovalNeed(reason, approvers=(tuple(people),) if people else ())


@transition(
    "solutions", "submit", label=gettext_lazy("Submit for review"), source=[DRAFT], pending=IN_REVIEW, target=APPROVED,
    guards=(answers_all,), approval=_review, icon="send", style="primary",
)  # fmt: skip
def submit_solution(solution: Solution, *, actor: Actor, at: datetime) -> None:
    """It is in force and replaces the one that was. Raises Conflict when the deal is closed."""
    if solution.opportunity.status != OpportunityStatus.OPEN:
        raise Conflict(_("The deal is closed."))
    before = Solution.objects.filter(opportunity=solution.opportunity_id, status=APPROVED)
    before.update(status=REPLACED, version=F("version") + 1)


@transition(
    "solutions", "revise", label=gettext_lazy("Revise"), source=[APPROVED, REPLACED], icon="copy",
    result=(("id", int),), leads_to="solutions",
)  # fmt: skip
def revise_solution(solution: Solution, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A new draft with the same content; this one stays in force until that is approved."""
    lines = [
        {name.removesuffix("_id"): value for name, value in line.items() if value is not None}
        for line in solution.lines.order_by("position", "id").values(*COPIED)
    ]
    values = {"title": solution.title, "opportunity": solution.opportunity_id, "summary": solution.summary}
    copy = save_record(Solution, values, lines={"lines": lines}, actor=actor, at=at)
    return {"id": copy.pk}

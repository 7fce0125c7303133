"""What is checked when approval flows and absences are written, and the versions of flows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import json_safe
from saleswright.kernel.conditions import parsed
from saleswright.kernel.errors import DomainError, NotFound, ValidationFailed
from saleswright.kernel.models import Role
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import resource_named
from saleswright.modules.work.models import ApprovalFlow, ApprovalFlowVersion, ApprovalStep, Delegation
from saleswright.modules.work.states import ApproverKind, Nobody
from saleswright.modules.work.terms import approval_terms

FLOW_FIELDS = ("nobody", "nobody_person", "same_person", "own_request")
STEP_FIELDS = (
    "name", "condition", "approver", "level", "role", "post", "person", "rule", "remind_after", "escalate_after",
    "escalate_to",
)  # fmt: skip


def prepare_flows(batch: Batch) -> None:
    """A flow belongs to an action that can need consent, is the only active one for it, and finds its approvers."""
    roles = set(Role.objects.filter(archived_at=None).values_list("code", flat=True))
    flows = ApprovalFlow.objects.filter(active=True, archived_at=None)
    taken = {(resource, name): pk for pk, resource, name in flows.values_list("id", "resource", "transition")}
    for draft in batch.good:
        flow = draft.record
        if not _may_need_consent(flow.resource, flow.transition):
            draft.error("transition", "choice", _("There is no action of that name that could need approval."))
        key = (flow.resource, flow.transition)
        if flow.active and taken.setdefault(key, draft.pk or -1) != (draft.pk or -1):
            draft.error("active", "duplicate", _("Another flow for this action is active."))
        if flow.nobody == Nobody.PERSON and flow.nobody_person_id is None:
            draft.error("nobody_person", "required", _("This field is required."))
        _check_steps(draft, roles, batch.actor)


def _may_need_consent(resource: str, name: str) -> bool:
    try:
        transitions = resource_named(resource).transitions
    except NotFound:
        return False
    return any(one.name == name and one.approval is not None for one in transitions)


def _check_steps(draft: Draft, roles: set[str], actor: Actor) -> None:
    needed = {ApproverKind.PERSON: "person", ApproverKind.POST: "post"}
    for line in draft.line_drafts.get("steps", ()):
        step, place = line.record, f"steps.{line.index}"
        name = needed.get(step.approver)
        if step.approver == ApproverKind.ROLE and step.role not in roles:
            draft.error(f"{place}.role", "not_found", _("There is no role “%s”.") % step.role)
        if name is not None and getattr(step, f"{name}_id") is None:
            draft.error(f"{place}.{name}", "required", _("This field is required."))
        if step.approver == ApproverKind.MANAGER and step.level < 1:
            draft.error(f"{place}.level", "range", _("At least one level up."))
        if step.condition and not draft.errors:
            _check_condition(draft, place, step, actor)


def _check_condition(draft: Draft, place: str, step: ApprovalStep, actor: Actor) -> None:
    try:
        parsed(step.condition, approval_terms(draft.record.resource, actor))
    except ValidationFailed as refused:
        for error in refused.errors:
            draft.error(f"{place}.condition", error.code, error.message)
    except DomainError as refused:
        draft.error(f"{place}.condition", refused.code, str(refused))


# --- versions --------------------------------------------------------------------------------------------------


def content_of(flow: ApprovalFlow, steps: Iterable[ApprovalStep]) -> dict[str, Any]:
    """What a flow says, as JSON."""
    said = model_to_dict(flow, fields=FLOW_FIELDS)
    return json_safe(said | {"steps": [model_to_dict(step, fields=STEP_FIELDS) for step in steps]})


def note_versions(flows: Iterable[ApprovalFlow], *, actor: Actor, at: datetime) -> None:
    """Keep what the flows say from now on, if it is not what they said before."""
    for flow in flows:
        content = content_of(flow, flow.steps.order_by("position", "id"))
        latest = flow.versions.order_by("-number").first()
        if latest is None or latest.content != content:
            number = (flow.versions.aggregate(last=Max("number"))["last"] or 0) + 1
            ApprovalFlowVersion.objects.create(
                flow=flow, number=number, content=content, made_at=at, made_by_id=actor.user_id
            )


# --- absences --------------------------------------------------------------------------------------------------


def prepare_delegations(batch: Batch) -> None:
    """An absence has an order of days, somebody else who decides, and does not overlap another one."""
    absences = Delegation.objects.filter(owner__in={d.record.owner_id for d in batch.good}, archived_at=None)
    known = list(absences.values_list("pk", "owner_id", "start_on", "end_on"))
    for draft in batch.good:
        one = draft.record
        if one.owner_id is None:
            draft.error("owner", "required", _("This field is required."))
        if one.delegate_id == one.owner_id:
            draft.error("delegate", "not_allowed", _("Somebody else must decide meanwhile."))
        if one.end_on < one.start_on:
            draft.error("end_on", "order", _("The end lies before the start."))
        elif any(
            pk != draft.pk and owner == one.owner_id and start <= one.end_on and end >= one.start_on
            for pk, owner, start, end in known
        ):
            draft.error("start_on", "duplicate", _("This overlaps another absence of the same person."))
        known.append((-1 - len(known), one.owner_id, one.start_on, one.end_on))

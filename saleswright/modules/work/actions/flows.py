"""What is checked when approval flows are written."""

from __future__ import annotations

from django.utils.translation import gettext as _

from saleswright.kernel.errors import NotFound
from saleswright.kernel.models import Role
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import resource_named
from saleswright.modules.work.models import ApprovalFlow
from saleswright.modules.work.states import ApproverKind


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
        _check_steps(draft, roles)


def _may_need_consent(resource: str, name: str) -> bool:
    try:
        transitions = resource_named(resource).transitions
    except NotFound:
        return False
    return any(one.name == name and one.approval is not None for one in transitions)


def _check_steps(draft: Draft, roles: set[str]) -> None:
    for index, line in enumerate(draft.line_drafts.get("steps", ())):
        step = line.record
        if step.approver == ApproverKind.ROLE and step.role not in roles:
            draft.error(f"steps.{index}.role", "not_found", _("There is no role “%s”.") % step.role)
        if step.approver == ApproverKind.PERSON and step.person_id is None:
            draft.error(f"steps.{index}.person", "required", _("This field is required."))
        if step.approver == ApproverKind.MANAGER and step.level < 1:
            draft.error(f"steps.{index}.level", "range", _("At least one level up."))

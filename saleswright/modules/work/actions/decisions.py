"""Decisions about requests: approve, reject, return, withdraw."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, DomainError, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.ports import ports
from saleswright.kernel.records import snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Arg, Availability, Reached, Transition
from saleswright.modules.work.actions.requests import advance, end_access
from saleswright.modules.work.models import Approval, ApprovalTask
from saleswright.modules.work.states import ApprovalState, Rule, StepState

PENDING = frozenset({ApprovalState.PENDING.value})


class Decision(Transition):
    """A transition of an approval whose button only those see who may decide."""

    def availability(self, record: Approval, actor: Actor, reached: Reached | None = None) -> Availability:
        asked = record.requested_by_id == actor.user_id
        mine = asked if self.name == "withdraw" else _open_task(record, actor) is not None
        return super().availability(record, actor, reached) if mine else Availability(shown=False)


def _decision(name: str, label: Any, **options: Any) -> Any:
    return lambda body: Decision("approvals", name, label, body, PENDING, None, **options)


_must_say = (Arg("comment", gettext_lazy("Comment"), "long"),)
_may_say = (Arg("comment", gettext_lazy("Comment"), "long", required=False),)


@_decision("approve", gettext_lazy("Approve"), args=_may_say, style="success", icon="check")
def approve_request(approval: Approval, *, actor: Actor, at: datetime, comment: str | None) -> None:
    """Agree; with the last step the transition runs as the submitter's, its guards asked again.

    Raises NotAllowed for anyone whose step is not open, Conflict when the transition is refused now (the request
    stays open) or the record has changed since (the request is withdrawn).
    """
    task = _my_task(approval, actor)
    if _content_hash(approval) != approval.content_hash:
        _void(approval, actor, at)
        return
    _decide(task, StepState.APPROVED, comment, at)
    step = list(approval.tasks.filter(step=approval.step))
    undecided = [other for other in step if other.state == StepState.OPEN]
    if task.rule == Rule.ALL and undecided:
        end_access(approval, [task])
        return
    _close(undecided, at)
    end_access(approval, step)
    if advance(approval, at=at):
        return
    approval.state, approval.decided_at = ApprovalState.APPROVED, at
    _carry_out(approval, at)
    _tell_requester(approval, _("Approved: %(what)s"), at)


@_decision("reject", gettext_lazy("Reject"), args=_must_say, style="danger", icon="x")
def reject_request(approval: Approval, *, actor: Actor, at: datetime, comment: str) -> None:
    """Refuse: the record goes back to the state from which the request came."""
    _decide(_my_task(approval, actor), StepState.REJECTED, comment, at)
    _end(approval, ApprovalState.REJECTED, comment, actor, at)
    _tell_requester(approval, _("Rejected: %(what)s"), at, comment)


@_decision("return", gettext_lazy("Return for changes"), args=_must_say, icon="arrow-back-up")
def return_request(approval: Approval, *, actor: Actor, at: datetime, comment: str) -> None:
    """Give it back to be changed: the record is a draft again."""
    _decide(_my_task(approval, actor), StepState.RETURNED, comment, at)
    _end(approval, ApprovalState.RETURNED, comment, actor, at, draft=True)
    _tell_requester(approval, _("Returned for changes: %(what)s"), at, comment)


@_decision("withdraw", gettext_lazy("Withdraw"), icon="x")
def withdraw_request(approval: Approval, *, actor: Actor, at: datetime) -> None:
    """The submitter takes the request back. Raises NotAllowed for others."""
    if approval.requested_by_id != actor.user_id:
        raise NotAllowed(_("Only who asked can withdraw the request."))
    _end(approval, ApprovalState.WITHDRAWN, "", actor, at)


def close_requests(resource: str, record_id: int, *, why: str, actor: Actor, at: datetime) -> None:
    """End the pending requests of a record that went another way (was cancelled); its state is left as it is."""
    for approval in Approval.objects.select_for_update().filter(
        resource=resource, record_id=record_id, state=ApprovalState.PENDING
    ):
        before = snapshot(approval)
        _end_steps(approval, ApprovalState.WITHDRAWN, why, at)
        stamp(approval, actor, at)
        write_changes(resource_named("approvals"), approval, before, "withdraw", actor=actor, at=at)


# --- steps -----------------------------------------------------------------------------------------------------


def _open_task(approval: Approval, actor: Actor) -> ApprovalTask | None:
    return approval.tasks.filter(approver_id=actor.user_id, state=StepState.OPEN).first()


def _my_task(approval: Approval, actor: Actor) -> ApprovalTask:
    task = _open_task(approval, actor)
    if task is None:
        raise NotAllowed(_("You are not asked to decide this now."))
    return task


def _decide(task: ApprovalTask, state: StepState, comment: str | None, at: datetime) -> None:
    task.state, task.comment, task.decided_at, task.updated_at = state, comment or "", at, at
    task.save(update_fields=["state", "comment", "decided_at", "updated_at"])


def _close(tasks: list[ApprovalTask], at: datetime) -> None:
    ApprovalTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=StepState.SKIPPED, updated_at=at)


def _end_steps(approval: Approval, state: ApprovalState, outcome: str, at: datetime) -> None:
    tasks = list(approval.tasks.all())
    _close([task for task in tasks if task.state in {StepState.OPEN, StepState.WAITING}], at)
    end_access(approval, tasks)
    approval.state, approval.decided_at, approval.outcome = state, at, outcome[:500]


def _end(
    approval: Approval, state: ApprovalState, outcome: str, actor: Actor, at: datetime, *, draft: bool = False
) -> None:
    _end_steps(approval, state, outcome, at)
    _put_back(approval, state, actor, at, draft=draft)


def _tell_requester(approval: Approval, text: str, at: datetime, why: str = "") -> None:
    told = text % {"what": approval.subject_label}
    ports.notification.notify(
        user_ids=[approval.requested_by_id],
        text=f"{told} · {why}" if why else told,
        resource=approval.resource,
        record_id=approval.record_id,
        at=at,
    )


# --- the record ------------------------------------------------------------------------------------------------


def transition_of(approval: Approval) -> Transition:
    """The transition that waits. Raises Conflict when the system no longer knows it."""
    try:
        return resource_named(approval.resource).transition(approval.transition)
    except NotFound:
        raise Conflict(_("This action does not exist any more.")) from None


def _content_hash(approval: Approval) -> str | None:
    resource = resource_named(approval.resource)
    record = resource.model._default_manager.filter(pk=approval.record_id).first()
    return None if record is None else resource.content_hash(record)


def _carry_out(approval: Approval, at: datetime) -> None:
    """Run the transition as the submitter's. Raises Conflict with the reason why it can't run now."""
    waiting = transition_of(approval)
    submitter = actor_for(approval.requested_by, origin="approval")
    try:
        waiting(approval.record_id, actor=submitter, at=at, approved=True, **approval.arguments)
    except ValidationFailed as refused:
        raise Conflict(_("Not possible now: %(why)s") % {"why": refused}) from refused
    except Conflict:
        raise
    except DomainError as refused:
        text = _("%(who)s, who asked for it, may not do this any more.")
        raise Conflict(text % {"who": approval.requested_by.get_short_name()}) from refused


def _put_back(approval: Approval, state: ApprovalState, actor: Actor, at: datetime, *, draft: bool = False) -> None:
    """Give the record the state it came from (or the draft's), if it still waits; the audit says so either way."""
    resource, waiting = resource_named(approval.resource), transition_of(approval)
    rows = resource.model._default_manager.filter(pk=approval.record_id)
    record = rows.select_for_update(of=("self",)).first()
    if record is None:
        return
    action = f"{approval.transition}.{state.value}"
    if waiting.pending is None or waiting.state_of(record) != waiting.pending:
        line = AuditLine(resource.name, record.pk, resource.label_of(record)[:200], action)
        record_audit([line], actor=actor, at=at)
        return
    before = snapshot(record)
    known = dict(resource.model._meta.get_field(resource.state_field).flatchoices)
    setattr(record, resource.state_field, "draft" if draft and "draft" in known else approval.from_state)
    stamp(record, actor, at)
    write_changes(resource, record, before, action, actor=actor, at=at)


def _void(approval: Approval, actor: Actor, at: datetime) -> None:
    """Withdraw a request whose record has changed, and refuse once that is in the database."""
    text = _("The record was changed after approval had been asked for: it must be submitted again.")
    _end(approval, ApprovalState.WITHDRAWN, text, actor, at)
    _tell_requester(approval, _("Withdrawn: %(what)s"), at, text)
    transaction.on_commit(partial(_refuse, text))


def _refuse(text: str) -> None:
    raise Conflict(text, code="changed_since")

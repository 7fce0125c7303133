"""Decisions about requests: approve, reject, return, withdraw, ask somebody else too, remind."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from saleswright.kernel.access.actors import Actor, actor_for
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, DomainError, NotAllowed, NotFound, Text, ValidationFailed
from saleswright.kernel.ports import ports
from saleswright.kernel.records import snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Arg, Availability, Reached, Transition
from saleswright.kernel.words import said
from saleswright.modules.work.actions.chasing import remind_of
from saleswright.modules.work.actions.planning import working
from saleswright.modules.work.actions.requests import LEFT_OVER, advance, end_access, enough, set_state, tasks_of
from saleswright.modules.work.models import Approval, ApprovalTask
from saleswright.modules.work.states import ApprovalState, Rule, StepState

PENDING = frozenset({ApprovalState.PENDING.value})
OF_SUBMITTER = frozenset({"withdraw", "remind"})
#: how soon after a reminder the next one may follow
PAUSE = timedelta(hours=1)


class Decision(Transition):
    """A transition of an approval whose button only those see who may decide."""

    def availability(self, record: Approval, actor: Actor, reached: Reached | None = None) -> Availability:
        asked = record.requested_by_id == actor.user_id
        mine = asked if self.name in OF_SUBMITTER else _open_task(record, actor) is not None
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
    step = tasks_of(approval, approval.step)
    undecided = [other for other in step if other.state == StepState.OPEN]
    if undecided and not enough(task.rule, _agreed(step), len(step)):
        end_access(approval, [task])
        return
    set_state(undecided, StepState.SKIPPED, at=at)
    end_access(approval, step)
    if advance(approval, at=at):
        return
    approval.state, approval.decided_at = ApprovalState.APPROVED, at
    _carry_out(approval, at)
    _tell_requester(approval, gettext_lazy("Approved: %(what)s"), at)


def _agreed(step: list[ApprovalTask]) -> int:
    """How many of a step that is open agree, those included who did in an earlier one."""
    return sum(task.state in {StepState.APPROVED, StepState.SKIPPED} for task in step)


@_decision("reject", gettext_lazy("Reject"), args=_must_say, style="danger", icon="x")
def reject_request(approval: Approval, *, actor: Actor, at: datetime, comment: str) -> None:
    """Refuse: the record goes back to the state from which the request came.

    Where more than half must agree it is one voice: the request ends once too few are left who could.
    """
    task = _my_task(approval, actor)
    _decide(task, StepState.REJECTED, comment, at)
    step = tasks_of(approval, approval.step)
    undecided = [other for other in step if other.state == StepState.OPEN]
    if task.rule == Rule.MAJORITY and enough(task.rule, _agreed(step) + len(undecided), len(step)):
        end_access(approval, [task])
        return
    _end(approval, ApprovalState.REJECTED, comment, actor, at)
    _tell_requester(approval, gettext_lazy("Rejected: %(what)s"), at, comment)


@_decision(
    "return", gettext_lazy("Return for changes"), icon="arrow-back-up",
    args=(
        *_must_say,
        Arg("step", gettext_lazy("Back to step"), required=False, offer=lambda approval: _earlier_steps(approval),
            help=gettext_lazy("An earlier step, by its name or number; empty: back to whoever asked.")),
    ),
)  # fmt: skip
def return_request(approval: Approval, *, actor: Actor, at: datetime, comment: str, step: str | None) -> None:
    """Give it back to be changed: the record is a draft again. Or to an earlier step, which is asked anew.

    Raises ValidationFailed for a step that was not asked before this one.
    """
    task = _my_task(approval, actor)
    place = _earlier_step(approval, step) if step else None
    _decide(task, StepState.RETURNED, comment, at)
    if place is not None:
        _ask_again_from(approval, place, at)
        _tell_requester(approval, gettext_lazy("Asked again from an earlier step: %(what)s"), at, comment)
        return
    _end(approval, ApprovalState.RETURNED, comment, actor, at, draft=True)
    _tell_requester(approval, gettext_lazy("Returned for changes: %(what)s"), at, comment)


def _earlier_steps(approval: Approval) -> list[tuple[str, str]]:
    """The steps before the present one, by number, called by their names or by who was asked."""
    found: dict[int, list[ApprovalTask]] = {}
    tasks = approval.tasks.filter(superseded=False, step__lt=approval.step).select_related("approver")
    for task in tasks.order_by("step", "id"):
        found.setdefault(task.step, []).append(task)
    return [(str(number), _called(number, parts)) for number, parts in found.items()]


def _called(number: int, parts: list[ApprovalTask]) -> str:
    who = pgettext("list", ", ").join(part.approver.get_short_name() for part in parts[:3])
    name = parts[0].step_name or _("Step %(number)s") % {"number": number}
    return _("%(step)s · %(who)s") % {"step": name, "who": who}


def _earlier_step(approval: Approval, text: str) -> int:
    """The number of the earlier step of that name or number; of several with that name the latest.

    Raises ValidationFailed.
    """
    earlier = approval.tasks.filter(superseded=False, step__lt=approval.step).order_by("step")
    steps = dict(earlier.values_list("step", "step_name"))
    wanted = text.strip().casefold()
    for number, name in reversed(steps.items()):
        if wanted in {name.casefold(), str(number)}:
            return number
    raise ValidationFailed.of("step", "range", _("Choose an earlier step, or none."))


def _ask_again_from(approval: Approval, step: int, at: datetime) -> None:
    """Put aside what was decided in the step and after it, and ask all of these people again, one by one."""
    former = [task for task in tasks_of(approval) if task.step >= step]
    end_access(approval, former)
    set_state([task for task in former if task.state in LEFT_OVER], StepState.SKIPPED, at=at)
    ApprovalTask.objects.filter(pk__in=[task.pk for task in former]).update(superseded=True)
    ApprovalTask.objects.bulk_create(
        ApprovalTask(
            approval=approval,
            step=task.step,
            step_name=task.step_name,
            rule=task.rule,
            approver_id=task.on_behalf_of_id or task.approver_id,
            added_by_id=task.added_by_id,
            remind_after=task.remind_after,
            escalate_after=task.escalate_after,
            escalate_to_id=task.escalate_to_id,
            created_at=at,
            updated_at=at,
        )
        for task in former
    )
    advance(approval, at=at)


@_decision(
    "add-approver", gettext_lazy("Ask somebody else too"), icon="user-plus",
    args=(Arg("person_id", gettext_lazy("Person"), "reference", to="employees"), *_may_say),
)  # fmt: skip
def add_approver(approval: Approval, *, actor: Actor, at: datetime, person_id: int, comment: str | None) -> None:
    """Have another person asked after the present step; what comes later moves back by one.

    Raises ValidationFailed for the submitter, for who has left, and for who agreed already.
    """
    _my_task(approval, actor)
    tasks = tasks_of(approval)
    if person_id == approval.requested_by_id or not working().filter(pk=person_id).exists():
        raise ValidationFailed.of("person_id", "not_allowed", _("This person can't decide the request."))
    if any(task.approver_id == person_id and task.state in {StepState.OPEN, StepState.APPROVED} for task in tasks):
        raise ValidationFailed.of("person_id", "duplicate", _("This person is asked already."))
    for number in sorted({task.step for task in tasks if task.step > approval.step}, reverse=True):
        approval.tasks.filter(step=number).update(step=number + 1)
    ApprovalTask.objects.create(
        approval=approval,
        step=approval.step + 1,
        step_name=_("Added by %(who)s") % {"who": actor.name[:40]},
        rule=Rule.ALL,
        approver_id=person_id,
        added_by_id=actor.user_id,
        created_at=at,
        updated_at=at,
    )
    if comment:
        _tell_requester(approval, gettext_lazy("Another approver was added: %(what)s"), at, comment)


@_decision("withdraw", gettext_lazy("Withdraw"), icon="x")
def withdraw_request(approval: Approval, *, actor: Actor, at: datetime) -> None:
    """The submitter takes the request back. Raises NotAllowed for others."""
    if approval.requested_by_id != actor.user_id:
        raise NotAllowed(_("Only who asked can withdraw the request."))
    _end(approval, ApprovalState.WITHDRAWN, "", actor, at)


@_decision("remind", gettext_lazy("Remind"), icon="bell")
def remind_request(approval: Approval, *, actor: Actor, at: datetime) -> None:
    """The submitter asks for a decision once more. Raises NotAllowed for others, Conflict within the hour."""
    if approval.requested_by_id != actor.user_id:
        raise NotAllowed(_("Only who asked can remind of the request."))
    waiting = [task for task in tasks_of(approval, approval.step) if task.state == StepState.OPEN]
    if any(task.reminded_at is not None and at - task.reminded_at < PAUSE for task in waiting):
        raise Conflict(_("They were reminded less than an hour ago."))
    remind_of(approval, waiting, at=at)


def close_requests(resource: str, record_id: int, *, why: str, actor: Actor, at: datetime) -> None:
    """End the pending requests of a record that went another way (was cancelled); its state is left as it is."""
    for approval in Approval.objects.select_for_update().filter(
        resource=resource, record_id=record_id, state=ApprovalState.PENDING
    ):
        before = snapshot(approval)
        _end_steps(approval, ApprovalState.WITHDRAWN, why, at)
        stamp(approval, actor, at)
        write_changes(resource_named("approvals"), approval, before, "withdraw", actor=actor, at=at)


def void_changed(resource: str, ids: list[int], *, actor: Actor, at: datetime) -> None:
    """Withdraw what was asked and take back what was given for records whose content is not what it was then."""
    found = Approval.objects.select_for_update().filter(resource=resource, record_id__in=ids)
    for approval in found.filter(state__in=(ApprovalState.PENDING, ApprovalState.APPROVED)).order_by("id"):
        if _content_hash(approval) == approval.content_hash or not _stands(approval):
            continue
        before = snapshot(approval)
        _end(approval, ApprovalState.WITHDRAWN, _changed_since(), actor, at)
        stamp(approval, actor, at)
        write_changes(resource_named("approvals"), approval, before, "void", actor=actor, at=at)
        _tell_requester(approval, CHANGED, at)


def _stands(approval: Approval) -> bool:
    """Whether the record is still in the state in which it waits for the consent or to which the consent led."""
    waiting = transition_of(approval)
    record = waiting.resource.model._default_manager.filter(pk=approval.record_id).first()
    return record is not None and waiting.state_of(record) in {waiting.pending, waiting.target}


def _changed_since() -> str:
    return _("The record was changed after approval had been asked for: it must be submitted again.")


# --- steps -----------------------------------------------------------------------------------------------------


def _open_task(approval: Approval, actor: Actor) -> ApprovalTask | None:
    return approval.tasks.filter(approver_id=actor.user_id, state=StepState.OPEN, superseded=False).first()


def _my_task(approval: Approval, actor: Actor) -> ApprovalTask:
    task = _open_task(approval, actor)
    if task is None:
        raise NotAllowed(_("You are not asked to decide this now."))
    return task


def _decide(task: ApprovalTask, state: StepState, comment: str | None, at: datetime) -> None:
    task.state, task.comment, task.decided_at, task.updated_at = state, comment or "", at, at
    task.save(update_fields=["state", "comment", "decided_at", "updated_at"])


def _end_steps(approval: Approval, state: ApprovalState, outcome: str, at: datetime) -> None:
    tasks = tasks_of(approval)
    set_state([task for task in tasks if task.state in LEFT_OVER], StepState.SKIPPED, at=at)
    end_access(approval, tasks)
    approval.state, approval.decided_at, approval.outcome = state, at, outcome[:500]


def _end(
    approval: Approval, state: ApprovalState, outcome: str, actor: Actor, at: datetime, *, draft: bool = False
) -> None:
    _end_steps(approval, state, outcome, at)
    _put_back(approval, state, actor, at, draft=draft)


#: said when what was asked for has changed
CHANGED = gettext_lazy(
    "Withdrawn: %(what)s · The record was changed after approval had been asked for: it must be submitted again."
)


def _tell_requester(approval: Approval, text: Text, at: datetime, why: str | None = "") -> None:
    what = f"{approval.subject_label} · {why}" if why else approval.subject_label
    ports.notification.notify(
        kind="approval_decided",
        user_ids=[approval.requested_by_id],
        text=said(text, what=what),
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
    held = {waiting.pending, waiting.target} if state == ApprovalState.WITHDRAWN else {waiting.pending}
    if waiting.pending is None or waiting.state_of(record) not in held:
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
    text = _changed_since()
    _end(approval, ApprovalState.WITHDRAWN, text, actor, at)
    _tell_requester(approval, CHANGED, at)
    transaction.on_commit(partial(_refuse, text))


def _refuse(text: str) -> None:
    raise Conflict(text, code="changed_since")

"""Asking for consent: the approval that waits, its steps one after the other, the sight of the subject they give.

Fills the kernel's approval port.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import worktime
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, json_safe, record_audit
from saleswright.kernel.clock import local_date
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.ports import ApprovalNeed, ports
from saleswright.kernel.records import announce
from saleswright.kernel.resources import Resource, resource_named
from saleswright.kernel.transitions import Transition
from saleswright.kernel.words import Words, said
from saleswright.modules.work.actions.planning import PlannedStep, active_flow, plan, steps_of, working
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalTask, Delegation
from saleswright.modules.work.states import ApprovalState, Rule, SamePerson, StepState
from saleswright.modules.work.terms import Subject

LEFT_OVER = (StepState.WAITING, StepState.OPEN)


def _in_words(resource: Resource, record: Any) -> str:
    """What is to be approved, with the customer where it has one: the number alone says little on a phone."""
    customer = getattr(record, "customer", None)
    label = resource.label_of(record)
    return label if customer is None else f"{label} · {customer}"


class ApprovalDesk:
    """Fills the kernel's approval port."""

    def request(
        self,
        *,
        transition: Transition,
        record: Any,
        arguments: dict[str, Any],
        need: ApprovalNeed,
        actor: Actor,
        at: datetime,
    ) -> bool:
        """Ask for consent if the need or the flow calls for it; False when the transition may run at once.

        The system and imports need none. Raises Conflict when the same request waits already.
        """
        if actor.kind == "system" or actor.origin.startswith("import"):
            return False
        submitter = User.objects.get(pk=actor.user_id)
        flow = active_flow(transition.resource_name, transition.name)
        if flow is None and not need.approvers:
            return False
        facts = need.known()
        subject = Subject(transition.resource_name, submitter, facts, record.pk)
        steps = plan(need, flow, steps_of(flow), subject)
        if not steps:
            return False
        pending = Approval.objects.filter(
            resource=transition.resource_name,
            record_id=record.pk,
            transition=transition.name,
            state=ApprovalState.PENDING,
        )
        if pending.exists():
            raise Conflict(_("The same request waits for approval already."))
        approval = _create(transition, record, arguments, str(need.reason), facts, flow, submitter, at)
        ApprovalTask.objects.bulk_create(
            _task(approval, number, step, user_id) for number, step in enumerate(steps, 1) for user_id in step.approvers
        )
        people = {"approvers": [None, [list(step.approvers) for step in steps]]}
        line = AuditLine("approvals", approval.pk, approval.subject_label, "created", people)
        record_audit([line], actor=actor, at=at)
        announce(resource_named("approvals"), [(approval.pk, "created")], Occasion(actor, at))
        advance(approval, at=at)
        return True

    def changed(self, resource: str, ids: list[int], *, actor: Actor, at: datetime) -> None:
        """Take back what was asked or given for records that were edited since."""
        from saleswright.modules.work.actions.decisions import void_changed

        if any(one.approval is not None for one in resource_named(resource).transitions):
            void_changed(resource, ids, actor=actor, at=at)


def _create(
    transition: Transition,
    record: Any,
    arguments: dict[str, Any],
    reason: str,
    facts: dict[str, Any],
    flow: ApprovalFlow | None,
    submitter: User,
    at: datetime,
) -> Approval:
    resource = transition.resource
    return Approval.objects.create(
        resource=resource.name,
        record_id=record.pk,
        subject_label=_in_words(resource, record)[:200],
        transition=transition.name,
        arguments=json_safe(arguments),
        content_hash=resource.content_hash(record),
        from_state=transition.state_of(record),
        requested_by=submitter,
        requested_at=at,
        reason=reason[:500],
        facts=json_safe(facts),
        flow=flow,
        flow_version=flow.versions.count() if flow else None,
        asks_again=flow is not None and flow.same_person == SamePerson.EACH,
        created_at=at,
        updated_at=at,
        created_by=submitter,
        updated_by=submitter,
    )


def _task(approval: Approval, number: int, planned: PlannedStep, user_id: int) -> ApprovalTask:
    step = planned.step
    return ApprovalTask(
        approval=approval,
        step=number,
        step_name=planned.name,
        rule=planned.rule,
        approver_id=user_id,
        remind_after=step.remind_after if step else None,
        escalate_after=step.escalate_after if step else None,
        escalate_to_id=step.escalate_to_id if step else None,
        created_at=approval.created_at,
        updated_at=approval.created_at,
    )


# --- steps -----------------------------------------------------------------------------------------------------


def tasks_of(approval: Approval, step: int | None = None) -> list[ApprovalTask]:
    """The parts that count, of one step or of all."""
    tasks = approval.tasks.filter(superseded=False)
    return list((tasks if step is None else tasks.filter(step=step)).order_by("step", "id"))


def enough(rule: str, agreed: int, asked: int) -> bool:
    """Whether so many of those asked suffice."""
    match rule:
        case Rule.ANY:
            return agreed > 0
        case Rule.MAJORITY:
            return 2 * agreed > asked
    return agreed == asked


def advance(approval: Approval, *, at: datetime) -> bool:
    """Ask the people of the next step that needs somebody; False when no step is left.

    Whoever agreed in an earlier step is not asked again, unless the flow says so.
    """
    tasks = tasks_of(approval)
    agreed = set() if approval.asks_again else {t.approver_id for t in tasks if t.state == StepState.APPROVED}
    for number in sorted({task.step for task in tasks if task.state == StepState.WAITING}):
        step = [task for task in tasks if task.step == number]
        rest = [task for task in step if task.approver_id not in agreed]
        done = enough(step[0].rule, len(step) - len(rest), len(step))
        set_state(step if done else [task for task in step if task not in rest], StepState.SKIPPED, at=at)
        if not done:
            approval.step = number
            Approval.objects.filter(pk=approval.pk).update(step=number)
            open_tasks(approval, _with_stand_ins(approval, rest, at), at)
            return True
    return False


def set_state(tasks: list[ApprovalTask], state: StepState, *, at: datetime) -> None:
    """Note a new state of people's parts."""
    ApprovalTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=state, updated_at=at)


def open_tasks(approval: Approval, tasks: list[ApprovalTask], at: datetime) -> None:
    """Ask these people: they see the subject from now on, are told, and their time begins."""
    people = [task.approver_id for task in tasks]
    shared = Collaborator.objects.filter(resource=approval.resource, record_id=approval.record_id)
    present = set(shared.filter(user_id__in=people).values_list("user_id", flat=True))
    fresh = [user_id for user_id in people if user_id not in present]
    Collaborator.objects.bulk_create(
        Collaborator(resource=approval.resource, record_id=approval.record_id, user_id=user_id) for user_id in fresh
    )
    for task in tasks:
        task.state, task.opened_at, task.updated_at = StepState.OPEN, at, at
        task.gave_access = task.approver_id in fresh
        task.remind_at, task.escalate_at = _due(at, task.remind_after), _due(at, task.escalate_after)
    names = ["state", "opened_at", "updated_at", "gave_access", "remind_at", "escalate_at"]
    ApprovalTask.objects.bulk_update(tasks, names)
    who, what = approval.requested_by.get_short_name(), approval.subject_label
    text = said(gettext_lazy("%(who)s asks for your approval: %(what)s"), who=who, what=what)
    tell_approvers(approval, people, text, at)


def tell_approvers(
    approval: Approval, people: list[int], text: Words, at: datetime, *, kind: str = "approval_asked"
) -> None:
    """Tell people about an approval that waits for them."""
    ports.notification.notify(user_ids=people, text=text, resource="approvals", record_id=approval.pk, at=at, kind=kind)


def _due(at: datetime, hours: int | None) -> datetime | None:
    return None if hours is None else worktime.add_working(at, hours * 60)


# --- people who stand in for others ----------------------------------------------------------------------------


def stand_in_for(user_id: int, approval: Approval, at: datetime) -> int:
    """Who decides in place of the person on that day: themselves unless they are away and said who does.

    Somebody who is away too passes it on; nobody stands in for another in a request of their own.
    """
    day, seen = local_date(at), [user_id]
    while True:
        absences = Delegation.objects.filter(
            owner_id=seen[-1], start_on__lte=day, end_on__gte=day, archived_at=None, delegate__in=working()
        )
        found = absences.exclude(delegate_id=approval.requested_by_id).order_by("-id").first()
        if found is None:
            return seen[-1]
        if found.delegate_id in seen:
            return user_id
        seen.append(found.delegate_id)


def _with_stand_ins(approval: Approval, tasks: list[ApprovalTask], at: datetime) -> list[ApprovalTask]:
    """The parts of a step that is about to be opened, those of absent people given to who stands in for them."""
    for task in tasks:
        pass_on(approval, task, stand_in_for(task.approver_id, approval, at), at)
    return [task for task in tasks if not task.superseded]


def pass_on(approval: Approval, task: ApprovalTask, user_id: int, at: datetime) -> bool:
    """Give a person's part to another; if that one is asked in the same step already, one answer stands for both.

    False, and nothing changes, where the other has decided this step already or asked for the approval.
    """
    if user_id in {task.approver_id, approval.requested_by_id}:
        return False
    own = approval.tasks.filter(step=task.step, approver_id=user_id, superseded=False).first()
    if own is not None and own.state not in LEFT_OVER:
        return False
    end_access(approval, [task])
    if own is not None:
        task.superseded, task.state = True, StepState.SKIPPED
    else:
        task.on_behalf_of_id = task.on_behalf_of_id or task.approver_id
        task.approver_id = user_id
    task.gave_access, task.updated_at = False, at
    task.save(update_fields=["superseded", "state", "on_behalf_of", "approver", "gave_access", "updated_at"])
    return True


def end_access(approval: Approval, tasks: Iterable[ApprovalTask]) -> None:
    """Take away the sight of the subject that open steps had given, unless another open request needs it."""
    lent = {task.approver_id: task.pk for task in tasks if task.gave_access}
    if not lent:
        return
    ApprovalTask.objects.filter(pk__in=lent.values()).update(gave_access=False)
    others = ApprovalTask.objects.filter(
        state=StepState.OPEN,
        approver_id__in=lent,
        approval__resource=approval.resource,
        approval__record_id=approval.record_id,
    ).exclude(approval=approval)
    still = dict(others.values_list("approver_id", "pk"))
    ApprovalTask.objects.filter(pk__in=still.values()).update(gave_access=True)
    Collaborator.objects.filter(
        resource=approval.resource, record_id=approval.record_id, user_id__in=set(lent) - set(still)
    ).delete()

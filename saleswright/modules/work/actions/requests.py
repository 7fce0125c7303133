"""Requests for consent: who must be asked, and asking them (fills the kernel's approval port).

Found for a step nobody: the approver of last resort, else the administrators. The submitter among the approvers:
left out, alone replaced by their manager. The same person in two steps: asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, json_safe, record_audit
from saleswright.kernel.company import company
from saleswright.kernel.errors import Conflict
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import Collaborator, EmploymentState, User
from saleswright.kernel.ports import ApprovalNeed, ports
from saleswright.kernel.records import announce
from saleswright.kernel.resources import Resource, resource_named
from saleswright.kernel.transitions import Transition
from saleswright.modules.work.models import Approval, ApprovalFlow, ApprovalStep, ApprovalTask
from saleswright.modules.work.states import ApprovalState, ApproverKind, Rule, StepState

Facts = Mapping[str, Any]
#: (managers nearest first, facts) -> the one whose authority suffices, or None; the module with prices sets it
Authority = Callable[[list[User], Facts], User | None]
_authorities: list[Authority] = []


def set_discount_authority(authority: Authority) -> None:
    """Say how the first manager with enough discount authority is found."""
    _authorities[:] = [authority]


def _in_words(resource: Resource, record: Any) -> str:
    """What is to be approved, with the customer where it has one: the number alone says little on a phone."""
    customer = getattr(record, "customer", None)
    label = resource.label_of(record)
    return label if customer is None else f"{label} · {customer}"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """The people to ask in one step and how many of them must agree."""

    approvers: tuple[int, ...]
    rule: Rule


# --- who must be asked -----------------------------------------------------------------------------------------


def active_flow(resource: str, transition: str) -> ApprovalFlow | None:
    """The flow in force for a transition, or None."""
    flows = ApprovalFlow.objects.filter(resource=resource, transition=transition, active=True, archived_at=None)
    return flows.order_by("-id").first()


def plan(need: ApprovalNeed, flow: ApprovalFlow | None, submitter: User) -> list[PlannedStep]:
    """The steps that a need calls for, in order: its own approvers, then the flow's steps whose limits are reached."""
    found = [(ids, Rule.ANY) for ids in need.approvers]
    steps = flow.steps.order_by("position", "id") if flow else []
    found += [(_people_of(step, need.facts, submitter), Rule(step.rule)) for step in steps if applies(step, need.facts)]
    return [PlannedStep(_settled(ids, submitter), rule) for ids, rule in found]


def applies(step: ApprovalStep, facts: Facts) -> bool:
    """Whether the facts reach the step's limits; a limit on an unknown fact is not reached."""
    limits = (("amount", step.min_amount), ("discount", step.min_discount))
    return all(
        limit is None or (facts.get(name) is not None and Decimal(str(facts[name])) >= limit) for name, limit in limits
    )


def _people_of(step: ApprovalStep, facts: Facts, submitter: User) -> tuple[int, ...]:
    match step.approver:
        case ApproverKind.ROLE:
            return tuple(_working().filter(roles__code=step.role).order_by("id").values_list("id", flat=True))
        case ApproverKind.PERSON:
            return (step.person_id,) if step.person_id else ()
        case ApproverKind.MANAGER:
            return tuple(user.pk for user in managers_of(submitter)[step.level - 1 : step.level])
    authority = next((one for one in _authorities), None)
    found = authority(managers_of(submitter), facts) if authority else None
    return (found.pk,) if found else ()


def _working() -> Any:
    return User.objects.filter(archived_at=None).exclude(state=EmploymentState.LEFT)


def managers_of(user: User) -> list[User]:
    """The managers who still work here, nearest first; a ring in the data ends the walk."""
    chain: list[User] = []
    seen = {user.pk}
    while user.manager_id and user.manager_id not in seen:
        user = User.objects.get(pk=user.manager_id)
        seen.add(user.pk)
        if user.is_active:
            chain.append(user)
    return chain


def _settled(ids: Iterable[int], submitter: User) -> tuple[int, ...]:
    """The people who can really be asked; never nobody."""
    wanted = list(dict.fromkeys(ids))
    working = set(_working().filter(pk__in=wanted).values_list("id", flat=True))
    people = [pk for pk in wanted if pk in working]
    others = tuple(pk for pk in people if pk != submitter.pk)
    if people and not others:
        others = tuple(user.pk for user in managers_of(submitter)[:1])
    return others or _last_resort(submitter)


def _last_resort(submitter: User) -> tuple[int, ...]:
    """The company's approver of last resort, else its administrators; the submitter only if there is no other."""
    named = _working().filter(pk=company().approver_of_last_resort_id).exclude(pk=submitter.pk)
    administrators = _working().filter(roles__code="administrator").order_by("id")
    for people in (named, administrators.exclude(pk=submitter.pk), administrators):
        if found := tuple(people.values_list("id", flat=True)):
            return found
    raise Conflict(_("There is nobody who could approve this."))


# --- asking ----------------------------------------------------------------------------------------------------


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
        steps = plan(need, flow, submitter)
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
        resource = transition.resource
        approval = Approval.objects.create(
            resource=resource.name,
            record_id=record.pk,
            subject_label=_in_words(resource, record)[:200],
            transition=transition.name,
            arguments=json_safe(arguments),
            content_hash=resource.content_hash(record),
            from_state=transition.state_of(record),
            requested_by=submitter,
            requested_at=at,
            reason=str(need.reason)[:500],
            facts=json_safe(need.facts),
            flow=flow,
            flow_version=flow.version if flow else None,
            created_at=at,
            updated_at=at,
            created_by=submitter,
            updated_by=submitter,
        )
        ApprovalTask.objects.bulk_create(
            ApprovalTask(
                approval=approval, step=number, rule=step.rule, approver_id=user_id, created_at=at, updated_at=at
            )
            for number, step in enumerate(steps, 1)
            for user_id in step.approvers
        )
        people = {"approvers": [None, [list(step.approvers) for step in steps]]}
        line = AuditLine("approvals", approval.pk, approval.subject_label, "created", people)
        record_audit([line], actor=actor, at=at)
        announce(resource_named("approvals"), [(approval.pk, "created")], Occasion(actor, at))
        advance(approval, at=at)
        return True


def advance(approval: Approval, *, at: datetime) -> bool:
    """Ask the people of the next step that needs somebody; False when no step is left.

    Whoever agreed in an earlier step is not asked again.
    """
    tasks = list(approval.tasks.order_by("step", "id"))
    agreed = {task.approver_id for task in tasks if task.state == StepState.APPROVED}
    for number in sorted({task.step for task in tasks if task.state == StepState.WAITING}):
        step = [task for task in tasks if task.step == number]
        rest = [task for task in step if task.approver_id not in agreed]
        enough = len(rest) < len(step) and step[0].rule == Rule.ANY
        skipped = step if enough else [task for task in step if task not in rest]
        set_state(skipped, StepState.SKIPPED, at=at)
        if rest and not enough:
            _open(approval, rest, at)
            approval.step = number
            Approval.objects.filter(pk=approval.pk).update(step=number)
            return True
    return False


def set_state(tasks: list[ApprovalTask], state: StepState, *, at: datetime) -> None:
    """Note a new state of people's parts."""
    ApprovalTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=state, updated_at=at)


def _open(approval: Approval, tasks: list[ApprovalTask], at: datetime) -> None:
    """Ask these people: they see the subject from now on and are told."""
    people = [task.approver_id for task in tasks]
    shared = Collaborator.objects.filter(resource=approval.resource, record_id=approval.record_id)
    present = set(shared.filter(user_id__in=people).values_list("user_id", flat=True))
    fresh = [user_id for user_id in people if user_id not in present]
    Collaborator.objects.bulk_create(
        Collaborator(resource=approval.resource, record_id=approval.record_id, user_id=user_id) for user_id in fresh
    )
    rows = ApprovalTask.objects.filter(pk__in=[task.pk for task in tasks])
    rows.update(state=StepState.OPEN, opened_at=at, updated_at=at)
    rows.filter(approver_id__in=fresh).update(gave_access=True)
    text = _("%(who)s asks for your approval: %(what)s") % {
        "who": approval.requested_by.get_short_name(),
        "what": approval.subject_label,
    }
    ports.notification.notify(user_ids=people, text=text, resource="approvals", record_id=approval.pk, at=at)


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

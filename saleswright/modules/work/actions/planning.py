"""Who must be asked for consent: the steps that a request calls for and the people of each.

Without a flow, or where it says nothing else: found for a step nobody, it is the approver of last resort, else the
administrators; submitters are left out among others, and alone replaced by their manager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel.company import company
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import EmploymentState, User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.modules.work.models import ApprovalFlow, ApprovalStep
from saleswright.modules.work.states import ApproverKind, Nobody, OwnRequest, Rule
from saleswright.modules.work.terms import Subject

Facts = Mapping[str, Any]
#: (managers nearest first, facts) -> the one whose authority suffices, or None; the module with prices sets it
Authority = Callable[[list[User], Facts], User | None]
_authorities: list[Authority] = []


def set_discount_authority(authority: Authority) -> None:
    """Say how the first manager with enough discount authority is found."""
    _authorities[:] = [authority]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """The people to ask in one step and how many of them must agree; `step` says where it comes from."""

    approvers: tuple[int, ...]
    rule: Rule
    step: ApprovalStep | None = None

    @property
    def name(self) -> str:
        return self.step.name if self.step is not None else ""


def active_flow(resource: str, transition: str) -> ApprovalFlow | None:
    """The flow in force for a transition, or None."""
    flows = ApprovalFlow.objects.filter(resource=resource, transition=transition, active=True, archived_at=None)
    return flows.order_by("-id").first()


def steps_of(flow: ApprovalFlow | None) -> list[ApprovalStep]:
    """The steps of a flow in their order."""
    return list(flow.steps.order_by("position", "id")) if flow is not None else []


def plan(
    need: ApprovalNeed, flow: ApprovalFlow | None, steps: Sequence[ApprovalStep], subject: Subject
) -> list[PlannedStep]:
    """The steps that a need calls for, in order: its own approvers, then the steps whose condition holds.

    Raises Conflict when there is nobody at all who could approve.
    """
    plain = ApprovalFlow()
    found = [PlannedStep(_settled(ids, plain, subject.submitter), Rule.ANY) for ids in need.approvers]
    for step in steps:
        if flow is not None and subject.meets(step.condition):
            people = _settled(_people_of(step, subject), flow, subject.submitter)
            found.append(PlannedStep(people, Rule(step.rule), step))
    return [one for one in found if one.approvers]


def _people_of(step: ApprovalStep, subject: Subject) -> tuple[int, ...]:
    match step.approver:
        case ApproverKind.ROLE:
            return tuple(working().filter(roles__code=step.role).order_by("id").values_list("id", flat=True))
        case ApproverKind.POST:
            holders = working().filter(holdings__post_id=step.post_id, holdings__until=None)
            return tuple(holders.order_by("id").values_list("id", flat=True).distinct())
        case ApproverKind.PERSON:
            return (step.person_id,) if step.person_id else ()
        case ApproverKind.MANAGER:
            return tuple(user.pk for user in managers_of(subject.submitter)[step.level - 1 : step.level])
    authority = next((one for one in _authorities), None)
    found = authority(managers_of(subject.submitter), subject.facts) if authority else None
    return (found.pk,) if found else ()


def working() -> Any:
    """The people who work here."""
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


def _settled(ids: Iterable[int], flow: ApprovalFlow, submitter: User) -> tuple[int, ...]:
    """The people who can really be asked; nobody only where the flow lets the step be left out."""
    wanted = list(dict.fromkeys(ids))
    present = set(working().filter(pk__in=wanted).values_list("id", flat=True))
    people = [pk for pk in wanted if pk in present]
    if flow.own_request == OwnRequest.ALLOW and people:
        return tuple(people)
    others = tuple(pk for pk in people if pk != submitter.pk)
    if people and not others:
        if flow.own_request == OwnRequest.SKIP:
            return ()
        others = tuple(user.pk for user in managers_of(submitter)[:1])
    return others or _in_place_of_nobody(flow, submitter)


def _in_place_of_nobody(flow: ApprovalFlow, submitter: User) -> tuple[int, ...]:
    if flow.nobody == Nobody.PASS:
        return ()
    if flow.nobody == Nobody.PERSON:
        named = working().filter(pk=flow.nobody_person_id).exclude(pk=submitter.pk)
        if found := tuple(named.values_list("id", flat=True)):
            return found
    return last_resort(submitter)


def last_resort(submitter: User) -> tuple[int, ...]:
    """The company's approver of last resort, else its administrators; the submitter only if there is no other.

    Raises Conflict when there is nobody.
    """
    named = working().filter(pk=company().approver_of_last_resort_id).exclude(pk=submitter.pk)
    administrators = working().filter(roles__code="administrator").order_by("id")
    for people in (named, administrators.exclude(pk=submitter.pk), administrators):
        if found := tuple(people.values_list("id", flat=True)):
            return found
    raise Conflict(_("There is nobody who could approve this."))

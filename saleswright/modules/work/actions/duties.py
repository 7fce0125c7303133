"""What a person has to do about records of others: approval steps that wait for them, and records they follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.models import User
from saleswright.kernel.resources import Resource, resource_named
from saleswright.modules.work.actions.comments import follow
from saleswright.modules.work.actions.requests import LEFT_OVER, open_tasks, pass_on
from saleswright.modules.work.models import Approval, ApprovalTask, Follower
from saleswright.modules.work.states import ApprovalState, StepState

Heirs = dict[Resource, dict[int, User]]


@dataclass(slots=True)
class Duty:
    """A part in an approval, or a record that is followed, and who gets it; nobody where no rule tells."""

    subject: tuple[str, int]
    label: str
    url: str
    step: ApprovalTask | None = None
    follower: Follower | None = None
    heir: User | None = None


def steps_of(user: User) -> QuerySet[ApprovalTask]:
    """The parts of pending approvals that wait, or will wait, for a person."""
    rows = ApprovalTask.objects.filter(approver=user, state__in=LEFT_OVER, superseded=False)
    return rows.filter(approval__state=ApprovalState.PENDING, approval__archived_at=None).order_by("id")


def followed_by(user: User) -> QuerySet[Follower]:
    """What a person follows."""
    return Follower.objects.filter(user=user).order_by("id")


def duties_of(giver: User, heirs: Heirs, rest: User | None) -> list[Duty]:
    """The duties of a person, each for who gets the record that it is about, or the customer of that, else for `rest`.

    Where all records go to one person, that one also gets the duties about records of others.
    """
    people = {heir for given in heirs.values() for heir in given.values()}
    other = rest or (next(iter(people)) if len(people) == 1 else None)
    found = [*_steps(giver), *_followed(giver)]
    customers = _customers_of({duty.subject for duty in found})
    for duty in found:
        name, pk = duty.subject
        own = heirs.get(resource_named(name), {}).get(pk)
        theirs = heirs.get(resource_named("customers"), {}).get(customers.get(duty.subject, 0))
        duty.heir = own or theirs or other
    return found


def _steps(giver: User) -> Iterator[Duty]:
    for step in steps_of(giver).select_related("approval"):
        approval = step.approval
        yield Duty(
            (approval.resource, approval.record_id), approval.subject_label, f"/approvals/{approval.pk}", step=step
        )


def _followed(giver: User) -> Iterator[Duty]:
    rows = list(followed_by(giver))
    by_kind: dict[str, set[int]] = {}
    for one in rows:
        by_kind.setdefault(one.resource, set()).add(one.record_id)
    labels: dict[tuple[str, int], str] = {}
    for name, ids in by_kind.items():
        resource = resource_named(name)
        labels |= {(name, record.pk): resource.label_of(record) for record in resource.model.objects.filter(pk__in=ids)}
    for one in rows:
        subject = (one.resource, one.record_id)
        if subject in labels:
            yield Duty(subject, labels[subject], f"/{one.resource}/{one.record_id}", follower=one)


def _customers_of(subjects: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The customers of those subjects that have one; one query a kind."""
    found: dict[tuple[str, int], int] = {}
    by_kind: dict[str, list[int]] = {}
    for name, pk in subjects:
        by_kind.setdefault(name, []).append(pk)
    for name, ids in by_kind.items():
        model: Any = resource_named(name).model
        if any(one.name == "customer" for one in model._meta.concrete_fields):
            rows = model._default_manager.filter(pk__in=ids).values_list("pk", "customer_id")
            found |= {(name, pk): customer_id for pk, customer_id in rows if customer_id}
    return found


def pass_duties(duties: list[Duty], *, at: datetime) -> list[Duty]:
    """Give the duties to their heirs; answers those that stay, since nobody or nobody fit would get them.

    Nobody decides their own request, nor twice in a step, nor follows what they do not see.
    """
    return [duty for duty in duties if duty.heir is None or not _passed(duty, duty.heir, at)]


def _passed(duty: Duty, heir: User, at: datetime) -> bool:
    if duty.step is not None:
        return _pass_step(duty.step, heir, at)
    assert duty.follower is not None
    name, pk = duty.subject
    model: Any = resource_named(name).model
    if not visible(model._default_manager.filter(pk=pk), actor_for(heir, origin="hand-over")).exists():
        return False
    Follower.objects.filter(pk=duty.follower.pk).delete()
    follow(name, pk, heir.pk)
    return True


def _pass_step(step: ApprovalTask, heir: User, at: datetime) -> bool:
    """Ask the heir in place of the giver, if the step still waits."""
    approval = Approval.objects.select_for_update(of=("self",)).get(pk=step.approval_id)
    task = ApprovalTask.objects.filter(pk=step.pk, state__in=LEFT_OVER, superseded=False).first()
    if task is None or approval.state != ApprovalState.PENDING or not pass_on(approval, task, heir.pk, at):
        return False
    if not task.superseded and task.state == StepState.OPEN:
        ApprovalTask.objects.filter(pk=task.pk).update(reminded_at=None)
        open_tasks(approval, [task], at)
    return True

"""Reminders, escalation after a time limit, and approvals of people who are away."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models import User
from saleswright.kernel.transactions import atomic
from saleswright.kernel.words import said
from saleswright.modules.work.actions.planning import last_resort, managers_of
from saleswright.modules.work.actions.requests import open_tasks, pass_on, stand_in_for, tell_approvers
from saleswright.modules.work.models import Approval, ApprovalTask
from saleswright.modules.work.states import ApprovalState, StepState


def remind_of(approval: Approval, tasks: list[ApprovalTask], *, at: datetime) -> None:
    """Tell those who have not decided yet once more."""
    ApprovalTask.objects.filter(pk__in=[task.pk for task in tasks]).update(reminded_at=at, remind_at=None)
    who, what = approval.requested_by.get_short_name(), approval.subject_label
    text = said(_("%(who)s waits for your decision: %(what)s"), who=who, what=what)
    tell_approvers(approval, [task.approver_id for task in tasks], text, at, kind="approval_reminder")


def chase(at: datetime) -> dict[str, int]:
    """Remind of and escalate what is due, and give what waits for absent people to who stands in for them."""
    return {
        "reminded": _each(_open().filter(remind_at__lte=at), _remind, at),
        "escalated": _each(_open().filter(escalate_at__lte=at), _escalate, at),
        "stood_in": stand_in(at),
    }


def stand_in(at: datetime) -> int:
    """Give what waits for people who are away to those who decide in their place; returns how many parts."""
    return _each(_open(), _stand_in, at)


def _open() -> QuerySet[ApprovalTask]:
    return ApprovalTask.objects.filter(
        state=StepState.OPEN, superseded=False, approval__state=ApprovalState.PENDING, approval__archived_at=None
    )


def _each(rows: QuerySet[ApprovalTask], act: object, at: datetime) -> int:
    """Do it to each part, its approval locked; one that was decided meanwhile is left alone."""
    count = 0
    for pk, approval_id in rows.order_by("id").values_list("pk", "approval_id"):
        with atomic():
            approval = Approval.objects.select_for_update(of=("self",)).get(pk=approval_id)
            task = rows.filter(pk=pk).first()
            count += task is not None and act(approval, task, at)  # type: ignore[operator]
    return count


def _remind(approval: Approval, task: ApprovalTask, at: datetime) -> bool:
    remind_of(approval, [task], at=at)
    return True


def _stand_in(approval: Approval, task: ApprovalTask, at: datetime) -> bool:
    return _hand(approval, task, stand_in_for(task.approver_id, approval, at), at)


def _escalate(approval: Approval, task: ApprovalTask, at: datetime) -> bool:
    """Give the part to the person whom the flow names, else to the manager of who is late; once."""
    ApprovalTask.objects.filter(pk=task.pk).update(escalate_at=None)
    late = User.objects.get(pk=task.approver_id)
    above = [task.escalate_to_id] if task.escalate_to_id else [user.pk for user in managers_of(late)]
    others = [pk for pk in above if pk not in {late.pk, approval.requested_by_id}]
    task.escalate_after = None
    chosen = others[0] if others else last_resort(approval.requested_by)[0]
    if not _hand(approval, task, stand_in_for(chosen, approval, at), at):
        return False
    text = said(_("Passed on, since the time limit is over: %(what)s"), what=approval.subject_label)
    tell_approvers(approval, [late.pk], text, at, kind="approval_reminder")
    return True


def _hand(approval: Approval, task: ApprovalTask, user_id: int, at: datetime) -> bool:
    if not pass_on(approval, task, user_id, at):
        return False
    if not task.superseded:
        ApprovalTask.objects.filter(pk=task.pk).update(escalate_after=task.escalate_after, reminded_at=None)
        open_tasks(approval, [task], at)
    return True

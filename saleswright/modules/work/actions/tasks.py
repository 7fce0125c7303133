"""What happens to tasks."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.custom_making import taking_over
from saleswright.kernel.models import EmploymentState
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import transition
from saleswright.kernel.words import said
from saleswright.modules.work.actions.notifications import Notice, tell
from saleswright.modules.work.actions.targets import check_targets
from saleswright.modules.work.models import Task
from saleswright.modules.work.states import Recurrence, TaskState

CARRIED_ON = ("title", "description", "priority", "recurrence", "resource", "record_id")


def prepare_tasks(batch: Batch) -> None:
    """What repeats needs a due time; a new time brings a new reminder; a task for someone else is told to them."""
    check_targets(batch)
    for draft in batch.good:
        task = draft.record
        if task.recurrence != Recurrence.NONE and task.due_at is None:
            draft.error("due_at", "required", _("A task that repeats needs a due time."))
        if draft.changed("due_at") or draft.changed("remind_at"):
            task.reminded_at = None
        if draft.changed("due_at"):
            task.series_start = task.due_at


def tell_new_owners(batch: Batch) -> None:
    """Who gets a task from another person is told."""
    given = [draft.record for draft in batch.drafts if draft.changed("owner")]
    tell(
        [
            Notice(
                task.owner_id,
                said(gettext_lazy("A task for you: %(title)s"), title=task.title),
                "tasks",
                task.pk,
                "assignment",
            )
            for task in given
            if task.owner_id and batch.actor.user_id not in {None, task.owner_id} and not batch.history
        ],
        at=batch.at,
    )


@transition(
    "tasks", "complete", label=gettext_lazy("Complete"), source=[TaskState.OPEN], target=TaskState.DONE,
    style="success", icon="check",
)  # fmt: skip
def complete_task(task: Task, *, actor: Actor, at: datetime) -> None:
    """It is done; a task that repeats makes its next one."""
    task.done_at = at
    if task.recurrence != Recurrence.NONE and task.due_at is not None:
        _make_next(task, at)


@transition(
    "tasks", "reopen", label=gettext_lazy("Reopen"), source=[TaskState.DONE, TaskState.CANCELLED],
    target=TaskState.OPEN, icon="refresh",
)  # fmt: skip
def reopen_task(task: Task, *, actor: Actor, at: datetime) -> None:
    """There is still something to do. The next one of a task that repeats stays, so this one repeats no more."""
    if task.state == TaskState.DONE:
        task.recurrence = Recurrence.NONE
    task.done_at = None


@transition("tasks", "cancel", label=gettext_lazy("Cancel"), source=[TaskState.OPEN], target=TaskState.CANCELLED)
def cancel_task(task: Task, *, actor: Actor, at: datetime) -> None:
    """It need not be done any more, nor repeated."""


def _make_next(task: Task, at: datetime) -> None:
    assert task.due_at is not None
    due = next_due(task.series_start or task.due_at, Recurrence(task.recurrence), after=max(task.due_at, at))
    values = {name: getattr(task, name) for name in CARRIED_ON}
    values |= {"due_at": due, "owner": task.owner_id}
    if task.remind_at is not None:
        values["remind_at"] = due - (task.due_at - task.remind_at)
    with taking_over(task):
        following = save_record(Task, values, actor=system("recurrence"), at=at)
    Task.objects.filter(pk=following.pk).update(series_start=task.series_start or task.due_at)


def next_due(start: datetime, recurrence: Recurrence, *, after: datetime) -> datetime:
    """The first time of the series that begins at `start` which lies after `after`, at the same local time of day.

    A month that lacks the day gives its last one; the month after has the day again.
    """
    local = clock.local_time(start)
    count = 1
    while True:
        if recurrence == Recurrence.MONTHLY:
            first = clock.month_start(local.year, local.month + count)
            day = min(local.day, calendar.monthrange(first.year, first.month)[1])
            moment = local.replace(year=first.year, month=first.month, day=day)
        else:
            moment = local + timedelta(days=count * (7 if recurrence == Recurrence.WEEKLY else 1))
        if moment > after:
            return moment
        count += 1


def remind(at: datetime) -> int:
    """Remind the owners of open tasks whose time has come, each once; returns how many were reminded."""
    waiting = Task.objects.filter(state=TaskState.OPEN, reminded_at=None, archived_at=None).exclude(owner=None)
    due = waiting.annotate(moment=Coalesce("remind_at", "due_at")).filter(moment__lte=at)
    here = due.filter(~Q(owner__state=EmploymentState.LEFT)).select_for_update(of=("self",), skip_locked=True)
    tasks = list(here.order_by("id")[:1000])
    text = gettext_lazy("Reminder: %(title)s")
    tell(
        [
            Notice(task.owner_id, said(text, title=task.title), "tasks", task.pk, "task_reminder")
            for task in tasks
            if task.owner_id
        ],
        at=at,
    )
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(reminded_at=at)
    return len(tasks)

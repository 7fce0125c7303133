"""Approvals, flows, tasks, remarks, files and notices as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Attached, Calendar, Entity, Exchange, Related, Section, register
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.work import queries
from saleswright.modules.work.actions import (
    chasing,
    comments,
    decisions,
    flows,
    hand_over,
    notifications,
    targets,
    tasks,
)
from saleswright.modules.work.models import (
    Approval,
    ApprovalFlow,
    ApprovalStep,
    ApprovalTask,
    Attachment,
    Comment,
    Delegation,
    Notification,
    Task,
)
from saleswright.modules.work.states import TaskState

Scopes = frozenset[Scope]


def subject(load: Any) -> Attached:
    """What something is about."""
    return Attached("subject", _("About"), load, queries.SUBJECT, default=lambda: None)


@register
class ApprovalFlowEntity(Entity):
    """Who must agree to which action, step by step."""

    name, model = "approval-flows", ApprovalFlow
    icon = "route"
    search = ("name",)
    columns = ("name", "resource", "transition", "active", "updated_at")
    filters = ("resource",)
    form = (
        Section(_("Approval flow"), ("name", "resource", "transition", "active")),
        Section(_("Who decides in doubt"), ("nobody", "nobody_person", "same_person", "own_request")),
    )
    lines = (
        Lines(
            "steps", ApprovalStep, "flow", _("Steps"),
            fields=flows.STEP_FIELDS,
        ),
    )  # fmt: skip

    def prepare(self, batch: Any) -> None:
        flows.prepare_flows(batch)

    def saved(self, batch: Any) -> None:
        flows.note_versions([draft.record for draft in batch.good], actor=batch.actor, at=batch.at)


@register
class DelegationEntity(Entity):
    """Absences: who decides approvals in whose place."""

    name, model = "delegations", Delegation
    icon = "user-share"
    personal = True
    columns = ("owner", "delegate", "start_on", "end_on", "reason")
    sortable = ("start_on", "end_on")
    filters = ("delegate", "start_on", "end_on")
    form = (Section(_("Absence"), ("owner", "delegate", "start_on", "end_on", "reason")),)

    def label_of(self, record: Any) -> str:
        dates = {"from": record.start_on.isoformat(), "to": record.end_on.isoformat()}
        return gettext("Absent from %(from)s to %(to)s") % dates

    def prepare(self, batch: Any) -> None:
        flows.prepare_delegations(batch)

    def saved(self, batch: Any) -> None:
        chasing.stand_in(batch.at)


@register
class ApprovalEntity(Entity):
    """Requests for consent: what one asked for and what one is asked to decide."""

    name, model = "approvals", Approval
    icon = "rubber-stamp"
    state_field = "state"
    columns = ("subject_label", "resource", "transition", "requested_by", "requested_at", "state")
    sortable = ("requested_at", "state")
    filters = ("state", "requested_by", "requested_at", "resource", "record_id")
    detail = (
        Section(_("Request"), ("subject_label", "transition", "reason", "requested_by", "requested_at")),
        Section(_("Decision"), ("state", "step", "decided_at", "outcome")),
    )
    private = ("arguments", "content_hash", "from_state", "flow", "flow_version", "asks_again")
    attached = (subject(queries.approval_subjects),)
    transitions = (
        decisions.approve_request,
        decisions.reject_request,
        decisions.return_request,
        decisions.add_approver,
        decisions.withdraw_request,
        decisions.remind_request,
    )
    related = (Related("approval-tasks", "approval", create=False),)
    creatable = editable = deletable = False

    def scope(self, queryset: Any, actor: Actor, scopes: Scopes) -> Any:
        return queries.approvals_of(queryset, actor, scopes)


@register
class ApprovalTaskEntity(Entity):
    """The steps of approvals: who is asked (`?approver_id=…&state=open`) and who decided what."""

    name, model, via = "approval-tasks", ApprovalTask, "approval"
    icon = "user-check"
    columns = (
        "approval", "step", "step_name", "approver", "on_behalf_of", "state", "opened_at", "decided_at", "comment",
    )  # fmt: skip
    filters = ("approval", "approver", "state")
    private = ("gave_access", "remind_after", "escalate_after", "escalate_to")
    creatable = editable = deletable = False


@register
class TaskEntity(Entity):
    """What people have to do."""

    name, model = "tasks", Task
    icon = "checklist"
    search = ("title",)
    state_field = "state"
    columns = ("title", "due_at", "priority", "state", "owner", "recurrence")
    sortable = ("title", "due_at", "created_at")
    filters = ("state", "due_at", "priority", "resource", "record_id", "created_at")
    form = (
        Section(_("Task"), ("title", "description", "priority", "owner")),
        Section(_("Time"), ("due_at", "remind_at", "recurrence")),
    )
    api_write = ("resource", "record_id")
    private = ("reminded_at", "series_start")
    attached = (subject(queries.subjects_of(Task)),)
    transitions = (tasks.complete_task, tasks.reopen_task, tasks.cancel_task)
    calendar = Calendar(by="due_at", title="title")
    exchange = Exchange(
        key="id", fields=("title", "description", "due_at", "priority", "recurrence", "owner__username")
    )
    history_fields = ("done_at",)

    def edit_refusal(self, record: Any) -> Text | None:
        return None if record.state == TaskState.OPEN else gettext("The task is closed. Reopen it first.")

    def prepare(self, batch: Any) -> None:
        tasks.prepare_tasks(batch)

    def saved(self, batch: Any) -> None:
        tasks.tell_new_owners(batch)


class About(Entity):
    """What remarks and files have in common: they are seen by whoever sees the record."""

    filters = ("resource", "record_id")
    deletable = False

    def scope(self, queryset: Any, actor: Actor, scopes: Scopes) -> Any:
        return queries.on_visible_records(queryset, actor)


@register
class CommentEntity(About):
    """Remarks about records."""

    name, model = "comments", Comment
    icon = "message-circle"
    columns = ("text", "created_by", "created_at", "resource")
    form = (Section(_("Comment"), ("resource", "record_id", "text")),)
    attached = (subject(queries.subjects_of(Comment)),)

    def prepare(self, batch: Any) -> None:
        comments.prepare_comments(batch)

    def saved(self, batch: Any) -> None:
        comments.spread_comments(batch)


@register
class AttachmentEntity(About):
    """Files of records; programs upload them as multipart."""

    name, model = "attachments", Attachment
    icon = "paperclip"
    columns = ("name", "content_type", "size", "created_by", "created_at")
    attached = (
        subject(queries.subjects_of(Attachment)),
        Attached("url", _("Address"), queries.file_urls, {"type": "string"}),
    )
    creatable = editable = False

    def prepare(self, batch: Any) -> None:
        targets.check_targets(batch)


@register
class NotificationEntity(Entity):
    """What a person should know: theirs alone, whatever the rights of others."""

    name, model = "notifications", Notification
    icon = "bell"
    columns = ("text", "created_at", "read_at")
    filters = ("read_at", "resource", "record_id")
    attached = (subject(queries.subjects_of(Notification)),)
    transitions = (notifications.read_notification,)
    creatable = editable = deletable = False

    def scope(self, queryset: Any, actor: Actor, scopes: Scopes) -> Any:
        return queryset.filter(user_id=actor.user_id)


contribute("employees", transitions=(hand_over.hand_over,))

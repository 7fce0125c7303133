"""Approvals, flows, tasks, remarks, files and notices as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import (
    Attached,
    Calendar,
    Entity,
    Exchange,
    Related,
    Section,
    all_entities,
    register,
)
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.work import queries
from saleswright.modules.work.actions import (
    attachments,
    bots,
    chasing,
    comments,
    decisions,
    flows,
    hand_over,
    notifications,
    sending_again,
    tasks,
)
from saleswright.modules.work.channels import all_channels
from saleswright.modules.work.kinds import all_kinds
from saleswright.modules.work.models import (
    Approval,
    ApprovalFlow,
    ApprovalStep,
    ApprovalTask,
    Attachment,
    Comment,
    Delegation,
    FileRule,
    GroupBot,
    NoticeDelivery,
    Notification,
    Task,
)
from saleswright.modules.work.states import TaskState

Scopes = frozenset[Scope]


def kind_names() -> dict[str, Text]:
    """What the kinds of notices are called."""
    return {kind.name: kind.label for kind in all_kinds()}


def channel_names() -> dict[str, Text]:
    """What the channels are called."""
    return {channel.name: channel.label for channel in all_channels()}


def resource_names() -> dict[str, Text]:
    """What the kinds of records are called."""
    return {entity.name: entity.label_plural for entity in all_entities()}


def action_names() -> dict[str, Text]:
    """What the actions of all kinds of records are called; what several share is named once."""
    found: dict[str, Text] = {}
    for entity in all_entities():
        for transition in entity.transitions:
            found.setdefault(transition.name, transition.label)
    return found


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
    shown = (Shown("resource", names=resource_names), Shown("transition", names=action_names))
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
    shown = (Shown("resource", names=resource_names), Shown("transition", names=action_names))
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
    private = ("gave_access", "superseded", "remind_after", "escalate_after", "escalate_to")
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
    columns = ("name", "revision", "content_type", "size", "created_by", "created_at")
    deletable = True
    attached = (
        subject(queries.subjects_of(Attachment)),
        Attached("url", _("Address"), queries.file_urls, {"type": "string"}),
    )
    creatable = editable = False

    def prepare(self, batch: Any) -> None:
        attachments.prepare_attachments(batch)

    def before_delete(self, record: Any, actor: Actor) -> None:
        attachments.before_deletion(record, actor)


@register
class FileRuleEntity(Entity):
    """Which files may be attached, and how large: one rule for each group of kinds, changed but never made."""

    name, model = "file-rules", FileRule
    icon = "paperclip"
    columns = ("group", "taken", "megabytes", "updated_at")
    filters = ("group",)
    ordering = "id"
    form = (Section(_("Rule"), ("taken", "megabytes")),)
    detail = (Section(_("Rule"), ("group", "taken", "megabytes")),)
    creatable = deletable = archivable = False

    def prepare(self, batch: Any) -> None:
        attachments.check_rules(batch)

    def put_away(self, record: Any, actor: Actor) -> None:
        attachments.refuse_putting_away()


@register
class NotificationEntity(Entity):
    """What a person should know: theirs alone, whatever the rights of others."""

    name, model = "notifications", Notification
    icon = "bell"
    columns = ("text", "kind", "created_at", "read_at")
    filters = ("read_at", "resource", "record_id")
    private = ("source", "arguments", "path")
    shown = (Shown("kind", names=kind_names),)
    attached = (subject(queries.subjects_of(Notification)),)
    transitions = (notifications.read_notification,)
    creatable = editable = deletable = False

    def scope(self, queryset: Any, actor: Actor, scopes: Scopes) -> Any:
        return queryset.filter(user_id=actor.user_id)


@register
class GroupBotEntity(Entity):
    """Bots of chat groups that are told of some kinds of notices."""

    name, model = "notice-bots", GroupBot
    icon = "message-chatbot"
    search = ("name",)
    columns = ("name", "service", "hint", "department", "active", "updated_at")
    sortable = ("name", "created_at")
    filters = ("department",)
    form = (
        Section(_("Group bot"), ("name", "service", "url", "secret", "active")),
        Section(_("What it is told"), ("kinds", "department")),
    )
    detail = (Section(_("Group bot"), ("name", "service", "hint", "department", "active")),)
    private = ("url", "secret", "kinds", "next_at")
    extra = (bots.URL, bots.SECRET, bots.KINDS)
    attached = (
        Attached("kinds", _("Kinds of notices"), bots.kinds_of, {"type": "array", "items": {"type": "string"}},
                 names=kind_names),
    )  # fmt: skip
    transitions = (bots.test_bot,)
    related = (Related("notice-deliveries", "bot", create=False),)
    empty_text = _("No group bots yet. With one, a group in WeCom, DingTalk or Feishu is told what happens here.")

    def prepare(self, batch: Any) -> None:
        bots.prepare_bots(batch)


@register
class NoticeDeliveryEntity(Entity):
    """The log of what went out: by which channel, to whom, and what became of it; the words are the receiver's."""

    name, model = "notice-deliveries", NoticeDelivery
    icon = "send"
    not_personal = ("address",)
    state_field = "state"
    columns = ("kind", "channel", "user", "bot", "state", "attempts", "created_at", "sent_at", "problem")
    sortable = ("created_at", "state")
    filters = ("state", "channel", "kind", "user", "bot", "created_at")
    detail = (
        Section(_("Notice"), ("kind", "channel", "user", "bot", "address")),
        Section(_("Sending"), ("state", "pace", "attempts", "due_at", "sent_at", "problem")),
    )
    private = ("text", "source", "arguments", "path", "notification", "people", "batch", "claimed_until",
               "resource", "record_id", "problem_source", "problem_arguments")  # fmt: skip
    shown = (
        Shown("kind", names=kind_names), Shown("channel", names=channel_names),
        Shown("problem", said=("problem_source", "problem_arguments")),
    )  # fmt: skip
    transitions = (sending_again.send_again,)
    creatable = editable = deletable = archivable = False

    def put_away(self, record: Any, actor: Actor) -> None:
        bots.refuse_putting_away()


add_setting(
    "process",
    Setting(
        "notice-defaults", _("By which channel people are told of what, until they choose themselves"),
        _("How people are told"), "bell-cog", "/settings/notice-defaults", "admin.manage",
    ),
    Setting("notice-bots", _("Groups in WeCom, DingTalk and Feishu that are told what happens")),
)  # fmt: skip
add_setting(
    "technical",
    Setting(
        "notice-sending", _("What went out by e-mail and messages, what failed and why, sending again"),
        _("Sent notices"), "send", "/settings/notices", "admin.manage",
    ),
)  # fmt: skip


contribute("employees", transitions=(hand_over.hand_over,))

"""Approval flows and approvals, tasks, and what people attach to records of any kind."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField, PercentField
from saleswright.kernel.models import OwnedRecord, Record, User, person
from saleswright.modules.work.states import (
    ApprovalState,
    ApproverKind,
    Priority,
    Recurrence,
    Rule,
    StepState,
    TaskState,
)


class ApprovalFlow(Record):
    """Who must agree to a transition; of several active flows for one transition the youngest counts.

    A running approval ends under the steps it began with: `Approval.flow_version` notes the flow's `version`.
    """

    name = models.CharField(_("Name"), max_length=100)
    resource = models.CharField(_("Kind of record"), max_length=50, help_text=_("Such as contracts."))
    transition = models.CharField(_("Action"), max_length=50, help_text=_("Such as submit."))
    active = models.BooleanField(_("In use"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Approval flow"), _("Approval flows")
        indexes = (models.Index(fields=("resource", "transition"), name="work_flow_of"),)


class ApprovalStep(models.Model):
    """A step of a flow; it is asked when the facts reach every limit that is given."""

    flow = models.ForeignKey(ApprovalFlow, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0, editable=False)
    min_amount = MoneyField(_("From amount"), null=True, blank=True, minimum=0)
    min_discount = PercentField(_("From discount %"), null=True, blank=True)
    approver = models.CharField(_("Approver"), max_length=20, choices=ApproverKind.choices)
    level = models.PositiveSmallIntegerField(_("Levels up"), default=1)
    role = models.CharField(_("Role"), max_length=40, blank=True)
    person = person(_("Person"), null=True, blank=True)
    rule = models.CharField(_("How many agree"), max_length=3, choices=Rule.choices, default=Rule.ANY)


class Approval(Record):
    """A transition that waits for consent: what was asked, by whom, with which arguments and content."""

    title_field = "subject_label"
    resource = models.CharField(_("Kind of record"), max_length=50)
    record_id = models.BigIntegerField(_("Record"), db_index=True)
    subject_label = models.CharField(_("Subject of the approval"), max_length=200, blank=True)
    transition = models.CharField(_("Action"), max_length=50)
    arguments = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64)
    from_state = models.CharField(max_length=50, blank=True)
    state = models.CharField(
        _("State"), max_length=10, choices=ApprovalState.choices, default=ApprovalState.PENDING, editable=False
    )
    step = models.PositiveSmallIntegerField(_("Step"), default=1)
    requested_by = person(_("Requested by"))
    requested_at = models.DateTimeField(_("Requested"))
    decided_at = models.DateTimeField(_("Decided"), null=True)
    reason = models.CharField(_("Reason"), max_length=500, blank=True)
    facts = models.JSONField(_("Facts"), default=dict)
    outcome = models.CharField(_("Outcome"), max_length=500, blank=True)
    flow = models.ForeignKey(ApprovalFlow, models.PROTECT, null=True, related_name="approvals")
    flow_version = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Approval"), _("Approvals")
        indexes = (
            *sort_indexes("approval", "state", "requested_at"),
            models.Index(fields=("resource", "record_id"), name="approval_subject"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("resource", "record_id", "transition"),
                condition=Q(state="pending"),
                name="work_one_pending_request",
            ),
        )


class ApprovalTask(Record):
    """One person's part in one step of an approval. `gave_access`: the person sees the subject through it."""

    title_field = "state"
    approval = models.ForeignKey(Approval, models.CASCADE, verbose_name=_("Approval"), related_name="tasks")
    step = models.PositiveSmallIntegerField(_("Step"))
    rule = models.CharField(_("How many agree"), max_length=3, choices=Rule.choices)
    approver = person(_("Approver"))
    state = models.CharField(_("State"), max_length=10, choices=StepState.choices, default=StepState.WAITING)
    opened_at = models.DateTimeField(_("Asked"), null=True)
    decided_at = models.DateTimeField(_("Decided"), null=True)
    comment = models.TextField(_("Comment"), blank=True)
    gave_access = models.BooleanField(default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Approval step"), _("Approval steps")
        indexes = (
            *sort_indexes("approval_task", "state"),
            models.Index(fields=("approver", "state"), name="approval_task_of"),
        )
        constraints = (models.UniqueConstraint(fields=("approval", "step", "approver"), name="work_asked_once_a_step"),)


class Task(OwnedRecord):
    """Something a person has to do by a time, perhaps about a record."""

    title_field = "title"
    title = models.CharField(_("Title"), max_length=200)
    description = models.TextField(_("Description"), blank=True)
    due_at = models.DateTimeField(_("Due"), null=True, blank=True)
    remind_at = models.DateTimeField(
        _("Remind"), null=True, blank=True, help_text=_("Left empty, the reminder comes when the task is due.")
    )
    reminded_at = models.DateTimeField(null=True, editable=False)
    series_start = models.DateTimeField(null=True, editable=False)
    done_at = models.DateTimeField(_("Done"), null=True, blank=True, editable=False)
    priority = models.CharField(_("Priority"), max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    recurrence = models.CharField(_("Repeats"), max_length=7, choices=Recurrence.choices, default=Recurrence.NONE)
    state = models.CharField(
        _("State"), max_length=9, choices=TaskState.choices, default=TaskState.OPEN, editable=False
    )
    resource = models.CharField(_("Kind of record"), max_length=50, blank=True)
    record_id = models.BigIntegerField(_("Record"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Task"), _("Tasks")
        indexes = (
            *sort_indexes("task", "title", "due_at", "priority", "state", "created_at", "record_id"),
            models.Index(fields=("resource", "record_id"), name="task_subject"),
        )


class Referring(Record):
    """Something that belongs to a record of any kind and is visible exactly when that record is."""

    resource = models.CharField(_("Kind of record"), max_length=50)
    record_id = models.BigIntegerField(_("Record"), db_index=True)

    class Meta:
        abstract = True


class Comment(Referring):
    """A remark about a record; `@username` tells a colleague."""

    title_field = "text"
    text = models.TextField(_("Comment"), validators=[MaxLengthValidator(4000)])

    class Meta:
        verbose_name, verbose_name_plural = _("Comment"), _("Comments")
        indexes = (models.Index(fields=("resource", "record_id", "id"), name="comment_subject"),)


class Attachment(Referring):
    """A file of a record; its content lies in the media folder under its SHA-256, once however often attached."""

    name = models.CharField(_("File name"), max_length=200)
    content_type = models.CharField(_("Type"), max_length=100)
    size = models.PositiveBigIntegerField(_("Size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Attachment"), _("Attachments")
        indexes = (models.Index(fields=("resource", "record_id", "id"), name="attachment_subject"),)


class Notification(Referring):
    """Something a person should know; theirs alone."""

    title_field = "text"
    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("Person"), related_name="+")
    text = models.CharField(_("Text"), max_length=500)
    read_at = models.DateTimeField(_("Read"), null=True, blank=True, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Notification"), _("Notifications")
        indexes = (
            models.Index(fields=("resource", "record_id"), name="notification_subject"),
            models.Index(fields=("user",), condition=Q(read_at=None), name="notification_unread"),
        )


class Follower(models.Model):
    """A person who is told when something is said about a record."""

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    user = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("resource", "record_id", "user"), name="work_follower_once"),)

"""Approval flows and approvals, tasks, and what people attach to records of any kind."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.models import OwnedRecord, Record, User, person
from saleswright.modules.work.files.kinds import FileGroup
from saleswright.modules.work.states import (
    ApprovalState,
    ApproverKind,
    BotService,
    Nobody,
    NoticeState,
    OwnRequest,
    Pace,
    Priority,
    Recurrence,
    Rule,
    SamePerson,
    StepState,
    TaskState,
)


class ApprovalFlow(Record):
    """Who must agree to a transition; there is one active flow for each.

    A running approval ends under the steps it began with: they are planned when it begins, and
    `Approval.flow_version` notes the `ApprovalFlowVersion` that they come from.
    """

    name = models.CharField(_("Name"), max_length=100)
    resource = models.CharField(_("Kind of record"), max_length=50, help_text=_("Such as contracts."))
    transition = models.CharField(_("Action"), max_length=50, help_text=_("Such as submit."))
    active = models.BooleanField(_("In use"), default=True)
    nobody = models.CharField(
        _("Nobody is found for a step"), max_length=13, choices=Nobody.choices, default=Nobody.ADMINISTRATOR
    )
    nobody_person = person(_("Who decides then"), null=True, blank=True)
    same_person = models.CharField(
        _("The same person in several steps"), max_length=4, choices=SamePerson.choices, default=SamePerson.ONCE
    )
    own_request = models.CharField(
        _("The submitter is an approver"), max_length=7, choices=OwnRequest.choices, default=OwnRequest.MANAGER
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Approval flow"), _("Approval flows")
        indexes = (models.Index(fields=("resource", "transition"), name="work_flow_of"),)


class ApprovalStep(models.Model):
    """A step of a flow; it is asked when its condition holds for what is to be approved, or always without one."""

    flow = models.ForeignKey(ApprovalFlow, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0, editable=False)
    name = models.CharField(_("Name of the step"), max_length=60, blank=True)
    condition = models.JSONField(_("Condition"), default=dict, blank=True)
    approver = models.CharField(_("Approver"), max_length=20, choices=ApproverKind.choices)
    level = models.PositiveSmallIntegerField(_("Levels up"), default=1)
    role = models.CharField(_("Role"), max_length=40, blank=True)
    post = models.ForeignKey(
        "org.Post", models.PROTECT, verbose_name=_("Post"), null=True, blank=True, related_name="+"
    )
    escalate_to = person(_("Escalate to"), null=True, blank=True)
    person = person(_("Person"), null=True, blank=True)
    rule = models.CharField(_("How many agree"), max_length=8, choices=Rule.choices, default=Rule.ANY)
    remind_after = models.PositiveSmallIntegerField(_("Remind after working hours"), null=True, blank=True)
    escalate_after = models.PositiveSmallIntegerField(_("Escalate after working hours"), null=True, blank=True)


class ApprovalFlowVersion(models.Model):
    """What a flow said from a change of it on."""

    flow = models.ForeignKey(ApprovalFlow, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("Version"))
    content = models.JSONField()
    made_at = models.DateTimeField(_("Since"))
    made_by = person(_("Changed by"), null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("flow", "number"), name="work_flow_version_once"),)


class Delegation(OwnedRecord):
    """While the owner is away, another person decides approvals in their place, the first and last day included."""

    title_field = "start_on"
    delegate = person(_("Who decides instead"))
    start_on = models.DateField(_("From"))
    end_on = models.DateField(_("To"))
    reason = models.CharField(_("Reason"), max_length=200, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Absence"), _("Absences")
        indexes = (
            *sort_indexes("delegation", "start_on", "end_on"),
            models.Index(fields=("owner", "end_on"), name="delegation_of"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(end_on__gte=F("start_on")), name="delegation_ends_after_it_begins"),
        )


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
    #: whether somebody who agreed in an earlier step is asked again
    asks_again = models.BooleanField(default=False)

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
    """One person's part in one step of an approval. `gave_access`: the person sees the subject through it.

    `superseded`: it counts no longer, since the request went back to this step or an earlier one, or another's part
    stands for it.
    """

    title_field = "state"
    approval = models.ForeignKey(Approval, models.CASCADE, verbose_name=_("Approval"), related_name="tasks")
    step = models.PositiveSmallIntegerField(_("Step"))
    step_name = models.CharField(_("Name of the step"), max_length=60, blank=True)
    rule = models.CharField(_("How many agree"), max_length=8, choices=Rule.choices)
    approver = person(_("Approver"))
    on_behalf_of = person(_("On behalf of"), null=True)
    added_by = person(_("Added by"), null=True)
    state = models.CharField(_("State"), max_length=10, choices=StepState.choices, default=StepState.WAITING)
    opened_at = models.DateTimeField(_("Asked"), null=True)
    decided_at = models.DateTimeField(_("Decided"), null=True)
    comment = models.TextField(_("Comment"), blank=True)
    gave_access = models.BooleanField(default=False)
    superseded = models.BooleanField(default=False)
    remind_after = models.PositiveSmallIntegerField(null=True)
    escalate_after = models.PositiveSmallIntegerField(null=True)
    escalate_to = person(_("Escalate to"), null=True)
    remind_at = models.DateTimeField(_("Remind"), null=True)
    escalate_at = models.DateTimeField(_("Escalate"), null=True)
    reminded_at = models.DateTimeField(_("Reminded"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Approval step"), _("Approval steps")
        indexes = (
            *sort_indexes("approval_task", "state"),
            models.Index(fields=("approver", "state"), name="approval_task_of"),
            models.Index(fields=("remind_at",), condition=Q(state="open"), name="approval_task_remind"),
            models.Index(fields=("escalate_at",), condition=Q(state="open"), name="approval_task_escalate"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("approval", "step", "approver"), condition=Q(superseded=False), name="work_asked_once_a_step"
            ),
        )


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
    """A file of a record; its content lies in the media folder under its SHA-256, once however often attached.

    A file of the same name again is its next revision; the earlier ones stay, `latest` tells the one that counts.
    """

    name = models.CharField(_("File name"), max_length=200)
    content_type = models.CharField(_("Type"), max_length=100)
    size = models.PositiveBigIntegerField(_("Size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    revision = models.PositiveIntegerField(_("Revision"), default=1, db_default=1, editable=False)
    latest = models.BooleanField(_("Latest revision"), default=True, db_default=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Attachment"), _("Attachments")
        indexes = (models.Index(fields=("resource", "record_id", "id"), name="attachment_subject"),)
        constraints = (
            models.UniqueConstraint(
                fields=("resource", "record_id", "name", "revision"), name="work_attachment_revision_once"
            ),
        )


class FileRule(Record):
    """What is taken of a group of files: whether at all, and up to which size."""

    group = models.CharField(_("Kind of file"), max_length=10, choices=FileGroup.choices, unique=True, editable=False)
    taken = models.BooleanField(_("Taken"), default=True)
    megabytes = models.PositiveIntegerField(
        _("Largest size in MB"), default=50, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Rule for files"), _("Files that are taken")

    def __str__(self) -> str:
        return str(FileGroup(self.group).label)


class OrphanedContent(models.Model):
    """A stored content that no file names any more, and since when that is known."""

    sha256 = models.CharField(max_length=64, unique=True)
    since = models.DateTimeField()


class Said(Referring):
    """Words about a record, or about none (`record_id` 0, then `path` is where it leads).

    `source` and `arguments` say it in any language (kernel/words.py); `text` is what was said when it was written.
    """

    title_field = "text"
    kind = models.CharField(_("Kind"), max_length=30, default="other")
    text = models.CharField(_("Text"), max_length=500)
    source = models.CharField(max_length=500, blank=True, default="", editable=False)
    arguments = models.JSONField(default=dict, blank=True, editable=False)
    path = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        abstract = True


class Notification(Said):
    """Something a person should know; theirs alone."""

    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("Person"), related_name="+")
    read_at = models.DateTimeField(_("Read"), null=True, blank=True, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Notification"), _("Notifications")
        indexes = (
            models.Index(fields=("resource", "record_id"), name="notification_subject"),
            models.Index(fields=("user",), condition=Q(read_at=None), name="notification_unread"),
            models.Index(fields=("user", "id"), name="notification_of"),
        )


class NoticePreference(models.Model):
    """How soon a person (`whose`: their id, 0 for the company's default) is told of a kind by a channel."""

    whose = models.BigIntegerField()
    kind = models.CharField(max_length=30)
    channel = models.CharField(max_length=30)
    pace = models.CharField(max_length=6, choices=Pace.choices)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("whose", "kind", "channel"), name="work_preference_once"),)


class NoticeHours(models.Model):
    """When a person (0: by default anybody) is left in peace, and when the day's digest comes; company time."""

    whose = models.BigIntegerField(unique=True)
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    days_off = models.BooleanField(default=True)
    digest_at = models.TimeField()


class GroupBot(Record):
    """A bot of a chat group that is told of some kinds of notices; its address and secret are kept encrypted.

    `next_at`: nothing is sent to it before, since services take 20 messages a minute.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    service = models.CharField(_("Service"), max_length=20, choices=BotService.choices)
    hint = models.CharField(_("Address"), max_length=120, blank=True, editable=False)
    department = models.ForeignKey(
        "kernel.Department", models.PROTECT, verbose_name=_("Department"), null=True, blank=True, related_name="+",
        help_text=_("Only records of this department and those below it; empty for all records."),
    )  # fmt: skip
    active = models.BooleanField(_("Switched on"), default=True)
    url = models.CharField(max_length=1000, blank=True, editable=False)
    secret = models.CharField(max_length=600, blank=True, editable=False)
    kinds = models.JSONField(default=list, blank=True, editable=False)
    next_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Group bot"), _("Group bots")
        indexes = sort_indexes("group_bot", "created_at")


class NoticeDelivery(Said):
    """A notice on its way out by a channel: to a person, or to a group's bot (`people`: whom it concerns).

    Written with the notice, sent by a worker. Rows of one `batch` are one message, under that name however often it
    is sent. A row that is `sending` past `claimed_until` was with a worker that died: it is sent again.
    """

    title_field = "channel"
    notification = models.ForeignKey(Notification, models.CASCADE, null=True, related_name="deliveries")
    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("Person"), null=True, related_name="+")
    bot = models.ForeignKey(GroupBot, models.CASCADE, verbose_name=_("Group bot"), null=True, related_name="+")
    people = models.JSONField(default=list)
    channel = models.CharField(_("Channel"), max_length=30)
    address = models.CharField(_("Address"), max_length=300, blank=True)
    pace = models.CharField(_("Pace"), max_length=6, choices=Pace.choices, default=Pace.NOW)
    state = models.CharField(
        _("State"), max_length=9, choices=NoticeState.choices, default=NoticeState.WAITING, editable=False
    )
    batch = models.CharField(max_length=40, blank=True, db_index=True)
    due_at = models.DateTimeField(_("Next attempt"))
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(_("Attempts"), default=0)
    sent_at = models.DateTimeField(_("Sent"), null=True)
    problem = models.CharField(_("Problem"), max_length=500, blank=True)
    problem_source = models.CharField(max_length=500, blank=True, default="", editable=False)
    problem_arguments = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Sent notice"), _("Sent notices")
        constraints = (models.UniqueConstraint(fields=("notification", "channel"), name="work_notice_sent_once"),)
        indexes = (
            *sort_indexes("notice_delivery", "state", "created_at", "channel", "kind"),
            models.Index(fields=("resource", "record_id"), name="notice_delivery_subject"),
            models.Index(
                fields=("channel", "due_at"), condition=Q(state__in=("waiting", "sending")), name="notice_delivery_open"
            ),
        )


class NoticeDigest(models.Model):
    """A digest that was begun: there is one for each person, channel and period, whatever comes late."""

    key = models.CharField(max_length=120, unique=True)
    batch = models.CharField(max_length=40)
    at = models.DateTimeField()


class Follower(models.Model):
    """A person who is told when something is said about a record."""

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    user = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("resource", "record_id", "user"), name="work_follower_once"),)

"""Announcements with who has read them, and meetings with agenda, participants and decisions."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.models import OwnedRecord, Record, User, person
from saleswright.modules.notices.states import AnnouncementStatus, Answer, AudienceKind, MeetingStatus


class Announcement(OwnedRecord):
    """Something that people are told, and whether they must confirm that they have read it.

    `edition` counts what was said: it rises when title or text of a published announcement change.
    """

    title_field = "title"
    title = models.CharField(_("Title"), max_length=200)
    body = models.TextField(_("Text"))
    everybody = models.BooleanField(_("Everybody"), default=False)
    pinned = models.BooleanField(_("Pinned"), default=False, help_text=_("Stays on the first screen until it expires."))
    must_confirm = models.BooleanField(_("Must be confirmed"), default=False)
    confirm_by = models.DateTimeField(
        _("Confirm by"), null=True, blank=True,
        help_text=_("Who has not confirmed is reminded a day before and when the time is over."),
    )  # fmt: skip
    comments_open = models.BooleanField(_("Comments allowed"), default=True)
    ask_again = models.BooleanField(
        _("Ask everybody again"), default=False,
        help_text=_("After a change of title or text everybody must read it, and confirm it, once more."),
    )  # fmt: skip
    status = models.CharField(
        _("Status"), max_length=9, choices=AnnouncementStatus.choices, default=AnnouncementStatus.DRAFT, editable=False
    )
    edition = models.PositiveIntegerField(_("Edition"), default=1, editable=False)
    publish_at = models.DateTimeField(_("Published from"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("Expires"), null=True, blank=True)
    chased_at = models.DateTimeField(null=True, editable=False)
    withdrawal = models.CharField(_("Why it was withdrawn"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Announcement"), _("Announcements")
        indexes = sort_indexes("announcement", "title", "status", "publish_at", "created_at")


class Audience(models.Model):
    """An announcement is for this department, region (with what is below), post, role, body or person."""

    announcement = models.ForeignKey(Announcement, models.CASCADE, related_name="audience")
    kind = models.CharField(max_length=10, choices=AudienceKind.choices)
    target_id = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("announcement", "kind", "target_id"), name="notices_audience_once"),
        )


class Receipt(Record):
    """A person was told of an announcement; `edition` is the one that they have read last."""

    title_field = "user"
    announcement = models.ForeignKey(
        Announcement, models.CASCADE, verbose_name=_("Announcement"), related_name="receipts"
    )
    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("Person"), related_name="+")
    edition = models.PositiveIntegerField(_("Edition read"), null=True, blank=True)
    read_at = models.DateTimeField(_("Read"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("Confirmed"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("Reminded"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Read receipt"), _("Read receipts")
        indexes = (
            *sort_indexes("receipt", "read_at", "confirmed_at"),
            models.Index(fields=("user", "announcement"), name="receipt_of"),
        )
        constraints = (models.UniqueConstraint(fields=("announcement", "user"), name="notices_receipt_once"),)


class Meeting(OwnedRecord):
    """People come together; its owner organises it. Once the minutes are signed off, nothing of it changes.

    `sequence` is that of the invitation (RFC 5545): it rises with each change of time or place.
    """

    title_field = "title"
    title = models.CharField(_("Title"), max_length=200)
    body = models.ForeignKey(
        "org.Body", models.PROTECT, verbose_name=_("Body"), null=True, blank=True, related_name="meetings",
        help_text=_("Its members become participants."),
    )  # fmt: skip
    chair = person(
        _("Chair"), null=True, blank=True, help_text=_("Signs the minutes off; empty: whoever organises the meeting.")
    )
    starts_at = models.DateTimeField(_("Begins"))
    ends_at = models.DateTimeField(_("Ends"))
    place = models.CharField(_("Place"), max_length=200, blank=True)
    link = models.URLField(_("Link"), max_length=500, blank=True)
    purpose = models.TextField(_("Purpose"), blank=True)
    minutes = models.TextField(_("Minutes"), blank=True)
    status = models.CharField(
        _("Status"), max_length=9, choices=MeetingStatus.choices, default=MeetingStatus.DRAFT, editable=False
    )
    previous = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Meeting before"), null=True, blank=True, editable=False,
        related_name="following",
    )  # fmt: skip
    sequence = models.PositiveIntegerField(default=0, editable=False)
    signed_at = models.DateTimeField(_("Signed off"), null=True, blank=True, editable=False)
    signed_by = person(_("Signed off by"), null=True, blank=True, editable=False)
    cancellation = models.CharField(_("Why it was cancelled"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Meeting"), _("Meetings")
        indexes = (*sort_indexes("meeting", "title", "status", "starts_at", "created_at"),)
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="notices_meeting_ends_after_start"),
        )


class AgendaItem(models.Model):
    """What is spoken of, by whom, for how many minutes."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="agenda")
    position = models.PositiveIntegerField(default=0, editable=False)
    topic = models.CharField(_("Topic"), max_length=300)
    presenter = person(_("Presented by"), null=True, blank=True)
    duration = models.PositiveSmallIntegerField(
        _("Length in minutes"), null=True, blank=True, validators=[MaxValueValidator(1440)]
    )


class Participant(models.Model):
    """A person is invited; `told_at` is when they were told of the present time and place."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="participants")
    position = models.PositiveIntegerField(default=0, editable=False)
    person = person(_("Person"))
    optional = models.BooleanField(_("Optional"), default=False)
    answer = models.CharField(_("Answer"), max_length=5, choices=Answer.choices, default=Answer.NONE, editable=False)
    remark = models.CharField(_("Remark"), max_length=200, blank=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("meeting", "person"), name="notices_participant_once"),)


class Decision(models.Model):
    """What was decided; with somebody responsible it becomes their task when the minutes are signed off."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="decisions")
    position = models.PositiveIntegerField(default=0, editable=False)
    text = models.CharField(_("Decision"), max_length=500)
    responsible = person(_("Responsible"), null=True, blank=True)
    due_on = models.DateField(_("Due"), null=True, blank=True)
    task = models.ForeignKey(
        "work.Task", models.SET_NULL, verbose_name=_("Task"), null=True, blank=True, editable=False, related_name="+"
    )

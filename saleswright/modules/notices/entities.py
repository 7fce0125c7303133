"""Announcements, who has read them, and meetings as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Attached, Calendar, Document, Entity, Exchange, Related, Section, register
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Lines
from saleswright.modules.notices import queries
from saleswright.modules.notices.actions import announcements, meetings
from saleswright.modules.notices.invitations import invitation
from saleswright.modules.notices.models import AgendaItem, Announcement, Decision, Meeting, Participant, Receipt
from saleswright.modules.notices.states import AnnouncementStatus, MeetingStatus

COUNT = {"type": "integer"}
TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}


@register
class AnnouncementEntity(Entity):
    """What the company tells its people."""

    name, model = "announcements", Announcement
    icon = "speakerphone"
    state_field = "status"
    path = (AnnouncementStatus.DRAFT, AnnouncementStatus.PUBLISHED, AnnouncementStatus.EXPIRED)
    search = ("title", "body")
    columns = ("title", "status", "publish_at", "pinned", "must_confirm", "confirm_by", "owner")
    sortable = ("title", "status", "publish_at", "created_at")
    filters = ("title", "status", "publish_at", "created_at")
    form = (
        Section(_("Announcement"), ("title", "body", "pinned", "comments_open", "expires_at")),
        Section(
            _("For whom"), ("everybody", *(extra.name for extra in announcements.AUDIENCE)),
            _("Departments and regions count with what is below. Whoever joins later is told then."),
        ),
        Section(_("Reading"), ("must_confirm", "confirm_by", "ask_again")),
    )  # fmt: skip
    detail = (
        Section(_("Announcement"), ("body", "withdrawal")),
        Section(
            _("Publication"),
            ("publish_at", "expires_at", "edition", "pinned", "must_confirm", "confirm_by", "comments_open"),
        ),
    )
    private = ("chased_at",)
    extra = announcements.AUDIENCE
    attached = (
        Attached(
            "audience", _("For whom"), queries.audience_labels,
            {"type": "array", "items": {"type": "object", "properties": {
                "kind": TEXT, "id": {"type": ["integer", "null"]}, "label": TEXT}}},
        ),
        Attached(
            "reading", _("Read"), queries.readings,
            {"type": "object", "properties": {"told": COUNT, "read": COUNT, "confirmed": COUNT}},
            default=lambda: {"told": 0, "read": 0, "confirmed": 0},
        ),
    )  # fmt: skip
    transitions = (
        announcements.publish_announcement,
        announcements.unschedule_announcement,
        announcements.remind_of_announcement,
        announcements.end_announcement,
        announcements.withdraw_announcement,
    )
    panels = ("/announcements/{pk}/reading",)
    related = (Related("announcement-receipts", "announcement", create=False),)
    exchange = Exchange(
        key="id",
        fields=("title", "body", "everybody", "pinned", "must_confirm", "confirm_by", "expires_at", "comments_open"),
        extra_export=("status", "publish_at", "edition"),
    )
    history_fields = ("status", "publish_at")
    empty_text = _("No announcements.")

    def shown_to(self, actor: Actor, action: str) -> Any:
        return queries.told_to(actor) if action == "view" else None

    def prepare(self, batch: Any) -> None:
        announcements.prepare_announcements(batch)

    def saved(self, batch: Any) -> None:
        announcements.spread_announcements(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        return announcements.edit_refusal(record)

    def remark_refusal(self, record: Any) -> Text | None:
        return announcements.remark_refusal(record)


@register
class AnnouncementReceiptEntity(Entity):
    """Who was told of an announcement, has read and confirmed it; one's own, and those of what one manages."""

    name, model = "announcement-receipts", Receipt
    icon = "checks"
    columns = ("user", "announcement", "read_at", "confirmed_at", "reminded_at", "edition")
    sortable = ("read_at", "confirmed_at")
    filters = ("announcement", "user", "read_at", "confirmed_at")
    ordering = "id"
    transitions = (announcements.read_announcement, announcements.confirm_announcement)
    exchange = Exchange(
        key="id",
        fields=("announcement__title", "user__username", "read_at", "confirmed_at", "reminded_at", "edition"),
    )
    creatable = editable = deletable = archivable = False

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        if Scope.ALL in scopes:
            return queryset
        mine = queryset.filter(user_id=actor.user_id or 0)
        return mine | queryset.filter(announcement__in=queries.managed(actor))


@register
class MeetingEntity(Entity):
    """Meetings with their agenda, participants, minutes and decisions."""

    name, model = "meetings", Meeting
    icon = "presentation"
    state_field = "status"
    path = (MeetingStatus.DRAFT, MeetingStatus.CALLED, MeetingStatus.SIGNED)
    search = ("title", "minutes")
    columns = ("title", "starts_at", "ends_at", "place", "status", "body", "owner")
    sortable = ("title", "status", "starts_at", "created_at")
    filters = ("title", "status", "starts_at", "body", "chair", "previous", "created_at")
    ordering = "-starts_at"
    form = (
        Section(_("Meeting"), ("title", "starts_at", "ends_at", "place", "link", "body", "chair", "purpose")),
        Section(_("Minutes"), ("minutes",)),
    )
    line_fills = {"body": ("participants", queries.rows_of_body)}
    detail = (
        Section(_("Meeting"), ("starts_at", "ends_at", "place", "link", "body", "chair", "purpose", "previous")),
        Section(_("Minutes"), ("minutes", "signed_at", "signed_by", "cancellation")),
    )
    private = ("sequence",)
    lines = (
        Lines("agenda", AgendaItem, "meeting", _("Agenda"), ("topic", "presenter", "duration"), required=False),
        Lines(
            "participants", Participant, "meeting", _("Participants"), ("person", "optional"),
            read=("answer", "remark"), required=False,
        ),
        Lines(
            "decisions", Decision, "meeting", _("Decisions"), ("text", "responsible", "due_on"), read=("task",),
            required=False,
        ),
    )  # fmt: skip
    attached = (
        Attached(
            "points", _("Points"), queries.points_of,
            {"type": "array", "items": {"type": "object", "properties": {
                "id": COUNT, "label": TEXT, "responsible": MAYBE, "due_on": MAYBE,
                "task_id": {"type": ["integer", "null"]}, "state": TEXT}}},
            detail_only=True,
        ),
    )  # fmt: skip
    transitions = (
        meetings.invite_to_meeting,
        meetings.answer_invitation,
        meetings.sign_off_minutes,
        meetings.plan_next_meeting,
        meetings.cancel_meeting,
    )
    panels = ("/meetings/{pk}/standing",)
    related = (Related("meetings", "previous", label=_("Next meetings"), create=False),)
    documents = (Document("ics", _("For the calendar (iCalendar)"), "text/calendar; charset=utf-8", invitation),)
    calendar = Calendar(by="starts_at", title="title")
    exchange = Exchange(
        key="id",
        fields=("title", "starts_at", "ends_at", "place", "link", "purpose", "minutes"),
        extra_export=("status", "signed_at"),
    )
    history_fields = ("status", "signed_at")
    empty_text = _("No meetings.")

    def shown_to(self, actor: Actor, action: str) -> Any:
        return queries.concerns(actor, action)

    def prepare(self, batch: Any) -> None:
        meetings.prepare_meetings(batch)

    def saved(self, batch: Any) -> None:
        meetings.spread_meetings(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        return meetings.edit_refusal(record)

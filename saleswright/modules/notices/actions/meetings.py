"""From the invitation to a meeting to minutes that stand, and on to the next one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.formatting import format_datetime
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.custom_making import taking_over
from saleswright.kernel.errors import NotAllowed, Text, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, Draft, announce, save_record, save_records
from saleswright.kernel.transitions import Arg, Availability, Reached, Transition, transition
from saleswright.modules.notices.events import MinutesSigned
from saleswright.modules.notices.models import Decision, Meeting, Participant
from saleswright.modules.notices.states import Answer, MeetingStatus, Reply
from saleswright.modules.work.public import Task, TaskState

#: the time of day by which a decision is due
END_OF_DAY = timedelta(hours=18)
WHERE = ("place", "link")


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_meetings(batch: Batch) -> None:
    """A meeting ends after it begins, nobody takes part twice, and a new time or place is a new invitation."""
    for draft in batch.good:
        meeting: Meeting = draft.record
        if meeting.ends_at <= meeting.starts_at:
            draft.error("ends_at", "order", _("The end lies before the start."))
        seen: set[int] = set()
        for line in draft.line_drafts.get("participants", ()):
            if line.record.person_id in seen:
                draft.error(f"participants.{line.index}.person", "duplicate", _("This person takes part already."))
            seen.add(line.record.person_id)
        if meeting.status == MeetingStatus.CALLED and not draft.fresh and (_moved(draft) or _elsewhere(draft)):
            meeting.sequence += 1


def _moved(draft: Draft) -> bool:
    return draft.changed("starts_at") or draft.changed("ends_at")


def _elsewhere(draft: Draft) -> bool:
    return any(draft.changed(name) for name in WHERE)


def spread_meetings(batch: Batch) -> None:
    """Who was invited is told of another time or place, and asked again when the time is another one."""
    for draft in batch.drafts:
        meeting: Meeting = draft.record
        if meeting.status != MeetingStatus.CALLED or draft.fresh:
            continue
        present = Participant.objects.filter(meeting=meeting)
        if _moved(draft):
            present.update(answer=Answer.NONE, remark="")
            _tell(meeting, _told(present), _("Another time: %(title)s, %(time)s"), batch.actor, batch.at)
        elif _elsewhere(draft):
            _tell(meeting, _told(present), _("Another place: %(title)s, %(time)s"), batch.actor, batch.at)
        _invite(meeting, batch.actor, batch.at)


def _told(rows: Any) -> list[int]:
    return list(rows.exclude(told_at=None).order_by("position", "id").values_list("person_id", flat=True))


def edit_refusal(meeting: Meeting) -> Text | None:
    """Signed minutes and cancelled meetings stay as they are."""
    if meeting.status == MeetingStatus.SIGNED:
        return _("The minutes are signed off: nothing of the meeting changes any more.")
    return _("The meeting is cancelled.") if meeting.status == MeetingStatus.CANCELLED else None


# --- inviting --------------------------------------------------------------------------------------------------


def _invite(meeting: Meeting, actor: Actor, at: datetime) -> None:
    """Tell the participants who were not told yet."""
    rows = Participant.objects.filter(meeting=meeting, told_at=None)
    people = list(rows.order_by("position", "id").values_list("person_id", flat=True))
    rows.update(told_at=at)
    _tell(meeting, people, _("Invitation: %(title)s, %(time)s"), actor, at)


def _tell(meeting: Meeting, people: list[int], text: str, actor: Actor, at: datetime) -> None:
    """Tell these people, but for who does it."""
    others = [user_id for user_id in dict.fromkeys(people) if user_id != actor.user_id]
    if others:
        told = text % {"title": meeting.title, "time": format_datetime(meeting.starts_at), "who": actor.name}
        ports.notification.notify(user_ids=others, text=told, resource="meetings", record_id=meeting.pk, at=at)


def _has_participants(meeting: Meeting) -> Text | None:
    return None if meeting.participants.exists() else _("Name the participants first.")


@transition(
    "meetings", "invite", label=gettext_lazy("Invite"), source=[MeetingStatus.DRAFT], target=MeetingStatus.CALLED,
    guards=(_has_participants,), icon="send", style="primary",
)  # fmt: skip
def invite_to_meeting(meeting: Meeting, *, actor: Actor, at: datetime) -> None:
    """Ask the participants to come; they answer, and get the meeting as a file for their calendars."""
    _invite(meeting, actor, at)


class Answering(Transition):
    """What participants do: the meeting itself does not change, so that nobody who edits it is disturbed."""

    def availability(self, record: Meeting, actor: Actor, reached: Reached | None = None) -> Availability:
        if not record.participants.filter(person_id=actor.user_id).exists():
            return Availability(shown=False)
        return super().availability(record, actor, reached)

    def _finish(self, record: Any, before: dict[str, Any], waits: bool, actor: Actor, at: datetime) -> None:
        record_audit([AuditLine("meetings", record.pk, record.title, self.name)], actor=actor, at=at)
        announce(self.resource, [(record.pk, self.name)], Occasion(actor, at))


def _answer(meeting: Meeting, *, actor: Actor, at: datetime, answer: str, remark: str | None) -> None:
    """Say whether one comes; the organiser is told who can't. Raises NotAllowed for who is not invited."""
    mine = Participant.objects.filter(meeting=meeting, person_id=actor.user_id)
    if not mine.update(answer=answer, remark=remark or ""):
        raise NotAllowed(_("You are not invited to this meeting."))
    if answer == Answer.NO and meeting.owner_id is not None:
        _tell(meeting, [meeting.owner_id], _("%(who)s can't come: %(title)s"), actor, at)


answer_invitation = Answering(
    "meetings", "answer", gettext_lazy("Answer"), _answer, frozenset({MeetingStatus.CALLED.value}),
    icon="message-reply",
    args=(
        Arg("answer", gettext_lazy("Answer"), "choice", choices=Reply),
        Arg("remark", gettext_lazy("Remark"), required=False),
    ),
)  # fmt: skip


@transition(
    "meetings", "cancel", label=gettext_lazy("Cancel the meeting"),
    source=[MeetingStatus.DRAFT, MeetingStatus.CALLED], target=MeetingStatus.CANCELLED,
    args=(Arg("reason", gettext_lazy("Reason"), required=False),), style="danger", icon="x",
)  # fmt: skip
def cancel_meeting(meeting: Meeting, *, actor: Actor, at: datetime, reason: str | None) -> None:
    """It does not take place; who was invited is told."""
    meeting.cancellation, meeting.sequence = reason or "", meeting.sequence + 1
    people = _told(Participant.objects.filter(meeting=meeting))
    _tell(meeting, people, _("Cancelled: %(title)s, %(time)s"), actor, at)


# --- minutes ---------------------------------------------------------------------------------------------------


def _has_begun(meeting: Meeting) -> Text | None:
    return _("The meeting has not begun yet.") if meeting.starts_at > clock.now() else None


def _has_minutes(meeting: Meeting) -> Text | None:
    if meeting.minutes.strip() or meeting.decisions.exists():
        return None
    return _("Write the minutes or a decision first.")


@transition(
    "meetings", "sign-off", label=gettext_lazy("Sign off the minutes"), source=[MeetingStatus.CALLED],
    target=MeetingStatus.SIGNED, guards=(_has_begun, _has_minutes), event=MinutesSigned, icon="signature",
    may_make=("tasks",),
    style="success",
)  # fmt: skip
def sign_off_minutes(meeting: Meeting, *, actor: Actor, at: datetime) -> None:
    """The minutes stand: what somebody has to do becomes their task, and everybody gets the minutes.

    Raises NotAllowed for all but the chair, where there is one.
    """
    if meeting.chair_id is not None and actor.user_id != meeting.chair_id and actor.kind != "system":
        raise NotAllowed(_("%(name)s chairs the meeting and signs off.") % {"name": meeting.chair})
    meeting.signed_at, meeting.signed_by_id = at, actor.user_id
    _make_tasks(meeting, actor, at)
    people = list(meeting.participants.order_by("position", "id").values_list("person_id", flat=True))
    owner = [meeting.owner_id] if meeting.owner_id is not None else []
    _tell(meeting, [*people, *owner], _("Minutes: %(title)s, %(time)s"), actor, at)


def _make_tasks(meeting: Meeting, actor: Actor, at: datetime) -> None:
    """A task for each decision with somebody responsible; one that was taken over keeps its task up to date."""
    decisions = list(meeting.decisions.exclude(responsible=None).select_related("task").order_by("position", "id"))
    fresh = [one for one in decisions if one.task is None]
    giving = actor.trusted_with("tasks.create").trusted_with("tasks.edit").trusted_with("meetings.view")
    drafts = [
        Draft(_task_values(one) | {"resource": "meetings", "record_id": meeting.pk, "description": meeting.title})
        for one in fresh
    ]
    if drafts:
        save_records(Task, drafts, actor=giving, at=at)
    for one, draft in zip(fresh, drafts, strict=True):
        one.task_id = draft.record.pk
    Decision.objects.bulk_update(fresh, ["task"])
    for one in decisions:
        if one.task is not None and one.task.state == TaskState.OPEN and _differs(one):
            values = {"owner": one.responsible_id, "due_at": _due(one.due_on)}
            save_record(Task, values, pk=one.task.pk, actor=giving, at=at)


def _task_values(one: Decision) -> dict[str, Any]:
    return {"title": one.text[:200], "owner": one.responsible_id, "due_at": _due(one.due_on)}


def _differs(one: Decision) -> bool:
    assert one.task is not None
    return (one.responsible_id, _due(one.due_on)) != (one.task.owner_id, one.task.due_at)


def _due(day: date | None) -> datetime | None:
    return clock.day_start(day) + END_OF_DAY if day is not None else None


@transition(
    "meetings", "follow-up", label=gettext_lazy("Plan the next meeting"), source=[MeetingStatus.SIGNED],
    icon="calendar-plus", result=(("id", int),), leads_to="meetings", makes=("meetings",),
    args=(
        Arg("starts_at", gettext_lazy("Begins"), "datetime"),
        Arg("ends_at", gettext_lazy("Ends"), "datetime", required=False, help=gettext_lazy("Empty: as long as this.")),
    ),
)  # fmt: skip
def plan_next_meeting(
    meeting: Meeting, *, actor: Actor, at: datetime, starts_at: datetime, ends_at: datetime | None
) -> dict[str, int]:
    """Make the draft of the next meeting: the same people and place, with the points that are still open.

    Its points are the same tasks, so they are followed up there and close in both.
    """
    if meeting.archived_at is None and starts_at <= meeting.starts_at:
        raise ValidationFailed.of("starts_at", "order", _("The next meeting comes after this one."))
    values = {name: getattr(meeting, name) for name in ("title", "place", "link", "purpose")}
    values |= {"body": meeting.body_id, "chair": meeting.chair_id}
    values |= {"starts_at": starts_at, "ends_at": ends_at or starts_at + (meeting.ends_at - meeting.starts_at)}
    open_points = list(
        meeting.decisions.filter(task__state=TaskState.OPEN, task__archived_at=None).order_by("position", "id")
    )
    lines: dict[str, list[dict[str, Any]]] = {
        "participants": [
            dict(one) for one in meeting.participants.order_by("position", "id").values("person", "optional")
        ],
        "agenda": [{"topic": _("Open points of %(day)s") % {"day": clock.local_date(meeting.starts_at).isoformat()}}]
        if open_points
        else [],
        "decisions": [
            {"text": one.text, "responsible": one.responsible_id, "due_on": one.due_on} for one in open_points
        ],
    }
    with taking_over(meeting):
        following = save_record(Meeting, values, lines=lines, actor=actor, at=at)
    Meeting.objects.filter(pk=following.pk).update(previous=meeting)
    taken = list(following.decisions.order_by("position", "id"))
    for new, old in zip(taken, open_points, strict=True):
        new.task_id = old.task_id
    Decision.objects.bulk_update(taken, ["task"])
    return {"id": following.pk}

"""The invitation to a meeting as an iCalendar file (RFC 5545, RFC 5546)."""

from __future__ import annotations

from datetime import UTC

from icalendar import Calendar, Event, vCalAddress, vText

from saleswright.kernel.access.actors import Actor
from saleswright.modules.notices.models import Meeting, Participant
from saleswright.modules.notices.states import Answer, MeetingStatus

PARTSTAT = {
    Answer.NONE: "NEEDS-ACTION", Answer.YES: "ACCEPTED", Answer.MAYBE: "TENTATIVE", Answer.NO: "DECLINED",
}  # fmt: skip


def invitation(meeting: Meeting, actor: Actor, language: str) -> bytes:
    """The file that calendars take; a later one for the same meeting replaces what they hold."""
    cancelled = meeting.status == MeetingStatus.CANCELLED
    calendar = Calendar()
    calendar.add("prodid", "-//Saleswright//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else "REQUEST")
    calendar.add_component(_event(meeting, cancelled))
    return calendar.to_ical()


def _event(meeting: Meeting, cancelled: bool) -> Event:
    event = Event()
    event.add("uid", f"meeting-{meeting.pk}-{meeting.created_at:%Y%m%d%H%M%S}@saleswright")
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", meeting.updated_at.astimezone(UTC))
    event.add("dtstart", meeting.starts_at.astimezone(UTC))
    event.add("dtend", meeting.ends_at.astimezone(UTC))
    event.add("summary", meeting.title)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if meeting.place:
        event.add("location", meeting.place)
    if meeting.link:
        event.add("url", meeting.link)
    if described := _description(meeting):
        event.add("description", described)
    if meeting.owner is not None:
        event.add("organizer", _address(meeting.owner.email, meeting.owner.get_short_name()), encode=False)
    for one in meeting.participants.select_related("person").order_by("position", "id"):
        event.add("attendee", _attendee(one), encode=False)
    return event


def _description(meeting: Meeting) -> str:
    topics = [f"{place}. {one.topic}" for place, one in enumerate(meeting.agenda.order_by("position", "id"), 1)]
    return "\n".join(filter(None, [meeting.purpose, *topics, meeting.link]))


def _address(email: str, name: str) -> vCalAddress:
    """A calendar address; who has no e-mail address is still named."""
    found = vCalAddress(f"mailto:{email}" if email else "invalid:nomail")
    found.params["CN"] = vText(name)
    return found


def _attendee(one: Participant) -> vCalAddress:
    found = _address(one.person.email, one.person.get_short_name())
    found.params["ROLE"] = vText("OPT-PARTICIPANT" if one.optional else "REQ-PARTICIPANT")
    found.params["PARTSTAT"] = vText(PARTSTAT[Answer(one.answer)])
    found.params["RSVP"] = vText("TRUE")
    return found

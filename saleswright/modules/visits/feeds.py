"""A person's visits and calls as an iCalendar file (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.models import User
from saleswright.modules.pipeline.public import Activity, ActivityStatus
from saleswright.modules.visits.queries import address_of, of_person

#: how far a calendar looks back and ahead
BACK, AHEAD = timedelta(days=92), timedelta(days=366)
#: calendars ask again after so long
REFRESH = timedelta(minutes=30)
OFF = {ActivityStatus.CANCELLED, ActivityStatus.MISSED}


def calendar_of(user: User, base_url: str, at: datetime) -> bytes:
    """The file that calendar programs take.

    What was called off stays in it as cancelled, so that they take it out; a later version of the same entry has the
    same UID and a higher SEQUENCE. Times are in the company's zone, which is described in the file.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Saleswright//Calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", user.get_short_name())
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    actor = actor_for(user, origin="calendar")
    rows = of_person(visible(Activity.objects.all(), actor), user.pk)
    rows = rows.filter(planned_at__gte=at - BACK, planned_at__lt=at + AHEAD).select_related("customer")
    for activity in rows.order_by("planned_at", "id"):
        calendar.add_component(_event(activity, base_url))
    calendar.add_missing_timezones()
    return calendar.to_ical()


def _event(activity: Activity, base_url: str) -> Event:
    assert activity.planned_at is not None
    assert activity.ends_at is not None
    event = Event()
    event.add("uid", f"activity-{activity.pk}-{activity.created_at:%Y%m%d%H%M%S}@saleswright")
    event.add("sequence", activity.version - 1)
    event.add("dtstamp", activity.updated_at.astimezone(UTC))
    event.add("last-modified", activity.updated_at.astimezone(UTC))
    event.add("dtstart", clock.local_time(activity.planned_at))
    event.add("dtend", clock.local_time(activity.ends_at))
    name = activity.customer.name if activity.customer else ""
    event.add("summary", f"{activity.get_kind_display()} · {name or activity.subject}")
    event.add("description", "\n".join(filter(None, [activity.subject if name else "", activity.purpose])))
    event.add("status", "CANCELLED" if activity.status in OFF else "CONFIRMED")
    if activity.customer is not None:
        place = activity.customer
        if where := address_of(place):
            event.add("location", where)
        if place.latitude is not None and place.longitude is not None:
            event.add("geo", (float(place.latitude), float(place.longitude)))
    event.add("url", f"{base_url}/activities/{activity.pk}")
    event.add("transp", "OPAQUE")
    return event

"""The iCalendar feed: its secret, and what calendar programs read in it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from icalendar import Calendar

from saleswright.kernel.errors import NotAllowed
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.records import save_record
from saleswright.modules.pipeline.actions.activities import cancel_activity, reschedule_activity
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.tests.factories import make_customer
from saleswright.modules.visits.actions import feeds
from saleswright.modules.visits.feeds import calendar_of
from saleswright.modules.visits.models import CalendarFeed
from saleswright.modules.visits.tests.factories import AT, GATE, make_visit

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def seller(person):
    return person("sales_representative", language="en")


def read(user, at=AT):
    return Calendar.from_ical(calendar_of(user, "https://sales.example", at))


def events(user, at=AT):
    return {str(one["uid"]).split("-")[1]: one for one in read(user, at).walk("VEVENT")}


def test_it_says_when_where_with_whom_and_in_which_zone(seller):
    customer = make_customer(name="Wharf Ltd", city="上海", address="上海松江路 1 号", **GATE)
    visit = make_visit(customer, owner=seller, purpose="see the plant", planned_until=AT + timedelta(minutes=90))
    calendar = read(seller)
    (event,) = calendar.walk("VEVENT")
    assert event["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (AT, AT + timedelta(minutes=90))
    assert event.decoded("dtstart").hour == 10
    assert [str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    assert (str(event["summary"]), str(event["location"])) == ("Visit · Wharf Ltd", "上海松江路 1 号")
    assert str(event["description"]) == "Plant tour\nsee the plant"
    assert event["url"] == f"https://sales.example/activities/{visit.pk}"
    assert (event["status"], event["sequence"]) == ("CONFIRMED", 0)
    assert event["geo"].to_ical() == "31.230416;121.473701"


def test_a_later_version_has_the_same_uid_and_a_higher_sequence(seller, root):
    visit = make_visit(owner=seller)
    (before,) = read(seller).walk("VEVENT")
    reschedule_activity(visit.pk, actor=root, planned_at=AT + timedelta(days=1))
    (after,) = read(seller).walk("VEVENT")
    assert after["uid"] == before["uid"]
    assert (before["sequence"], after["sequence"]) == (0, 1)
    assert after.decoded("dtstart") == AT + timedelta(days=1)


def test_what_is_called_off_or_missed_stays_as_cancelled(seller, root):
    off, missed, done = (make_visit(owner=seller) for _n in range(3))
    cancel_activity(off.pk, actor=root)
    Activity.objects.filter(pk=missed.pk).update(status="missed")
    Activity.objects.filter(pk=done.pk).update(status="done", done_at=AT)
    found = events(seller)
    assert [str(found[str(one.pk)]["status"]) for one in (off, missed, done)] == ["CANCELLED", "CANCELLED", "CONFIRMED"]
    assert found[str(off.pk)]["sequence"] == 1


def test_it_holds_what_one_owns_or_takes_part_in_and_nothing_else(seller, person, root):
    own = make_visit(owner=seller)
    joined = make_visit(owner=person("sales_representative"))
    save_record(Activity, {}, pk=joined.pk, lines={"participants": [{"person": seller.pk}]}, actor=root)
    make_visit(owner=person("sales_representative"))
    assert set(events(seller)) == {str(own.pk), str(joined.pk)}


def test_it_looks_a_quarter_back_and_a_year_ahead(seller):
    make_visit(owner=seller, planned_at=AT - timedelta(days=93))
    kept = make_visit(owner=seller, planned_at=AT - timedelta(days=91))
    make_visit(owner=seller, planned_at=AT + timedelta(days=367))
    make_visit(owner=seller, planned_at=None)
    assert set(events(seller)) == {str(kept.pk)}


# --- the secret ------------------------------------------------------------------------------------------------


def test_the_address_is_read_without_signing_in_until_it_is_renewed_or_ended(browse, seller):
    make_visit(owner=seller)
    client, nobody = browse(seller), Client()
    page = client.post("/schedule/feed/renew").content.decode()
    address = page.split('value="http://testserver')[1].split('"')[0]
    answer = nobody.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert len(Calendar.from_ical(answer.content).walk("VEVENT")) == 1
    assert CalendarFeed.objects.get().used_at is not None
    assert address.removeprefix("/calendar/").removesuffix(".ics") not in str(CalendarFeed.objects.values().get())
    client.post("/schedule/feed/renew")
    assert nobody.get(address).status_code == 404
    client.post("/schedule/feed/end")
    assert not CalendarFeed.objects.exists()
    assert "calendar program of your phone" in client.get("/schedule/feed").content.decode()


def test_it_is_in_the_audit_who_made_and_ended_an_address(acting, seller):
    actor = acting(seller)
    feeds.renew_feed(actor, AT)
    assert feeds.end_feed(actor, AT)
    assert not feeds.end_feed(actor, AT)
    found = AuditEntry.objects.filter(resource="employees", record_id=seller.pk, action__startswith="calendar-feed")
    assert list(found.order_by("id").values_list("action", flat=True)) == [
        "calendar-feed-renewed", "calendar-feed-ended",
    ]  # fmt: skip


def test_it_is_closed_when_the_person_has_left(acting, seller):
    token = feeds.renew_feed(acting(seller), AT)
    assert feeds.reader_of(token, AT) == seller
    User.objects.filter(pk=seller.pk).update(state="left")
    assert feeds.reader_of(token, AT) is None
    assert feeds.reader_of("x" * 43, AT) is None


def test_programs_the_system_and_people_without_the_right_have_none(root, acting, person):
    with pytest.raises(NotAllowed):
        feeds.renew_feed(root, AT)
    with pytest.raises(NotAllowed):
        feeds.renew_feed(acting(person()), AT)
    assert not CalendarFeed.objects.exists()

"""The calendar: whose it is, what colleagues see, moving and conflicts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.models import AuditEntry, Department
from saleswright.kernel.records import save_record
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.notices.models import Meeting
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.visits.pages import schedule
from saleswright.modules.visits.queries import entries
from saleswright.modules.visits.tests.factories import AT, make_visit

pytestmark = pytest.mark.django_db
DAY = "2026-11-25"


@pytest.fixture
def team(root):
    return save_record(Department, {"name": "East"}, actor=root)


@pytest.fixture
def seller(person, team):
    return person("sales_representative", department=team, language="en", name="Wang Fang")


def titles(user, actor, start=AT - timedelta(hours=2), length=timedelta(hours=10)):
    return [(one.title, one.conflict) for one in entries(user.pk, start, start + length, actor)]


def test_it_shows_colleagues_by_scope_and_otherwise_only_that_they_are_busy(acting, person, seller, team):
    make_visit(owner=seller, subject="Secret talks")
    make_visit(owner=seller, subject="Long ago", status="done", planned_at=AT + timedelta(hours=2))
    manager, other = person("sales_manager", department=team), person("sales_representative", department=team)
    assert titles(seller, acting(seller)) == titles(seller, acting(manager))
    assert titles(seller, acting(seller)) == [("Secret talks", False), ("Long ago", False)]
    assert titles(seller, acting(other)) == [("Busy", False)]


def test_it_marks_open_things_that_overlap_and_no_others(acting, seller):
    make_visit(owner=seller, subject="A", planned_until=AT + timedelta(hours=3))
    make_visit(owner=seller, subject="B", planned_at=AT + timedelta(hours=1))
    make_visit(owner=seller, subject="C", planned_at=AT + timedelta(hours=3))
    make_visit(owner=seller, subject="D", planned_at=AT + timedelta(hours=3), status="missed")
    make_visit(owner=seller, subject="E", status="cancelled")
    found = titles(seller, acting(seller))
    assert found == [("A", True), ("B", True), ("C", False), ("D", False)]


def test_it_holds_meetings_to_which_one_is_invited(acting, seller, person, root):
    host = person("sales_manager")
    values = {"title": "Weekly", "starts_at": AT, "ends_at": AT + timedelta(hours=1)}
    meeting = save_record(Meeting, values, lines={"participants": [{"person": seller.pk}]}, actor=acting(host))
    assert titles(seller, acting(seller)) == []
    Meeting.objects.filter(pk=meeting.pk).update(status="called")
    make_visit(owner=seller, subject="Visit", planned_at=AT + timedelta(minutes=30))
    assert titles(seller, acting(seller)) == [("Weekly", True), ("Visit", True)]
    meeting.participants.update(answer="no")
    assert titles(seller, acting(seller)) == [("Visit", False)]


@pytest.mark.parametrize("mode", ["day", "week", "month"])
def test_its_pages_open_with_what_is_planned(browse, seller, mode):
    make_visit(owner=seller, subject="Plant tour")
    make_visit(owner=seller, subject="Night shift", planned_at="2026-11-25T23:30:00+08:00")
    page = browse(seller).get(f"/schedule?mode={mode}&day={DAY}").content.decode()
    assert "Plant tour" in page
    assert 'data-start="2026-11-25T10:00"' in page
    assert "23:30–00:30" in page


def test_it_takes_as_many_queries_for_many_as_for_few(browse, seller, django_assert_max_num_queries):
    client = browse(seller)
    for hour in range(12):
        make_visit(owner=seller, planned_at=AT + timedelta(hours=hour))
    client.get(f"/schedule?day={DAY}")
    with django_assert_max_num_queries(20):
        client.get(f"/schedule?day={DAY}")


def test_a_colleagues_calendar_names_nothing_that_may_not_be_seen(browse, person, seller, team):
    make_visit(owner=seller, subject="Secret talks")
    other = person("sales_representative", department=team, language="en")
    page = browse(other).get(f"/schedule?mode=week&day={DAY}&person={seller.pk}").content.decode()
    assert "Secret talks" not in page
    assert "Busy" in page
    assert "Schedule of Wang Fang" in page
    assert "data-slot=" not in page


@pytest.mark.parametrize("query", ["day=2026-13-01", "day=1800-01-01"])
def test_it_refuses_days_that_do_not_exist(browse, seller, query):
    assert browse(seller).get(f"/schedule?{query}").status_code == 422


@pytest.mark.parametrize("who", ["0", "x", "99999999999999999999", "987654321"])
def test_it_is_not_found_for_nobody(browse, seller, who):
    assert browse(seller).get(f"/schedule?person={who}").status_code == 404


def move(client, visit, start, until, version=None):
    values = {"planned_at": start, "planned_until": until, "version": version or visit.version}
    return client.post(f"/schedule/{visit.pk}/move", values, headers={"HX-Request": "true"})


def test_it_is_moved_and_told_what_is_at_the_same_time(browse, seller):
    visit = make_visit(owner=seller)
    make_visit(owner=seller, subject="Other talks", planned_at="2026-11-26T14:30:00+08:00")
    client = browse(seller)
    assert move(client, visit, "2026-11-26T09:00", "2026-11-26T10:00").status_code == 204
    visit.refresh_from_db()
    answer = move(client, visit, "2026-11-26T14:00", "2026-11-26T15:15")
    assert (answer.status_code, answer.content.decode()) == (200, "Moved. At the same time: Other talks")
    visit.refresh_from_db()
    assert clock.local_time(visit.planned_until).isoformat() == "2026-11-26T15:15:00+08:00"
    assert AuditEntry.objects.filter(record_id=visit.pk, action="reschedule").count() == 2


@pytest.mark.parametrize(
    ("start", "until", "version", "status"),
    [
        ("2026-11-26T09:00", "2026-11-26T08:00", None, 422),
        ("soon", "2026-11-26T08:00", None, 422),
        ("2026-11-26T09:00", "2026-11-26T10:00", 7, 412),
    ],
)
def test_it_stays_where_it_was_when_the_move_is_refused(browse, seller, start, until, version, status):
    visit = make_visit(owner=seller)
    assert move(browse(seller), visit, start, until, version).status_code == status
    assert Activity.objects.get(pk=visit.pk).planned_at == AT


def test_nobody_moves_what_is_somebody_elses_or_done(browse, person, seller):
    visit, done = make_visit(owner=seller), make_visit(owner=seller, status="done", checked_in_at=AT)
    stranger = browse(person("sales_representative"))
    assert move(stranger, visit, "2026-11-26T09:00", "2026-11-26T10:00").status_code == 404
    assert move(browse(seller), done, "2026-11-26T09:00", "2026-11-26T10:00").status_code == 409
    assert set(Activity.objects.values_list("planned_at", flat=True)) == {AT}


def test_things_at_the_same_time_lie_beside_each_other(acting, seller):
    for hours, length in ((0, 3), (1, 1), (2, 1), (5, 1)):
        start = AT + timedelta(hours=hours)
        make_visit(owner=seller, planned_at=start, planned_until=start + timedelta(hours=length))
    day = datetime(2026, 11, 25).date()
    found = entries(seller.pk, clock.day_start(day), clock.day_start(day + timedelta(days=1)), acting(seller))
    column = schedule._column(day, found, (8, 18), day, "week")
    assert [(one.left, one.width) for one in column.blocks] == [(0, 50), (50, 50), (50, 50), (0, 100)]
    assert [(round(one.top), round(one.height)) for one in column.blocks] == [(20, 30), (30, 10), (40, 10), (70, 10)]


def test_activities_with_leads_are_told_by_the_lead(browse, seller, root):
    lead = make_lead(company="Pier & Sons", owner=seller)
    values = {"kind": "call", "subject": "First call", "lead": lead.pk, "planned_at": AT, "owner": seller.pk}
    save_record(Activity, values, actor=root)
    client = browse(seller)
    assert "Pier &amp; Sons" in client.get(f"/schedule?day={DAY}").content.decode()
    Activity.objects.update(planned_at=clock.now())
    assert "Pier &amp; Sons" in client.get("/my-day").content.decode()
    save_record(Activity, {"done_at": clock.now()}, pk=Activity.objects.get().pk, actor=root)
    assert "Pier &amp; Sons" in client.get("/my-report").content.decode()

"""Daily and weekly reports: what they know, when they are late, who has not submitted, reminding."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import Department, SpecialDay, User
from saleswright.kernel.records import save_record
from saleswright.kernel.worktime import calendar
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.actions.activities import complete_activity
from saleswright.modules.pipeline.actions.opportunities import move_opportunity
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer, stage
from saleswright.modules.targets.models import Target
from saleswright.modules.visits.actions import reports as actions
from saleswright.modules.visits.models import ReportReminder, VisitRules, WorkReport
from saleswright.modules.visits.reporting import last_span, reporters_for, span_of, standing
from saleswright.modules.visits.tests.factories import AT, make_visit
from saleswright.modules.work.models import Comment, Delegation, Notification

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 25)  # a Wednesday
EVENING = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)  # six o'clock


@pytest.fixture
def team(root):
    return save_record(Department, {"name": "East"}, actor=root)


@pytest.fixture
def manager(person, team):
    return person("sales_manager", department=team, language="en", name="Zhao Lei")


@pytest.fixture
def seller(person, team, manager):
    return person("sales_representative", department=team, manager=manager, language="en", name="Wang Fang")


@pytest.fixture
def me(acting, seller):
    return acting(seller)


def write(actor, at=EVENING, day=TODAY, kind="daily", **values):
    return save_record(WorkReport, {"kind": kind, "day": day, **values}, actor=actor, at=at)


# --- what it knows ---------------------------------------------------------------------------------------------


def test_it_knows_what_was_logged_moved_and_is_planned(me, seller, root):
    customer = make_customer(owner=seller, name="Wharf")
    visit = make_visit(customer, owner=seller, planned_until=AT + timedelta(hours=1))
    complete_activity(
        visit.pk, actor=me, at=AT + timedelta(hours=1), outcome="They want a quote\nsoon", needs="12 axes"
    )
    make_visit(owner=seller, subject="left undone", planned_at=AT + timedelta(hours=3))
    make_visit(owner=seller, status="missed", planned_at=AT + timedelta(hours=2))
    make_visit(customer, owner=seller, planned_at=AT + timedelta(days=1), subject="Demo day", kind="demo")
    make_visit(customer, owner=seller, planned_at=AT + timedelta(days=2), subject="Not tomorrow")
    save_record(Customer, {"name": "New one"}, actor=me, at=AT)
    deal = save_record(Opportunity, {"name": "Pumps", "customer": customer.pk}, actor=me, at=AT)
    move_opportunity(deal.pk, actor=me, at=AT, stage_id=stage("needs").pk)
    report = write(me)
    facts = report.facts
    assert facts["activities"] == {
        "done": 1, "kinds": {"visit": 1}, "customers": 1, "missed": 1, "open": 1, "checked_in": 0,
    }  # fmt: skip
    assert facts["created"] == {"customers": 1, "opportunities": 1}
    assert [(one["label"], one["action"], one["stage"]) for one in facts["moves"]] == [
        ("Pumps", "move", stage("needs").title)
    ]
    assert [one["subject"] for one in facts["next"]] == ["Demo day"]
    assert report.summary == "Visit Wharf: They want a quote"
    assert report.plans == "11-26 10:00 Demonstration Wharf: Demo day"
    assert {one["metric"] for one in facts["figures"]} >= {"ordered", "won_amount", "customer_expenses"}


def test_it_holds_the_figures_of_its_author_against_their_target(me, seller, root):
    customer = make_customer(owner=seller)
    for owner, amount in ((seller, 30_000), (None, 99_000)):
        values = {"name": "Deal", "customer": customer.pk, "amount": amount, "status": "won", "opened_on": "2026-11-02",
                  "closed_on": "2026-11-25", "owner": owner.pk if owner else None}  # fmt: skip
        save_record(Opportunity, values, actor=root, history=True)
    target = {"year": 2026, "period": "m11", "scope_kind": "person", "scope_person": seller.pk, "metric": "won_amount",
              "value": "60000"}  # fmt: skip
    save_record(Target, target, actor=root)
    facts = write(me).facts
    won = next(one for one in facts["figures"] if one["metric"] == "won_amount")
    assert (Decimal(won["value"]), Decimal(won["month"])) == (30_000, 30_000)
    (goal,) = facts["goals"]
    assert (goal["metric"], goal["period"], goal["target"], goal["actual"], goal["share"], goal["elapsed"]) == (
        "won_amount", "2026-11", "60000.00", "30000.00", "0.5000", "0.8333",
    )  # fmt: skip


def test_a_week_runs_from_monday_and_looks_at_the_next_one(me, seller):
    make_visit(owner=seller, done_at=AT - timedelta(days=2), planned_at=None)
    make_visit(owner=seller, done_at=AT - timedelta(days=3), planned_at=None)
    make_visit(owner=seller, planned_at=AT + timedelta(days=7), subject="Next week")
    report = write(me, kind="weekly")
    assert (report.day, report.until) == (date(2026, 11, 23), date(2026, 11, 29))
    assert report.facts["activities"]["done"] == 1
    assert [one["subject"] for one in report.facts["next"]] == ["Next week"]


def test_what_is_typed_is_kept_and_the_figures_are_those_of_the_submission(me, seller):
    report = write(me, summary="My own words")
    assert (report.summary, report.facts["activities"]["done"]) == ("My own words", 0)
    make_visit(owner=seller, done_at=AT, planned_at=None)
    actions.submit_report(report.pk, actor=me, at=EVENING)
    report.refresh_from_db()
    assert (report.summary, report.facts["activities"]["done"]) == ("My own words", 1)


# --- rules -----------------------------------------------------------------------------------------------------


def test_it_is_refused_for_days_to_come_twice_and_for_nobody(me, root):
    for actor, values, field in (
        (me, {"day": TODAY + timedelta(days=1)}, "day"),
        (root, {}, "owner"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            write(actor, **values)
        assert [e.field for e in refused.value.errors] == [field]
    write(me)
    with pytest.raises(ValidationFailed):
        write(me)
    assert WorkReport.objects.count() == 1


def test_its_days_and_its_author_stay_and_nobody_writes_for_others(me, acting, manager, root):
    report = write(me)
    with pytest.raises(ValidationFailed) as refused:
        save_record(WorkReport, {"day": TODAY - timedelta(days=1)}, pk=report.pk, actor=me)
    assert [e.field for e in refused.value.errors] == ["day"]
    with pytest.raises((NotAllowed, NotFound)):
        save_record(WorkReport, {"summary": "boss"}, pk=report.pk, actor=acting(manager))
    with pytest.raises((NotAllowed, NotFound)):
        actions.submit_report(report.pk, actor=acting(manager))
    report.refresh_from_db()
    assert (report.day, report.summary, report.status) == (TODAY, "", "draft")


def test_it_needs_words(me):
    report = write(me)
    with pytest.raises(Conflict, match="what was achieved"):
        actions.submit_report(report.pk, actor=me)
    report.refresh_from_db()
    assert report.submitted_at is None


def test_it_is_due_on_the_next_working_day_at_the_companys_hour(me):
    friday = span_of("daily", date(2026, 11, 27))
    assert actions.due_of(friday) == datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
    VisitRules.objects.update(report_hour=20)
    assert actions.due_of(span_of("weekly", TODAY)) == datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def test_it_is_due_after_a_holiday(root):
    SpecialDay.objects.filter(day="2026-11-26").delete()
    save_record(SpecialDay, {"day": "2026-11-26", "name": "Closed", "works_like": None}, actor=root)
    calendar.forget()
    assert actions.due_of(span_of("daily", TODAY)) == datetime(2026, 11, 27, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (1, True)])
def test_it_is_late_after_its_hour(me, manager, minutes, late):
    report = write(me, summary="one order")
    actions.submit_report(report.pk, actor=me, at=report.due_at + timedelta(minutes=minutes))
    report.refresh_from_db()
    assert (report.status, report.late) == ("submitted", late)
    notice = Notification.objects.get(user=manager, kind="work_report")
    assert (notice.text, notice.record_id) == ("Wang Fang submitted the daily report of 2026-11-25.", report.pk)


def test_it_is_read_with_a_comment_and_the_author_is_told(me, acting, manager, seller):
    report = write(me, summary="one order")
    with pytest.raises(Conflict):
        actions.read_report(report.pk, actor=acting(manager))
    actions.submit_report(report.pk, actor=me, at=EVENING)
    actions.read_report(report.pk, actor=acting(manager), remark=" Well done ")
    report.refresh_from_db()
    assert (report.status, report.read_by_id) == ("read", manager.pk)
    comment = Comment.objects.get(resource="work-reports", record_id=report.pk)
    assert (comment.text, comment.created_by_id) == ("Well done", manager.pk)
    text = "Zhao Lei has read your daily report of 2026-11-25."
    assert Notification.objects.filter(user=seller, kind="work_report", text=text).count() == 1
    with pytest.raises(Conflict):
        actions.take_back_report(report.pk, actor=me)


def test_nobody_reads_their_own_and_only_the_author_takes_it_back(me, acting, manager, seller, root):
    report = write(me, summary="one order")
    actions.submit_report(report.pk, actor=me, at=EVENING)
    with pytest.raises((NotAllowed, NotFound)):
        actions.read_report(report.pk, actor=me)
    with pytest.raises((NotAllowed, NotFound)):
        actions.take_back_report(report.pk, actor=acting(manager))
    own = write(acting(manager), summary="a calm day")
    actions.submit_report(own.pk, actor=acting(manager), at=EVENING)
    with pytest.raises(NotAllowed):
        actions.read_report(own.pk, actor=acting(manager))
    actions.take_back_report(report.pk, actor=me)
    report.refresh_from_db()
    assert (report.status, report.submitted_at, report.late) == ("draft", None, False)


def test_it_is_not_edited_once_submitted(api, seller, me):
    report = write(me, summary="one order")
    actions.submit_report(report.pk, actor=me, at=EVENING)
    assert api(seller).patch(f"work-reports/{report.pk}", {"summary": "two"}).status_code == 409
    report.refresh_from_db()
    assert report.summary == "one order"


# --- who has not submitted -------------------------------------------------------------------------------------


def test_the_last_working_day_and_the_last_week_are_asked_about():
    assert last_span("daily", date(2026, 11, 30)).start == date(2026, 11, 27)
    assert last_span("weekly", TODAY).start == date(2026, 11, 16)


def test_it_knows_who_has_reported_was_away_or_did_not(acting, seller, manager, person, team, root):
    absent = person("sales_representative", department=team, manager=manager)
    person("sales_representative", department=team)  # nobody reads theirs
    person("sales_representative", manager=manager)  # of no department: out of the manager's scope
    delegation = {"owner": absent.pk, "delegate": seller.pk, "start_on": TODAY, "end_on": TODAY}
    save_record(Delegation, delegation, actor=root)
    User.objects.filter(pk=manager.pk).update(manager=person("sales_manager", department=team, manager=person()))
    people = reporters_for(acting(manager))
    assert {user.pk for user in people} == {seller.pk, absent.pk}
    span = span_of("daily", TODAY)
    found = standing(people, "daily", span)
    assert {pk: (one.missing, one.away) for pk, one in found.items()} == {
        seller.pk: (True, False), absent.pk: (False, True),
    }  # fmt: skip
    report = write(acting(seller), summary="one order")
    assert standing(people, "daily", span)[seller.pk].missing
    actions.submit_report(report.pk, actor=acting(seller), at=EVENING)
    assert not standing(people, "daily", span)[seller.pk].missing
    assert standing(people, "daily", span_of("daily", date(2026, 11, 29)))[seller.pk].away  # a Sunday


def test_managers_see_who_is_missing_and_others_do_not(browse, seller, manager):
    page = browse(manager).get("/report-desk?day=2026-11-24").content.decode()
    assert "Wang Fang" in page
    assert "Not submitted" in page
    assert browse(seller).get("/report-desk").status_code == 403
    assert browse(manager).get("/report-desk?kind=weekly").status_code == 200
    assert browse(manager).get("/report-desk?day=yesterday").status_code == 422


# --- reminding -------------------------------------------------------------------------------------------------


def reminded(user):
    return list(Notification.objects.filter(user=user, kind="work_report").values_list("text", "path"))


def test_it_reminds_once_two_hours_before(seller, me):
    too_soon, time = datetime(2026, 11, 25, 23, 59, tzinfo=UTC), datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
    assert actions.remind_of_reports(too_soon) == 0
    assert actions.remind_of_reports(time) == 1
    assert actions.remind_of_reports(time + timedelta(minutes=15)) == 0
    assert reminded(seller) == [
        ("Your daily report of 2026-11-25 is due by 11-26 10:00.", "/my-report?kind=daily&day=2026-11-25")
    ]
    assert ReportReminder.objects.count() == 1


def test_it_reminds_nobody_who_has_submitted(seller, me):
    report = write(me, summary="one order")
    actions.submit_report(report.pk, actor=me, at=EVENING)
    assert actions.remind_of_reports(datetime(2026, 11, 26, 1, 0, tzinfo=UTC)) == 0


def test_it_reminds_of_the_week_and_of_friday_on_monday(seller):
    assert actions.remind_of_reports(datetime(2026, 11, 30, 1, 0, tzinfo=UTC)) == 2
    assert {path for _text, path in reminded(seller)} == {
        "/my-report?kind=daily&day=2026-11-27", "/my-report?kind=weekly&day=2026-11-23",
    }  # fmt: skip


# --- the page --------------------------------------------------------------------------------------------------


def test_it_is_written_kept_and_submitted_on_its_page(browse, seller):
    client = browse(seller)
    assert "What the system knows" in client.get("/my-report").content.decode()
    assert client.post("/my-report", {"summary": "one order"})["Location"].startswith("/my-report?kind=daily")
    report = WorkReport.objects.get()
    assert (report.status, report.summary) == ("draft", "one order")
    answer = client.post("/my-report", {"summary": "two orders", "plans": "rest", "submit": "1"})
    assert answer["Location"] == f"/work-reports/{report.pk}"
    report.refresh_from_db()
    assert (report.status, report.summary, report.plans) == ("submitted", "two orders", "rest")
    assert client.get("/my-report")["Location"] == f"/work-reports/{report.pk}"
    assert client.get(f"/work-reports/{report.pk}/facts/panel").status_code == 200


def test_its_page_says_what_is_missing_and_writes_nothing(browse, seller):
    answer = browse(seller).post("/my-report", {"summary": " ", "submit": "1"})
    assert answer.status_code == 422
    assert "Write what was achieved first." in answer.content.decode()
    assert not WorkReport.objects.exists()


def test_its_page_is_for_people_who_report(browse, person):
    assert browse(person("finance")).get("/my-report").status_code == 403

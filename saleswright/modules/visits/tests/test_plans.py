"""Coverage, proposals and the plan of a week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import Department
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.tests.factories import make_customer
from saleswright.modules.visits.actions import plans
from saleswright.modules.visits.models import PlannedStop, VisitPlan
from saleswright.modules.visits.queries import coverage, proposals, quarter_of
from saleswright.modules.visits.tests.factories import AT, make_visit
from saleswright.modules.work.models import Notification

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 23)
Q4 = Period(date(2026, 10, 1), date(2026, 12, 31))


@pytest.fixture
def team(root):
    return save_record(Department, {"name": "East"}, actor=root)


@pytest.fixture
def manager(person, team):
    return person("sales_manager", department=team, language="en")


@pytest.fixture
def seller(person, team, manager):
    return person("sales_representative", department=team, manager=manager, language="en")


def customer_of(owner, level, since=datetime(2026, 1, 1, tzinfo=UTC), **values):
    one = make_customer(owner=owner, level=level, **values)
    Customer.objects.filter(pk=one.pk).update(owned_since=since, created_at=since)
    return one


def visited(customer, *days):
    for day in days:
        make_visit(customer, done_at=datetime.fromisoformat(f"{day}T10:00:00+08:00"), planned_at=None)


def plan_of(owner, actor, stops=(), week="2026-11-25"):
    lines = [{"day": day, "customer": one.pk, "begins": begins} for day, one, begins in stops]
    return save_record(VisitPlan, {"week": week, "owner": owner.pk}, lines={"stops": lines}, actor=actor)


def shown(plan):
    return list(plan.stops.order_by("position").values_list("day", "begins", "customer__name"))


# --- coverage --------------------------------------------------------------------------------------------------


def test_the_quarter_is_the_fiscal_one():
    assert quarter_of(date(2026, 11, 25)) == Q4


def test_it_counts_visits_done_and_planned_in_the_quarter_and_knows_when_the_next_is_due(seller):
    key, small, none = customer_of(seller, "A"), customer_of(seller, "C"), customer_of(seller, "D")
    visited(key, "2026-09-30", "2026-10-01", "2026-11-02")
    make_visit(key, planned_at="2026-12-31T23:59:00+08:00")
    make_visit(key, planned_at="2027-01-01T00:00:00+08:00")
    make_visit(key, kind="call", done_at=AT)
    found = {one.customer_id: one for one in coverage(Customer.objects.all(), Q4)}
    assert none.pk not in found
    one = found[key.pk]
    assert (one.wanted, one.done, one.planned, one.last) == (6, 2, 1, date(2026, 11, 2))
    assert one.due == date(2026, 11, 2) + timedelta(days=15)
    assert (found[small.pk].done, found[small.pk].last, found[small.pk].due) == (0, None, date(2026, 4, 2))


def test_it_takes_four_statements_for_any_number(seller, django_assert_num_queries):
    for level in "AABBCC":
        visited(customer_of(seller, level), "2026-10-05")
    with django_assert_num_queries(4):
        assert len(coverage(Customer.objects.all(), Q4)) == 6


def test_it_proposes_who_is_due_the_longest_first_and_leaves_out_who_has_a_visit_planned(seller, person):
    late, later, planned, fresh, other = (customer_of(seller, "B") for _n in range(5))
    visited(late, "2026-05-01")
    visited(later, "2026-08-01")
    visited(planned, "2026-04-01")
    visited(fresh, "2026-11-20")
    Customer.objects.filter(pk=other.pk).update(owner=person("sales_representative"))
    make_visit(planned, planned_at="2026-11-27T10:00:00+08:00", owner=seller)
    assert [one.customer_id for one in proposals(seller.pk, MONDAY)] == [late.pk, later.pk]
    assert [one.customer_id for one in proposals(seller.pk, MONDAY, most=1)] == [late.pk]
    assert proposals(seller.pk, MONDAY)[0].overdue(MONDAY) == 176


def test_the_report_counts_by_level_and_no_visit_twice(api, person, seller):
    one, other = customer_of(seller, "C"), customer_of(seller, "C")
    visited(one, "2026-10-05", "2026-10-06", "2026-10-07")
    make_visit(other, planned_at=AT)
    customer_of(seller, "B")
    customer_of(person("sales_representative"), "C")
    rows = api(seller).get("reports/visit-coverage?on=2026-11-25").json()["rows"]
    assert [list(row.values())[:6] for row in rows] == [
        ["B", 1, 3, 0, 0, "0.0000"], ["C", 2, 2, 1, 3, "0.5000"],
    ]  # fmt: skip
    assert [(row["unvisited"], row["never"]) for row in rows] == [(1, 1), (1, 1)]


# --- plans -----------------------------------------------------------------------------------------------------


def test_it_begins_on_monday_once_for_a_person(acting, seller):
    plan = plan_of(seller, acting(seller))
    assert (plan.week, plan.owner_id, plan.status) == (MONDAY, seller.pk, "draft")
    with pytest.raises(ValidationFailed):
        plan_of(seller, acting(seller), week="2026-11-29")
    assert VisitPlan.objects.count() == 1


@pytest.mark.parametrize(
    ("day", "begins", "error"),
    [
        ("2026-11-30", "09:00", ("stops.0.day", "range")),
        ("2026-11-22", "09:00", ("stops.0.day", "range")),
        ("2026-11-24", "25:00", ("stops.0.begins", "invalid")),
    ],
)
def test_it_refuses_stops_outside_its_week_and_times_that_are_none(root, seller, day, begins, error):
    with pytest.raises(ValidationFailed) as refused:
        plan_of(seller, root, [(day, make_customer(), begins)])
    assert [(e.field, e.code) for e in refused.value.errors] == [error]
    assert not VisitPlan.objects.exists()


def test_it_refuses_a_customer_twice_on_a_day(root, seller):
    one = make_customer()
    with pytest.raises(ValidationFailed) as refused:
        plan_of(seller, root, [("2026-11-24", one, "09:00"), ("2026-11-24", one, "11:00")])
    assert [(e.field, e.code) for e in refused.value.errors] == [("stops.1.customer", "unique")]


def test_it_fills_the_days_that_are_left_along_a_short_way(acting, seller):
    for place, name in ((3, "fourth"), (0, "first"), (2, "third"), (1, "second")):
        customer_of(seller, "A", name=name, latitude="31.2", longitude=f"121.{place}")
    customer_of(seller, "A", name="nowhere")
    plan = plan_of(seller, acting(seller))
    at = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)  # Thursday
    plans.propose_visits(plan.pk, actor=acting(seller), at=at, per_day=3)
    found = shown(plan)
    assert [day for day, _b, _n in found] == [date(2026, 11, 26)] * 3 + [date(2026, 11, 27)] * 2
    assert [begins for _d, begins, _n in found] == ["09:00", "10:30", "12:00", "09:00", "10:30"]
    names = [name for _d, _b, name in found]
    assert names in (
        ["first", "second", "third", "fourth", "nowhere"],
        ["fourth", "third", "second", "first", "nowhere"],
    )
    assert plan.stops.first().purpose == "Never visited"


def test_it_adds_no_more_than_there_is_room_for_and_says_when_there_is_none(acting, seller):
    for _n in range(3):
        customer_of(seller, "A")
    actor, friday = acting(seller), datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
    plan = plan_of(seller, actor)
    plans.propose_visits(plan.pk, actor=actor, at=friday, per_day=2)
    assert plan.stops.count() == 2
    with pytest.raises(Conflict, match="room left"):
        plans.propose_visits(plan.pk, actor=actor, at=friday, per_day=2)
    with pytest.raises(Conflict, match="room left"):
        plans.propose_visits(plan.pk, actor=actor, at=friday + timedelta(days=1), per_day=9)
    plans.propose_visits(plan.pk, actor=actor, at=friday, per_day=12)
    assert plan.stops.count() == 3
    with pytest.raises(Conflict, match="Nobody is due"):
        plans.propose_visits(plan.pk, actor=actor, at=friday, per_day=12)


@pytest.mark.parametrize("per_day", [0, 13])
def test_it_refuses_days_of_no_or_too_many_visits(root, seller, per_day):
    plan = plan_of(seller, root)
    with pytest.raises(ValidationFailed):
        plans.propose_visits(plan.pk, actor=root, per_day=per_day)


def test_it_orders_each_day_by_distance_and_keeps_the_times(root, seller):
    places = {name: make_customer(name=name, latitude="31.2", longitude=f"121.{n}") for n, name in enumerate("abc")}
    nowhere = make_customer(name="x")
    stops = [("2026-11-24", places["b"], "09:00"), ("2026-11-24", nowhere, "10:00"), ("2026-11-24", places["c"], ""),
             ("2026-11-24", places["a"], "14:00"), ("2026-11-23", places["c"], "08:00")]  # fmt: skip
    plan = plan_of(seller, root, stops)
    plans.order_stops(plan.pk, actor=root)
    found = shown(plan)
    assert found[0] == (date(2026, 11, 23), "08:00", "c")
    assert "".join(name for _d, _b, name in found[1:]) in {"abcx", "cbax"}
    assert [begins for _d, begins, _n in found[1:]] == ["09:00", "10:00", "14:00", "15:30"]


def test_late_stops_stay_on_their_day():
    stops = [PlannedStop(begins="23:00"), PlannedStop(begins=""), PlannedStop(begins="")]
    assert plans._times(stops) == ["23:00", "23:00", "23:00"]


def test_it_becomes_visits_of_its_owner_when_the_manager_confirms(acting, seller, manager):
    actor, boss = acting(seller), acting(manager)
    one, other = customer_of(seller, "A", name="Wharf"), customer_of(seller, "A")
    plan = plan_of(seller, actor, [("2026-11-26", one, "09:30"), ("2026-11-26", other, "")])
    plans.submit_plan(plan.pk, actor=actor)
    assert Notification.objects.filter(user=manager, kind="visit_plan", resource="visit-plans").count() == 1
    with pytest.raises(Conflict):
        save_record(VisitPlan, {"aim": "more"}, pk=plan.pk, actor=actor)
    plans.confirm_plan(plan.pk, actor=boss, remark="Take the sample along")
    plan.refresh_from_db()
    assert (plan.status, plan.remark) == ("confirmed", "Take the sample along")
    found = Activity.objects.order_by("planned_at").values_list("owner_id", "customer__name", "status", "planned_at")
    assert found[0] == (seller.pk, "Wharf", "planned", datetime(2026, 11, 26, 1, 30, tzinfo=UTC))
    assert [at.hour * 60 + at.minute for *_r, at in found] == [90, 180]
    assert set(plan.stops.values_list("activity_id", flat=True)) == set(Activity.objects.values_list("pk", flat=True))
    assert Notification.objects.filter(user=seller, kind="visit_plan").count() == 1


def test_it_goes_back_with_a_reason(acting, seller, manager):
    plan = plan_of(seller, acting(seller), [("2026-11-26", customer_of(seller, "A"), "09:30")])
    plans.submit_plan(plan.pk, actor=acting(seller))
    with pytest.raises(ValidationFailed):
        plans.return_plan(plan.pk, actor=acting(manager))
    plans.return_plan(plan.pk, actor=acting(manager), reason="Too few")
    plan.refresh_from_db()
    assert (plan.status, plan.remark, Activity.objects.count()) == ("draft", "Too few", 0)
    plans.submit_plan(plan.pk, actor=acting(seller))
    plan.refresh_from_db()
    assert plan.remark == ""


def test_nobody_confirms_or_returns_their_own_plan_while_they_have_a_manager(acting, seller, manager):
    plan = plan_of(seller, acting(seller), [("2026-11-26", customer_of(seller, "A"), "09:30")])
    plans.submit_plan(plan.pk, actor=acting(seller))
    for change, given in ((plans.confirm_plan, {}), (plans.return_plan, {"reason": "x"})):
        with pytest.raises(NotAllowed):
            change(plan.pk, actor=acting(seller), **given)
    plan.refresh_from_db()
    assert (plan.status, Activity.objects.count()) == ("submitted", 0)
    own = plan_of(manager, acting(manager), [("2026-11-26", customer_of(seller, "A"), "09:30")])
    plans.submit_plan(own.pk, actor=acting(manager))
    plans.confirm_plan(own.pk, actor=acting(manager))
    assert Activity.objects.count() == 1


def test_an_empty_plan_is_not_submitted_and_somebody_elses_not_seen(acting, seller, person):
    plan = plan_of(seller, acting(seller))
    with pytest.raises(Conflict, match="at least one visit"):
        plans.submit_plan(plan.pk, actor=acting(seller))
    with pytest.raises(NotFound):
        plans.propose_visits(plan.pk, actor=acting("sales_representative"))
    plan.refresh_from_db()
    assert plan.status == "draft"


def test_the_week_is_planned_with_one_tap_and_opened_again(browse, seller):
    customer_of(seller, "A", name="Wharf", latitude="31.2", longitude="121.5")
    client = browse(seller)
    assert "Wharf" in client.get("/my-day").content.decode()
    answer = client.post("/my-week", {"week": "next"})
    plan = VisitPlan.objects.get()
    assert answer["Location"] == f"/visit-plans/{plan.pk}"
    assert [name for _d, _b, name in shown(plan)] == ["Wharf"]
    assert "Wharf" in client.get(f"/visit-plans/{plan.pk}/route/panel").content.decode()
    assert client.post("/my-week", {"week": "next"})["Location"] == f"/visit-plans/{plan.pk}"
    assert VisitPlan.objects.count() == 1


def test_a_week_in_which_nobody_is_due_begins_empty(browse, seller):
    browse(seller).post("/my-week", {})
    assert VisitPlan.objects.get().stops.count() == 0

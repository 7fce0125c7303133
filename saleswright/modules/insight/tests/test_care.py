"""Care plans: what is asked for, once, and what becomes of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import SpecialDay, User
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.insight.actions.care import care
from saleswright.modules.insight.models import CareDuty, CarePlan, Segment
from saleswright.modules.insight.tests.factories import ROOT, customer
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.work.models import Task

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 20)


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(clock.day_start(TODAY) + timedelta(hours=6), tick=False):
        yield


@pytest.fixture
def alpha(person: Any) -> Customer:
    one = customer("Alpha", level="A", owner=person("sales_representative", language="en").pk)
    Customer.objects.filter(pk=one.pk).update(created_at=clock.day_start(date(2026, 1, 10)))
    return one


def plan(**values: Any) -> CarePlan:
    return save_record(CarePlan, {"name": f"Plan {CarePlan.objects.count()}", **values}, actor=ROOT)


def activity(one: Customer, day: date, kind: str = "call") -> None:
    done = clock.day_start(day) + timedelta(hours=3)
    save_record(Activity, {"kind": kind, "subject": "Talk", "customer": one.pk, "done_at": done}, actor=ROOT)


def duties() -> list[tuple[str, date, str]]:
    return list(CareDuty.objects.order_by("due_on", "pk").values_list("kind", "due_on", "state"))


def morning() -> dict[str, int]:
    return care(clock.now())


def on(day: date) -> Any:
    return time_machine.travel(clock.day_start(day) + timedelta(hours=6), tick=False)


def test_a_contact_is_asked_for_once_and_closed_by_an_activity(alpha: Customer) -> None:
    plan(level="A", contact_days=30)
    activity(alpha, date(2026, 4, 22))
    assert morning() == {"closed": 0, "made": 1}
    assert morning() == {"closed": 0, "made": 0}
    assert duties() == [("contact", date(2026, 5, 22), "open")]
    task = Task.objects.get()
    assert (task.title, task.owner_id, task.record_id) == ("Get in touch with Alpha", alpha.owner_id, alpha.pk)
    assert clock.local_date(task.due_at) == date(2026, 5, 22)
    activity(alpha, TODAY)
    assert morning() == {"closed": 1, "made": 0}
    task.refresh_from_db()
    assert (task.state, duties()[0][2]) == ("done", "done")


def test_it_waits_until_the_time_is_near(alpha: Customer) -> None:
    plan(contact_days=30)
    activity(alpha, date(2026, 4, 24))  # due on the 24th, four days off
    assert morning()["made"] == 0
    with on(date(2026, 5, 21)):
        assert morning()["made"] == 1


def test_visits_are_spread_over_the_quarter(alpha: Customer) -> None:
    plan(visits_a_quarter=3)
    assert morning()["made"] == 1
    assert duties() == [("visit", TODAY, "open")]  # the first third of the quarter is over
    activity(alpha, date(2026, 5, 5), "visit")
    assert morning() == {"closed": 1, "made": 1}
    assert duties()[1] == ("visit", date(2026, 5, 30), "open")
    activity(alpha, date(2026, 5, 19), "visit")
    assert morning() == {"closed": 1, "made": 0}  # the third part begins on 31 May
    with on(date(2026, 5, 31)):
        assert morning()["made"] == 1


def test_a_visit_of_the_last_quarter_is_dropped(alpha: Customer) -> None:
    plan(visits_a_quarter=1)
    morning()
    with on(date(2026, 7, 1)):
        assert morning() == {"closed": 1, "made": 1}
    assert [(due, state) for _kind, due, state in duties()] == [
        (date(2026, 6, 30), "dropped"), (date(2026, 9, 30), "open"),
    ]  # fmt: skip
    assert Task.objects.filter(state="open").count() == 1


def test_festivals_are_wished_on_their_first_day_but_no_tombs_swept(alpha: Customer) -> None:
    SpecialDay.objects.all().delete()
    for day, name in ((20, "Dragon Boat Festival"), (21, "Dragon Boat Festival"), (22, "清明节")):
        save_record(SpecialDay, {"day": date(2026, 5, day), "name": name}, actor=ROOT)
    plan(festivals=True)
    morning()
    assert duties() == [("festival", TODAY, "open")]
    assert Task.objects.get().title == "Wishes for Dragon Boat Festival: Alpha"


def test_birthdays_are_those_of_contacts_who_consent(alpha: Customer) -> None:
    for name, day, consents in (("Ann", 22, True), ("Bob", 22, False), ("Cid", 25, True)):
        values = {"customer": alpha.pk, "name": name, "birthday": date(1980, 5, day), "may_be_contacted": consents}
        save_record(Contact, values, actor=ROOT)
    plan(birthdays=True)
    assert morning()["made"] == 1
    assert Task.objects.get().title == "Birthday of Ann: Alpha"
    assert morning()["made"] == 0


def test_leap_days_are_kept_on_the_28th(alpha: Customer) -> None:
    save_record(Contact, {"customer": alpha.pk, "name": "Ann", "birthday": date(1984, 2, 29)}, actor=ROOT)
    plan(birthdays=True)
    with on(date(2027, 2, 26)):
        morning()
    assert duties() == [("birthday", date(2027, 2, 28), "open")]


def test_a_record_is_verified_again_some_months_after_its_task_was_done(alpha: Customer) -> None:
    plan(verify_months=4)
    morning()
    assert duties() == [("verify", TODAY, "open")]
    resource_named("tasks").transition("complete")(Task.objects.get().pk, actor=ROOT)
    assert morning() == {"closed": 1, "made": 0}
    with on(date(2026, 9, 18)):
        assert morning()["made"] == 1
    assert duties()[1][1] == date(2026, 9, 20)


def test_a_cancelled_task_drops_its_duty(alpha: Customer) -> None:
    plan(verify_months=4)
    morning()
    resource_named("tasks").transition("cancel")(Task.objects.get().pk, actor=ROOT)
    assert morning() == {"closed": 1, "made": 0}
    assert duties()[0][2] == "dropped"


def test_the_first_plan_that_fits_decides(alpha: Customer, person: Any) -> None:
    other = customer("Beta", level="B", owner=person("sales_representative").pk)
    special = save_record(Segment, {"name": "Special", "conditions": {"field": "name", "value": "Beta"}}, actor=ROOT)
    plan(position=2, verify_months=1)
    tree = {"field": "segment", "op": "in", "value": [special.pk]}
    first = plan(position=1, visits_a_quarter=2, conditions=tree)
    left = person("sales_representative")
    User.objects.filter(pk=left.pk).update(state="left")
    customer("Nobody's", level="A")
    customer("Of one who left", level="A", owner=left.pk)
    Customer.objects.update(created_at=clock.day_start(date(2026, 1, 10)))
    morning()
    assert set(CareDuty.objects.values_list("customer__name", "kind")) == {("Alpha", "verify"), ("Beta", "visit")}
    assert CareDuty.objects.get(customer=other).plan_id == first.pk


def test_a_plan_out_of_force_or_without_sense_asks_for_nothing(alpha: Customer) -> None:
    plan(verify_months=1, active=False)
    broken = plan(verify_months=1)
    CarePlan.objects.filter(pk=broken.pk).update(conditions={"field": "gone", "value": 1})
    assert morning()["made"] == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [({}, "contact_days"), ({"verify_months": 3, "conditions": {"field": "gone", "value": 1}}, "conditions")],
)
def test_it_refuses_plans_without_sense(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        plan(**values)
    assert refused.value.errors[0].field == field
    assert not CarePlan.objects.exists()


def test_the_report_tells_the_coverage(alpha: Customer, root: Any, acting: Any, person: Any) -> None:
    other = customer("Beta", owner=alpha.owner_id)
    one = plan(visits_a_quarter=3)
    activity(other, date(2026, 4, 5), "visit")
    activity(other, date(2026, 5, 5), "visit")
    morning()
    with on(TODAY + timedelta(days=1)):
        found = report_named("care-coverage").run({}, root).as_json()["rows"]
        by_owner = report_named("care-coverage").run({"by": "owner"}, root).rows
    assert [tuple(row.values()) for row in found] == [(one.name, 2, 1, pytest.approx(0.5), 1)]
    assert [row[1:3] for row in by_owner] == [[2, 1]]
    assert report_named("care-coverage").run({}, acting("sales_representative")).rows == []

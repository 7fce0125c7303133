"""The nightly figures, the life cycle that follows, and winning back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.reports import report_named
from saleswright.kernel import clock, jobs
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, Job, OutboxEvent
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.insight.actions import figures
from saleswright.modules.insight.actions.figures import Rhythm, risk_of, why
from saleswright.modules.insight.models import CustomerRules, CustomerStanding, LifeCycleChange
from saleswright.modules.insight.tests.factories import ROOT, ago, customer, orders
from saleswright.modules.sales.models import Order
from saleswright.modules.work.models import Task

pytestmark = pytest.mark.django_db


def night() -> dict[str, int]:
    return figures.refresh(clock.now())


def phase(one: Customer) -> str:
    return Customer.objects.get(pk=one.pk).life_cycle


def test_it_works_out_rhythm_and_value() -> None:
    one = customer("Alpha")
    orders(one, [70, 50, 30, 30, 10], 100)
    orders(one, [400], 50)
    assert night() == {"customers": 1, "changed": 1}
    found = CustomerStanding.objects.get(customer=one)
    assert (found.orders, found.first_order_on, found.last_order_on) == (6, ago(400), ago(10))
    assert (found.usual_gap, found.silent_days) == (20, 10)
    assert (found.revenue_year, found.revenue_before) == (500, 50)
    assert (found.rfm_score, found.value_score) == ("111", 1)
    assert Customer.objects.get(pk=one.pk).rfm_group == "lost"
    assert found.alive_percent is not None
    assert 0 <= found.alive_percent <= 100


def test_a_second_night_changes_nothing_and_forgets_cancelled_orders() -> None:
    one = customer("Alpha")
    made = orders(one, [10, 5])
    night()
    before = CustomerStanding.objects.values("id", "created_at").get()
    version = Customer.objects.get(pk=one.pk).version
    assert night() == {"customers": 1, "changed": 0}
    assert CustomerStanding.objects.values("id", "created_at").get() == before
    assert Customer.objects.get(pk=one.pk).version == version
    Order.objects.filter(pk__in=[order.pk for order in made]).update(status="cancelled")
    figures.refresh(clock.now() + timedelta(days=1))
    assert not CustomerStanding.objects.exists()
    assert Customer.objects.get(pk=one.pk).rfm_group == ""


@pytest.mark.parametrize(("days", "expected"), [(0, "active"), (179, "active"), (180, "dormant"), (365, "lost")])
def test_the_life_cycle_follows_from_days_without_order(days: int, expected: str) -> None:
    one = customer("Alpha")
    orders(one, [days])
    night()
    assert phase(one) == expected
    change = LifeCycleChange.objects.get()
    assert (change.before, change.after, change.on, change.silent_days) == ("prospect", expected, ago(0), days)
    assert AuditEntry.objects.filter(resource="customers", record_id=one.pk, action="life-cycle").exists()
    assert OutboxEvent.objects.filter(name="customers.life-cycle", record_id=one.pk).exists()


def test_who_never_ordered_stays_what_people_say() -> None:
    one = customer("Alpha", life_cycle="lost")
    night()
    assert (phase(one), LifeCycleChange.objects.count()) == ("lost", 0)


def test_archived_customers_stay_as_they_are() -> None:
    one = customer("Alpha")
    orders(one, [400])
    Customer.objects.filter(pk=one.pk).update(archived_at=clock.now())
    night()
    assert phase(one) == "prospect"


def test_a_customer_comes_back_to_life() -> None:
    one = customer("Alpha")
    orders(one, [400])
    night()
    orders(one, [1])
    night()
    assert [c.after for c in LifeCycleChange.objects.order_by("pk")] == ["lost", "active"]


def test_it_takes_as_many_statements_for_many_as_for_few() -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            figures.follow_life_cycle(dict.fromkeys(ids, 10), CustomerRules(), ago(0), clock.now())
        return len(captured)

    ids = [customer(f"A{place}").pk for place in range(2)]
    few = count()
    ids = [customer(f"B{place}").pk for place in range(12)]
    assert count() == few


# --- risk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "silent", "alive", "expected"),
    [
        (20, 10, 95, "low"), (20, 60, 95, "medium"), (20, 59, 95, "low"), (20, 10, 60, "medium"), (20, 10, 61, "low"),
        (20, 10, 30, "high"), (None, 10, None, ""), (None, 180, None, "medium"), (None, 365, None, "high"),
        (200, 365, 99, "high"),
    ],
)  # fmt: skip
def test_the_gravest_sign_makes_the_risk(gap: int | None, silent: int, alive: int | None, expected: str) -> None:
    assert risk_of(Rhythm(5, ago(500), ago(silent), gap, silent, alive), CustomerRules()) == expected


def test_the_reason_is_said_in_words() -> None:
    assert why(23, 61, 40) == (
        "Orders every 23 days usually, now 61 days without one; still buys with 40 % probability"
    )
    assert why(None, 1, None) == "1 day since the last order"


def test_the_api_says_the_reason(api: Any) -> None:
    orders(customer("Alpha"), [70, 50, 30])
    night()
    (one,) = api().get("customer-standings").json()["items"]
    found = api().get(f"customer-standings/{one['id']}").json()
    assert found["reason"].startswith("Orders every 20 days usually, now 30 days without one")


def test_the_reports_list_who_may_go_and_who_is_gone(root: Any, acting: Any, person: Any) -> None:
    seller = person("sales_representative")
    rich, gone = customer("Rich", owner=seller.pk), customer("Gone")
    orders(rich, [200, 190, 180, 100], 900)
    orders(gone, [400], 100)
    night()
    risky = report_named("churn-risk").run({}, root).as_json()["rows"]
    assert [(row["name"], row["risk"], row["usual_gap"]) for row in risky] == [("Rich", "medium", 10)]
    back = report_named("win-back").run({}, root).as_json()["rows"]
    assert [(row["name"], row["life_cycle"]) for row in back] == [("Gone", "lost")]
    assert report_named("win-back").run({}, acting(seller)).rows == []
    assert report_named("win-back").run({"owner_id": str(seller.pk)}, root).rows == []
    assert report_named("churn-risk").run({"risk": "high"}, root).rows == []


# --- rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"), [({"lost_days": 100}, "lost_days"), ({"high_percent": 40}, "high_percent")]
)
def test_the_rules_keep_their_order(change: dict[str, int], field: str) -> None:
    rules = CustomerRules.objects.get()
    with pytest.raises(ValidationFailed) as refused:
        save_record(CustomerRules, change, pk=rules.pk, actor=ROOT)
    assert refused.value.errors[0].field == field
    assert CustomerRules.objects.get().lost_days == 365


def test_there_is_one_set_of_rules() -> None:
    with pytest.raises(ValidationFailed):
        save_record(CustomerRules, {}, actor=ROOT)
    assert CustomerRules.objects.count() == 1


def test_the_figures_are_worked_out_on_demand_by_the_rules_of_then(root: Any) -> None:
    one = customer("Alpha")
    orders(one, [40])
    rules = CustomerRules.objects.get()
    save_record(CustomerRules, {"dormant_days": 30}, pk=rules.pk, actor=ROOT)
    for _twice in range(2):
        figures.recompute(rules.pk, actor=root)
    found = Job.objects.get(kind=figures.REFRESH_JOB)
    assert jobs.kinds()[found.kind].function(None)["changed"] == 1
    assert phase(one) == "dormant"


# --- winning back ----------------------------------------------------------------------------------------------


def test_winning_back_is_a_task_of_the_owner_once(person: Any, root: Any) -> None:
    seller = person("sales_representative")
    one = customer("Alpha", owner=seller.pk)
    orders(one, [400, 380, 360])
    night()
    made = figures.win_back(one.pk, actor=root, due_on=ago(-7), note="Call the buyer")
    task = Task.objects.get(pk=made["task_id"])
    assert (task.owner_id, task.resource, task.record_id) == (seller.pk, "customers", one.pk)
    assert task.description.startswith("Orders every 20 days usually")
    assert task.description.endswith("Call the buyer")
    assert clock.local_date(task.due_at) == ago(-7)
    with pytest.raises(Conflict):
        figures.win_back(one.pk, actor=root, due_on=ago(-7))
    assert Task.objects.count() == 1


def test_nobody_is_won_back_who_buys(root: Any) -> None:
    one = customer("Alpha")
    orders(one, [2])
    night()
    with pytest.raises(Conflict):
        figures.win_back(one.pk, actor=root, due_on=ago(-7))
    assert not Task.objects.exists()


def test_somebody_must_be_there_to_win_back(root: Any) -> None:
    one = customer("Alpha")
    orders(one, [400])
    night()
    with pytest.raises(Conflict):
        figures.win_back(one.pk, actor=root, due_on=ago(-7))

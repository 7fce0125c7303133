"""Scores and levels: measures by hand, weights, months, and levels set by people."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, Job
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.insight.actions import grading
from saleswright.modules.insight.models import CustomerGrade, GradeRules, LevelChange, LevelOverride
from saleswright.modules.insight.tests.factories import ROOT, ago, customer, orders, product
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.receivables.models import Invoice
from saleswright.modules.receivables.tests.factories import history_invoice

pytestmark = pytest.mark.django_db


def rules(**values: Any) -> GradeRules:
    return save_record(GradeRules, values, pk=GradeRules.objects.get().pk, actor=ROOT)


def points(one: Customer) -> dict[str, Any]:
    return {name: value for name, value, _weight in CustomerGrade.objects.get(customer=one).parts}


def level(one: Customer) -> str:
    return Customer.objects.get(pk=one.pk).level


def month(number: int) -> datetime:
    """A moment so many months from now."""
    return clock.now() + timedelta(days=31 * number)


def test_percentiles_count_who_is_strictly_worse() -> None:
    assert grading.percentiles({1: 10, 2: 20, 3: 20, 4: 90, 5: 90}) == {1: 0, 2: 25, 3: 25, 4: 75, 5: 75}
    assert grading.percentiles({1: 5}) == {1: 100}


def test_it_measures_customers_against_each_other() -> None:
    save_record(Product, {"cost": "40"}, pk=product().pk, actor=ROOT)
    small, middle, big = (customer(name) for name in ("Small", "Middle", "Big"))
    orders(small, [10], 50)
    orders(middle, [10], 100)
    orders(middle, [400], 200)
    orders(big, [20], 400)
    orders(big, [500], 200)
    save_record(Opportunity, {"customer": small.pk, "name": "Deal", "amount": 900}, actor=ROOT)
    grading.grade(clock.now())
    assert points(small) == {"revenue": 0, "margin": 0, "growth": None, "payment": None, "potential": 100}
    assert points(middle) == {"revenue": 50, "margin": 50, "growth": 0, "payment": None, "potential": 0}
    assert points(big) == {"revenue": 100, "margin": 100, "growth": 100, "payment": None, "potential": 0}
    found = CustomerGrade.objects.get(customer=big)
    assert (found.score, found.level, found.card) == (78, "A", "customer")  # 40 + 15 + 15 + 7.5, half up
    assert CustomerGrade.objects.get(customer=small).score == 30  # 0 + 0 + 7.5 + 7.5 + 15


def test_paying_late_costs_points() -> None:
    one, other = customer("Late"), customer("Punctual")
    for buyer in (one, other):
        orders(buyer, [10])
    history_invoice(one, "100", ago(60), due_on=ago(30))
    paid = history_invoice(other, "100", ago(90), due_on=ago(60))
    Invoice.objects.filter(pk=paid.pk).update(balance=0, base_balance=0, paid_on=ago(65))
    grading.grade(clock.now())
    assert (points(one)["payment"], points(other)["payment"]) == (50, 100)


def test_a_margin_is_unknown_where_a_cost_is() -> None:
    one = customer("Alpha")
    orders(one, [10])
    grading.grade(clock.now())
    assert points(one)["margin"] is None
    Product.objects.update(cost=Decimal(10), currency="USD")
    grading.grade(clock.now())
    assert points(one)["margin"] is None  # there is no rate for dollars


def test_prospects_have_a_card_of_their_own() -> None:
    buyer = customer("Buyer", industry="制造业")
    orders(buyer, [10])
    alike, other = customer("Alike", industry="制造业"), customer("Other", industry="教育")
    values = {"customer": alike.pk, "name": "Deal", "amount": 900, "expected_close": ago(-60)}
    save_record(Opportunity, values, actor=ROOT)
    grading.grade(clock.now())
    assert CustomerGrade.objects.get(customer=alike).card == "prospect"
    fit = CustomerGrade.objects.get(customer=buyer).score
    assert points(alike) == {"fit": fit, "prospect": 100, "timing": 60}
    assert points(other) == {"fit": None, "prospect": 0, "timing": 0}
    assert CustomerGrade.objects.get(customer=other).score == 20


def test_levels_follow_only_when_the_rules_say_so() -> None:
    one = customer("Alpha", level="D")
    orders(one, [10])
    assert grading.grade(clock.now()) == {"graded": 1, "changed": 0}
    assert level(one) == "D"
    rules(active=True)
    assert grading.grade(clock.now()) == {"graded": 1, "changed": 1}
    found = CustomerGrade.objects.get()
    assert level(one) == found.level == "B"
    change = LevelChange.objects.get()
    assert (change.before, change.after, change.cause, change.score) == ("D", "B", "graded", found.score)
    assert AuditEntry.objects.filter(resource="customers", record_id=one.pk, action="grade").count() == 1
    assert grading.grade(clock.now())["changed"] == 0


def test_it_grades_once_a_month() -> None:
    customer("Alpha")
    assert grading.grade_monthly(clock.now())["graded"] == 1
    assert grading.grade_monthly(clock.now())["graded"] == 0
    assert grading.grade_monthly(month(1))["graded"] == 1
    assert CustomerGrade.objects.count() == 1


def test_a_level_set_by_hand_stays_until_its_day() -> None:
    rules(active=True)
    one = customer("Alpha", level="C")
    orders(one, [10])
    grading.set_level(one.pk, actor=ROOT, level="A", reason="Framework contract", until=ago(-10))
    grading.grade(clock.now())
    assert level(one) == "A"
    assert [(c.before, c.after, c.cause, c.reason) for c in LevelChange.objects.all()] == [
        ("C", "A", "set", "Framework contract")
    ]
    grading.grade_monthly(clock.now() + timedelta(days=11))
    assert level(one) == CustomerGrade.objects.get().level == "B"
    assert LevelOverride.objects.get().ended_on is not None


def test_a_new_level_by_hand_ends_the_one_before() -> None:
    one = customer("Alpha")
    for wanted in ("A", "B"):
        grading.set_level(one.pk, actor=ROOT, level=wanted, reason="x", until=ago(-10))
    assert level(one) == "B"
    assert list(LevelOverride.objects.filter(ended_on=None).values_list("level", flat=True)) == ["B"]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"until": "2020-01-01"}, "until"), ({"reason": ""}, "reason"), ({"level": "E"}, "level")],
)
def test_it_refuses_a_level_without_reason_or_end(api: Any, given: dict[str, str], field: str) -> None:
    one = customer("Alpha", level="C")
    body = {"level": "A", "reason": "x", "until": ago(-5).isoformat()} | given
    response = api().act("customers", one.pk, "set-level", **body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert (level(one), LevelOverride.objects.count()) == ("C", 0)


def test_the_score_decides_again_when_one_lets_it() -> None:
    rules(active=True)
    one = customer("Alpha")
    orders(one, [10])
    grading.grade(clock.now())
    grading.set_level(one.pk, actor=ROOT, level="D", reason="x", until=ago(-10))
    grading.end_set_level(one.pk, actor=ROOT)
    assert level(one) == "B"
    assert LevelChange.objects.order_by("-pk").first().cause == "ended"  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        grading.end_set_level(one.pk, actor=ROOT)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"revenue_weight": 41}, "revenue_weight"), ({"fit_weight": 30}, "fit_weight"), ({"a_from": 55}, "a_from")],
)
def test_weights_add_up_and_levels_are_in_order(change: dict[str, int], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules(**change)
    assert refused.value.errors[0].field == field
    assert GradeRules.objects.get().revenue_weight == 40


def test_there_is_one_set_of_rules() -> None:
    with pytest.raises(ValidationFailed):
        save_record(GradeRules, {}, actor=ROOT)
    assert GradeRules.objects.count() == 1


def test_grading_on_demand_asks_a_worker_once() -> None:
    pk = GradeRules.objects.get().pk
    for _twice in range(2):
        grading.grade_now(pk, actor=ROOT)
    assert Job.objects.filter(kind=grading.GRADE_JOB).count() == 1


def test_the_grade_is_explained(api: Any) -> None:
    orders(customer("Alpha"), [10])
    grading.grade(clock.now())
    found = api().get(f"customer-grades/{CustomerGrade.objects.get().pk}").json()["reasons"]
    assert found[0] == "Revenue: 100 of 100 (weight 40 %)"
    assert found[1] == "Margin: unknown, counted as 50 (weight 15 %)"

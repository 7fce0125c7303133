"""How far targets are reached: against the records themselves."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from saleswright.kernel.clock import Period
from saleswright.modules.sales.public import Order
from saleswright.modules.targets.queries import attainment, attainment_of, attainments, foremost, targets_of

D = Decimal
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


def reached(value, actual, day):
    one = attainment_of(D(value), D(actual), NOVEMBER, date(2026, 11, day))
    return tuple(None if part is None else str(part) for part in (one.attainment, one.elapsed, one.gap, one.expected))


@pytest.mark.parametrize(
    ("value", "actual", "day", "expected"),
    [
        ("300", "100", 10, ("0.3333", "0.3333", "200.00", "300.00")),
        ("300", "0", 15, ("0.0000", "0.5000", "300.00", "0.00")),
        ("300", "450", 30, ("1.5000", "1.0000", "-150.00", "450.00")),
        ("300", "-30", 3, ("-0.1000", "0.1000", "330.00", "-300.00")),
        ("0", "50", 15, (None, "0.5000", "-50.00", "100.00")),
    ],
)
def test_it_compares_with_the_target_and_the_time(value, actual, day, expected):
    assert reached(value, actual, day) == expected


@pytest.mark.parametrize(
    ("actual", "light"), [("100", "green"), ("99.99", "yellow"), ("85", "yellow"), ("84.99", "red"), ("0", "red")]
)
def test_it_lights_up_by_attainment_against_time(actual, light):
    assert attainment_of(D(300), D(actual), NOVEMBER, date(2026, 11, 10)).light == light


def test_it_has_no_light_before_the_period():
    one = attainment_of(D(300), D(0), NOVEMBER, date(2026, 10, 31))
    assert (one.elapsed, one.light, one.expected, one.needed_per_day) == (D(0), None, None, D("10.00"))


def test_it_needs_nothing_a_day_after_the_period_or_beyond_the_target():
    assert attainment_of(D(300), D(100), NOVEMBER, date(2026, 12, 5)).needed_per_day is None
    assert attainment_of(D(300), D(400), NOVEMBER, date(2026, 11, 10)).needed_per_day == 0
    assert attainment_of(D(300), D(100), NOVEMBER, date(2026, 11, 10)).needed_per_day == D("10.00")


@pytest.fixture
def sold(firm, sell):
    """Orders of three people; one before, one after the month, one only drafted."""
    for who, amount, day in (
        (firm.anna, "100.10", "2026-11-01"),
        (firm.anna, "50", "2026-11-30"),
        (firm.bert, "20", "2026-11-15"),
        (firm.carl, "7", "2026-11-15"),
        (firm.anna, "1000", "2026-10-31"),
        (firm.anna, "1000", "2026-12-01"),
    ):
        sell(who, amount, day)
    Order.objects.filter(pk=sell(firm.anna, "5000", "2026-11-10").pk).update(status="draft")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "who", "people"),
    [
        ("company", None, ("anna", "bert", "carl")),
        ("department", "sales", ("anna", "bert", "carl")),
        ("department", "east", ("anna", "bert")),
        ("region", "west_region", ("carl",)),
        ("person", "anna", ("anna",)),
        ("person", "head", ()),
    ],
)
def test_it_equals_the_sum_of_the_records(root, firm, sold, new_target, kind, who, people):
    target = new_target("1000", period="m11", scope={"kind": kind, "id": getattr(firm, who).pk if who else None})
    owners = {getattr(firm, name).pk for name in people}
    counted = sum(
        (
            order.base_untaxed
            for order in Order.objects.all()
            if order.owner_id in owners
            and order.status == "confirmed"
            and (order.confirmed_on.year, order.confirmed_on.month) == (2026, 11)
        ),
        D(0),
    )
    assert attainment(target, root, date(2026, 11, 30)).actual == counted
    assert counted == {0: D(0), 1: counted, 2: D("170.10"), 3: D("177.10")}[len(people)]


@pytest.mark.django_db
def test_it_counts_the_products_of_a_category(root, firm, sold, category, new_target):
    target = new_target(period="m11", scope={"kind": "category", "id": category.pk})
    assert attainment(target, root).actual == D("177.10")


@pytest.mark.django_db
def test_it_measures_as_a_person_may_see(acting, firm, sold, new_target):
    target = new_target(period="m11", scope={"kind": "person", "id": firm.anna.pk})
    assert attainment(target, acting(firm.anna)).actual == D("150.10")
    assert attainment(target, acting(firm.head)).actual == D("150.10")


@pytest.mark.django_db
def test_it_measures_many_with_as_many_queries_as_few(root, firm, sold, new_target):
    def make(who):
        return new_target(period="m11", scope={"kind": "person", "id": who.pk})

    few = [make(firm.anna)]
    attainments(few, root)  # what is kept for a while is asked for once
    with CaptureQueriesContext(connection) as one:
        attainments(few, root)
    many = [*few, make(firm.bert), make(firm.carl), make(firm.head)]
    with CaptureQueriesContext(connection) as four:
        attainments(many, root)
    assert len(four) == len(one) == 1


@pytest.mark.django_db
def test_it_reports_the_targets_of_a_period(api, firm, sold, new_target):
    new_target("1000", period="m11", scope={"kind": "person", "id": firm.carl.pk})
    own = new_target("300", period="m11", scope={"kind": "person", "id": firm.anna.pk})
    new_target("300", period="m12", scope={"kind": "person", "id": firm.anna.pk})
    with travel("2026-11-15T12:00:00+08:00"):
        answer = api(firm.anna).get("reports/target-attainment?year=2026&period=m11").json()
    assert answer["columns"][:1] == ["group"]
    assert [{name: row[name] for name in ("metric", "target", "actual", "attainment", "elapsed", "gap", "group")}
            for row in answer["rows"]] == [
        {
            "metric": "ordered", "target": "300.00", "actual": "150.10", "attainment": "0.5003", "elapsed": "0.5000",
            "gap": "149.90", "group": own.scope_person.name,
        }
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["period=q9", "year=x", "colour=red"])
def test_it_refuses_bad_parameters(api, query):
    assert api("sales_director").get(f"reports/target-attainment?{query}").status_code == 422


@pytest.mark.django_db
def test_its_report_opens_as_a_page(browse, firm, sold, new_target):
    new_target("1000", period="m11")
    new_target("3", period="m11", metric="contracts_signed")
    assert browse("sales_director").get("/reports/target-attainment?year=2026&period=m11").status_code == 200


@pytest.mark.django_db
def test_it_shows_its_attainment(api, firm, sold, new_target):
    target = new_target("300", period="m11", scope={"kind": "person", "id": firm.anna.pk})
    with travel("2026-11-15T12:00:00+08:00"):
        shown = api(firm.anna).get(f"targets/{target.pk}").json()
    assert shown["attainment"] == {
        "actual": "150.10", "attainment": "0.5003", "elapsed": "0.5000", "gap": "149.90",
        "needed_per_day": "9.99", "expected": "300.20", "light": "green",
    }  # fmt: skip
    assert shown["progress"] == "50.0 % after 50.0 % of the time: On course"


@pytest.mark.django_db
def test_it_finds_whose_target_counts_for_a_person(acting, firm, new_target):
    company = new_target(period="m11")
    department = new_target(period="m11", scope={"kind": "department", "id": firm.sales.pk})
    own = new_target(period="m11", scope={"kind": "person", "id": firm.anna.pk})
    found = [targets_of(acting(who), 2026) for who in (firm.anna, firm.bert, firm.head, "sales_director")]
    assert found == [[own], [], [department], [company]]


@pytest.mark.django_db
def test_it_puts_the_present_month_and_what_is_ordered_first(new_target):
    targets = [
        new_target(period=period, metric=metric)
        for metric in ("collected", "ordered")
        for period in ("year", "q4", "m11", "m12")
    ]
    shown = foremost(targets, date(2026, 11, 15))
    assert (shown.metric, shown.period) == ("ordered", "m11")
    assert foremost(targets, date(2026, 10, 15)).period == "q4"
    assert foremost(targets, date(2027, 1, 15)) is None

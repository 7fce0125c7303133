"""The first screen: the right tiles for the right people, with few statements."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from time_machine import travel

from saleswright.interface.home import tiles_for
from saleswright.kernel import clock
from saleswright.kernel.records import save_record
from saleswright.modules.analytics import pages
from saleswright.modules.analytics.goals import goal_of
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.public import Activity, Opportunity
from saleswright.modules.receivables.public import Invoice
from saleswright.modules.sales.public import Order
from saleswright.modules.service.public import Ticket
from saleswright.modules.targets.public import Target
from saleswright.modules.work.models import ApprovalTask
from saleswright.modules.work.public import Approval, Task

pytestmark = pytest.mark.django_db
D = Decimal
NOON = "2026-11-16T12:00:00+08:00"  # a Monday


@pytest.fixture(autouse=True)
def _monday_noon_in_english():
    cache.clear()
    with travel(NOON, tick=False), translation.override("en"):
        yield


@pytest.fixture
def anna(person):
    return person("sales_representative", name="安娜")


@pytest.fixture
def customer(root, anna):
    return save_record(Customer, {"name": "华东精密", "owner": anna.pk}, actor=root)


@pytest.fixture
def sell(root, customer):
    def make(owner, amount, day):
        product = save_record(Product, {"name": "伺服电机"}, actor=root)
        line = {"product": product.pk, "quantity": "1", "unit_price": amount}
        order = save_record(Order, {"customer": customer.pk, "owner": owner.pk}, lines={"lines": [line]}, actor=root)
        Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=day)

    return make


def set_target(root, owner, period, value):
    scope = {"kind": "person", "id": owner.pk}
    values = {"metric": "ordered", "year": 2026, "period": period, "value": value, "scope": scope}
    return save_record(Target, values, actor=root)


def test_it_shows_the_target_of_the_month_as_a_ring(root, acting, anna, sell):
    target = set_target(root, anna, "m11", "1000")
    set_target(root, anna, "year", "9999")
    sell(anna, "400", "2026-11-02")
    sell(anna, "77", "2026-10-02")
    tile = pages.my_target(acting(anna))
    assert (tile.figure, tile.progress, tile.url) == ("40%", 0.4, f"/targets/{target.pk}")
    assert (tile.colour, round(tile.elapsed, 4)) == ("red", 0.5333)
    assert tile.title == "Orders taken · 安娜 2026-11"


def test_it_shows_no_target_to_whom_has_none(acting, anna):
    assert pages.my_target(acting(anna)) is None
    assert pages.my_target(acting("warehouse")) is None


def test_it_sets_the_months_against_the_targets(root, acting, anna, sell):
    set_target(root, anna, "year", "1200")
    set_target(root, anna, "m11", "500")
    sell(anna, "400", "2026-11-02")
    sell(anna, "50", "2026-01-31")
    months = goal_of(acting(anna), clock.today()).months
    assert [month.planned for month in months] == [D(100)] * 10 + [D(500), D(100)]
    assert [month.actual for month in months] == [D(50)] + [D(0)] * 9 + [D(400), D(0)]
    assert [month.future for month in months] == [False] * 11 + [True]
    chart = pages.year_by_months(acting(anna)).chart
    assert chart.title == "Orders taken: 30% of the target of these months"
    assert len(chart.rows) == 12


def test_it_shows_the_months_of_whom_has_no_target(acting, anna, sell):
    assert pages.year_by_months(acting(anna)) is None
    cache.clear()
    sell(anna, "400", "2026-11-02")
    assert len(pages.year_by_months(acting(anna)).chart.option["series"]) == 1


def test_it_keeps_figures_for_a_minute(root, acting, anna, sell):
    set_target(root, anna, "m11", "1000")
    assert pages.my_target(acting(anna)).figure == "0%"
    sell(anna, "400", "2026-11-02")
    assert pages.my_target(acting(anna)).figure == "0%"
    cache.clear()
    assert pages.my_target(acting(anna)).figure == "40%"


def test_it_lists_ones_own_open_tasks(root, acting, person, anna):
    def task(title, hours, owner=anna):
        due = clock.now() + timedelta(hours=hours)
        save_record(Task, {"title": title, "due_at": due, "owner": owner.pk}, actor=root)

    task("later", 5)
    task("late", -5)
    save_record(Task, {"title": "some time", "owner": anna.pk}, actor=root)
    task("not mine", 1, person("sales_representative"))
    tile = pages.my_tasks(acting(anna))
    assert [(item.text, item.late) for item in tile.items] == [("late", True), ("later", False), ("some time", False)]
    assert (tile.figure, tile.detail, tile.colour) == ("3", "1 overdue", "red")


def test_it_lists_what_is_planned_for_today(root, acting, anna, customer):
    def visit(subject, moment):
        values = {"kind": "visit", "subject": subject, "customer": customer.pk, "owner": anna.pk, "planned_at": moment}
        save_record(Activity, values, actor=root)

    visit("今天", "2026-11-16T15:00:00+08:00")
    visit("昨天", "2026-11-15T15:00:00+08:00")
    visit("明天", "2026-11-17T00:00:00+08:00")
    items = pages.todays_activities(acting(anna)).items
    assert [(item.text, item.detail, item.late) for item in items] == [
        ("今天 · 华东精密", "15:00", False),
        ("昨天 · 华东精密", "2026-11-15", True),
    ]


def test_it_draws_the_open_pipeline(root, acting, anna, customer, person):
    for amount in ("100", "200"):
        values = {"name": "改造", "customer": customer.pk, "amount": amount, "owner": anna.pk}
        save_record(Opportunity, values, actor=root)
    tile = pages.pipeline_by_stage(acting(anna))
    assert [row[1:] for row in tile.chart.rows] == [["2", "¥300.00"]]
    assert pages.pipeline_by_stage(acting(person("sales_representative"))) is None
    assert pages.pipeline_by_stage(acting("warehouse")) is None


def test_it_lists_ones_own_tickets(root, acting, person, customer):
    agent = person("service_agent")
    save_record(Ticket, {"customer": customer.pk, "subject": "漏油", "owner": agent.pk}, actor=root)
    save_record(Ticket, {"customer": customer.pk, "subject": "别人的"}, actor=root)
    tile = pages.my_tickets(acting(agent))
    assert ([item.text for item in tile.items], tile.figure) == (["漏油"], "1")
    assert pages.my_tickets(acting("sales_representative")) is None


def test_it_shows_what_customers_should_have_paid(root, acting, anna, customer, person):
    def invoice(balance, due, owner, status="issued"):
        stamps = {"created_at": clock.now(), "updated_at": clock.now(), "issued_on": date(2026, 10, 1)}
        Invoice.objects.create(
            customer=customer, owner=owner, status=status, due_on=date.fromisoformat(due), total=D("900"),
            balance=D(balance), base_balance=D(balance), **stamps,
        )  # fmt: skip

    assert pages.overdue_receivables(acting(anna)) is None
    cache.clear()
    invoice("100", "2026-11-15", anna)
    invoice("50.5", "2026-11-01", anna)
    invoice("900", "2026-11-16", anna)  # due today
    invoice("0", "2026-11-01", anna, status="paid")
    invoice("900", "2026-11-01", person("sales_representative"))
    tile = pages.overdue_receivables(acting(anna))
    assert tile.detail == "2 invoices are past due"
    assert [item.detail.split(" · ")[0] for item in tile.items] == ["¥50.5", "¥100"]
    assert pages.overdue_receivables(acting("warehouse")) is None


def test_it_shows_what_waits_for_a_decision(acting, anna, person):
    head = person("sales_manager")
    stamps = {"created_at": clock.now(), "updated_at": clock.now()}
    approval = Approval.objects.create(
        resource="quotes", record_id=1, subject_label="QU-1", transition="submit", requested_by=anna,
        requested_at=clock.now(), **stamps,
    )  # fmt: skip
    ApprovalTask.objects.create(approval=approval, step=1, rule="any", approver=head, state="open", **stamps)
    tile = pages.approvals_waiting(acting(head))
    assert ([item.text for item in tile.items], tile.figure) == (["QU-1"], "1")
    assert pages.approvals_waiting(acting(anna)) is None


def test_it_tells_what_others_changed(root, acting, anna, customer):
    save_record(Customer, {"city": "上海"}, pk=customer.pk, actor=root)
    save_record(Customer, {"city": "苏州"}, pk=customer.pk, actor=acting(anna))
    tile = pages.changes_by_others(acting(anna))
    assert {item.url for item in tile.items} == {f"/customers/{customer.pk}"}
    assert len(tile.items) == 2  # made and changed by the system, not what she did herself
    assert pages.changes_by_others(acting("sales_representative")) is None


def test_it_leaves_out_what_means_nothing(acting):
    assert [tile.title for tile in tiles_for(acting("warehouse"))] == ["My tasks"]


@pytest.mark.parametrize(
    "role", ["administrator", "sales_director", "sales_representative", "service_agent", "auditor"]
)
def test_it_opens_with_few_queries(browse, root, person, sell, customer, role):
    who = person(role)
    set_target(root, who, "m11", "1000")
    sell(who, "400", "2026-11-02")
    save_record(Opportunity, {"name": "改造", "customer": customer.pk, "owner": who.pk, "amount": "5"}, actor=root)
    client = browse(who)
    client.get("/")
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/").status_code == 200
    assert len(captured) <= 20

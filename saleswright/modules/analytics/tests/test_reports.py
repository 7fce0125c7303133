"""Reports on sales and measures: figures against the orders themselves, cut by rights and filters."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.models import Department, ExchangeRate, Region
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.sales.public import Order

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def firm(root, person):
    sales = save_record(Department, {"name": "销售中心"}, actor=root)
    east = save_record(Department, {"name": "华东部", "parent": sales.pk}, actor=root)
    region = save_record(Region, {"name": "华东"}, actor=root)
    head = person("sales_manager", department=sales)
    anna = person("sales_representative", department=east, region=region, manager=head, name="安娜")
    bert = person("sales_representative", department=sales, manager=head, name="伯特")
    motor = save_record(Product, {"name": "电机", "list_price": "100"}, actor=root)
    pump = save_record(Product, {"name": "水泵", "list_price": "50", "tax_rate": "6"}, actor=root)
    return SimpleNamespace(
        sales=sales, east=east, region=region, head=head, anna=anna, bert=bert, motor=motor, pump=pump
    )


@pytest.fixture
def sell(root, firm):
    def make(owner, day, *lines, channel="", status="confirmed", **values):
        customer = save_record(Customer, {"name": f"{owner.name}的客户", "owner": owner.pk}, actor=root)
        rows = [{"product": product.pk, "quantity": quantity} for product, quantity in lines]
        given = {"customer": customer.pk, "owner": owner.pk, "channel": channel, **values}
        order = save_record(Order, given, lines={"lines": rows}, actor=root)
        Order.objects.filter(pk=order.pk).update(status=status, confirmed_on=date.fromisoformat(day))
        return order

    return make


@pytest.fixture
def sold(firm, sell):
    sell(firm.anna, "2026-10-31", (firm.motor, "1"), channel="direct")
    sell(firm.anna, "2026-11-01", (firm.motor, "2"), (firm.pump, "3"), channel="direct")
    sell(firm.bert, "2026-11-30", (firm.pump, "0.5"), status="completed", channel="dealer")
    sell(firm.bert, "2026-11-30", (firm.motor, "99"), status="cancelled")
    sell(firm.bert, "2026-11-30", (firm.motor, "99"), status="draft")


def report(client, query):
    response = client.get(f"reports/sales?{query}")
    assert response.status_code == 200, response.content
    return [tuple(row.values()) for row in response.json()["rows"]]


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("product", [("电机", 2, "3", "300.00", "339.00"), ("水泵", 2, "3.5", "175.00", "185.50")]),
        ("region", [("华东", 2, "6", "450.00", "498.00"), ("(none)", 1, "0.5", "25.00", "26.50")]),
        ("channel", [("direct", 2, "6", "450.00", "498.00"), ("dealer", 1, "0.5", "25.00", "26.50")]),
        ("owner", [("安娜", 2, "6", "450.00", "498.00"), ("伯特", 1, "0.5", "25.00", "26.50")]),
        ("month", [("2026-10", 1, "1", "100.00", "113.00"), ("2026-11", 2, "5.5", "375.00", "411.50")]),
    ],
)
def test_it_groups_what_was_sold(api, sold, by, rows):
    assert report(api("sales_director"), f"by={by}") == rows


def test_it_groups_by_customer(api, sold):
    names = [row[0] for row in report(api("sales_director"), "by=customer")]
    assert sorted(names) == ["伯特的客户", "安娜的客户", "安娜的客户"]


def test_it_names_its_columns(api, sold):
    answer = api("sales_director").get("reports/sales").json()
    assert answer["columns"] == ["group", "orders", "quantity", "untaxed", "total"]


@pytest.mark.parametrize(
    ("query", "untaxed"),
    [
        ("from=2026-11-01&to=2026-11-30", ["200.00", "175.00"]),
        ("from=2026-12-01", []),
        ("to=2026-10-31", ["100.00"]),
        ("channel=dealer", ["25.00"]),
        ("owner_id={anna}", ["300.00", "150.00"]),
        ("department_id={sales}", ["300.00", "175.00"]),
        ("department_id={east}", ["300.00", "150.00"]),
        ("region_id={region}", ["300.00", "150.00"]),
        ("product_id={pump}", ["175.00"]),
        ("owner_id=999999", []),
    ],
)
def test_it_is_cut_by_filters(api, firm, sold, query, untaxed):
    query = query.format(**{name: one.pk for name, one in vars(firm).items()})
    assert [row[3] for row in report(api("sales_director"), query)] == untaxed


@pytest.mark.parametrize("query", ["by=weather", "from=x", "from=2026-02-01&to=2026-01-01", "colour=red"])
def test_it_refuses_bad_parameters(api, query):
    assert api("sales_director").get(f"reports/sales?{query}").status_code == 422


def test_it_is_cut_by_rights(api, firm, sold):
    assert report(api(firm.bert), "by=owner") == [("伯特", 1, "0.5", "25.00", "26.50")]
    assert len(report(api(firm.head), "by=owner")) == 2
    assert api("warehouse").get("reports/sales").status_code == 403


def test_it_adds_up_to_the_orders_in_base_currency(root, api, firm, sell):
    stamps = {"created_at": clock.now(), "updated_at": clock.now()}
    ExchangeRate.objects.create(currency="USD", valid_from=date(2020, 1, 1), rate=D("7.123456"), **stamps)
    for number in range(1, 4):
        lines = ((firm.motor, f"0.{number}7"), (firm.pump, f"{number}.13"))
        sell(firm.anna, "2026-11-02", *lines, currency="USD" if number > 1 else "CNY")
    untaxed, total = defaultdict(D), D(0)
    for order in Order.objects.all():
        total += order.base_total
        untaxed["all"] += order.base_untaxed
    for by in ("product", "owner", "month"):
        rows = report(api("sales_director"), f"by={by}")
        assert sum(D(row[4]) for row in rows) == total
        assert sum(D(row[3]) for row in rows) == untaxed["all"]


def test_it_takes_as_many_queries_for_many_orders_as_for_few(root, firm, sell):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            report_named("sales").run({"by": "customer"}, root)
        return len(captured)

    sell(firm.anna, "2026-11-02", (firm.motor, "1"))
    few = queries()
    for _number in range(3):
        sell(firm.bert, "2026-11-02", (firm.motor, "1"))
    assert queries() == few <= 4


def measured(client, query):
    response = client.get(f"reports/metric?{query}")
    assert response.status_code == 200, response.content
    return [(row["group"], row["value"]) for row in response.json()["rows"]]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("name=ordered", [("2026-10", "100.00"), ("2026-11", "375.00")]),
        ("name=ordered&by=owner", [("安娜", "450.00"), ("伯特", "25.00")]),
        ("name=ordered&by=region&from=2026-11-01", [("华东", "350.00"), ("(none)", "25.00")]),
        ("name=orders_confirmed&by=channel", [("direct", 2), ("dealer", 1)]),
        ("name=collected&by=owner", []),
    ],
)
def test_it_reports_any_measure(api, sold, query, rows):
    assert measured(api("sales_director"), query) == rows


def test_it_reports_moments_by_the_companys_months(api, sold):
    client = api("service_manager")
    customer = Customer.objects.first()
    client.post("tickets", {"customer_id": customer.pk, "subject": "漏油", "kind": "complaint"})
    assert [value for _month, value in measured(client, "name=tickets_opened")] == [1]
    assert measured(client, "name=tickets_opened&by=kind") == [("Complaint", 1)]
    assert measured(client, "name=invoiced") == []


@pytest.mark.parametrize("query", ["name=happiness", "name=contracted&by=product"])
def test_it_refuses_measures_and_dimensions_that_are_not_kept(api, query):
    assert api("sales_director").get(f"reports/metric?{query}").status_code == 422


@pytest.mark.parametrize("path", ["sales", "sales?by=month", "metric", "metric?name=ordered&by=product"])
def test_its_pages_open(browse, sold, path):
    assert browse("sales_director").get(f"/reports/{path}").status_code == 200

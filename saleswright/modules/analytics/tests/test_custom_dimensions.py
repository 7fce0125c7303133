"""Reports grouped by custom fields and cut to their values: sales, measures, opportunities, receivables."""

from datetime import date
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.report_dimensions import subjects_of
from saleswright.interface.reports import report_named
from saleswright.kernel.metrics import metric_named
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.public import Opportunity
from saleswright.modules.sales.public import Order

pytestmark = pytest.mark.django_db
CHOICES = [
    {"code": "a", "label_zh": "甲", "label_en": "Large"},
    {"code": "b", "label_zh": "乙", "label_en": "Small"},
]


@pytest.fixture
def add(root):
    def add(resource, code, kind, **values):
        lines = {"choices": CHOICES} if kind in {"choice", "multi"} else {}
        given = {"resource": resource, "code": code, "kind": kind, "label_zh": f"字段{code}", "label_en": code}
        return save_record(CustomField, given | values, lines=lines, actor=root)

    return add


@pytest.fixture
def sold(root, person, add):
    """Three sold orders of three customers: 100 (large, east), 200 (small, no area), 400 (nothing said)."""
    add("customers", "size", "choice")
    add("customers", "area", "text")
    add("orders", "urgent", "bool")
    add("orders", "due", "date")
    add("orders", "helper", "person")
    add("orders", "budget", "money")
    add("orders", "wants", "multi")
    owners = [person("sales_representative", name=name) for name in ("安娜", "伯特", "Carl")]
    motor = save_record(Product, {"name": "电机", "list_price": "100"}, actor=root)
    orders = [
        {"urgent": True, "due": "2026-03-09", "helper": owners[0].pk, "budget": "50", "wants": ["a", "b"]},
        {"urgent": False, "due": "2026-04-01", "budget": "70", "wants": ["b"]},
        {"due": "2026-03-31"},
    ]
    customers = [{"size": "a", "area": "east"}, {"size": "b"}, {}]
    for place, (owner, quantity) in enumerate(zip(owners, ("1", "2", "4"), strict=True)):
        of_customer = {f"custom.{code}": value for code, value in customers[place].items()}
        customer = save_record(Customer, {"name": f"C{place}", "owner": owner.pk} | of_customer, actor=root)
        given = {f"custom.{code}": value for code, value in orders[place].items()}
        order = save_record(
            Order, {"customer": customer.pk, "owner": owner.pk} | given,
            lines={"lines": [{"product": motor.pk, "quantity": quantity}]}, actor=root,
        )  # fmt: skip
        Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=date(2026, 5, place + 1))
    return SimpleNamespace(owners=owners)


def amounts(client, query, report="sales", value="untaxed"):
    answer = client.get(f"reports/{report}?{query}")
    assert answer.status_code == 200, answer.content
    return {row["group"]: row[value] for row in answer.json()["rows"]}


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("customers.custom.size", {"a": "100.00", "b": "200.00", "(none)": "400.00"}),
        ("customers.custom.area", {"east": "100.00", "(none)": "600.00"}),
        ("orders.custom.urgent", {"true": "100.00", "false": "200.00", "(none)": "400.00"}),
        ("orders.custom.due", {"2026-03": "500.00", "2026-04": "200.00"}),
        ("orders.custom.helper", {"安娜": "100.00", "(none)": "600.00"}),
    ],
)
def test_it_groups_what_was_sold_by_custom_fields(api, sold, by, rows):
    assert amounts(api("sales_director"), f"by={by}") == rows
    assert amounts(api("sales_director"), f"name=ordered&by={by}", "metric", "value") == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("customers.custom.size=b", {"伯特": "200.00"}),
        ("customers.custom.area=east", {"安娜": "100.00"}),
        ("orders.custom.urgent=false", {"伯特": "200.00"}),
        ("orders.custom.due__gte=2026-03-10&orders.custom.due__lte=2026-04-01", {"伯特": "200.00", "Carl": "400.00"}),
        ("orders.custom.budget__gte=60", {"伯特": "200.00"}),
        ("orders.custom.wants=b", {"安娜": "100.00", "伯特": "200.00"}),
        ("orders.custom.wants=b&customers.custom.size=a", {"安娜": "100.00"}),
        ("orders.custom.helper_id={helper}", {"安娜": "100.00"}),
    ],
)
def test_it_is_cut_by_custom_fields(api, sold, query, rows):
    query = query.format(helper=sold.owners[0].pk)
    assert amounts(api("sales_director"), f"by=owner&{query}") == rows
    assert amounts(api("sales_director"), f"name=ordered&by=owner&{query}", "metric", "value") == rows
    by_month = amounts(api("sales_director"), f"name=ordered&by=month&{query}", "metric", "value")
    assert [float(value) for value in by_month.values()] == [sum(map(float, rows.values()))]


@pytest.mark.parametrize(
    "query",
    [
        "by=orders.custom.budget", "by=orders.custom.nothing", "orders.custom.wants=c", "orders.custom.due__gte=soon",
        "orders.custom.budget__gte=much", "orders.custom.helper_id=x", "orders.custom.nothing=1",
    ],
)  # fmt: skip
def test_it_refuses_values_and_fields_that_there_are_not(api, sold, query):
    assert api("sales_director").get(f"reports/sales?{query}").status_code == 422


def test_a_measure_has_the_fields_of_what_its_facts_lead_to(api, sold):
    assert subjects_of(metric_named("ordered"))["customers"] == "order__customer"
    assert subjects_of(metric_named("won_amount")) == {
        "opportunities": "", "products": "product", "customers": "customer",
    }  # fmt: skip
    refusal = api("sales_director").get("reports/metric?name=won_amount&orders.custom.urgent=true")
    assert [error["code"] for error in refusal.json()["errors"]] == ["unknown"]


def test_the_row_leads_to_the_list_of_the_orders_behind_it(root, api, sold):
    result = report_named("sales").run({"by": "customers.custom.size", "orders.custom.wants": "b"}, root)
    assert [row[0] for row in result.rows] == ["b", "a"]
    client = api("sales_director")
    found = [client.get(f"{url.lstrip('/')}&fields=untaxed").json()["items"] for url in result.drill]
    assert [[order["untaxed"] for order in orders] for orders in found] == [["200.00"], ["100.00"]]
    none = report_named("sales").run({"by": "orders.custom.urgent"}, root)
    assert none.drill[0] == ""  # a list can't be asked for yes or no that was not said
    assert [len(client.get(url.lstrip("/")).json()["items"]) for url in none.drill[1:]] == [1, 1]


def test_a_list_that_does_not_know_the_field_is_not_linked(root, add, sold):
    add("products", "line", "text")
    assert report_named("sales").run({"by": "products.custom.line"}, root).drill == [""]


def test_people_read_labels_on_the_page_and_in_the_file(browse, sold):
    client = browse("sales_director", language="en")
    page = client.get("/reports/sales?by=customers.custom.size").content.decode()
    assert "Customer · size" in page
    assert ">Large<" in page
    data = client.get("/reports/sales/export?by=customers.custom.size&format=csv").content.decode()
    assert "Customer · size" in data.splitlines()[0]
    assert "Large,1," in data
    assert "Yes" in client.get("/reports/sales?by=orders.custom.urgent").content.decode()


def test_a_protected_field_is_no_dimension_for_those_without_the_right(api, add, sold, root):
    add("orders", "margin", "choice", right="margin")
    assert "orders.custom.margin" not in str(api("sales_representative").get("reports/sales?by=x").content)
    refusal = api("sales_representative").get("reports/sales?by=orders.custom.margin")
    assert refusal.status_code == 422
    assert api("sales_representative").get("reports/sales?orders.custom.margin=a").status_code == 422
    assert report_named("sales").run({"by": "orders.custom.margin"}, root).rows[0][0] == "(none)"


def test_what_stands_in_records_out_of_reach_counts_as_nothing(api, sold, root):
    anna, bert = sold.owners[:2]
    # an order of Bert's for a customer of Anna's, whom Bert may not see
    order = Order.objects.get(owner=bert)
    Order.objects.filter(pk=order.pk).update(customer=Customer.objects.get(owner=anna))
    assert amounts(api(bert), "by=customers.custom.size") == {"(none)": "200.00"}
    assert amounts(api(bert), "by=owner&customers.custom.size=a") == {}
    assert amounts(api(bert), "by=orders.custom.urgent") == {"false": "200.00"}


def test_a_retired_field_is_said_on_the_page_which_stays_usable(browse, sold, root):
    archive_record(CustomField, CustomField.objects.get(code="size").pk, actor=root)
    answer = browse("sales_director", language="en").get("/reports/sales?by=customers.custom.size")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "be shown as asked" in page
    assert 'name="by"' in page


def test_opportunities_and_receivables_have_the_fields_too(root, api, add, sold):
    add("opportunities", "hot", "bool")
    add("invoices", "batch", "text")
    given = {"name": "D", "amount": "10", "custom.hot": True, "customer": Customer.objects.first().pk}
    deal = save_record(Opportunity, given, actor=root)
    Opportunity.objects.filter(pk=deal.pk).update(status="won", opened_on=date(2026, 1, 1), closed_on=date(2026, 1, 11))
    client = api("sales_director")
    for report, value, figure in (("win-rate", "won_amount", "10.00"), ("sales-cycle", "mean_days", "10.00")):
        assert amounts(client, "by=opportunities.custom.hot", report, value) == {"true": figure}
        assert amounts(client, "by=customers.custom.size", report, value) == {"a": figure}
        assert amounts(client, "opportunities.custom.hot=false", report, value) == {}
    (url,) = report_named("win-rate").run({"by": "opportunities.custom.hot"}, root).drill
    assert len(client.get(url.lstrip("/")).json()["items"]) == 1
    assert client.get("reports/funnel?opportunities.custom.hot=true").status_code == 200
    for report in ("ageing?by=invoices.custom.batch", "ageing?by=customers.custom.size", "dso?invoices.custom.batch=x"):
        assert client.get(f"reports/{report}").status_code == 200


def test_the_description_of_the_api_names_the_dimensions(api, sold):
    paths = api().get("openapi.json").json()["paths"]
    parameters = {one["name"]: one for one in paths["/api/v1/reports/sales"]["get"]["parameters"] if "name" in one}
    assert "customers.custom.size" in parameters["by"]["schema"]["enum"]
    assert parameters["customers.custom.size"]["schema"]["enum"] == ["a", "b"]
    assert "orders.custom.budget" not in parameters["by"]["schema"]["enum"]


def test_it_takes_as_many_queries_for_many_groups_as_for_few(root, sold):
    def queries(by):
        with CaptureQueriesContext(connection) as captured:
            report_named("sales").run({"by": by}, root)
        return len(captured)

    assert queries("customers.custom.size") <= queries("customer") + 1
    assert queries("orders.custom.helper") <= queries("customer") + 2

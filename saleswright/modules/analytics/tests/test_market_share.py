"""Market shares: own sales cut by region, industry and size, by period, against exact figures."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel import clock
from saleswright.kernel.models import Region
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.public import MarketSize, TargetMarket
from saleswright.modules.sales.public import Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(root, person, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 31, 4, tzinfo=UTC))
    east = save_record(Region, {"name": "华东"}, actor=root)
    shanghai = save_record(Region, {"name": "上海", "parent": east.pk}, actor=root)
    south = save_record(Region, {"name": "华南"}, actor=root)
    anna = person("sales_representative", region=shanghai)
    bert = person("sales_representative", region=south)
    motor = save_record(Product, {"name": "电机", "list_price": "100"}, actor=root)

    def sell(owner, day, quantity, industry, size="", status="confirmed"):
        values = {"name": f"{day}{quantity}", "owner": owner.pk, "industry": industry, "size": size}
        customer = save_record(Customer, values, actor=root)
        given = {"customer": customer.pk, "owner": owner.pk}
        order = save_record(Order, given, lines={"lines": [{"product": motor.pk, "quantity": quantity}]}, actor=root)
        Order.objects.filter(pk=order.pk).update(status=status, confirmed_on=date.fromisoformat(day))

    sell(anna, "2025-01-01", "1", "能源")
    sell(anna, "2025-03-31", "2", "能源", "large")
    sell(anna, "2025-12-31", "4", "能源")
    sell(anna, "2025-06-30", "8", "教育")
    sell(bert, "2025-05-01", "16", "能源")
    sell(anna, "2025-05-01", "32", "能源", status="cancelled")
    sell(anna, "2026-02-01", "3", "能源")

    def market(name, **values):
        return save_record(TargetMarket, {"name": name, **values}, actor=root)

    def size(one, year, amount, period="year"):
        values = {"market": one.pk, "year": year, "period": period, "amount": amount, "source": "CMIF"}
        return save_record(MarketSize, values, actor=root)

    energy = market("东部能源", region=east.pk, industry="能源")
    size(energy, 2024, "1000")
    size(energy, 2025, "3000")
    size(energy, 2026, "4000")
    return SimpleNamespace(energy=energy, market=market, size=size, anna=anna, east=east, root=root)


def rows(client, query=""):
    response = client.get(f"reports/market-share?{query}")
    assert response.status_code == 200, response.content
    return response.json()["rows"]


def test_it_says_size_sales_and_share_with_that_of_the_year_before(api, firm):
    assert rows(api("sales_director"), "year=2026") == [{
        "group": "东部能源", "period": "2026", "attractiveness": None, "size": "4000.00", "source": "CMIF",
        "sales": "300.00", "share": "0.0750", "share_before": "0.2333", "elapsed": "0.2466",
    }]  # fmt: skip


def test_it_takes_this_fiscal_year_unless_told_otherwise(api, firm):
    assert [row["period"] for row in rows(api("sales_director"))] == ["2026"]


def test_it_goes_back_over_years(api, firm):
    found = rows(api("sales_director"), "year=2026&years=3")
    assert [(row["period"], row["sales"], row["share"], row["share_before"]) for row in found] == [
        ("2024", "0.00", "0.0000", None), ("2025", "700.00", "0.2333", "0.0000"),
        ("2026", "300.00", "0.0750", "0.2333"),
    ]  # fmt: skip


def test_it_counts_each_quarter_by_its_own_days(api, firm):
    for period, amount in (("q1", "1000"), ("q2", "500"), ("q4", "800")):
        firm.size(firm.energy, 2025, amount, period)
    found = rows(api("sales_director"), "year=2025&period=quarter")
    assert [(row["period"], row["sales"], row["share"]) for row in found] == [
        ("2025-Q1", "300.00", "0.3000"), ("2025-Q2", "0.00", "0.0000"), ("2025-Q4", "400.00", "0.5000"),
    ]  # fmt: skip


@pytest.mark.parametrize(("cut", "sales"), [
    ({}, "3100.00"), ({"industry": "能源"}, "2300.00"), ({"industry": "教育"}, "800.00"),
    ({"size": "large"}, "200.00"), ({"industry": "教育", "size": "large"}, "0.00"), ({"region": "east"}, "1500.00"),
])  # fmt: skip
def test_it_cuts_own_sales_by_what_belongs_to_the_market(api, firm, cut, sales):
    values = cut | ({"region": firm.east.pk} if "region" in cut else {})
    one = firm.market("One", **values)
    firm.size(one, 2025, "10000")
    assert [row["sales"] for row in rows(api("sales_director"), f"year=2025&market_id={one.pk}")] == [sales]


def test_a_market_of_no_size_has_no_share(api, firm):
    one = firm.market("Nothing", industry="教育")
    firm.size(one, 2025, "0")
    (row,) = rows(api("sales_director"), f"year=2025&market_id={one.pk}")
    assert (row["sales"], row["share"]) == ("800.00", None)


@pytest.mark.parametrize(("query", "names"), [
    ("year=2025&region_id={east}", ["东部能源"]), ("year=2025&industry=能源", ["东部能源"]),
    ("year=2025&industry=教育", []), ("year=2025&market_id=999999", []), ("year=2020", []), ("year=99999", []),
])  # fmt: skip
def test_it_is_cut_by_filters(api, firm, query, names):
    found = rows(api("sales_director"), query.format(east=firm.east.pk))
    assert [row["group"] for row in found] == names


def test_it_counts_only_the_sales_that_the_reader_may_see(api, firm):
    everything = firm.market("All")
    firm.size(everything, 2025, "10000")
    assert [row["sales"] for row in rows(api(firm.anna), f"year=2025&market_id={everything.pk}")] == ["1500.00"]


@pytest.mark.parametrize("query", ["year=x", "period=month", "market_id=x", "colour=red"])
def test_it_refuses_bad_parameters(api, firm, query):
    assert api("sales_director").get(f"reports/market-share?{query}").status_code == 422


def test_it_is_for_readers_of_reports(api, firm):
    assert api("warehouse").get("reports/market-share").status_code == 403


def test_it_takes_as_many_queries_for_many_markets_as_for_one(api, firm):
    def count():
        with CaptureQueriesContext(connection) as captured:
            rows(client, "year=2025")
        return len(captured)

    client = api("sales_director")
    count()
    few = count()
    for number in range(5):
        firm.size(firm.market(f"M{number}", region=firm.east.pk, size=str(number)), 2025, "100")
    assert count() == few


def test_its_page_and_export_open(browse, firm):
    client = browse("sales_director")
    assert "东部能源" in client.get("/reports/market-share?year=2025&years=2").content.decode()
    response = client.get("/reports/market-share/export?year=2025&format=csv")
    assert response.status_code == 200


def test_the_page_of_a_market_shows_its_shares(browse, firm):
    client, pk = browse("sales_director"), firm.energy.pk
    assert f"/target-markets/{pk}/share/panel" in client.get(f"/target-markets/{pk}").content.decode()
    text = client.get(f"/target-markets/{pk}/share/panel").content.decode()
    assert "23.3" in text
    assert "24.7" in text  # of the running year has passed


def test_a_market_of_unknown_size_asks_for_it(browse, firm):
    pk = firm.market("Unknown", industry="金融").pk
    text = browse("sales_director", language="en").get(f"/target-markets/{pk}/share/panel").content.decode()
    assert "Add it below, with its source." in text


def test_the_page_shows_no_share_to_who_reads_no_reports(browse, firm):
    client, pk = browse("hr"), firm.energy.pk
    assert "share/panel" not in client.get(f"/target-markets/{pk}").content.decode()
    assert client.get(f"/target-markets/{pk}/share/panel").status_code == 403

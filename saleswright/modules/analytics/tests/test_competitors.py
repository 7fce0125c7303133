"""Won and lost against competitors: counts, rates, amounts and reasons, cut by rights and filters."""

from datetime import date
from types import SimpleNamespace

import pytest

from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.public import Competitor
from saleswright.modules.pipeline.public import LossReason, Opportunity

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(root, person):
    anna, bert = person("sales_representative", name="安娜"), person("sales_representative", name="伯特")
    alpha = save_record(Competitor, {"name": "Alpha"}, actor=root)
    beta = save_record(Competitor, {"name": "Beta"}, actor=root)
    motor = save_record(Product, {"name": "电机", "list_price": "100"}, actor=root)
    price, delay = (save_record(LossReason, {"name": name, "code": f"x-{name}"}, actor=root) for name in ("贵", "慢"))

    def deal(owner, rival, status, amount, day, reason=None, product=None):
        customer = save_record(Customer, {"name": f"客户{amount}", "owner": owner.pk}, actor=root)
        given = {"customer": customer.pk, "owner": owner.pk, "amount": amount, "opened_on": "2025-01-01",
                 "competitor": rival and rival.pk, "product": product and product.pk}  # fmt: skip
        one = save_record(Opportunity, given, actor=root)
        closed = date.fromisoformat(day) if day else None
        Opportunity.objects.filter(pk=one.pk).update(status=status, closed_on=closed, loss_reason=reason)
        return one

    deal(anna, alpha, "won", "1000", "2026-01-10", product=motor)
    deal(anna, alpha, "lost", "500", "2026-02-10", price, motor)
    deal(anna, alpha, "lost", "300", "2026-04-10", price)
    deal(bert, alpha, "lost", "200", "2026-04-20", delay)
    deal(bert, beta, "won", "700", "2026-05-01")
    deal(bert, beta, "open", "9000", None)
    deal(bert, None, "lost", "8000", "2026-05-01", price)
    return SimpleNamespace(anna=anna, bert=bert, alpha=alpha, beta=beta, motor=motor)


def rows(client, query=""):
    response = client.get(f"reports/competitor-win-loss?{query}")
    assert response.status_code == 200, response.content
    return [tuple(row.values()) for row in response.json()["rows"]]


ALPHA = ("Alpha", 1, 3, "0.2500", "1000.00", "1000.00", "贵")
BETA = ("Beta", 1, 0, "1.0000", "700.00", "0.00", "")


def test_it_counts_deals_that_name_a_competitor_the_most_lost_first(api, firm):
    assert rows(api("sales_director")) == [ALPHA, BETA]


@pytest.mark.parametrize(("by", "found"), [
    ("product", [("(none)", 1, 2, "0.3333", "700.00", "500.00", "慢"),
                 ("电机", 1, 1, "0.5000", "1000.00", "500.00", "贵")]),
    ("owner", [("安娜", 1, 2, "0.3333", "1000.00", "800.00", "贵"),
               ("伯特", 1, 1, "0.5000", "700.00", "200.00", "慢")]),
    ("quarter", [("2026-Q1", 1, 1, "0.5000", "1000.00", "500.00", "贵"),
                 ("2026-Q2", 1, 2, "0.3333", "700.00", "500.00", "慢")]),
    ("loss_reason", [("贵", 0, 2, "0.0000", "0.00", "800.00", "贵"), ("慢", 0, 1, "0.0000", "0.00", "200.00", "慢"),
                     ("(none)", 2, 0, "1.0000", "1700.00", "0.00", "")]),
])  # fmt: skip
def test_it_groups_otherwise(api, firm, by, found):
    assert sorted(rows(api("sales_director"), f"by={by}")) == sorted(found)


@pytest.mark.parametrize(("query", "counts"), [
    ("from=2026-04-01", [("Alpha", 0, 2), ("Beta", 1, 0)]), ("to=2026-01-10", [("Alpha", 1, 0)]),
    ("competitor_id={beta}", [("Beta", 1, 0)]), ("product_id={motor}", [("Alpha", 1, 1)]),
    ("owner_id={anna}", [("Alpha", 1, 2)]), ("competitor_id=999999", []),
])  # fmt: skip
def test_it_is_cut_by_filters(api, firm, query, counts):
    query = query.format(**{name: one.pk for name, one in vars(firm).items()})
    assert [row[:3] for row in rows(api("sales_director"), query)] == counts


@pytest.mark.parametrize("query", ["by=weather", "from=x", "from=2026-02-01&to=2026-01-01", "colour=red"])
def test_it_refuses_bad_parameters(api, query):
    assert api("sales_director").get(f"reports/competitor-win-loss?{query}").status_code == 422


def test_it_is_cut_by_rights(api, firm):
    assert [row[:3] for row in rows(api(firm.bert))] == [("Alpha", 0, 1), ("Beta", 1, 0)]
    assert api("warehouse").get("reports/competitor-win-loss").status_code == 403


def test_its_rows_lead_to_the_deals(browse, firm):
    text = browse("sales_director").get("/reports/competitor-win-loss?from=2026-01-01").content.decode()
    assert f"competitor_id={firm.alpha.pk}" in text


def test_the_page_of_a_competitor_shows_its_record(browse, firm):
    client, pk = browse("sales_director", language="en"), firm.alpha.pk
    page = client.get(f"/competitors/{pk}").content.decode()
    assert f"/competitors/{pk}/record/panel" in page
    text = client.get(f"/competitors/{pk}/record/panel").content.decode()
    assert "25% of 4 closed deals won" in text
    assert text.index("贵") < text.index("慢")


def test_open_deals_are_told_where_none_was_closed(browse, firm, root):
    Opportunity.objects.filter(competitor=firm.beta, status="won").update(competitor=None)
    text = browse("sales_director", language="en").get(f"/competitors/{firm.beta.pk}/record/panel").content.decode()
    assert "No deal that names them was closed yet." in text
    assert "Open deals: 1." in text


def test_the_record_is_for_readers_of_reports(browse, firm):
    client, pk = browse("hr"), firm.alpha.pk
    assert "record/panel" not in client.get(f"/competitors/{pk}").content.decode()
    assert client.get(f"/competitors/{pk}/record/panel").status_code == 403

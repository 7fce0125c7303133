"""The way from the offer to the confirmed order, by API."""

import pytest

from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller(api):
    return api("sales_representative")


@pytest.fixture
def body(seller, root):
    product = save_record(Product, {"name": "伺服电机", "list_price": "100"}, actor=root)
    customer = seller.post("customers", {"name": "华东精密科技有限公司"}).json()
    line = {"product_id": product.pk, "quantity": "3", "discount_percent": 5}
    return {"customer_id": customer["id"], "valid_until": "2099-12-31", "terms": "款到发货", "lines": [line]}


def test_it_goes_from_quote_to_confirmed_order(seller, body):
    quote = seller.post("quotes", body).json()
    assert (quote["status"], quote["untaxed"], quote["tax"], quote["total"]) == ("draft", "285.00", "37.05", "322.05")
    assert quote["number"].startswith("QU-")
    assert (quote["revision"], quote["currency"], quote["effective_discount"]) == (1, "CNY", "5")
    for verb, state in (("submit", "approved"), ("send", "sent"), ("accept", "accepted")):
        assert seller.act("quotes", quote["id"], verb).json()["status"] == state
    response = seller.act("quotes", quote["id"], "create-order")
    assert response.status_code == 200
    made = response.json()
    assert set(made) == {"id", "number"}
    assert made["number"].startswith("SO-")
    order = seller.act("orders", made["id"], "confirm").json()
    assert (order["status"], order["total"], order["quote"]["id"]) == ("confirmed", "322.05", quote["id"])
    assert (order["lines"][0]["delivered_quantity"], order["lines"][0]["invoiced_quantity"]) == ("0", "0")
    assert seller.act("quotes", quote["id"], "create-order").status_code == 409


def test_it_goes_from_quote_to_signed_contract(seller, body):
    pk = seller.post("quotes", body).json()["id"]
    for verb in ("submit", "accept"):
        assert seller.act("quotes", pk, verb).status_code == 200
    contract = seller.act("quotes", pk, "create-contract").json()
    assert contract["number"].startswith("CT-")
    seller.act("contracts", contract["id"], "submit")
    signed = seller.act("contracts", contract["id"], "sign", signed_on="2026-01-15").json()
    assert (signed["status"], signed["signed_on"], signed["amount"]) == ("in_force", "2026-01-15", "322.05")
    order = seller.act("contracts", contract["id"], "create-order").json()
    assert seller.get(f"orders/{order['id']}").json()["contract"]["id"] == contract["id"]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": "-1"}, "lines.0.quantity"),
        ({"discount_percent": "101"}, "lines.0.discount_percent"),
        ({"product_id": 0}, "lines.0.product_id"),
        ({"unit_price": None, "quantity": None}, "lines.0.quantity"),
    ],
)
def test_it_names_the_field_that_is_wrong(seller, body, line, field):
    response = seller.post("quotes", body | {"lines": [body["lines"][0] | line]})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert seller.get("quotes?count=1").json()["count"] == 0


def test_it_fills_in_prices_sent_as_null(seller, body):
    line = body["lines"][0] | {"unit_price": None, "tax_rate": None}
    quote = seller.post("orders", {"customer_id": body["customer_id"], "lines": [line]}).json()
    assert (quote["lines"][0]["unit_price"], quote["lines"][0]["tax_rate"]) == ("100.00", "13")


@pytest.mark.parametrize("name", ["status", "total", "revision", "confirmed_on", "effective_discount"])
def test_it_refuses_to_set_what_is_worked_out(seller, body, name):
    resource = "orders" if name == "confirmed_on" else "quotes"
    allowed = {"customer_id": body["customer_id"], "lines": body["lines"]}
    response = seller.post(resource, allowed | {name: "1"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == name


def test_it_hides_documents_of_others(seller, api, body):
    pk = seller.post("quotes", body).json()["id"]
    other = api("sales_representative")
    assert other.get(f"quotes/{pk}").status_code == 404
    assert other.act("quotes", pk, "submit").status_code == 404
    assert seller.get(f"quotes/{pk}").json()["status"] == "draft"


def test_it_answers_the_same_order_to_a_repeated_request(seller, body):
    pk = seller.post("quotes", body).json()["id"]
    for verb in ("submit", "accept"):
        seller.act("quotes", pk, verb)
    path = f"quotes/{pk}/actions/create-order"
    first, second = (seller.post(path, {}, Idempotency_Key="k1").json() for _ in range(2))
    assert first == second
    assert seller.get("orders?count=1").json()["count"] == 1


def test_it_is_approved_by_the_manager_with_authority(api, person, body, root):
    director = person("sales_director")
    manager = person("sales_manager", manager=director)
    seller = api(person("sales_representative", manager=manager))
    customer = seller.post("customers", {"name": "苏州精工有限公司"}).json()
    line = body["lines"][0] | {"discount_percent": "25.5"}
    quote = seller.post("quotes", {"customer_id": customer["id"], "lines": [line]}).json()
    assert seller.act("quotes", quote["id"], "submit").json()["status"] == "in_approval"
    assert api(manager).get("approvals").json()["items"] == []
    (approval,) = api(director).get("approvals").json()["items"]
    assert api(director).act("approvals", approval["id"], "approve").status_code == 200
    assert seller.get(f"quotes/{quote['id']}").json()["status"] == "approved"

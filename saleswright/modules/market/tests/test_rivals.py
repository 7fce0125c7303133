"""Products of competitors: their latest price beside ours, what is refused, and where it is shown."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.market.models import Competitor, CompetitorProduct
from saleswright.modules.market.rivals.prices import comparisons

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def firm(root):
    motor = save_record(Product, {"name": "电机", "list_price": "100"}, actor=root)
    gift = save_record(Product, {"name": "赠品", "list_price": "0"}, actor=root)

    def rival(name, *offers):
        rows = [{"source": "web", **offer} for offer in offers]
        return save_record(Competitor, {"name": name}, lines={"offers": rows}, actor=root)

    return SimpleNamespace(motor=motor, gift=gift, rival=rival)


def offer(name="M1", price="90", day="2026-01-01", **values):
    values = {key: value.pk if hasattr(value, "pk") else value for key, value in values.items()}
    return {"name": name, "price": price, "seen_on": day, **values}


@pytest.mark.parametrize(("price", "difference"), [
    ("90", "-0.1000"), ("100", "0.0000"), ("133.335", "0.3334"), ("0", "-1.0000"),
])  # fmt: skip
def test_it_says_how_much_dearer_they_are(firm, price, difference):
    firm.rival("Rival", offer(price=price, product=firm.motor))
    (found,) = comparisons()
    assert (found.product, found.ours, found.difference) == ("电机", D(100), D(difference))


def test_the_latest_price_counts_and_the_one_before_is_told(firm):
    firm.rival("Rival", offer(price="80", day="2026-03-01"), offer(price="90", day="2026-01-01"),
               offer(price="85", day="2026-02-01"))  # fmt: skip
    (found,) = comparisons()
    assert (found.price, found.earlier) == (D(80), D(85))


def test_a_price_in_another_currency_is_not_compared(firm):
    firm.rival("Rival", offer(price="85", product=firm.motor),
               offer(price="15", day="2026-02-01", currency="USD", product=firm.motor))  # fmt: skip
    (found,) = comparisons()
    assert (found.price, found.currency, found.difference, found.earlier) == (D(15), "USD", None, None)


def test_nothing_is_compared_without_a_product_or_price_of_ours(firm):
    firm.rival("Rival", offer("A"), offer("B", product=firm.gift), {"name": "C", "product": firm.motor.pk})
    assert [(one.name, one.difference) for one in comparisons()] == [("A", None), ("B", None)]


def test_archived_competitors_are_left_out(firm, api):
    rival = firm.rival("Rival", offer(product=firm.motor))
    assert api().act("competitors", rival.pk, "archive").status_code == 200
    assert comparisons() == []


@pytest.mark.parametrize(("change", "field", "message"), [
    ({"source": ""}, "source", "Say where the price comes from."),
    ({"seen_on": "2999-01-01"}, "seen_on", "The day lies in the future."),
    ({"price": "-1"}, "price", None), ({"name": ""}, "name", None), ({"product_id": 999999}, "product_id", None),
])  # fmt: skip
def test_it_refuses_what_makes_no_sense(api, firm, change, field, message):
    row = {"name": "M1", "price": "90", "source": "web", **change}
    response = api().post("competitors", {"name": "Rival", "offers": [row]})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == f"offers.0.{field}"
    assert message in {None, error["message"]}
    assert not Competitor.objects.exists()


def test_a_product_without_a_price_needs_no_source(api, firm):
    response = api().post("competitors", {"name": "Rival", "offers": [{"name": "M1"}]})
    assert response.status_code == 201
    assert CompetitorProduct.objects.get().price is None


def test_the_page_of_a_competitor_shows_prices_beside_ours(browse, firm):
    rival = firm.rival("Rival", offer(product=firm.motor))
    client = browse("sales_representative", language="en")
    assert f"/competitors/{rival.pk}/prices/panel" in client.get(f"/competitors/{rival.pk}").content.decode()
    text = client.get(f"/competitors/{rival.pk}/prices/panel").content.decode()
    assert "1 of 1 comparable products are cheaper than ours." in text
    assert "-10" in text


def test_the_page_of_a_product_shows_what_competitors_ask(browse, firm):
    firm.rival("Rival one", offer(product=firm.motor))
    client = browse("sales_representative", language="en")
    assert f"/products/{firm.motor.pk}/prices/panel" in client.get(f"/products/{firm.motor.pk}").content.decode()
    assert "Rival one" in client.get(f"/products/{firm.motor.pk}/prices/panel").content.decode()
    assert "Rival one" not in client.get(f"/products/{firm.gift.pk}/prices/panel").content.decode()


def test_prices_are_for_those_who_see_competitors(browse, firm):
    client = browse("partner")
    assert "prices/panel" not in client.get(f"/products/{firm.motor.pk}").content.decode()
    assert client.get(f"/products/{firm.motor.pk}/prices/panel").status_code == 403

"""Which price a customer gets and why; who may give how much off."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from saleswright.kernel import clock
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import Company, ExchangeRate, Region, Role
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.pricing.models import DiscountAuthority, PriceList
from saleswright.modules.pricing.public import approver_for, authorities_of, authority_of, prices_for

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 23)


@pytest.fixture
def product(root):
    return save_record(Product, {"name": "伺服电机", "list_price": "100"}, actor=root)


@pytest.fixture
def price_list(root, product):
    def make(name, price, min_quantity="0", **values):
        lines = {"lines": [{"product": product.pk, "min_quantity": min_quantity, "price": price}]}
        given = {"name": name, "valid_from": "2026-01-01", **values}
        return save_record(PriceList, given, lines=lines, actor=root)

    return make


@pytest.fixture
def customer(root, person):
    def make(level="", region=None):
        owner = person("sales_representative", region=region) if region else person("sales_representative")
        return save_record(Customer, {"name": "华东精密", "level": level, "owner": owner.pk}, actor=root)

    return make


def price(product, customer, quantity="1", on=DAY, currency="CNY"):
    quantity = Decimal(quantity)
    with translation.override("en"):
        return prices_for([(product.pk, quantity)], customer, on, currency)[product.pk, quantity]


def test_it_falls_back_to_the_list_price(product, customer):
    found = price(product, customer())
    assert (found.unit_price, found.explanation, found.price_list_id) == (Decimal(100), "list price", None)


def test_it_explains_the_price_of_a_list(product, price_list, customer):
    price_list("B", "90", "100", valid_to="2026-12-31")
    found = price(product, customer(), "100")
    assert found.unit_price == Decimal(90)
    assert found.explanation == "price list B, from 100 件 on, valid to 2026-12-31"


@pytest.mark.parametrize(("quantity", "expected"), [("99.9999", "100"), ("100", "90"), ("999", "90"), ("1000", "80")])
def test_it_takes_the_highest_break_that_is_reached(root, product, customer, quantity, expected):
    rows = [{"product": product.pk, "min_quantity": q, "price": p} for q, p in (("1000", "80"), ("100", "90"))]
    save_record(PriceList, {"name": "B", "valid_from": "2026-01-01"}, lines={"lines": rows}, actor=root)
    assert price(product, customer(), quantity).unit_price == Decimal(expected)


@pytest.mark.parametrize(
    ("on", "expected"),
    [("2025-12-31", "100"), ("2026-01-01", "90"), ("2026-06-30", "90"), ("2026-07-01", "100")],
)
def test_it_holds_from_the_first_to_the_last_day(product, price_list, customer, on, expected):
    price_list("H1", "90", valid_to="2026-06-30")
    assert price(product, customer(), on=date.fromisoformat(on)).unit_price == Decimal(expected)


def test_it_prefers_the_more_specific_list(root, product, price_list, customer):
    east = save_record(Region, {"name": "华东"}, actor=root)
    shanghai = save_record(Region, {"name": "上海", "parent": east.pk}, actor=root)
    price_list("everyone", "99")
    price_list("A customers", "95", customer_levels=["A"])
    price_list("east", "94", regions=[east.pk])
    price_list("A in the east", "92", customer_levels=["A"], regions=[east.pk])
    price_list("A in Shanghai", "91", customer_levels=["A"], regions=["上海"])
    assert price(product, customer()).unit_price == Decimal(99)
    assert price(product, customer("A")).unit_price == Decimal(95)
    assert price(product, customer("B", shanghai)).unit_price == Decimal(94)
    assert price(product, customer("A", east)).unit_price == Decimal(92)
    assert price(product, customer("A", shanghai)).unit_price == Decimal(91)


def test_it_prefers_the_list_that_began_last(product, price_list, customer):
    price_list("new", "91", valid_from="2026-11-01")
    price_list("old", "95", valid_from="2026-01-01")
    assert price(product, customer()).unit_price == Decimal(91)


def test_it_leaves_out_archived_lists_and_other_currencies(root, product, price_list, customer):
    price_list("dollars", "10", currency="USD")
    archived = price_list("archived", "11")
    PriceList.objects.filter(pk=archived.pk).update(archived_at=clock.now())
    assert price(product, customer()).unit_price == Decimal(100)


def test_it_exchanges_the_list_price(root, product, customer):
    save_record_rate("USD", "7.2")
    assert price(product, customer(), currency="USD").unit_price == Decimal("13.888889")


def save_record_rate(currency, rate):
    at = clock.now()
    ExchangeRate.objects.create(
        currency=currency, rate=Decimal(rate), valid_from=date(2026, 1, 1), created_at=at, updated_at=at
    )


def test_it_refuses_a_currency_without_a_rate(product, customer):
    with pytest.raises(ValidationFailed):
        price(product, customer(), currency="EUR")


def test_it_gives_the_floor_of_the_list(product, price_list, customer):
    price_list("B", "90", floor_percent="85")
    assert price(product, customer()).floor == Decimal("76.5")


def test_it_prices_many_lines_with_as_many_statements_as_one(root, price_list, product, customer):
    price_list("B", "90", regions=[save_record(Region, {"name": "华东"}, actor=root).pk])
    buyer = customer()
    buyer.owner  # noqa: B018  read once, as a document's owner is
    others = [save_record(Product, {"name": f"P{n}"}, actor=root).pk for n in range(20)]

    def statements(ids):
        with CaptureQueriesContext(connection) as captured:
            prices_for([(pk, Decimal(1)) for pk in ids], buyer, DAY, "CNY")
        return len(captured)

    assert statements([product.pk]) == statements([product.pk, *others]) <= 4


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"valid_to": "2025-12-31"}, "valid_to", "order"),
        ({"customer_levels": ["E"]}, "customer_levels", "invalid"),
        ({"regions": [999]}, "regions", "invalid"),
        ({"floor_percent": "101"}, "floor_percent", "range"),
        ({"price": "-1"}, "lines.0.price", "range"),
        ({"min_quantity": "-1"}, "lines.0.min_quantity", "range"),
    ],
)
def test_it_refuses_bad_price_lists(root, product, values, field, code):
    values = dict(values)
    line = {"product": product.pk, "price": values.pop("price", "1"), "min_quantity": values.pop("min_quantity", "0")}
    with pytest.raises(ValidationFailed) as caught:
        save_record(PriceList, {"name": "B", "valid_from": "2026-01-01", **values}, lines={"lines": [line]}, actor=root)
    assert [(e.field, e.code) for e in caught.value.errors] == [(field, code)]
    assert not PriceList.objects.exists()


def test_it_refuses_two_prices_from_one_quantity(root, product):
    lines = [{"product": product.pk, "min_quantity": "5", "price": p} for p in ("1", "2")]
    with pytest.raises(ValidationFailed) as caught:
        save_record(PriceList, {"name": "B", "valid_from": "2026-01-01"}, lines={"lines": lines}, actor=root)
    assert [(e.field, e.code) for e in caught.value.errors] == [("lines.1.min_quantity", "duplicate")]
    assert not PriceList.objects.exists()


# --- authority -------------------------------------------------------------------------------------------------


def test_it_ships_the_authority_of_the_roles(db):
    shipped = dict(DiscountAuthority.objects.values_list("role__code", "percent"))
    assert shipped == {
        "sales_representative": Decimal(10),
        "sales_manager": Decimal(20),
        "regional_manager": Decimal(25),
        "sales_director": Decimal(35),
    }


def test_it_counts_the_highest_role_and_nothing_for_administrators(person):
    both, admin = person("sales_representative", "sales_manager"), person("administrator")
    assert authorities_of([both.pk, admin.pk]) == {both.pk: Decimal(20), admin.pk: Decimal(0)}


def test_it_ignores_archived_roles(person):
    who = person("sales_manager")
    Role.objects.filter(code="sales_manager").update(archived_at=clock.now())
    assert authority_of(who.pk) == 0


def test_it_asks_the_first_manager_upward_with_authority(person):
    director = person("sales_director")
    regional = person("regional_manager", manager=director)
    manager = person("sales_manager", manager=regional)
    seller = person("sales_representative", manager=manager)
    assert approver_for(seller, Decimal("10.0001")) == manager
    assert approver_for(seller, Decimal(20)) == manager
    assert approver_for(seller, Decimal("20.0001")) == regional
    assert approver_for(seller, Decimal(35)) == director


def test_it_asks_the_person_named_in_the_settings_above_everyone(person):
    director, named = person("sales_director"), person("finance")
    person("administrator")
    Company.objects.update(approver_of_last_resort=named)
    forget_everything()
    assert approver_for(person("sales_representative", manager=director), Decimal(36)) == named
    assert authority_of(named.pk) == 100


def test_it_asks_an_administrator_when_nobody_is_named(person):
    gone, admin = person("administrator"), person("administrator")
    gone.state = "left"
    gone.save()
    assert approver_for(person("sales_representative"), Decimal(11)) == admin


def test_it_asks_nobody_when_only_the_submitter_could(person):
    assert approver_for(person("administrator"), Decimal(11)) is None


def test_it_skips_managers_who_left(person):
    director = person("sales_director")
    gone = person("sales_manager", manager=director)
    seller = person("sales_representative", manager=gone)
    gone.state = "left"
    gone.save()
    assert approver_for(seller, Decimal(15)) == director

"""What was ordered and contracted."""

from datetime import date
from decimal import Decimal

import pytest

from saleswright.kernel.clock import Period
from saleswright.kernel.metrics import measure, measure_by, metric_named
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product, ProductCategory
from saleswright.modules.sales.actions import contracts
from saleswright.modules.sales.models import Contract, Order
from saleswright.modules.sales.states import ORDERED, OrderStatus

pytestmark = pytest.mark.django_db
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


def value(name, actor, period=None, **filters):
    return measure(metric_named(name), actor, period, **filters)


@pytest.mark.parametrize("state", OrderStatus.values)
def test_it_counts_orders_from_confirmation_on(sales, root, state):
    sales.order(sales.line("3", discount_percent="10"), status=state)
    counts = state in ORDERED
    assert value("ordered", root) == (Decimal("270.00") if counts else 0)
    assert value("ordered_quantity", root) == (3 if counts else 0)
    assert value("orders_confirmed", root) == (1 if counts else 0)


def test_it_dates_orders_by_confirmation(sales, root):
    for day in ("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"):
        order = sales.order(sales.line("1"), status="confirmed")
        Order.objects.filter(pk=order.pk).update(confirmed_on=day)
    assert value("ordered", root, NOVEMBER) == Decimal("200.00")
    assert value("orders_confirmed", root, NOVEMBER) == 2


def test_it_groups_by_product_category_owner_and_channel(sales, root, person):
    owner = person("sales_representative")
    category = save_record(ProductCategory, {"name": "服务"}, actor=root)
    other = save_record(Product, {"name": "安装", "list_price": "50", "category": category.pk}, actor=root)
    lines = [sales.line("1"), sales.line("2", product=other.pk)]
    sales.order(*lines, owner=owner, channel="direct", status="confirmed")
    ordered = metric_named("ordered")
    assert measure_by(ordered, "product", root) == {sales.product.pk: Decimal(100), other.pk: Decimal(100)}
    assert measure_by(ordered, "category", root) == {None: Decimal(100), category.pk: Decimal(100)}
    assert measure_by(ordered, "owner", root) == {owner.pk: Decimal(200)}
    assert measure_by(ordered, "channel", root) == {"direct": Decimal(200)}
    assert value("ordered", root, product=other.pk) == Decimal(100)


@pytest.mark.parametrize("name", ["ordered", "ordered_quantity", "orders_confirmed", "contracted", "contracts_signed"])
def test_it_can_be_grouped_by_every_dimension_it_names(root, name):
    for dimension in metric_named(name).dimensions:
        assert measure_by(metric_named(name), dimension, root) == {}


def test_it_shows_everyone_their_own(sales, person, acting):
    mine, other = person("sales_representative"), person("sales_representative")
    sales.order(sales.line("1"), owner=mine, status="confirmed")
    sales.order(sales.line("2"), owner=other, status="confirmed")
    assert value("ordered", acting(mine)) == Decimal(100)
    assert value("orders_confirmed", acting(mine)) == 1
    assert value("ordered", acting("finance")) == Decimal(300)


def test_it_counts_what_amendments_add(sales, root):
    contract = sales.contract(status="approved", amount="1000")
    sales.contract(status="approved", amount="7")
    contracts.sign_contract(contract.pk, actor=root)
    amendment = contracts.amend_contract(contract.pk, actor=root)["id"]
    Contract.objects.filter(pk=amendment).update(status="approved", amount=Decimal(1250))
    contracts.sign_contract(amendment, actor=root)
    assert value("contracted", root) == Decimal("1250.00")
    assert value("contracts_signed", root) == 1

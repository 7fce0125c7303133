"""A small company that sells, and its targets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from saleswright.kernel.models import Department, Region
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product, ProductCategory
from saleswright.modules.customers.public import Customer
from saleswright.modules.sales.public import Order
from saleswright.modules.targets.models import Target


@pytest.fixture
def firm(root, person):
    """Sales with two departments and a seller and a half in each; an office where nobody sells."""

    def department(name, parent=None):
        return save_record(Department, {"name": name, "parent": parent and parent.pk}, actor=root)

    east_region = save_record(Region, {"name": "华东"}, actor=root)
    west_region = save_record(Region, {"name": "西部"}, actor=root)
    sales, office = department("销售中心"), department("办公室")
    east, west = department("华东部", sales), department("西部部", sales)
    head = person("sales_manager", department=sales)
    return SimpleNamespace(
        sales=sales,
        office=office,
        east=east,
        west=west,
        east_region=east_region,
        west_region=west_region,
        head=head,
        anna=person("sales_representative", department=east, region=east_region, manager=head),
        bert=person("sales_representative", department=east, region=east_region, manager=head),
        carl=person("sales_representative", department=west, region=west_region, manager=head),
        clerk=person("finance", department=office),
    )


@pytest.fixture
def category(root):
    return save_record(ProductCategory, {"name": "电机"}, actor=root)


@pytest.fixture
def product(root, category):
    return save_record(Product, {"name": "伺服电机", "list_price": "1", "category": category.pk}, actor=root)


@pytest.fixture
def sell(root, product):
    """Orders taken: `sell(who, "100.00", "2026-11-03")`, untaxed."""

    def make(owner, amount, day):
        customer = save_record(Customer, {"name": "华东精密", "owner": owner.pk}, actor=root)
        line = {"product": product.pk, "quantity": "1", "unit_price": amount}
        values = {"customer": customer.pk, "owner": owner.pk}
        order = save_record(Order, values, lines={"lines": [line]}, actor=root)
        Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=date.fromisoformat(day))
        return order

    return make


@pytest.fixture
def new_target(root):
    def make(value="1200.00", actor=None, **values):
        given = {"metric": "ordered", "year": 2026, "value": value, **values}
        given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
        return save_record(Target, given, actor=actor or root)

    return make


def children(target) -> list[tuple[str, str, int | None, Decimal]]:
    """Period, kind of scope, id and value of the parts."""
    rows = Target.objects.filter(parent=target).order_by("id")
    return [(t.period, t.scope_kind, t.scope_id, t.value) for t in rows]

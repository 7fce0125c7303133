"""Customers, products and orders for the tests of deliveries and of what follows them."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.actions.orders import confirm_order
from saleswright.modules.sales.models import Order

ROOT = system("test")
_serial = itertools.count(1)


def make_customer(**values: Any) -> Customer:
    """A customer."""
    return save_record(Customer, {"name": f"Customer {next(_serial)}", **values}, actor=ROOT)


def make_product(price: str = "100", **values: Any) -> Product:
    """A product with 13 % tax."""
    given = {"name": f"Product {next(_serial)}", "list_price": Decimal(price), "tax_rate": Decimal(13), **values}
    return save_record(Product, given, actor=ROOT)


def make_order(*quantities: str, price: str = "100", confirmed: bool = True, **values: Any) -> Order:
    """An order with a line for each quantity, all at one price."""
    values = {name: value.pk if hasattr(value, "pk") else value for name, value in values.items()}
    values.setdefault("customer", make_customer(owner=values.get("owner")).pk)
    lines = [
        {"product": make_product(price).pk, "quantity": Decimal(quantity), "unit_price": Decimal(price)}
        for quantity in quantities or ("10",)
    ]
    order = save_record(Order, values, lines={"lines": lines}, actor=ROOT)
    if confirmed:
        confirm_order(order.pk, actor=ROOT)
    return Order.objects.get(pk=order.pk)


def line_ids(order: Order) -> list[int]:
    """The ids of an order's lines, in their order."""
    return list(order.lines.order_by("position").values_list("pk", flat=True))

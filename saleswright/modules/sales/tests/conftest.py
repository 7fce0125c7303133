"""A customer, products and people that sell, for the tests of this module."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.models import Contract, Order, Quote


@pytest.fixture
def customer(root: Actor) -> Customer:
    return save_record(Customer, {"name": "华东精密科技有限公司"}, actor=root)


@pytest.fixture
def product(root: Actor) -> Product:
    """100.00 without tax, 13 %."""
    return save_record(Product, {"name": "伺服电机", "list_price": "100", "cost": "70"}, actor=root)


class Sales:
    """Makes documents; lines default to ten of the product at its list price."""

    def __init__(self, actor: Actor, customer: Customer, product: Product) -> None:
        self.actor, self.customer, self.product = actor, customer, product

    def line(self, quantity: Any = "10", **values: Any) -> dict[str, Any]:
        return {"product": self.product.pk, "quantity": str(quantity), **values}

    def _make(self, model: Any, lines: Any, status: str, actor: Actor | None, values: dict[str, Any]) -> Any:
        given = {"customer": self.customer.pk, **{k: v.pk if hasattr(v, "pk") else v for k, v in values.items()}}
        rows = {} if model is Contract else {"lines": lines if lines is not None else [self.line()]}
        record = save_record(model, given, lines=rows, actor=actor or self.actor)
        if status:
            model.objects.filter(pk=record.pk).update(status=status)
            record.refresh_from_db()
        return record

    def quote(self, *lines: Any, status: str = "", actor: Actor | None = None, **values: Any) -> Quote:
        return self._make(Quote, list(lines) or None, status, actor, values)

    def order(self, *lines: Any, status: str = "", actor: Actor | None = None, **values: Any) -> Order:
        return self._make(Order, list(lines) or None, status, actor, values)

    def contract(self, status: str = "", actor: Actor | None = None, **values: Any) -> Contract:
        return self._make(Contract, None, status, actor, {"title": "年度框架", "amount": "1130.00", **values})


@pytest.fixture
def sales(root: Actor, customer: Customer, product: Product) -> Sales:
    return Sales(root, customer, product)

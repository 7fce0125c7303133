"""Customers with orders of the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.models import Order

ROOT = system("test")


def customer(name: str, **values: Any) -> Customer:
    return save_record(Customer, {"name": name, **values}, actor=ROOT)


def product() -> Product:
    found = Product.objects.first()
    return found or save_record(Product, {"code": "P1", "name": "Pump", "unit": "台", "list_price": 1}, actor=ROOT)


def orders(buyer: Customer, days_ago: Sequence[int], amount: int | Decimal = 100, **values: Any) -> list[Order]:
    """Completed orders of the customer so many days ago, each of the amount without tax."""
    what, today = product().pk, clock.today()
    drafts = [
        Draft(
            {"customer": buyer.pk, "status": "completed", "confirmed_on": today - timedelta(days=ago), **values},
            lines={"lines": [{"product": what, "quantity": 1, "unit_price": amount, "tax_rate": 0}]},
        )
        for ago in days_ago
    ]
    save_records(Order, drafts, actor=ROOT, history=True)
    return [draft.record for draft in drafts]


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)

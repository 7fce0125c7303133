"""Net amounts that imported history brings along."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.models import Order


def imported(root: Actor, customer: Customer, history: bool = True, includes_tax: bool = False, **line: Any) -> Any:
    values = {"customer": customer.pk, "price_includes_tax": includes_tax}
    values |= {"status": "confirmed"} if history else {}
    return save_record(Order, values, lines={"lines": [line]}, actor=root, history=history)


@pytest.mark.parametrize(
    ("includes_tax", "given", "unit_price"),
    [
        (False, {}, "54.083333"),  # 129.80 / (3 x 0.8)
        (True, {}, "61.112500"),  # 146.67 / (3 x 0.8)
        (False, {"unit_price": "60"}, "60.000000"),
    ],
)
def test_it_keeps_the_net_amount_of_history(
    root: Actor, customer: Customer, product: Product, includes_tax: bool, given: dict[str, str], unit_price: str
) -> None:
    line = {"product": product.pk, "quantity": "3", "discount_percent": "20", "net": "129.80", **given}
    order = imported(root, customer, includes_tax=includes_tax, **line)
    row = order.lines.get()
    assert (row.net, row.tax, row.gross) == (Decimal("129.80"), Decimal("16.87"), Decimal("146.67"))
    assert str(row.unit_price) == unit_price
    assert (order.untaxed, order.tax, order.total) == (Decimal("129.80"), Decimal("16.87"), Decimal("146.67"))


def test_it_keeps_the_list_price_of_what_was_given_away(root: Actor, customer: Customer, product: Product) -> None:
    line = {"product": product.pk, "quantity": "3", "discount_percent": "100", "net": "0"}
    assert imported(root, customer, **line).lines.get().unit_price == 100


@pytest.mark.parametrize(
    ("history", "net", "code"), [(True, "-1", "range"), (True, "9999999999999.99", "range"), (False, "10", "unknown")]
)
def test_it_refuses_amounts_that_cannot_be(
    root: Actor, customer: Customer, product: Product, history: bool, net: str, code: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        imported(root, customer, history=history, product=product.pk, quantity="1", net=net)
    assert ("lines.0.net", code) in [(error.field, error.code) for error in refused.value.errors]
    assert not Order.objects.exists()

"""The whole customer on one page beside the list of customers: with 10 and with 10,000 rows of history.

Part of `saleswright bench`; `python -m bench.customer_360 USERNAME` measures on the present database as that person and
takes away what it made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.data import People
    from bench.measure import Row

FEW, MANY, BOUND = 10, 10_000, 2
#: of ten rows of history so many are orders with a line, the others activities
ORDERS_IN_TEN = 3
LIST = "/customers"


def run(people: People) -> Iterator[Row]:
    """The page against the list, as a manager of a department."""
    yield from measured(people.manager)


def measured(user: Any) -> Iterator[Row]:
    """The page of a customer with few and with many rows, as a multiple of the list of customers."""
    from bench.measure import compare
    from bench.web import Web

    web = Web(user)
    for rows in (FEW, MANY):
        with made(user, rows) as pk:
            page = f"/customers/{pk}/overview"
            what = f"360° page, {rows:,} rows, against the list"
            yield compare(what, lambda page=page: web.get(page), lambda: web.get(LIST), BOUND)  # type: ignore[misc]


@contextmanager
def made(user: Any, rows: int) -> Iterator[int]:
    """A customer of the person with so many activities and orders of the last years."""
    from saleswright.kernel import clock
    from saleswright.kernel.bulk import insert_many
    from saleswright.kernel.transactions import atomic
    from saleswright.modules.catalog.models import Product
    from saleswright.modules.customers.models import Customer
    from saleswright.modules.pipeline.models import Activity
    from saleswright.modules.sales.models import Order, OrderLine

    at, held = clock.now(), {"owner_id": user.pk, "department_id": user.department_id}
    product = Product.objects.order_by("pk").values_list("pk", flat=True).first()
    orders = rows * ORDERS_IN_TEN // 10
    with atomic():
        customer = Customer.objects.create(name="Bench 360", created_at=at, updated_at=at, **held)
        stamps = {"customer": customer, "created_at": at, "updated_at": at, **held}
        Order.objects.bulk_create(
            (
                Order(status="completed", confirmed_on=clock.local_date(at - timedelta(days=n % 1000)),
                      base_untaxed=Decimal(100), base_total=Decimal(113), **stamps)
                for n in range(orders)
            ),
            batch_size=1000,
        )  # fmt: skip
        made_orders = Order.objects.filter(customer=customer).values_list("pk", flat=True)
        names = ("order_id", "product_id", "quantity", "base_net", "net")
        lines = [(pk, product, Decimal(1), Decimal(100), Decimal(100)) for pk in made_orders]
        if product is not None:
            insert_many(OrderLine, names, lines)
        Activity.objects.bulk_create(
            (
                Activity(kind="call", subject=f"Call {n}", status="done", done_at=at - timedelta(hours=n), **stamps)
                for n in range(rows - orders)
            ),
            batch_size=1000,
        )
    try:
        yield customer.pk
    finally:
        with atomic():
            OrderLine.objects.filter(order__customer=customer).delete()
            Order.objects.filter(customer=customer).delete()
            Activity.objects.filter(customer=customer).delete()
            Customer.objects.filter(pk=customer.pk).delete()


def main(username: str) -> None:
    """Measure on the present database."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    import django

    django.setup()
    from saleswright.kernel.models import User

    for row in measured(User.objects.get(username=username)):
        print(row)


if __name__ == "__main__":
    main(sys.argv[1])

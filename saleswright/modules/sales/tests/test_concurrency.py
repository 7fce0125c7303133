"""What happens at the same moment, on PostgreSQL."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.sales.actions import orders, quotes
from saleswright.modules.sales.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("threads share SQLite's one write lock")


def at_once(count, action):
    """Run the action in so many threads at the same moment; what each returned or raised."""
    barrier, results = threading.Barrier(count), []

    def work():
        try:
            barrier.wait(timeout=10)
            results.append(run_atomic(action))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(results) == count
    return results


def test_it_delivers_no_more_than_was_ordered(sales, root):
    order = sales.order(sales.line(10), status="confirmed")
    line = order.lines.get().pk
    results = at_once(8, lambda: orders.record_delivered(order.pk, {line: Decimal(3)}, actor=root, at=clock.now()))
    assert [type(result) for result in results if result is not None] == [Conflict] * 5
    order.refresh_from_db()
    assert (order.lines.get().delivered_quantity, order.status) == (Decimal(9), "partly_delivered")


def test_it_becomes_one_order_however_often_it_is_clicked(sales, root):
    quote = sales.quote(status="accepted")
    results = at_once(6, lambda: quotes.create_order_from_quote(quote.pk, actor=root))
    assert [isinstance(result, dict) for result in results].count(True) == 1
    assert [type(result) for result in results].count(Conflict) == 5
    assert Order.objects.filter(quote=quote).count() == 1


def test_it_is_confirmed_once(sales, root):
    order = sales.order()
    results = at_once(4, lambda: orders.confirm_order(order.pk, actor=root))
    assert [type(result) for result in results].count(Conflict) == 3
    order.refresh_from_db()
    assert (order.status, order.version) == ("confirmed", 2)

"""What happens at the same moment, on PostgreSQL."""

from decimal import Decimal

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict
from saleswright.kernel.tests.threads import at_once, needs_row_locks
from saleswright.modules.sales.actions import orders, quotes
from saleswright.modules.sales.models import Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _on_postgres():
    needs_row_locks()


def test_it_delivers_no_more_than_was_ordered(sales, root):
    order = sales.order(sales.line(10), status="confirmed")
    line = order.lines.get().pk
    results = at_once([lambda: orders.record_delivered(order.pk, {line: Decimal(3)}, actor=root, at=clock.now())] * 8)
    assert [type(result) for result in results if result is not None] == [Conflict] * 5
    order.refresh_from_db()
    assert (order.lines.get().delivered_quantity, order.status) == (Decimal(9), "partly_delivered")


def test_it_becomes_one_order_however_often_it_is_clicked(sales, root):
    quote = sales.quote(status="accepted")
    results = at_once([lambda: quotes.create_order_from_quote(quote.pk, actor=root)] * 6)
    assert [isinstance(result, dict) for result in results].count(True) == 1
    assert [type(result) for result in results].count(Conflict) == 5
    assert Order.objects.filter(quote=quote).count() == 1


def test_it_is_confirmed_once(sales, root):
    order = sales.order()
    results = at_once([lambda: orders.confirm_order(order.pk, actor=root)] * 4)
    assert [type(result) for result in results].count(Conflict) == 3
    order.refresh_from_db()
    assert (order.status, order.version) == ("confirmed", 2)

"""Rows written by plain statements: few and many, with ids, defaults and values as the database holds them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from saleswright.kernel import bulk
from saleswright.kernel.bulk import insert_many, insert_records, update_row
from saleswright.kernel.models import OutboxEvent
from saleswright.modules.catalog.models import Product

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 6, 30, 0, 123456, tzinfo=UTC)
NAMES = ("name", "resource", "record_id", "payload", "at")


def product(number: int) -> Product:
    return Product(name=f"P{number}", list_price=Decimal("12.345678"), created_at=AT, updated_at=AT)


@pytest.mark.parametrize("count", [1, 7, bulk.COPY_FROM_ROWS])
def test_it_gives_new_records_their_ids_in_order(count):
    made = [product(number) for number in range(count)]
    insert_records(made)
    kept = Product.objects.in_bulk([one.pk for one in made])
    assert [kept[one.pk].name for one in made] == [one.name for one in made]
    first = kept[made[0].pk]
    assert (first.list_price, first.created_at, first.custom) == (Decimal("12.345678"), AT, {})
    assert not made[0]._state.adding


def test_it_divides_what_is_too_much_for_one_statement(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(bulk, "MOST_VALUES", 2 * len(Product._meta.concrete_fields))
    made = [product(number) for number in range(5)]
    with django_assert_num_queries(3):
        insert_records(made)
    assert list(Product.objects.order_by("pk").values_list("name", flat=True)) == ["P0", "P1", "P2", "P3", "P4"]


@pytest.mark.parametrize("count", [1, bulk.COPY_FROM_ROWS])
def test_it_fills_in_defaults(count):
    insert_many(
        OutboxEvent, NAMES, [("orders.sent", "orders", number, {"text": "é“中”"}, AT) for number in range(count)]
    )
    event = OutboxEvent.objects.order_by("record_id")[0]
    assert OutboxEvent.objects.count() == count
    assert (event.payload, event.at, event.attempts, event.delivered_at) == ({"text": "é“中”"}, AT, 0, None)


def test_it_stores_a_change_of_the_version_that_was_read():
    one, other = product(1), product(2)
    insert_records([one, other])
    assert update_row(one, {"list_price": Decimal("2.5"), "version": 2, "archived_at": AT}, version=1)
    kept = Product.objects.get(pk=one.pk)
    assert (kept.list_price, kept.version, kept.archived_at) == (Decimal("2.500000"), 2, AT)
    assert Product.objects.get(pk=other.pk).version == 1


def test_it_leaves_a_row_alone_that_has_another_version():
    one = product(1)
    insert_records([one])
    assert not update_row(one, {"name": "Other", "version": 3}, version=2)
    assert Product.objects.get(pk=one.pk).name == "P1"

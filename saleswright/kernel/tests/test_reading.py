"""Rows read by plain statements are what Django would read."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel.models import User
from saleswright.kernel.reading import read_records, read_values
from saleswright.kernel.records import Draft, save_records
from saleswright.modules.catalog.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def products(root) -> list[Product]:
    given = [{"name": name, "list_price": "12.345678"} for name in ("B", "A", "C")]
    save_records(Product, [Draft(values) for values in given], actor=root)
    return list(Product.objects.order_by("pk"))


def test_records_are_as_django_reads_them(products):
    found = read_records(Product, [one.pk for one in products[:2]])
    assert sorted(found, key=lambda one: one.pk) == products[:2]
    for one, expected in zip(sorted(found, key=lambda one: one.pk), products, strict=False):
        names = [field.attname for field in Product._meta.concrete_fields]
        assert [getattr(one, name) for name in names] == [getattr(expected, name) for name in names]
        assert (one._state.adding, one._state.db) == (False, "default")


def test_values_come_in_the_order_asked_for(products):
    rows = read_values(Product, ("name", "list_price", "created_at"), "name", ["C", "A"], order=("name", "id"))
    expected = Product.objects.filter(name__in=("A", "C")).order_by("name")
    assert rows == list(expected.values_list("name", "list_price", "created_at"))


def test_nothing_is_asked_for_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert read_values(Product, ("name",), "id", []) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")
def test_rows_are_locked_if_asked(root, person):
    user = person()
    with CaptureQueriesContext(connection) as captured:
        assert read_records(User, [user.pk], lock=True) == [user]
    assert [query["sql"].endswith(" FOR UPDATE") for query in captured] == [True]

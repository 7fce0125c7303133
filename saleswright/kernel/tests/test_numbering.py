"""Numbers: their look, and that none is missing or taken twice."""

import threading
from datetime import date

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel.models import Counter, NumberSeries
from saleswright.kernel.numbering import format_of, next_numbers, take_numbers
from saleswright.kernel.transactions import atomic

DAY = date(2026, 11, 5)
on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("resource", "number"),
    [
        ("orders", "SO-202611-000001"),
        ("quotes", "QU-202611-000001"),
        ("invoices", "INV-202611-000001"),
        ("customers", "C000001"),
        ("widgets", "WI-202611-000001"),
    ],
)
def test_it_writes_the_shipped_format(resource, number):
    assert take_numbers(resource, 1, on=DAY) == [number]


@pytest.mark.django_db
def test_it_writes_the_format_that_the_company_set():
    NumberSeries.objects.filter(resource="orders").update(prefix="DD", date_format="%Y", digits=4)
    assert take_numbers("orders", 2, on=DAY) == ["DD-2026-0001", "DD-2026-0002"]


@pytest.mark.django_db
def test_a_new_prefix_goes_on_counting():
    take_numbers("orders", 3, on=DAY)
    NumberSeries.objects.filter(resource="orders").update(prefix="DD")
    assert take_numbers("orders", 1, on=DAY) == ["DD-202611-000004"]
    NumberSeries.objects.filter(resource="orders").update(prefix="SO")
    assert take_numbers("orders", 1, on=DAY) == ["SO-202611-000005"]


@pytest.mark.django_db
def test_it_foretells_the_next_number_without_taking_it():
    formats = {"orders": format_of("orders"), "customers": format_of("customers")}
    first = {"orders": "SO-202611-000001", "customers": "C000001"}
    assert [next_numbers(formats, DAY) for _ in range(2)] == [first, first]
    take_numbers("orders", 1, on=DAY)
    assert next_numbers(formats, DAY) == first | {"orders": "SO-202611-000002"}


@pytest.mark.django_db
def test_it_begins_anew_with_each_date_part():
    take_numbers("orders", 3, on=DAY)
    assert take_numbers("orders", 1, on=date(2026, 12, 1)) == ["SO-202612-000001"]
    assert take_numbers("orders", 1, on=DAY) == ["SO-202611-000004"]


@pytest.mark.django_db
def test_it_goes_on_past_the_digits():
    Counter.objects.create(series="customers:", last=999_999)
    assert take_numbers("customers", 1, on=DAY) == ["C1000000"]


@pytest.mark.django_db
def test_it_takes_nothing_for_none():
    assert take_numbers("orders", 0, on=DAY) == []
    assert not Counter.objects.exists()


@pytest.mark.django_db
def test_it_refuses_a_negative_count():
    with pytest.raises(ValueError, match="negative"):
        take_numbers("orders", -1, on=DAY)
    assert not Counter.objects.exists()


@pytest.mark.django_db
def test_it_gives_numbers_back_on_a_rollback():
    take_numbers("invoices", 1, on=DAY)

    @atomic
    def give_up():
        assert take_numbers("invoices", 2, on=DAY) == ["INV-202611-000002", "INV-202611-000003"]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert take_numbers("invoices", 1, on=DAY) == ["INV-202611-000002"]


class TestAnySequence(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12))
    def test_it_counts_without_gaps_over_commits_and_rollbacks(self, takes):
        kept = []
        for count, commits in takes:
            try:
                with atomic():
                    numbers = take_numbers("orders", count, on=DAY)
                    if not commits:
                        raise RuntimeError
                    kept += numbers
            except RuntimeError:
                pass
        assert kept == [f"SO-202611-{n:06d}" for n in range(1, len(kept) + 1)]


@on_postgres
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_never_repeats_nor_skips_among_threads():
    taken, guard = [], threading.Lock()

    def work(rolls_back):
        try:
            for turn in range(15):
                try:
                    with atomic():
                        numbers = take_numbers("orders", 2, on=DAY)
                        if rolls_back and turn % 2:
                            raise RuntimeError
                except RuntimeError:
                    continue
                with guard:
                    taken.extend(numbers)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(rolls_back,)) for rolls_back in (False, True, False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 2 * (15 + 8 + 15 + 8)
    assert sorted(taken) == [f"SO-202611-{n:06d}" for n in range(1, len(taken) + 1)]

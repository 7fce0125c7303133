"""A night of the public pools: 200,000 customers of which 20,000 go, by a rule of clocks, fields and all holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection

from bench.data import People
from bench.measure import Row
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.bulk import insert_records
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_of
from saleswright.kernel.search import expect_many, index_records
from saleswright.kernel.transactions import atomic
from saleswright.modules.customers.models import Customer
from saleswright.modules.pool.actions import recycling
from saleswright.modules.pool.models import Pool, RecycleRule

CUSTOMERS, DUE, CHUNK = 200_000, 20_000, 5000
RULE = {
    "and": [
        {"field": "source", "value": "bench-pool"},
        {
            "or": [
                {"field": "clocks.follow_up", "op": "gte", "value": "30"},
                {"field": "clocks.deal", "op": "gte", "value": "400"},
            ]
        },
    ]
}


class Pieces:
    """A transaction for each piece, as a job has it."""

    @contextmanager
    def chunk(self, done: int, total: int | None = None) -> Iterator[None]:
        with atomic():
            yield


class Undone(Exception):
    """Everything is as it was before."""


def run(people: People) -> Iterator[Row]:
    """The first night and the second of the same day; the database is left as it was."""
    rows: list[Row] = []
    try:
        with atomic():
            expect_many()
            _fill(people, clock.now())
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE customers_customer")
            rows = _measured()
            raise Undone
    except Undone:
        yield from rows


def _fill(people: People, at: datetime) -> None:
    """Every tenth customer was followed up 40 days ago, the others yesterday."""
    resource = resource_of(Customer)
    for start in range(0, CUSTOMERS, CHUNK):
        part = []
        for n in range(start, start + CHUNK):
            owner = people.owners[n % len(people.owners)]
            idle = timedelta(days=40 if n % (CUSTOMERS // DUE) == 0 else 1)
            part.append(
                Customer(
                    name=f"泰和装备 {n}", name_key=f"pool{n}", source="bench-pool", owner_id=owner.pk,
                    department_id=owner.department_id, created_at=at, updated_at=at,
                    owned_since=at - timedelta(days=100), followed_up_at=at - idle,
                )
            )  # fmt: skip
        insert_records(part)
        index_records(resource, part, fresh=True)


def _measured() -> list[Row]:
    actor = system("bench")
    pool = save_record(Pool, {"name": "bench", "resource": "customers"}, actor=actor)
    rule = save_record(RecycleRule, {"name": "bench", "pool": pool.pk, "conditions": RULE}, actor=actor)
    recycling.go_live(rule.pk, actor=actor)
    at, began = clock.now(), time.perf_counter()
    night = recycling.run(Pieces(), at, actor)
    first = time.perf_counter() - began
    assert night.taken == DUE, night
    began = time.perf_counter()
    again = recycling.run(Pieces(), at, actor)
    second = time.perf_counter() - began
    assert (again.taken, again.warned) == (0, 0), again
    return [
        Row(f"{DUE:,} of {CUSTOMERS:,} customers into the pool", first, 60, "s"),
        Row("the same night again, which changes nothing", second, 60, "s"),
    ]

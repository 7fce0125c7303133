"""Pools with customers in them. Texts are English."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.modules.customers.public import Customer
from saleswright.modules.pool.actions import recycling
from saleswright.modules.pool.models import Pool, RecycleRule

_serial = itertools.count(1)
IDLE_30 = {"field": "clocks.follow_up", "op": "gte", "value": "30"}


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


class Chunks:
    """Pieces as a job writes them, without a job; from piece `breaks_at` on the worker is dead."""

    def __init__(self, breaks_at: int = 10**6) -> None:
        self.count, self.breaks_at = 0, breaks_at

    @contextmanager
    def chunk(self, done: int, total: int | None = None):
        self.count += 1
        if self.count >= self.breaks_at:
            raise RuntimeError("the worker dies")
        with atomic():
            yield


class World:
    """Makes customers, pools and rules, and lets nights pass."""

    def __init__(self) -> None:
        self.actor = system("test")
        self.pool = save_record(Pool, {"name": f"Pool {next(_serial)}", "resource": "customers"}, actor=self.actor)

    def customer(self, owner: Any = None, *, idle: int | None = None, **values: Any) -> Customer:
        """A customer, in the pool without an owner; `idle` days ago the owner got it."""
        number = next(_serial)
        held = {"owner": owner.pk} if owner is not None else {"pool": self.pool.pk}
        made = save_record(Customer, {"name": f"Firm {number}", **held, **values}, actor=self.actor)
        if idle is not None:
            Customer.objects.filter(pk=made.pk).update(owned_since=clock.now() - timedelta(days=idle, hours=1))
        made.refresh_from_db()
        return made

    def rule(self, conditions: Any = IDLE_30, *, live: bool = True, **values: Any) -> RecycleRule:
        """A rule that fills the pool."""
        given = {"name": f"Rule {next(_serial)}", "pool": self.pool.pk, "conditions": conditions, **values}
        made = save_record(RecycleRule, given, actor=self.actor)
        if live:
            recycling.go_live(made.pk, actor=self.actor)
        made.refresh_from_db()
        return made

    def night(self, days: int = 0, chunks: Chunks | None = None) -> tuple[int, int]:
        """What the run took and warned of, so many days from now."""
        done = recycling.run(chunks or Chunks(), clock.now() + timedelta(days=days), self.actor)
        return done.taken, done.warned


@pytest.fixture
def world(db) -> World:
    return World()

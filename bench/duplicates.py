"""What looks the same while somebody types a new customer, among 100,000 customers and 50,000 leads."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import connection

from bench.data import People
from bench.measure import Row
from saleswright.config.demo import words
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.bulk import insert_records
from saleswright.kernel.matching import lookup_keys
from saleswright.kernel.models import User
from saleswright.kernel.text import company_key
from saleswright.kernel.transactions import atomic
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.customers.public import similar_customers
from saleswright.modules.leads.duplicates import similar_leads
from saleswright.modules.leads.models import Lead

CUSTOMERS, LEADS, CHUNK = 100_000, 50_000, 5000
TYPED, TIMES, BOUND = 60, 5, 50
LETTERS = words.FIRST + words.SECOND


class Undone(Exception):
    """Everything is as it was before."""


def names(count: int, seed: int) -> list[str]:
    """Company names with place, brand, trade and legal form."""
    chance, found = random.Random(seed), set[str]()
    trades, places = [trade for trade, _ in words.TRADES], [city for _, city in words.PLACES]
    while len(found) < count:
        brand = chance.choice(words.FIRST) + chance.choice(words.SECOND)
        brand += "".join(chance.choices(LETTERS, k=chance.randrange(3)))
        found.add(chance.choice(places) + brand + chance.choice(trades) + chance.choice(words.FORMS))
    return sorted(found)


def run(people: People) -> Iterator[Row]:
    """The median over the typed names, of each the quickest of some turns; the database is left as it was."""
    rows: list[Row] = []
    try:
        with atomic():
            known = names(CUSTOMERS, seed=5)
            _fill(people, known)
            rows += _measured(people, known)
            raise Undone
    except Undone:
        pass
    yield from rows


def _fill(people: People, known: list[str]) -> None:
    at, owners = clock.now(), people.owners
    for start in range(0, CUSTOMERS, CHUNK):
        made = [
            _customer(name, owners[place % len(owners)], at) for place, name in enumerate(known[start : start + CHUNK])
        ]
        insert_records(made)
        contacts = [
            Contact(customer=one, name="W", mobile=f"1390{one.pk:07d}", created_at=at, updated_at=at) for one in made
        ]
        insert_records(contacts)
    for start in range(0, LEADS, CHUNK):
        insert_records(
            [_lead(name, owners[place % len(owners)], at) for place, name in enumerate(known[start : start + CHUNK])]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer; ANALYZE customers_contact; ANALYZE leads_lead")


def _customer(name: str, owner: User, at: datetime) -> Customer:
    brand, head, tail = lookup_keys(name)
    return Customer(
        name=name, name_key=company_key(name)[:200], brand_key=brand, head_key=head, tail_key=tail, owner=owner,
        created_at=at, updated_at=at,
    )  # fmt: skip


def _lead(name: str, owner: User, at: datetime) -> Lead:
    brand, head, tail = lookup_keys(name)
    return Lead(
        company=name, title=name, company_key=company_key(name)[:200], brand_key=brand, head_key=head, tail_key=tail,
        owner=owner, created_at=at, updated_at=at,
    )  # fmt: skip


def _measured(people: People, known: list[str]) -> Iterator[Row]:
    actor, chance = actor_for(people.manager, origin="bench"), random.Random(7)
    typed = []
    for name in chance.sample(known, TYPED):
        place = chance.randrange(2, len(name) - 4)
        typed.append(name[:place] + chance.choice(LETTERS) + name[place + 1 :])
    for what, ask in (
        (
            "likely duplicates of a customer",
            lambda name: similar_customers({"name": name, "phone": "13900000001"}, actor),
        ),
        ("likely duplicates of a lead", lambda name: similar_leads({"company": name}, actor)),
    ):
        times = sorted(min(_timed(ask, name) for _ in range(TIMES)) for name in typed)
        middle, late = statistics.median(times), times[int(TYPED * 0.95)]
        yield Row(f"{what}, median", middle, BOUND, "ms", middle)
        yield Row(f"{what}, 95th percentile", late, BOUND, "ms", late)


def _timed(ask: Callable[[str], object], name: str) -> float:
    start = time.perf_counter()
    ask(name)
    return (time.perf_counter() - start) * 1000

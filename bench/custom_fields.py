"""Custom fields beside built-in ones that hold the same values in the same 100,000 records: sort, filter, count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection

from bench.data import People
from bench.measure import Row, Work, compare, raw
from bench.web import Web
from saleswright.kernel.access.actors import system
from saleswright.kernel.custom_fields import SORTABLE, definitions
from saleswright.kernel.custom_indexes import index_now
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity

BOUND, BOUND_OF_FIELD = 3, 1.5
CHOICES = [{"code": level, "label_zh": level} for level in "ABCD"]
#: kind of record -> custom field (code, kind, SQL of its value), with the built-in field that holds the same
FIELDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "customers": {
        "code": ("bench_code", "text", "to_jsonb(code)"),
        "level": ("bench_level", "choice", "to_jsonb(level)"),
        "created_at": ("bench_day", "date", "to_jsonb((created_at AT TIME ZONE 'Asia/Shanghai')::date::text)"),
    },
    "opportunities": {"amount": ("bench_amount", "money", "to_jsonb(amount)")},
}
MODELS: dict[str, Any] = {"customers": Customer, "opportunities": Opportunity}
#: what a list of customers is asked for
ASKED = {
    "sorted": "ordering=-{code}",
    "found by one value": "{code}=ONE",
    "of a level, sorted": "{level}=A&ordering={code}",
    "from a day on, sorted": "{created_at}__gte=2026-01-01&ordering=-{created_at}",
    "of a level, from a day on, counted": "{level}=B&{created_at}__gte=2026-01-01&count=1",
}
RAW = {
    "sorted": ("ORDER BY {code} DESC, id DESC", ""),
    "from a day on, sorted": ("ORDER BY {created_at} DESC, id DESC", "AND {created_at} >= '2026-01-01'"),
}
COUNT_SQL = "SELECT count(*) FROM pipeline_opportunity WHERE ((custom ->> 'bench_amount')::bigint) >= 20000000"


def run(people: People) -> Iterator[Row]:
    """Ratios of lists by custom fields beside those by built-in ones, and of a count beside plain SQL.

    The fields go afterwards.
    """
    fields = [make_field(resource, *of) for resource, some in FIELDS.items() for of in some.values()]
    for resource in FIELDS:
        _fill(resource)
    try:
        yield from _customers(Web(people.manager))
        yield from _opportunities(Web(people.manager))
    finally:
        for model in MODELS.values():
            model.objects.update(custom={})
        for field in fields:
            delete_record(CustomField, field.pk, actor=system("bench"))


def _customers(web: Web) -> Iterator[Row]:
    built_in, custom = _names("customers")
    one = web.get("/api/v1/customers?limit=1&fields=code&ordering=code").json()["items"][0]["code"]
    for what, asked in ASKED.items():
        query = asked.replace("ONE", one)
        api = "/api/v1/customers?limit=50&fields=id,code&" + query
        check_same(web, api.format(**built_in), api.format(**custom), sort="ordering" in query and "created" in query)
        yield compare(f"customers {what}, JSON: built-in", *_both(web, api), BOUND)
        if "count" not in query:
            yield compare(f"customers {what}, page: built-in", *_both(web, "/customers?" + query), BOUND)
    ask = raw()
    for what, (order, where) in RAW.items():
        ours, floor = (_statement(ask, order.format(**names), where.format(**names)) for names in _expressions())
        yield compare(f"customers {what}, plain SQL of both", ours, floor, BOUND)


def _opportunities(web: Web) -> Iterator[Row]:
    for what, more in (
        ("sorted", "&ordering=-{amount}"),
        ("filtered and sorted", "&{amount}__gte=200000&ordering=-{amount}"),
        ("filtered, sorted, counted", "&{amount}__gte=200000&ordering=-{amount}&count=1"),
    ):
        path = "/api/v1/opportunities?limit=50&fields=id,amount" + more
        built_in, custom = _names("opportunities")
        check_same(web, path.format(**built_in), path.format(**custom))
        yield compare(f"opportunities {what}, JSON: built-in", *_both(web, path, "opportunities"), BOUND_OF_FIELD)
    query, found = raw(), Opportunity.objects.filter(custom__bench_amount__gte=200000)
    assert found.count() == query(COUNT_SQL, {})[0][0]
    yield compare("count by a custom field: plain SQL", found.count, lambda: query(COUNT_SQL, {}), BOUND_OF_FIELD)


def _names(resource: str) -> tuple[dict[str, str], dict[str, str]]:
    """What lists call the built-in fields, and the custom ones in their place."""
    return {name: name for name in FIELDS[resource]}, {n: f"custom.{of[0]}" for n, of in FIELDS[resource].items()}


def _both(web: Web, path: str, resource: str = "customers") -> tuple[Work, Work]:
    built_in, custom = (path.format(**names) for names in _names(resource))
    return lambda: web.get(custom), lambda: web.get(built_in)


def _expressions() -> tuple[dict[str, str], dict[str, str]]:
    """The same fields in SQL, custom ones first."""
    names = FIELDS["customers"]
    return {name: f"(custom ->> '{of[0]}')" for name, of in names.items()}, {name: name for name in names}


def _statement(ask: Any, order: str, where: str) -> Work:
    sql = f"SELECT id, code, name FROM customers_customer WHERE archived_at IS NULL {where} {order} LIMIT 51"
    return lambda: ask(sql)


def make_field(resource: str, code: str, kind: str, _value: str) -> CustomField:
    """A field of the company's own."""
    given = {"resource": resource, "code": code, "kind": kind, "label_zh": code}
    lines = {"choices": CHOICES} if kind == "choice" else {}
    return save_record(CustomField, given, lines=lines, actor=system("bench"))


def _fill(resource: str) -> None:
    """Give the fields the values of the built-in ones, and their indexes."""
    table = MODELS[resource]._meta.db_table
    pairs = ", ".join(f"'{code}', {value}" for code, _kind, value in FIELDS[resource].values())
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET custom = jsonb_build_object({pairs})")
    for code, kind, _value in FIELDS[resource].values():
        if kind in SORTABLE:
            index_now(definitions().by_code[resource, code])
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}")


def check_same(web: Web, built_in: str, custom: str, *, sort: bool = False) -> None:
    """Raise AssertionError unless both give the same records (days put those of one day in another order)."""
    mine, other = ([one["id"] for one in web.get(path).json()["items"]] for path in (custom, built_in))
    assert len(mine) == len(other) > 0
    assert sort or mine == other

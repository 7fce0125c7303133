"""A custom field of money beside a built-in one of the same values on the same 100,000 records: sort, filter, count."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from bench.data import People
from bench.measure import Row, compare, raw
from bench.web import Web
from saleswright.kernel.access.actors import system
from saleswright.kernel.custom_fields import definitions
from saleswright.kernel.custom_indexes import index_now
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.pipeline.models import Opportunity

LIST = "/api/v1/opportunities?limit=50&fields=id,{field}"
COUNT_SQL = "SELECT count(*) FROM pipeline_opportunity WHERE ((custom ->> 'bench_amount')::bigint) >= 20000000"


def run(people: People) -> Iterator[Row]:
    """Ratios of the custom field beside `amount`, and of a count beside plain SQL; then the field goes."""
    field = make_field()
    try:
        yield from _ratios(Web(people.manager))
    finally:
        Opportunity.objects.update(custom={})
        delete_record(CustomField, field.pk, actor=system("bench"))


def _ratios(web: Web) -> Iterator[Row]:
    for what, more in (
        ("sorted list", "&ordering=-{field}"),
        ("filtered and sorted list", "&{field}__gte=200000&ordering=-{field}"),
        ("the same with its count", "&{field}__gte=200000&ordering=-{field}&count=1"),
    ):
        built_in, custom = ((LIST + more).format(field=name) for name in ("amount", "custom.bench_amount"))
        check_same(web, built_in, custom)
        ours, theirs = (lambda path=path: web.get(path) for path in (custom, built_in))
        yield compare(f"{what} by a custom field: built-in", ours, theirs, 1.5)
    query, found = raw(), Opportunity.objects.filter(custom__bench_amount__gte=200000)
    assert found.count() == query(COUNT_SQL, {})[0][0]
    yield compare("count by a custom field: plain SQL", found.count, lambda: query(COUNT_SQL, {}), 1.5)


def make_field() -> CustomField:
    """The field with the values of `amount`, and its index."""
    given = {"resource": "opportunities", "code": "bench_amount", "kind": "money", "label_zh": "预算"}
    field: CustomField = save_record(CustomField, given, actor=system("bench"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pipeline_opportunity SET custom = jsonb_build_object('bench_amount', amount)")
    index_now(definitions().by_code["opportunities", "bench_amount"])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE pipeline_opportunity")
    return field


def check_same(web: Web, built_in: str, custom: str) -> None:
    """Raise AssertionError unless both give the same records with the same amounts."""
    mine, other = web.get(custom).json()["items"], web.get(built_in).json()["items"]
    assert [one["id"] for one in mine] == [one["id"] for one in other]
    assert [one["custom"]["bench_amount"] for one in mine] == [one["amount"] for one in other]

"""Search over everything one may see: a row of tokens for each record, looked up by index and cut by rights.

PostgreSQL keeps a GIN index over the tokens, SQLite an FTS5 table beside (see migration 0002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Func, Lookup, OuterRef, QuerySet, Subquery, TextField
from django.db.models.expressions import RawSQL

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.models import SearchRow
from saleswright.kernel.resources import Resource, all_resources
from saleswright.kernel.text import query_tokens, search_tokens

FEW = 2000
"""So many matches can be named by their ids; more of them are met soon on the way along the list."""

COLUMNS = ("resource", "record_id", "right", "label", "detail", "owner_id", "department_id", "tokens")


@dataclass(frozen=True, slots=True)
class Hit:
    """A found record."""

    resource: str
    record_id: int
    label: str
    detail: str


def index_records(resource: Resource, records: list[Any], *, fresh: bool = False) -> None:
    """Write the search rows of these records (of which `fresh` ones have none yet)."""
    if not resource.search or not records:
        return
    if not fresh:
        SearchRow.objects.filter(resource=resource.name, record_id__in=[record.pk for record in records]).delete()
    rights = ("", *sorted({resource.secret[name] for name in resource.search if name in resource.secret}))
    rows = [row for record in records for right in rights if (row := _row(resource, record, right))]
    insert_many(SearchRow, COLUMNS, rows)


def expect_many() -> None:
    """Within a transaction that indexes many records: let PostgreSQL gather their tokens before it sorts them in.

    The memory is for the sorting. It halves the time of a long import; `settle` afterwards keeps searches quick.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL gin_pending_list_limit = '64MB'; SET LOCAL work_mem = '256MB'")


def settle() -> None:
    """Sort what was gathered into the index."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT gin_clean_pending_list('kernel_search_tokens'::regclass)")


def forget_record(resource: Resource, record_id: int) -> None:
    """Take a deleted record out of the search."""
    SearchRow.objects.filter(resource=resource.name, record_id=record_id).delete()


def _row(resource: Resource, record: Any, right: str) -> tuple[Any, ...] | None:
    """The values of COLUMNS for a record: its open words, with a right also those of the fields that need it."""
    named = [(name, str(value)) for name in resource.search if (value := getattr(record, name, None))]
    texts = [text for name, text in named if resource.secret.get(name, "") in {"", right}]
    if right and all(resource.secret.get(name) != right for name, _text in named):
        return None
    label = resource.label_of(record)
    detail = next((text for text in texts if text != label), "")
    return (
        resource.name,
        record.pk,
        right,
        label[:200],
        detail[:200],
        getattr(record, "owner_id", None),
        getattr(record, "department_id", None),
        " ".join(sorted(search_tokens(*texts))),
    )


def rows_for(actor: Actor) -> QuerySet[SearchRow]:
    """The search rows whose words the actor may know."""
    rights = {right for resource in all_resources() for right in resource.secret.values()}
    return SearchRow.objects.filter(right__in=["", *(right for right in rights if actor.sees(right))])


def matching(queryset: QuerySet[SearchRow], query: str, kind: str = "") -> QuerySet[SearchRow]:
    """Search rows, of one `kind` if it is named, with every token of what was typed; none for an empty query."""
    tokens = query_tokens(query)
    if not tokens:
        return queryset.none()
    if connection.vendor == "postgresql":
        words = [*tokens, f"@{kind}"] if kind else tokens
        return queryset.filter(HasAll(Words("tokens", "resource"), words))
    if kind:
        queryset = queryset.filter(resource=kind)
    phrase = " AND ".join(f'"{token}"' for token in tokens)
    sql = "SELECT rowid FROM kernel_search_fts WHERE kernel_search_fts MATCH %s"
    return queryset.filter(id__in=RawSQL(sql, [phrase]))


class Words(Func):
    """PostgreSQL: the tokens of a row and its kind, as the GIN index has them.

    With the kind in the index a common word is looked up within a kind that has little of it as fast as a rare one.
    """

    function = "kernel_search_words"
    output_field = TextField()


class HasAll(Lookup):
    """PostgreSQL: the words contain every one of these."""

    lookup_name = "has_all"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        words, parameters = self.process_lhs(compiler, connection)
        return f"{words} @> %s::text[]", (*parameters, list(self.rhs))


def found_in(queryset: QuerySet[Any], resource: Resource, query: str, actor: Actor) -> QuerySet[Any]:
    """Cut a queryset of the resource's records to those that the query finds.

    What a few records match is asked of the token index first and named by their ids: left inside the query, a
    rare word would be looked for along the order of the list, through all its rows (150 ms against 2).
    """
    readable = rows_for(actor)
    ids = list(matching(readable, query, resource.name).values_list("record_id", flat=True)[: FEW + 1])
    return _among(queryset, ids, readable.filter(resource=resource.name), query)


def _among(queryset: QuerySet[Any], ids: list[int], rows: QuerySet[SearchRow], query: str) -> QuerySet[Any]:
    """Cut a queryset to the ids, or to what the query finds among the search rows of its kind when they are many."""
    if len(ids) <= FEW:
        return queryset.filter(pk__in=ids)
    # a subquery of each record: PostgreSQL takes words that go together for rare and would look all of them up first
    its_own = matching(rows.filter(record_id=OuterRef("pk")), query)
    return queryset.filter(pk=Subquery(its_own.values("record_id")[:1]))


def search(actor: Actor, query: str, *, limit: int = 20, resources: tuple[str, ...] = ()) -> list[Hit]:
    """Records of every kind that the actor may see and the query finds, at most `limit` of a kind, newest first.

    Few matches come from the index in one look-up and are cut by the scope queries; when there are more than
    that, each kind is looked up by itself.
    """
    asked = [r for r in all_resources() if r.search and (not resources or r.name in resources)]
    kinds = {r.name: r for r in asked if actor.may(f"{r.name}.view")}
    readable = rows_for(actor)
    pairs = list(matching(readable.filter(resource__in=kinds), query).values_list("resource", "record_id")[: FEW + 1])
    if len(pairs) > FEW:
        pairs = _by_kind(list(kinds), readable, query)
    candidates: dict[str, list[int]] = {}
    for name, pk in pairs:
        candidates.setdefault(name, []).append(pk)
    found: list[tuple[str, int]] = []
    for name in (name for name in kinds if name in candidates):
        records = visible(kinds[name].model._default_manager.filter(archived_at=None), actor)
        newest = _newest(records, candidates[name], readable.filter(resource=name), query, limit)
        found += [(name, pk) for pk in newest]
    return _hits(found)


def _newest(records: QuerySet[Any], ids: list[int], rows: QuerySet[SearchRow], query: str, limit: int) -> list[int]:
    """The newest of the records that are found, with many matches the newest among the latest and the first found.

    All records are gone through only when these don't suffice: numbers that begin alike lie together, perhaps far back.
    """

    def first(some: QuerySet[Any]) -> list[int]:
        return list(some.order_by("-id").values_list("pk", flat=True)[:limit])

    if len(ids) <= FEW:
        return first(records.filter(pk__in=ids))
    oldest = list(records.order_by("-id").values_list("pk", flat=True)[FEW : FEW + 1])
    found = first(_among(records.filter(pk__gt=oldest[0]) if oldest else records, ids, rows, query))
    if oldest and len(found) < limit:
        found = sorted({*found, *first(records.filter(pk__in=ids))}, reverse=True)[:limit]
    return found if not oldest or len(found) == limit else first(_among(records, ids, rows, query))


def _by_kind(names: list[str], readable: QuerySet[SearchRow], query: str) -> list[tuple[str, int]]:
    """Kind and id of matching records, of each kind one more than few at most."""
    arms = [matching(readable, query, name).values_list("resource", "record_id")[: FEW + 1] for name in names]
    if len(arms) > 1 and connection.features.supports_slicing_ordering_in_compound:
        return list(arms[0].union(*arms[1:], all=True))
    return [pair for arm in arms for pair in arm]


def _hits(found: list[tuple[str, int]]) -> list[Hit]:
    """The records as shown, in their order."""
    names, ids = {name for name, _pk in found}, {pk for _name, pk in found}
    rows = SearchRow.objects.filter(right="", resource__in=names, record_id__in=ids)
    hits = {row[:2]: Hit(*row) for row in rows.values_list("resource", "record_id", "label", "detail")}
    return [hits[pair] for pair in found if pair in hits]

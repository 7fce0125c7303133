"""Search over everything one may see: a row of tokens for each record, looked up by index and cut by rights.

A row also carries marks: its kind, the bucket of its id, and the owner and department that decide who sees the record
(of a record that is seen with another one: those of the other). So the index is asked at once for the words, for what
the actor can reach and for the newest; the few rows found are then cut by the records' own scope.

PostgreSQL keeps a GIN index over tokens and marks, SQLite an FTS5 table beside (see migration 0002).
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import BooleanField, CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.expressions import RawSQL

from saleswright.kernel.access.actors import EVERYTHING, Actor, Scope
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.custom_fields import words_of
from saleswright.kernel.errors import Busy
from saleswright.kernel.merging.names import names_within
from saleswright.kernel.models import SearchRow, User
from saleswright.kernel.resources import Resource, all_resources, resource_named, resource_of
from saleswright.kernel.text import query_tokens, search_tokens
from saleswright.kernel.transactions import atomic

logger = logging.getLogger(__name__)

FEW = 2000
"""So many matches can be named by their ids; more of them are met soon on the way along the list."""
BUCKET = 2048
"""So many ids in a row share a mark (the index has it too): the newest of a kind are looked through first."""

SETTLING_PAUSE = 1.0  # seconds

COLUMNS = ("resource", "record_id", "right", "label", "detail", "parent_id", "owner_id", "department_id", "tokens")
WORDS = "kernel_search_words(tokens, resource, record_id, owner_id, department_id)"

Holder = tuple[int | None, int | None]
"""The owner and the department that decide who sees a record."""
Condition = tuple[str, list[Any]]
"""Some SQL and its parameters."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found record."""

    resource: str
    record_id: int
    label: str
    detail: str


# --- the rows --------------------------------------------------------------------------------------------------


def index_records(resource: Resource, records: list[Any], *, fresh: bool = False) -> None:
    """Write the search rows of these records (of which `fresh` ones have none yet)."""
    if not resource.search or not records:
        return
    holders = _holders(resource, records)
    if not fresh:
        present = SearchRow.objects.filter(resource=resource.name, record_id__in=[record.pk for record in records])
        _follow(resource, present, holders)
        present.delete()
    rights = sorted({"", *map(resource.right_of, resource.search)})
    merged = {} if fresh or resource.merges is None else names_within(resource, [record.pk for record in records])
    rows = [
        row
        for record in records
        for right in rights
        if (row := _row(resource, record, right, holders[record.pk], merged.get(record.pk, ())))
    ]
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
        with atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            cursor.execute("SELECT gin_clean_pending_list('kernel_search_tokens'::regclass)")


@contextmanager
def settling() -> Iterator[None]:
    """Meanwhile `settle` again and again in a second session, beside the one that writes many records.

    The index does not ask whether the rows are committed yet. What this doesn't come to, `settle` does afterwards.
    """
    done = threading.Event()
    thread = threading.Thread(target=_settle_until, args=(done,), name="settling", daemon=True)
    if connection.vendor == "postgresql":
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()


def _settle_until(done: threading.Event) -> None:
    try:
        while not done.wait(SETTLING_PAUSE):
            settle()
    except (DatabaseError, Busy) as error:
        logger.warning("the search index is not settled meanwhile: %s", error)
    finally:
        connection.close()


def forget_record(resource: Resource, record_id: int) -> None:
    """Take a deleted record out of the search."""
    SearchRow.objects.filter(resource=resource.name, record_id=record_id).delete()


def give_rows(resource: Resource, ids: Sequence[int], holder: Holder) -> None:
    """The search rows of these records, and of what is seen with them, follow their new owner and department."""
    owner_id, department_id = holder
    rows = SearchRow.objects.filter(resource=resource.name, record_id__in=ids)
    rows.update(owner_id=owner_id, department_id=department_id)
    if followers := _followers(resource):
        children = SearchRow.objects.filter(resource__in=followers, parent_id__in=ids)
        children.update(owner_id=owner_id, department_id=department_id)


def _followers(resource: Resource) -> list[str]:
    """The other kinds whose rows carry the owner and department of this one."""
    return [r.name for r in all_resources() if r is not resource and r.search and _holding(r) is resource]


def _row(
    resource: Resource, record: Any, right: str, holder: Holder, merged: Sequence[Any] = ()
) -> tuple[Any, ...] | None:
    """The values of COLUMNS for a record: its open words, with a right also those of the fields that need it.

    What was `merged` into it is found by its words, too.

    Custom fields that need a right are never searchable, so what is found of others is open.
    """
    named = [(name, str(value)) for name in resource.search if (value := getattr(record, name, None))]
    texts = [text for name, text in named if resource.right_of(name) in {"", right}]
    if right and all(resource.right_of(name) != right for name, _text in named):
        return None
    label = resource.label_of(record)
    detail = next((text for text in texts if text != label), "")
    former = [
        str(value)
        for one in merged
        for name in resource.search
        if (value := getattr(one, name, None)) and resource.right_of(name) in {"", right}
    ]
    return (
        resource.name,
        record.pk,
        right,
        label[:200],
        detail[:200],
        _parent_id(resource, record),
        *holder,
        " ".join(sorted(search_tokens(*texts, *former, *words_of(resource.name, record)))),
    )


def _holding(resource: Resource) -> Resource | None:
    """The kind whose owner and department decide over this one: itself, the kind it is seen with, or none.

    None also for a kind with rules of its own: what its rows carry says nothing of who sees the records.
    """
    if type(resource).scope is not Resource.scope or type(resource).shown_to is not Resource.shown_to:
        return None
    if resource.owned:
        return resource
    parent = resource_of(_parent_model(resource)) if resource.via else None
    return parent if parent is not None and parent.search and _holding(parent) is parent else None


def _parent_model(resource: Resource) -> type[Any]:
    return resource.model._meta.get_field(resource.via).related_model


def _parent_id(resource: Resource, record: Any) -> int | None:
    return getattr(record, f"{resource.via}_id") if resource.via else None


def _holders(resource: Resource, records: list[Any]) -> dict[int, Holder]:
    """Owner and department for each record's row, by its id."""
    holding = _holding(resource)
    if holding is None or holding is resource:
        return {r.pk: (getattr(r, "owner_id", None), getattr(r, "department_id", None)) for r in records}
    parents = {record.pk: _parent_id(resource, record) for record in records}
    rows = holding.model._default_manager.filter(pk__in=set(parents.values()))
    found = {pk: holder for pk, *holder in rows.values_list("pk", "owner_id", "department_id")}
    return {pk: tuple(found.get(parent, (None, None))) for pk, parent in parents.items()}


def _follow(resource: Resource, present: QuerySet[SearchRow], holders: dict[int, Holder]) -> None:
    """Hand the owner and department of changed records on to the rows of what is seen with them.

    The rows of what a person owns follow the person's department.
    """
    followers = _followers(resource)
    if not followers and resource.model is not User:
        return
    moved: dict[Holder, list[int]] = defaultdict(list)
    for pk, *before in present.filter(right="").values_list("record_id", "owner_id", "department_id"):
        if tuple(before) != holders[pk]:
            moved[holders[pk]].append(pk)
    for (owner_id, department_id), ids in moved.items():
        if resource.model is User:
            owned = SearchRow.objects.filter(_having([], [f"@u{pk}" for pk in ids]))
            owned.update(department_id=department_id)
        else:
            children = SearchRow.objects.filter(resource__in=followers, parent_id__in=ids)
            children.update(owner_id=owner_id, department_id=department_id)


# --- words and marks -------------------------------------------------------------------------------------------


def _having(needed: Sequence[str], *choices: Sequence[str]) -> RawSQL:
    """As a condition: rows with all the `needed` words and, of each of the `choices`, at least one."""
    sql, parameters = _has(needed, *choices)
    return RawSQL(sql, parameters, output_field=BooleanField())


def _has(needed: Sequence[str], *choices: Sequence[str]) -> Condition:
    """The SQL of `_having`."""
    if connection.vendor == "postgresql":
        parts = [f"{WORDS} @> %s::text[]"] * bool(needed) + [f"{WORDS} && %s::text[]"] * len(choices)
        return " AND ".join(parts), [list(words) for words in (needed, *choices) if words]
    alternatives = [f"({' OR '.join(map(_quoted, words))})" for words in choices]
    phrase = " AND ".join([*map(_quoted, needed), *alternatives])
    return "id IN (SELECT rowid FROM kernel_search_fts WHERE kernel_search_fts MATCH %s)", [phrase]


def _quoted(word: str) -> str:
    return f'"{word}"'


def _readable(actor: Actor) -> list[str]:
    """The rights whose words the actor may know; the words that need none are among them."""
    rights = {right for resource in all_resources() for right in resource.secrets.values()}
    return ["", *(right for right in sorted(rights) if actor.sees(right))]


# --- within the records of one kind ----------------------------------------------------------------------------


def found_in(queryset: QuerySet[Any], resource: Resource, query: str, actor: Actor) -> QuerySet[Any]:
    """Cut a queryset of the resource's records to those that the query finds.

    What a few records match is asked of the token index first and named by their ids: left inside the query, a
    rare word would be looked for along the order of the list, through all its rows (150 ms against 2).
    """
    tokens = query_tokens(query)
    if not tokens:
        return queryset.none()
    rows = SearchRow.objects.filter(right__in=_readable(actor))
    marked = rows.filter(_having([*tokens, f"@{resource.name}"]))
    ids = list(marked.values_list("record_id", flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return queryset.filter(pk__in=ids)
    # a subquery of each record: PostgreSQL takes words that go together for rare and would look all of them up first
    its_own = rows.filter(_having(tokens), resource=resource.name, record_id=OuterRef("pk"))
    return queryset.filter(pk=Subquery(its_own.values("record_id")[:1]))


# --- over all kinds --------------------------------------------------------------------------------------------


def search(actor: Actor, query: str, *, limit: int = 20, resources: tuple[str, ...] = ()) -> list[Hit]:
    """Records of every kind that the actor may see and the query finds, at most `limit` of a kind, newest first.

    Candidates are the newest matching rows within the actor's reach. Who sees a record is decided by the scope of its
    kind, asked for these few; only where that refuses so many that there may be older ones, all are gone through.
    """
    asked = [r for r in all_resources() if r.search and (not resources or r.name in resources)]
    kinds = {r.name: r for r in asked if actor.may(f"{r.name}.view")}
    tokens = query_tokens(query)
    if not tokens or not kinds:
        return []
    candidates, complete = _candidates(actor, tokens, kinds, 2 * limit)
    seen = _seen(actor, kinds, candidates)
    found: list[tuple[str, int]] = []
    for name in (name for name in kinds if name in candidates):
        newest = sorted(seen.get(name, ()), reverse=True)[:limit]
        if len(newest) < limit and name not in complete:
            records = visible(kinds[name].model._default_manager.filter(archived_at=None), actor)
            matching = found_in(records, kinds[name], query, actor)
            newest = list(matching.order_by("-id").values_list("pk", flat=True)[:limit])
        found += [(name, pk) for pk in newest]
    return _hits(found)


def _seen(actor: Actor, kinds: dict[str, Resource], candidates: dict[str, set[int]]) -> dict[str, list[int]]:
    """Those of the candidates that the actor may see, in one statement."""
    arms = []
    for name, ids in candidates.items():
        records = kinds[name].model._default_manager.filter(pk__in=ids, archived_at=None).order_by()
        arms.append(visible(records, actor).values_list(Value(name, CharField()), "pk"))
    seen = defaultdict[str, list[int]](list)
    for name, pk in arms[0].union(*arms[1:], all=True) if arms else ():
        seen[name].append(pk)
    return seen


def _candidates(
    actor: Actor, tokens: list[str], kinds: dict[str, Resource], most: int
) -> tuple[dict[str, set[int]], set[str]]:
    """For each kind the ids of the newest matching rows within reach, `most` or more if there are so many; and the
    kinds of which these are all.

    The newest buckets give enough of a common word; only kinds in which it is rare are asked as a whole.
    """
    reaches, rights = _reaches(actor, kinds.values()), _readable(actor)
    last = _last_buckets(list(kinds))
    near = {name: [f"@{name}.{bucket}", f"@{name}.{bucket - 1}"] for name, bucket in last.items()}
    found = defaultdict[str, set[int]](set)
    shared = _shared_rows(actor, tokens, rights, [name for marks, names in reaches.items() if marks for name in names])
    for name, pk in _look_up([*_reached_rows(tokens, rights, reaches, near), *shared], most):
        found[name].add(pk)
    newer = {name: sum(pk >= (bucket - 1) * BUCKET for pk in found.get(name, ())) for name, bucket in last.items()}
    whole = {name: [f"@{name}"] for name, bucket in last.items() if bucket > 1 and newer[name] < most}
    for name, pk in _look_up(list(_reached_rows(tokens, rights, reaches, whole)), most):
        found[name].add(pk)
    through = {name for name, bucket in last.items() if bucket <= 1 or name in whole}
    return found, {name for name in through if len(found.get(name, ())) < most}


def _reaches(actor: Actor, kinds: Iterable[Resource]) -> dict[tuple[str, ...], list[str]]:
    """Marks -> the kinds of which the actor can reach the rows with one of these marks; () for all rows.

    No narrower than the scopes themselves, collaboration apart.
    """
    known: dict[frozenset[Scope], tuple[str, ...]] = {}
    found = defaultdict[tuple[str, ...], list[str]](list)
    for resource in kinds:
        holding = _holding(resource)
        scopes = EVERYTHING if holding is None else actor.scopes(f"{holding.name}.view")
        if scopes not in known:
            known[scopes] = _marks(actor, scopes)
        found[known[scopes]].append(resource.name)
    return found


def _marks(actor: Actor, scopes: frozenset[Scope]) -> tuple[str, ...]:
    """What rows within the scopes are marked with, one of it at least; () when they are all."""
    if Scope.ALL in scopes:
        return ()
    owners, departments = {actor.user_id}, set[int]()
    if Scope.DEPARTMENT_TREE in scopes:
        departments |= actor.access.departments
    elif Scope.DEPARTMENT in scopes and actor.access.department_id:
        departments.add(actor.access.department_id)
    if Scope.REGION_TREE in scopes and actor.access.regions:
        owners |= set(User.objects.filter(region_id__in=actor.access.regions).values_list("pk", flat=True))
    return (*(f"@u{pk}" for pk in owners), *(f"@d{pk}" for pk in departments))


def _last_buckets(names: list[str]) -> dict[str, int]:
    """The bucket of the newest row of each kind that has rows."""
    sql = (
        f"WITH kinds(name) AS (VALUES {', '.join(['(%s)'] * len(names))}) SELECT name, "
        "(SELECT MAX(record_id) FROM kernel_searchrow WHERE resource = name) FROM kinds"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, names)
        return {name: newest // BUCKET for name, newest in cursor.fetchall() if newest is not None}


def _reached_rows(
    tokens: list[str], rights: list[str], reaches: dict[tuple[str, ...], list[str]], where: dict[str, list[str]]
) -> Iterator[Condition]:
    """Selects matching rows within reach, of the kinds in `where` those with one of the marks there."""
    for marks, names in reaches.items():
        if places := [mark for name in names for mark in where.get(name, ())]:
            sql, parameters = _has(tokens, *([marks] if marks else []), places)
            select = f'SELECT resource, record_id FROM kernel_searchrow WHERE {sql} AND "right" IN ({_places(rights)})'
            yield select, [*parameters, *rights]


def _shared_rows(actor: Actor, tokens: list[str], rights: list[str], names: list[str]) -> Iterator[Condition]:
    """Selects matching rows of what the actor collaborates on, and of what is seen with it."""
    if not names:
        return
    words = " AND ".join(["' ' || found.tokens || ' ' LIKE %s"] * len(tokens))
    rest = (
        f'found.resource IN ({_places(names)}) AND found."right" IN ({_places(rights)}) AND {words} '
        "AND shared.user_id = %s"
    )
    parameters = [*names, *rights, *(f"% {token} %" for token in tokens), actor.user_id]
    select = "SELECT found.resource, found.record_id FROM kernel_collaborator shared JOIN kernel_searchrow found ON "
    itself = "found.resource = shared.resource AND found.record_id = shared.record_id"
    yield f"{select} {itself} WHERE {rest}", parameters
    for child, parent in ((name, _holding(resource_named(name))) for name in names):
        if parent is not None and parent.name != child:
            yield (
                f"{select} found.parent_id = shared.record_id WHERE shared.resource = %s AND found.resource = %s "
                f"AND {rest}",
                [parent.name, child, *parameters],
            )


def _look_up(selects: list[Condition], most: int) -> list[tuple[str, int]]:
    """Kind and id of the newest `most` rows of each kind among those selected."""
    if not selects:
        return []
    sql = (
        "SELECT DISTINCT resource, record_id FROM (SELECT resource, record_id, DENSE_RANK() OVER "
        "(PARTITION BY resource ORDER BY record_id DESC) AS place "
        f"FROM ({' UNION ALL '.join(select for select, _given in selects)}) AS matching) AS ranked WHERE place <= %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*(value for _select, given in selects for value in given), most])
        return cursor.fetchall()


def _places(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _hits(found: list[tuple[str, int]]) -> list[Hit]:
    """The records as shown, in their order."""
    if not found:
        return []
    sql = (
        f"WITH hits(kind, record) AS (VALUES {', '.join(['(%s, %s)'] * len(found))}) "
        "SELECT resource, record_id, label, detail FROM hits "
        "JOIN kernel_searchrow ON resource = kind AND record_id = record AND \"right\" = ''"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for pair in found for value in pair])
        hits = {row[:2]: Hit(*row) for row in cursor.fetchall()}
    return [hits[pair] for pair in found if pair in hits]

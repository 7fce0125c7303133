"""The audit: who did what, when, from where; append-only, chained by hash so that tampering shows.

Entries are inserted unsealed by the business transactions. One sealer then gives them consecutive sequence
numbers and digests: digest = SHA-256(digest before + canonical JSON of the entry).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection, models
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.models.ledger import AuditHead
from saleswright.kernel.transactions import atomic

LOCK = 0x53570A  # PostgreSQL's advisory lock of the sealer
READ_AT_ONCE = 5000
CONTENT = ("id", "at", "actor_id", "actor_kind", "origin", "resource", "record_id", "label", "action", "changes")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing done to one record: `changes` maps a field to its old and new value."""

    resource: str
    record_id: int | None
    label: str
    action: str
    changes: Mapping[str, Any] = field(default_factory=dict)


def record_audit(entries: Iterable[AuditLine], *, actor: Actor, at: datetime) -> None:
    """Write entries within the present transaction, in one insert."""
    names = ("at", "actor_id", "actor_kind", "origin", "resource", "record_id", "label", "action", "changes")
    who = (at, actor.user_id, actor.kind, actor.origin[:100])
    rows = [
        (*who, str(line.resource), line.record_id, line.label[:200], str(line.action), json_safe(line.changes))
        for line in entries
    ]
    insert_many(AuditEntry, names, rows)


def json_safe(value: Any) -> Any:
    """`value` as JSON keeps it: decimals as text, dates and times in ISO form, records as their ids."""
    return orjson.loads(orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS))


def _plain(value: Any) -> Any:
    """What orjson doesn't know by itself."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) and not isinstance(value, bytes | Promise) else str(value)


def digest_of(previous: str, sequence: int, row: tuple[Any, ...]) -> str:
    """The digest of an entry, given as the values of CONTENT, in the chain after `previous`."""
    content = orjson.dumps(
        [sequence, *row],
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS,
    )
    return hashlib.sha256(previous.encode() + content).hexdigest()


def seal(limit: int = 5000) -> int:
    """Chain the committed, unsealed entries older than the oldest running transaction; returns how many.

    One sealer works at a time; `limit` bounds one round, so call it until it returns 0 to have all sealed.
    """
    if not AuditEntry.objects.filter(sequence=None).exists():  # asks without a lock
        return 0
    with atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        rows = list(_sealable().order_by("id").values_list(*CONTENT)[:limit])
        if not rows:
            return 0
        head = AuditHead.objects.first() or AuditHead(pk=1)
        links = []
        for row in rows:
            previous, head.sequence = head.digest, head.sequence + 1
            head.digest = digest_of(previous, head.sequence, row)
            links.append((row[0], head.sequence, previous, head.digest))
        _write_links(links)
        head.save()
    return len(rows)


def seal_all() -> int:
    """Seal until nothing is left that can be; returns how many entries were sealed."""
    total = 0
    while count := seal():
        total += count
    return total


#: the oldest transaction that runs in this database, the next one to come, this one if it has written, and whether
#: the oldest is seen to run here; a snapshot counts the transactions of all databases of the server, of which those
#: of others don't matter
OLDEST = """
WITH present AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot),
elsewhere AS (
    SELECT backend_xid::text AS xid FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND datname <> current_database()
),
oldest AS (
    SELECT min(running::text::bigint) AS xid FROM present, pg_snapshot_xip(present.snapshot) AS running
    WHERE (running::text::bigint % 4294967296)::text NOT IN (SELECT xid FROM elsewhere)
)
SELECT
    oldest.xid,
    pg_snapshot_xmax(present.snapshot)::text::bigint,
    pg_current_xact_id_if_assigned()::text::bigint,
    EXISTS (
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xid::text = (oldest.xid % 4294967296)::text
    )
FROM present, oldest
"""


def _oldest_here() -> tuple[int, int | None]:
    """OLDEST; asked again while it names a transaction that has ended meanwhile, which may have been elsewhere."""
    with connection.cursor() as cursor:
        for _try in range(5):
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # who runs where is else kept for a whole transaction
            cursor.execute(OLDEST)
            oldest, following, own, runs_here = cursor.fetchone()
            if oldest is None:
                return following, own
            if runs_here:
                break
    return oldest, own


def _sealable() -> models.QuerySet[AuditEntry]:
    unsealed = AuditEntry.objects.filter(sequence=None)
    if connection.vendor != "postgresql":
        return unsealed
    # Rows of transactions older than every running one of this database. Within a transaction that has written
    # itself (which the sealer has not yet), this one may be the oldest; then what it sees counts.
    oldest, own = _oldest_here()
    if own is not None and own <= oldest:
        return unsealed
    older = "age(kernel_auditentry.xmin) > age((%s::bigint %% 4294967296)::text::xid)"
    return unsealed.extra(where=[older], params=[oldest])


def _write_links(links: list[tuple[int, int, str, str]]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "UPDATE kernel_auditentry e SET sequence = v.sequence, previous = v.previous, digest = v.digest "
                "FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[]) AS v(id, sequence, previous, digest) "
                "WHERE e.id = v.id",
                [list(column) for column in zip(*links, strict=True)],
            )
        else:
            cursor.executemany(
                "UPDATE kernel_auditentry SET sequence = %s, previous = %s, digest = %s WHERE id = %s",
                [(sequence, previous, digest, pk) for pk, sequence, previous, digest in links],
            )


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the chain found: `first_bad` is the sequence number of the first entry that is wrong.

    `head` is the last digest: kept elsewhere, it proves later that the chain was not written anew.
    """

    ok: bool
    entries: int
    head: str
    first_bad: int | None = None
    reason: str = ""


def verify() -> Verification:
    """Follow the chain from its beginning; names the first altered or missing entry. Unsealed ones don't count."""
    head = AuditHead.objects.first() or AuditHead()
    digest, sequence = "", 0
    for found, previous, sealed, *row in _sealed_rows(head.sequence):
        sequence += 1
        if found != sequence:
            return Verification(False, sequence - 1, digest, sequence, _("The entry is missing."))
        expected = digest_of(digest, sequence, tuple(row))
        if previous != digest or sealed != expected:
            return Verification(False, sequence - 1, digest, sequence, _("The entry was altered."))
        digest = expected
    if sequence != head.sequence:
        return Verification(False, sequence, digest, sequence + 1, _("The entry is missing."))
    if digest != head.digest:
        return Verification(False, sequence, digest, sequence, _("The end of the chain was altered."))
    return Verification(True, sequence, digest)


def _sealed_rows(last: int) -> Iterator[tuple[Any, ...]]:
    """Sequence, digest before, digest and CONTENT of the sealed entries in their order.

    Read past the model and with times as text: the conversions would take longer than all the rest.
    """
    columns = ", ".join(f"CAST({name} AS text)" if name in {"at", "changes"} else name for name in CONTENT)
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT sequence, previous, digest, {columns} FROM kernel_auditentry WHERE sequence <= %s "
            "ORDER BY sequence",
            [last],
        )
        while rows := cursor.fetchmany(READ_AT_ONCE):
            for sequence, previous, digest, pk, at, *content, changes in rows:
                moment = _read(datetime.fromisoformat, at)
                yield sequence, previous, digest, pk, moment, *content, _read(orjson.loads, changes)


def _read(parse: Callable[[str], Any], text: str) -> Any:
    """What a text says; one that nobody can read stays as it is, and so has another digest."""
    try:
        return parse(text)
    except ValueError:
        return text

"""The audit: who did what, when, from where; append-only, chained by hash so that tampering shows.

Entries are inserted unsealed by the business transactions. One sealer then gives them consecutive sequence
numbers and digests: digest = SHA-256(digest before + canonical JSON of the entry).

Values of personal fields are chained by a digest of their own, salted for the entry (its `seals`): such a value can be
removed with the salt, its digest stays, and the chain holds over all the rest. Entries without seals are of the first
form, chained over clear values: when one of those loses values, a later entry of the chain says what is left of it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection, models
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.blacking import holding, says
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.models.ledger import AuditHead
from saleswright.kernel.resources import forgettable
from saleswright.kernel.transactions import atomic

LOCK = 0x53570A  # PostgreSQL's advisory lock of the sealer
READ_AT_ONCE = 5000
LABEL = "@label"  # the seal of an entry's label
REMOVED = "***"
REDACTED = "redacted"
WORDS_AT_ONCE = 100
CONTENT = ("id", "at", "actor_id", "actor_kind", "origin", "resource", "record_id", "label", "action", "changes")
ACTION = CONTENT.index("action")


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
    names = ("at", "actor_id", "actor_kind", "origin", "resource", "record_id", "label", "action", "changes", "seals")
    who = (at, actor.user_id, actor.kind, actor.origin[:100])
    rows = []
    for line in entries:
        changes, personal = json_safe(line.changes), _personal(line.resource, line.label, line.changes)
        seals = {"salt": secrets.token_hex(16), "names": personal} if personal else {}
        rows.append((*who, str(line.resource), line.record_id, line.label[:200], str(line.action), changes, seals))
    insert_many(AuditEntry, names, rows)


def _personal(resource: str, label: str, changes: Mapping[str, Any]) -> list[str]:
    """The parts of an entry that can be removed when the person it is about is forgotten."""
    named = forgettable(resource)
    if not named:
        return []
    found = [name for name, pair in changes.items() if name in named and not _is_hidden(pair)]
    return [*found, LABEL] if label and LABEL in named else found


def _is_hidden(pair: Any) -> bool:
    return all(value in (None, "", REMOVED) for value in (pair if isinstance(pair, list | tuple) else (pair,)))


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


CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def digest_of(previous: str, sequence: int, row: tuple[Any, ...], seals: Mapping[str, Any] | None = None) -> str:
    """The digest of an entry, given as the values of CONTENT and its seals, in the chain after `previous`."""
    if seals and "left" not in seals:
        *plain, label, action, changes = row
        digests = _digests(seals, label, changes)
        changes = {name: digests.get(name, pair) for name, pair in changes.items()}
        row = (*plain, digests.get(LABEL, label), action, changes, "sealed")
    return hashlib.sha256(previous.encode() + orjson.dumps([sequence, *row], option=CANONICAL)).hexdigest()


def _digests(seals: Mapping[str, Any], label: str, changes: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each sealed part; of one that was removed its kept digest, if nothing stands in its place."""
    if "digests" in seals:
        return {n: d for n, d in seals["digests"].items() if (not label if n == LABEL else _is_hidden(changes.get(n)))}
    return {
        name: hashlib.sha256(
            orjson.dumps([seals["salt"], name, label if name == LABEL else changes.get(name)], option=CANONICAL)
        ).hexdigest()
        for name in seals["names"]
    }


def redact(resource: str, record_id: int, *, actor: Actor, at: datetime) -> int:
    """Remove what the entries of a record say of a person, within the present transaction; returns of how many.

    That can't be undone. The chain still proves all the rest of them, and an entry notes what was done.
    """
    rows = AuditEntry.objects.filter(resource=resource, record_id=record_id).select_for_update().order_by("id")
    touched, left = [], {}
    for entry in rows:
        names = entry.seals.get("names") or _personal(resource, entry.label, entry.changes)
        if "digests" in entry.seals or not names:
            continue
        if "salt" in entry.seals:
            entry.seals = {"digests": _digests(entry.seals, entry.label, entry.changes)}
        else:
            entry.seals = {"left": sorted({*entry.seals.get("left", ()), *names})}
        entry.changes |= {name: [REMOVED, REMOVED] for name in names if name != LABEL}
        entry.label = "" if LABEL in names else entry.label
        touched.append(entry)
        if "left" in entry.seals:
            left[str(entry.pk)] = _rest(tuple(getattr(entry, name) for name in CONTENT))
    _write_redacted(touched, left, f"{resource} {record_id}", actor=actor, at=at)
    return len(touched)


def redact_words(
    words: Sequence[str], *, of: Iterable[tuple[str, int]] | None = None, actor: Actor, at: datetime
) -> int:
    """Remove the values that hold one of the words, in the entries of these records (None: in all), within the present
    transaction; returns in how many entries.

    A value that has no seal of its own can only leave in the manner of entries of the first form.
    """
    found = _about(of) if of is not None else _holding(words)
    touched, left = [], {}
    for entry in found.exclude(action=REDACTED).select_for_update().order_by("id"):
        names = [name for name, pair in entry.changes.items() if says(pair, words)]
        named = [*names, *([LABEL] if says(entry.label, words) else [])]
        if not named:
            continue
        if "salt" in entry.seals and set(named) <= set(entry.seals["names"]):
            names = [name for name in entry.seals["names"] if name != LABEL]
            named = entry.seals["names"]
            entry.seals = {"digests": _digests(entry.seals, entry.label, entry.changes)}
        else:
            entry.seals = {"left": sorted({*entry.seals.get("left", ()), *named})}
        entry.changes |= {name: [REMOVED, REMOVED] for name in names}
        entry.label = "" if LABEL in named else entry.label
        touched.append(entry)
        if "left" in entry.seals:
            left[str(entry.pk)] = _rest(tuple(getattr(entry, name) for name in CONTENT))
    _write_redacted(touched, left, "words", actor=actor, at=at)
    return len(touched)


def _about(records: Iterable[tuple[str, int]]) -> models.QuerySet[AuditEntry]:
    wanted: dict[str, list[int]] = {}
    for resource, pk in records:
        wanted.setdefault(resource, []).append(pk)
    about = models.Q(pk__in=())
    for resource, ids in wanted.items():
        about |= models.Q(resource=resource, record_id__in=ids)
    return AuditEntry.objects.filter(about)


def _holding(words: Sequence[str]) -> models.QuerySet[AuditEntry]:
    """The entries that hold one of the words; a few words at a time, since SQLite bounds the size of a condition."""
    ids: set[int] = set()
    for start in range(0, len(words), WORDS_AT_ONCE):
        part = holding(AuditEntry.objects.all(), ("label", "changes"), words[start : start + WORDS_AT_ONCE])
        ids |= set(part.values_list("pk", flat=True))
    return AuditEntry.objects.filter(pk__in=ids)


def _write_redacted(touched: list[AuditEntry], left: dict[str, str], of: str, *, actor: Actor, at: datetime) -> None:
    AuditEntry.objects.bulk_update(touched, ["seals", "changes", "label"], batch_size=500)
    if touched:
        changes = {"of": [None, of], "entries": [None, len(touched)], "left": [None, left]}
        record_audit([AuditLine("audit", None, "", REDACTED, changes)], actor=actor, at=at)


def _rest(row: tuple[Any, ...]) -> str:
    """The digest of what is left of an entry of the first form."""
    return hashlib.sha256(orjson.dumps(row, option=CANONICAL)).hexdigest()


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
        rows = list(_sealable().order_by("id").values_list(*CONTENT, "seals")[:limit])
        if not rows:
            return 0
        head = AuditHead.objects.first() or AuditHead(pk=1)
        links = []
        for *row, seals in rows:
            previous, head.sequence = head.digest, head.sequence + 1
            head.digest = digest_of(previous, head.sequence, tuple(row), seals)
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
    left: dict[str, tuple[int, str]] = {}  # entries of the first form that lost values: place, digest of the rest
    told: dict[str, str] = {}  # what the chain says is left of them
    for found, previous, sealed, *row, seals in _sealed_rows(head.sequence):
        sequence += 1
        if found != sequence:
            return Verification(False, sequence - 1, digest, sequence, _("The entry is missing."))
        if "left" in seals:
            left[str(row[0])] = sequence, _rest(tuple(row))
            expected = sealed
        else:
            expected = digest_of(digest, sequence, tuple(row), seals)
        if row[ACTION] == REDACTED:
            told |= _told(row[ACTION + 1])
        if previous != digest or sealed != expected:
            return Verification(False, sequence - 1, digest, sequence, _("The entry was altered."))
        digest = expected
    if left:
        told |= _told_unsealed()
    for pk, (place, rest) in left.items():
        if told.get(pk) != rest:
            return Verification(False, place - 1, digest, place, _("The entry was altered."))
    if sequence != head.sequence:
        return Verification(False, sequence, digest, sequence + 1, _("The entry is missing."))
    if digest != head.digest:
        return Verification(False, sequence, digest, sequence, _("The end of the chain was altered."))
    return Verification(True, sequence, digest)


def _told_unsealed() -> dict[str, str]:
    """What entries that are not sealed yet say is left of others."""
    told: dict[str, str] = {}
    for changes in AuditEntry.objects.filter(sequence=None, action=REDACTED).values_list("changes", flat=True):
        told |= _told(changes)
    return told


def _told(changes: Any) -> dict[str, str]:
    """What an entry of removals says is left of entries, by their ids."""
    return dict(changes["left"][1]) if isinstance(changes, dict) and "left" in changes else {}


def _sealed_rows(last: int) -> Iterator[tuple[Any, ...]]:
    """Sequence, digest before, digest, CONTENT and seals of the sealed entries in their order.

    Read past the model and with times as text: the conversions would take longer than all the rest.
    """
    columns = ", ".join(f"CAST({name} AS text)" if name in {"at", "changes"} else name for name in CONTENT)
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT sequence, previous, digest, {columns}, CAST(seals AS text) FROM kernel_auditentry "
            "WHERE sequence <= %s ORDER BY sequence",
            [last],
        )
        while rows := cursor.fetchmany(READ_AT_ONCE):
            for sequence, previous, digest, pk, at, *content, changes, seals in rows:
                moment, read = _read(datetime.fromisoformat, at), _read(orjson.loads, changes)
                yield (
                    sequence,
                    previous,
                    digest,
                    pk,
                    moment,
                    *content,
                    read,
                    {} if seals == "{}" else orjson.loads(seals),
                )


def _read(parse: Callable[[str], Any], text: str) -> Any:
    """What a text says; one that nobody can read stays as it is, and so has another digest."""
    try:
        return parse(text)
    except ValueError:
        return text

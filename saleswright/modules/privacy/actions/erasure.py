"""Forgetting a person: names become pseudonyms, numbers and addresses go, documents and figures stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.transaction import on_commit

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange.uploads import forget_files
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import REMOVED, AuditLine, record_audit, redact, redact_words
from saleswright.kernel.blacking import blacked, words_of
from saleswright.kernel.bulk import update_row
from saleswright.kernel.errors import Stale
from saleswright.kernel.events import Occasion
from saleswright.kernel.merging.names import forget_merges, merged_rows, survivors
from saleswright.kernel.models import IdempotencyKey
from saleswright.kernel.reading import read_records
from saleswright.kernel.records import announce, snapshot, stamp
from saleswright.kernel.resources import Resource
from saleswright.kernel.search import index_records
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import texts
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.work.public import Notification

ERASED = "erased"
HIDDEN = ["***", "***"]
SHORTEST_NUMBER = 7
SHORTEST = 4
"""Texts shorter than this are not looked for in kept answers: they stand in too many."""


def erase(request: SubjectRequest, *, actor: Actor, at: datetime) -> int:
    """Erase the personal data of the request's records and its own, within the present transaction."""
    words: set[str] = {request.subject_name, request.phone, request.email}
    named, count = set(words), 0
    reached = {request.phone, request.email}
    for resource, pk in request.targets:
        entity = entity_named(resource)
        pk = survivors(resource, [pk]).get(pk, pk)  # what was merged since lives on there
        for record in read_records(entity.model, [pk], lock=True):
            said = texts.identifying(resource, snapshot(record))
            named |= set(said)
            reached |= {word for word in said if "@" in word or says_a_number(word)}
            words |= forget(entity, record, actor=actor, at=at)
            count += 1
            if entity.merges is not None:
                words |= _forget_merged(entity, record, actor=actor, at=at)
    _follow(request, sorted(named), sorted(reached), actor=actor, at=at)
    request.identity = blacked(request.identity, words_of(*named), REMOVED)
    request.subject_name, request.phone, request.email = queries.pseudonym(request.pk), "", ""
    request.details = ""
    _drop_answers(words)
    return count


def says_a_number(word: str) -> bool:
    """Whether the word is long enough a number to be one person's."""
    return sum(one.isdigit() for one in word) >= SHORTEST_NUMBER


def _follow(request: SubjectRequest, named: list[str], reached: list[str], *, actor: Actor, at: datetime) -> None:
    """Take the words out of what was kept about the records. Names are shared by people: in the audit of other records
    only numbers and addresses are looked for, and only where a person asked - not for all that is past its retention.
    """
    if not (request.phone or request.email):
        reached = []
    targets = [(str(resource), int(pk)) for resource, pk in request.targets]
    texts.follow_labels(targets, words_of(*named), actor=actor, at=at)
    redact_words(words_of(*named), of=targets, actor=actor, at=at)
    redact_words(words_of(*reached), actor=actor, at=at)
    on_commit(lambda: forget_files(words_of(*reached)))


def forget(resource: Resource, record: Any, *, actor: Actor, at: datetime) -> set[str]:
    """Erase what a record says of a person, here, in the search and in the audit; answers what it was.

    Raises Stale when somebody else was faster.
    """
    before = snapshot(record)
    values = resource.forgotten(record, _emptied(resource, record))
    for name, value in values.items():
        setattr(record, name, value)
    stamp(record, actor, at)
    after = snapshot(record)
    changed = {name: value for name, value in after.items() if before[name] != value}
    if not update_row(record, changed, version=before["version"]):
        raise Stale
    redact(resource.name, record.pk, actor=actor, at=at)
    line = AuditLine(resource.name, record.pk, resource.label_of(record), ERASED, dict.fromkeys(values, HIDDEN))
    record_audit([line], actor=actor, at=at)
    announce(resource, [(record.pk, "changed")], Occasion(actor, at))
    index_records(resource, [record])
    Notification.objects.filter(resource=resource.name, record_id=record.pk).update(text=resource.label_of(record))
    return {before[name] for name in values if isinstance(before.get(name), str)}


def _forget_merged(resource: Resource, record: Any, *, actor: Actor, at: datetime) -> set[str]:
    """Erase the records that were merged into this one too, and what an undo would have brought back."""
    words: set[str] = set()
    for other in read_records(resource.model, merged_rows(resource.name, [record.pk]).get(record.pk, ()), lock=True):
        words |= forget(resource, other, actor=actor, at=at)
    forget_merges(resource, record.pk, at)
    return words


def _emptied(resource: Resource, record: Any) -> dict[str, Any]:
    """What stands in the personal fields afterwards, of those that hold something."""
    found: dict[str, Any] = {}
    for name, personal in resource.personal_data.items():
        field = resource.model._meta.get_field(name)
        if personal.erased == "kept" or getattr(record, name) in (None, ""):
            continue
        found[name] = queries.pseudonym(record.pk) if personal.erased == "name" else None if field.null else ""
    return found


def _drop_answers(words: set[str]) -> None:
    """Drop the answers kept for repeated requests that hold one of the words."""
    wanted = [word.encode() for word in words if len(word.encode()) >= SHORTEST]
    kept = IdempotencyKey.objects.values_list("pk", "body").iterator(chunk_size=500)
    IdempotencyKey.objects.filter(
        pk__in=[pk for pk, body in kept if any(word in bytes(body) for word in wanted)]
    ).delete()

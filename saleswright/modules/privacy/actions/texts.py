"""Texts that name a person in passing: edited or blacked out one by one, and labels that follow an erased record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.interface.entity import entity_named
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.audit import REMOVED, AuditLine, record_audit, redact_words
from saleswright.kernel.blacking import blacked, says
from saleswright.kernel.bulk import update_row
from saleswright.kernel.errors import Conflict, NotFound, Stale, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.models import User
from saleswright.kernel.personal import CORRECT_TEXTS
from saleswright.kernel.records import announce, snapshot, stamp
from saleswright.kernel.resources import has_resource, resource_of
from saleswright.kernel.search import index_records
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.privacy.places import Place, place_named, places
from saleswright.modules.privacy.states import RequestState

BLACKED, CORRECTED = "blacked-out", "text-corrected"
HIDDEN = [REMOVED, REMOVED]
OPEN = (RequestState.RECEIVED, RequestState.WAITING)
AT_ONCE = 500


def may_correct(request: SubjectRequest, actor: Actor) -> bool:
    """Whether the actor may change the texts that name the person, now."""
    return bool(actor.may(CORRECT_TEXTS) and request.identity and request.status in OPEN)


def black_out(request_id: int, place: str, pk: int, name: str, *, actor: Actor, at: datetime) -> None:
    """Put *** in place of the person's name, numbers and addresses in one text or JSON value.

    Raises NotAllowed, NotFound for what is no such text, Conflict before the identity is checked, once the request is
    answered, or when the text no longer names the person, and Stale.
    """
    _change(request_id, place, pk, name, None, actor=actor, at=at)


def correct_text(request_id: int, place: str, pk: int, name: str, text: str, *, actor: Actor, at: datetime) -> None:
    """Replace one text by another. Raises as `black_out`, and ValidationFailed for a text that the field can't hold."""
    _change(request_id, place, pk, name, text, actor=actor, at=at)


def _change(request_id: int, key: str, pk: int, name: str, text: str | None, *, actor: Actor, at: datetime) -> None:
    request = fetch(SubjectRequest, request_id, actor=actor)
    actor.require(CORRECT_TEXTS)
    if not may_correct(request, actor):
        raise Conflict(_("Check first who is asking; texts are changed until the request is answered."))
    place = place_named(key)
    if name not in queries.names_looked_at(place) or (place.model is SubjectRequest and pk == request.pk):
        raise NotFound
    record = place.model._default_manager.select_for_update(of=("self",)).filter(pk=pk).first()
    if record is None:
        raise NotFound
    words = queries.words_of_request(request)
    old = getattr(record, name)
    if not says(old, words):
        raise Conflict(_("This text does not name the person any more."))
    if text is None:
        new = emptied(place.model._meta.get_field(name), blacked(old, words, REMOVED), words)
    else:
        new = _cleaned(place, record, name, text)
    if new != old:
        _store(place, record, name, new, BLACKED if text is None else CORRECTED, actor=actor, at=at)
    redact_words(words, of=[*_told_of(place, record)], actor=actor, at=at)
    what = {"of": [None, f"{place.key} {pk}"], "field": [None, name]}
    action = BLACKED if text is None else CORRECTED
    label = str(request.number or "")
    record_audit([AuditLine("subject-requests", request.pk, label, action, what)], actor=actor, at=at)


def emptied(field: Any, value: Any, words: Sequence[str]) -> Any:
    """The blacked out value as the field can hold it: addresses go as a whole, and nothing gets too long."""
    if isinstance(field, models.EmailField | models.URLField):
        return "" if field.blank else value[: field.max_length]
    if isinstance(value, str) and field.max_length:
        return value[: field.max_length]
    return value


def _cleaned(place: Place, record: Any, name: str, text: str) -> str:
    """The text as the field holds it. Raises NotFound where no text is typed, ValidationFailed."""
    if not queries.is_edited(place, name, getattr(record, name)):
        raise NotFound
    field = place.model._meta.get_field(name)
    try:
        cleaned: str = field.clean(text.replace("\r\n", "\n").strip(), record)
    except ValidationError as error:
        raise ValidationFailed.of("text", error.error_list[0].code or "invalid", " ".join(error.messages)) from None
    return cleaned


def _store(place: Place, record: Any, name: str, value: Any, action: str, *, actor: Actor, at: datetime) -> None:
    """Store the value; of a record with stamp, event, search row and an audit entry that doesn't say it."""
    if not place.resource:
        place.model._default_manager.filter(pk=record.pk).update(**{name: value})
        return
    resource = resource_of(place.model)
    before = snapshot(record)
    setattr(record, name, value)
    stamp(record, actor, at)
    changed = {column: new for column, new in snapshot(record).items() if before[column] != new}
    if not update_row(record, changed, version=before["version"]):
        raise Stale
    record_audit([AuditLine(resource.name, record.pk, "", action, {name: HIDDEN})], actor=actor, at=at)
    announce(resource, [(record.pk, "changed")], Occasion(actor, at))
    index_records(resource, [record])


def _told_of(place: Place, record: Any) -> list[tuple[str, int]]:
    """The records whose audit entries may hold the row's text: itself, and those that it is a part of."""
    found = [(place.resource, record.pk)] if place.resource else []
    for field in place.model._meta.concrete_fields:
        related = field.related_model
        pk = getattr(record, field.attname)
        if related is not None and related is not User and has_resource(related) and isinstance(pk, int):
            found.append((resource_of(related).name, pk))
    resource, pk = getattr(record, "resource", ""), getattr(record, "record_id", None)
    return [*found, (resource, pk)] if resource and pk else found


# --- erasure ----------------------------------------------------------------------------------------------------


def follow_labels(targets: Sequence[tuple[str, int]], words: Sequence[str], *, actor: Actor, at: datetime) -> int:
    """Put the pseudonym in place of the person's words in what the program kept about the erased records: labels of
    approvals and protections, notices and their deliveries, events. Returns in how many rows.
    """
    about = Q(pk__in=())
    for resource in {resource for resource, _pk in targets}:
        about |= Q(resource=resource, record_id__in=[pk for one, pk in targets if one == resource])
    count = 0
    for place in places():
        if not place.copies_labels:
            continue
        # not asked of the database by words: of many records these are more than a condition may hold
        asked = place.model._default_manager.filter(about).select_for_update().order_by("pk")
        rows = [row for row in asked if says([getattr(row, name) for name in place.names], words)]
        for row in rows:
            for name in place.names:
                field = place.model._meta.get_field(name)
                value = blacked(getattr(row, name), words, queries.pseudonym(row.record_id))
                setattr(row, name, emptied(field, value, words))
        place.model._default_manager.bulk_update(rows, place.names, batch_size=AT_ONCE)
        if place.resource and rows:
            index_records(resource_of(place.model), rows)
            redact_words(words, of=[(place.resource, row.pk) for row in rows], actor=actor, at=at)
        count += len(rows)
    return count


def identifying(resource: str, before: dict[str, Any]) -> list[str]:
    """Of what a record said of a person, the words that name them: names, numbers, addresses."""
    entity = entity_named(resource)
    return [
        value
        for name, personal in entity.personal_data.items()
        if (personal.erased == "name" or entity.mask_of(name) or name in ("phone", "mobile", "email"))
        and isinstance(value := before.get(name), str)
        and value
    ]

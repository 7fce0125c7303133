"""The copy of a person's data that they may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from saleswright.interface.api.records import objects
from saleswright.interface.entity import entity_named
from saleswright.interface.labels import read_rows
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict
from saleswright.kernel.personal import EXPORT_UNMASKED
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.models import SubjectRequest


def may_copy(request: SubjectRequest, actor: Actor) -> bool:
    """Whether the actor may have the copy made now."""
    allowed = actor.may("subject-requests.export") and actor.may(EXPORT_UNMASKED)
    return bool(allowed and request.identity and request.targets and request.done_on is None)


def copy_of(request: SubjectRequest, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """All that the chosen records say, in full, and the texts and files about the person; noted in the audit.

    Raises NotAllowed, and Conflict before the identity is checked and records are chosen.
    """
    actor.require("subject-requests.export")
    actor.require(EXPORT_UNMASKED)
    if not may_copy(request, actor):
        raise Conflict(_("Check first who is asking, and choose which records are the person's."))
    reader = system("privacy")
    records = []
    for one in queries.described([(str(r), int(pk)) for r, pk in request.targets], set()):
        entity = entity_named(one.resource)
        specs = list(entity.specs_for(reader).values())
        rows = read_rows(entity.model._default_manager.filter(pk=one.id), specs, "id", "custom")
        (content,) = objects(entity, rows, specs, reader, fields=tuple(entity.specs))
        labels = {name: str(spec.label) for name, spec in entity.specs.items()}
        files = [name for name, _url in one.attachments]
        records.append(
            {"kind": str(one.kind), "label": one.label, "data": content, "labels": labels, "attachments": files}
        )
    mentions = [{"kind": str(one.kind), "text": one.text} for one in queries.mentions(request)]
    changes = {"count": [None, len(records)], "unmasked": [None, True]}
    label = str(request.number or "")
    record_audit([AuditLine("subject-requests", request.pk, label, "exported", changes)], actor=actor, at=at)
    return {"request": request.number, "made_at": at.isoformat(), "records": records, "mentions": mentions}


def as_rows(content: dict[str, Any]) -> Iterator[list[str]]:
    """The copy as lines to read: kind, record, field, value."""
    for record in content["records"]:
        for name, value in record["data"].items():
            if value not in (None, "", [], {}):
                shown = value.get("label", value) if isinstance(value, dict) else value
                yield [record["kind"], record["label"], record["labels"].get(name, name), str(shown)]
        for name in record["attachments"]:
            yield [record["kind"], record["label"], str(_("File name")), name]
    for mention in content["mentions"]:
        yield [mention["kind"], "", str(_("Text")), mention["text"]]

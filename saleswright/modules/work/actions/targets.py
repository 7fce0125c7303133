"""References to records of any kind: by the name of the resource and the id."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import NotFound
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import Resource, resource_named
from saleswright.modules.work.models import Referring


def target(name: str) -> Resource | None:
    """The resource that one may refer to by this name; what refers itself is none."""
    try:
        resource = resource_named(name)
    except NotFound:
        return None
    return None if issubclass(resource.model, Referring) else resource


def check_targets(batch: Batch) -> None:
    """Refuse references to what does not exist or the actor may not see, and moving a remark elsewhere."""
    wanted: dict[str, list[Draft]] = {}
    for draft in batch.good:
        if not draft.fresh and issubclass(batch.resource.model, Referring):
            for name in ("resource", "record_id"):
                if draft.changed(name):
                    draft.error(name, "read_only", _("This field can't be set."))
        elif (draft.record.resource == "") != (draft.record.record_id is None):
            missing = "record_id" if draft.record.resource else "resource"
            draft.error(missing, "required", _("This field is required."))
        elif draft.record.resource and (draft.changed("resource") or draft.changed("record_id")):
            wanted.setdefault(draft.record.resource, []).append(draft)
    for name, drafts in wanted.items():
        _check(batch, target(name), drafts)


def _check(batch: Batch, resource: Resource | None, drafts: list[Draft]) -> None:
    if resource is None:
        for draft in drafts:
            draft.error("resource", "choice", _("There is no such kind of record."))
        return
    ids = {draft.record.record_id for draft in drafts}
    rows: Any = visible(resource.model._default_manager.filter(pk__in=ids), batch.actor)
    seen = set(rows.values_list("pk", flat=True))
    for draft in drafts:
        if draft.record.record_id not in seen:
            draft.error("record_id", "not_found", _("There is no such record."))

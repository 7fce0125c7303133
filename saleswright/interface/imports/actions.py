"""Taking an import back: what it created is deleted again, all of it or nothing."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import entity_named
from saleswright.interface.imports.standing import created_by, labels_of, standing
from saleswright.interface.models import ImportRun, ImportRunState
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.deleting import delete_many
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.records import read_records
from saleswright.kernel.transitions import transition

SAID = 10
LOCKED_AT_ONCE = 5000


def created_something(run: ImportRun) -> Text | None:
    """Changes of records that there were before are not undone."""
    return None if run.created else _("This import created no records.")


@transition(
    "imports", "take-back", label=gettext_lazy("Take back"), source=[ImportRunState.TAKEN],
    target=ImportRunState.TAKEN_BACK, guards=(created_something,), style="danger", icon="arrow-back-up",
)  # fmt: skip
def take_back(run: ImportRun, *, actor: Actor, at: datetime) -> None:
    """Delete the records that the import created, if nobody has touched any of them since; else say which and why.

    What it changed stays as it is, and so do records of other kinds that were made because rows referred to them.
    Raises Conflict.
    """
    entity, ids = entity_named(run.resource), created_by(run)
    for start in range(0, len(ids), LOCKED_AT_ONCE):  # nobody changes them from here on
        read_records(entity.model, ids[start : start + LOCKED_AT_ONCE], lock=True)
    found = standing(run, actor)
    if found.kept:
        some = list(found.kept)[:SAID]
        called = labels_of(run, some)
        reasons = "; ".join(f"{called[pk]}: {found.kept[pk]}" for pk in some)
        text = _("%(count)d of the records can't be deleted, so none is. %(reasons)s")
        raise Conflict(text % {"count": len(found.kept), "reasons": reasons})
    delete_many(entity, found.free, actor=actor, at=at)
    run.taken_back = len(found.free)

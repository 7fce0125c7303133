"""Merges as records: a list of them, what each of them moved, and the way back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface import timeline
from saleswright.interface.entity import Entity, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.kernel.merging.undo import undo_merge
from saleswright.kernel.models import Merge, MergedRecord
from saleswright.kernel.resources import all_resources, resource_named


def mergeable_kinds() -> dict[str, Text]:
    """The kinds of record that can be merged, by name."""
    return {one.name: one.label_plural for one in all_resources() if one.merges is not None}


@register
class MergeEntity(Entity):
    """Records that were made one: shown to those who see the kept record, undone for 30 days."""

    name, model = "merges", Merge
    icon = "git-merge"
    state_field = "status"
    columns = ("label", "others", "resource", "status", "created_by", "created_at", "undo_until")
    sortable = ("status", "created_at")
    filters = ("resource", "status", "created_at")
    shown = (Shown("resource", names=mergeable_kinds),)
    detail = (Section(_("Merge"), ("resource", "label", "others", "undo_until", "undone_at")),)
    panels = ("/merges/{pk}/moved",)
    private = ("fields", "counts", "stayed")
    creatable = editable = deletable = archivable = False
    transitions = (undo_merge,)
    empty_text = _("Nothing has been merged yet.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        """Merges of which the actor sees the kept record."""
        condition = Q(pk__in=())
        for kind in mergeable_kinds():
            if actor.may(f"{kind}.view"):
                mine = visible(resource_named(kind).model._default_manager.all(), actor).order_by().values("pk")
                condition |= Q(resource=kind, survivor_id__in=mine)
        return queryset.filter(condition)

    def label_of(self, record: Merge) -> str:
        return f"{record.label} ← {record.others}"[:200]


def merges_of(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[timeline.Happening]:
    """What was merged into a record, or into which it was."""
    if entity.merges is None:
        return []
    rows = MergedRecord.objects.filter(resource=entity.name).filter(Q(survivor_id=record.pk) | Q(record_id=record.pk))
    if before is not None:
        rows = rows.filter(merge__created_at__lt=before)
    may = actor.may("merges.view")
    found = []
    for one in rows.select_related("merge__created_by").order_by("-id")[: timeline.LIMIT]:
        merge, into = one.merge, one.survivor_id == record.pk
        text = _("“%(what)s” was merged into this record") if into else _("Merged into “%(what)s”")
        who = merge.created_by.get_short_name() if merge.created_by else str(_("System"))
        more = {"url": f"/merges/{merge.pk}"} if may else {}
        said = str(text) % {"what": one.label if into else merge.label}
        found.append(timeline.entry("change", merge.created_at, who, said, **more))
    return found


timeline.contributors.append(merges_of)

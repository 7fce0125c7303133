"""Merges records of one kind into one of them, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.columns import snapshot
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Conflict, NotAllowed, Text, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.merging.declared import UNDO_DAYS, checks
from saleswright.kernel.merging.moving import Log, move_all, written
from saleswright.kernel.merging.values import take_values, unique_columns, unique_customs
from saleswright.kernel.merging.walk import pointers_to
from saleswright.kernel.models import Merge, MergedRecord, MergeMove, MergeStatus
from saleswright.kernel.records import announce, stamp
from saleswright.kernel.resources import Resource, resource_named, resource_of
from saleswright.kernel.search import index_records
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import Arg, Transition

MOST = 10
"""So many records can be merged into one at a time."""
LATE = timedelta(days=1)
"""So long after a merge what still came in for the merged record is looked for."""


def merging(name: str) -> Transition:
    """The transition `merge` of a kind of record: it runs on the record that is kept.

    `others` are the records that are merged into it, `values` says field by field whose value is kept; of other
    fields it keeps its own, or the first that there is where it has none, and of lists all. Answers the id of the
    merge. Raises ValidationFailed, Conflict with what stands against it, NotAllowed without the right to merge and
    edit each of them.
    """
    record = Arg("record_id", gettext_lazy("Record"), "reference", to=name)
    return Transition(
        name,
        "merge",
        gettext_lazy("Merge"),
        _merge,
        args=(
            Arg("others", gettext_lazy("Merged records"), "rows", rows=(record,)),
            Arg(
                "values", gettext_lazy("Whose value is kept"), "rows", required=False,
                rows=(Arg("field", gettext_lazy("Field")), record),
                help=gettext_lazy("Fields left out keep the value of the record, or the first that there is."),
            ),
        ),
        icon="git-merge",
        page="merge",
        leads_to="merges",
        result=(("id", int),),
    )  # fmt: skip


def _merge(
    record: Any, *, actor: Actor, at: datetime, others: list[dict[str, Any]], values: list[dict[str, Any]] | None
) -> dict[str, int]:
    """Make one record of several."""
    resource = resource_of(type(record))
    found = _locked(resource, record, [row["record_id"] for row in others], actor)
    everyone = [record, *found]
    if reasons := refusals(resource, everyone):
        raise Conflict(" ".join(map(str, reasons)))
    log = Log({one.pk: _short_name(resource, one) for one in found})
    draft = take_values(resource, record, found, values or [], actor=actor, at=at)
    move_all(resource, [one.pk for one in found], record.pk, log, actor=actor, at=at)
    swapped = _store(resource, draft, found, actor, at)
    merge = _note(resource, draft, found, swapped, log, actor, at)
    _tell(resource, record, found, actor, at)
    resource.saved(Batch(resource, [draft], actor, at))
    index_records(resource, [record])
    return {"id": merge.pk}


def _locked(resource: Resource, record: Any, ids: Sequence[int], actor: Actor) -> list[Any]:
    """The records that are merged, locked in the order of their ids, in the order in which they were named.

    Whoever refers to one of them takes a share of its lock first, so it is known by now or waits for the outcome.
    """
    ids = list(dict.fromkeys(ids))
    if not ids:
        raise ValidationFailed.of("others", "required", _("Choose what is merged."))
    if record.pk in ids:
        raise ValidationFailed.of("others", "invalid", _("A record can't be merged into itself."))
    if len(ids) > MOST:
        raise ValidationFailed.of("others", "invalid", _("At most %(count)d at a time.") % {"count": MOST})
    rows = resource.model._default_manager.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))
    found = {row.pk: row for row in rows}
    for action, wanted in (("edit", {record.pk, *ids}), ("merge", set(ids))):
        mine = visible(resource.model._default_manager.filter(pk__in=wanted), actor, action)
        if set(mine.values_list("pk", flat=True)) != wanted:
            raise NotAllowed
    return [found[pk] for pk in ids]


def refusals(resource: Resource, everyone: Sequence[Any]) -> list[Text]:
    """What stands against making one of these records."""
    found: list[Text] = []
    rules = resource.merges
    assert rules is not None
    for one in everyone:
        if one.archived_at is not None:
            found.append(_("%(what)s is archived.") % {"what": resource.label_of(one)})
        elif (reason := resource.edit_refusal(one)) is not None:
            found.append(f"{resource.label_of(one)}: {reason}")
    for name, reason in (rules.within or {}).items():
        attname = resource.model._meta.get_field(name).attname
        if len({getattr(one, attname) for one in everyone}) > 1:
            found.append(reason)
    for check in checks:
        found += check(resource.name, [one.pk for one in everyone])
    return found


def foreseen(resource: Resource, ids: list[int]) -> dict[str, int]:
    """How many rows of each table a merge of these records would move."""
    found: dict[str, int] = {}
    for pointer in pointers_to(resource):
        if count := pointer.rows(ids).count():
            found[pointer.table] = found.get(pointer.table, 0) + count
    return found


def _short_name(resource: Resource, record: Any) -> str:
    number = getattr(record, resource.number_field, None) if resource.number_field else None
    return str(number or resource.label_of(record))[:40]


# --- writing ---------------------------------------------------------------------------------------------------


def _store(
    resource: Resource, draft: Draft, others: Sequence[Any], actor: Actor, at: datetime
) -> dict[int, dict[str, list[Any]]]:
    """Archive the others; what must be unique changes places with the survivor's, so that both keep leading to it.

    The survivor's other values are written by whoever runs the transition. Answers {record id: {column: [before,
    after]}} of the others.
    """
    model, record = resource.model, draft.record
    swapped: dict[int, dict[str, list[Any]]] = {one.pk: {} for one in others}
    taken: dict[str, Any] = {}
    for column in unique_columns(model):
        new, former = getattr(record, column), draft.before[column]
        giver = next((one for one in others if new is not None and getattr(one, column) == new), None)
        if giver is not None and new != former:
            swapped[giver.pk][column] = [new, former]
            taken[column] = new
    customs = {one.pk: dict(one.custom or {}) for one in others}
    for code in unique_customs(resource):
        new, former = record.custom.get(code), (draft.before["custom"] or {}).get(code)
        giver = next((one for one in others if new is not None and customs[one.pk].get(code) == new), None)
        if giver is not None and new != former:
            customs[giver.pk] = {**customs[giver.pk], code: former}
            if former is None:
                del customs[giver.pk][code]
            taken["custom"] = record.custom
    for one in others:
        if customs[one.pk] != (one.custom or {}):
            swapped[one.pk]["custom"] = [one.custom, customs[one.pk]]
    exchange(model, record.pk, taken, {pk: {name: pair[1] for name, pair in each.items()}
                                       for pk, each in swapped.items()})  # fmt: skip
    model._default_manager.filter(pk__in=list(swapped)).update(
        archived_at=at, version=F("version") + 1, updated_at=at, updated_by_id=actor.user_id
    )
    return swapped


def exchange(model: Any, pk: int, values: Mapping[str, Any], others: Mapping[int, Mapping[str, Any]]) -> None:
    """Write columns that must be unique into several records: first nobody holds them, then everybody their new one.

    The custom fields of a record are in one column, which is emptied in between.
    """
    rows = model._base_manager
    for other, columns in others.items():
        if columns:
            rows.filter(pk=other).update(**{name: {} if name == "custom" else None for name in columns})
    if values:
        rows.filter(pk=pk).update(**values)
    for other, columns in others.items():
        if columns:
            rows.filter(pk=other).update(**columns)


def _note(
    resource: Resource,
    draft: Draft,
    others: Sequence[Any],
    swapped: Mapping[int, Mapping[str, list[Any]]],
    log: Log,
    actor: Actor,
    at: datetime,
) -> Merge:
    """Keep what an undo needs."""
    record = draft.record
    fields = {one.attname: one for one in resource.model._meta.concrete_fields}
    now = snapshot(record)
    changed = {name: [draft.before[name], value] for name, value in now.items() if draft.before[name] != value}
    content = {
        str(pk): {name: [written(fields[name], value) for value in pair] for name, pair in columns.items()}
        for pk, columns in {record.pk: changed, **swapped}.items()
    }
    merge = Merge(
        resource=resource.name,
        survivor_id=record.pk,
        label=resource.label_of(record)[:200],
        others=", ".join(resource.label_of(one) for one in others)[:500],
        undo_until=at + timedelta(days=UNDO_DAYS),
        fields=content,
        counts=log.counts(),
    )
    stamp(merge, actor, at, fresh=True)
    merge.save()
    MergedRecord.objects.bulk_create(
        MergedRecord(
            merge=merge, resource=resource.name, record_id=one.pk, survivor_id=record.pk,
            label=resource.label_of(one)[:200],
        )
        for one in others
    )  # fmt: skip
    log.store(merge)
    return merge


def _tell(resource: Resource, record: Any, others: Sequence[Any], actor: Actor, at: datetime) -> None:
    """Say in the audit of the merged records, and to whoever listens, where they went."""
    changes = {"archived_at": [None, at], "merged_into_id": [None, record.pk]}
    lines = [AuditLine(resource.name, one.pk, resource.label_of(one)[:200], "merged", changes) for one in others]
    record_audit(lines, actor=actor, at=at)
    announce(resource, [(one.pk, "merged") for one in others], Occasion(actor, at))


# --- what came in late -----------------------------------------------------------------------------------------


def follow_late(actor: Actor) -> int:
    """Move what a writer that had read the former state still pointed to records merged of late; how many rows."""
    at, count = clock.now(), 0
    fresh = Merge.objects.filter(status=MergeStatus.DONE, created_at__gte=at - LATE).order_by("pk")
    for pk in list(fresh.values_list("pk", flat=True)):
        with atomic():
            merge = Merge.objects.select_for_update().filter(pk=pk, status=MergeStatus.DONE).first()
            if merge is not None:
                count += _follow(merge, actor, at)
    return count


def _follow(merge: Merge, actor: Actor, at: datetime) -> int:
    resource = resource_named(merge.resource)
    ids = list(merge.merged.order_by("record_id").values_list("record_id", flat=True))
    list(resource.model._base_manager.filter(pk__in=[merge.survivor_id, *ids]).order_by("pk").select_for_update())
    log = Log(dict(merge.merged.values_list("record_id", "label")))
    move_all(resource, ids, merge.survivor_id, log, actor=actor, at=at)
    if log.moves:
        log.store(merge)
        for table, number in log.counts().items():
            merge.counts[table] = merge.counts.get(table, 0) + number
        merge.save(update_fields=["counts"])
    return len(log.moves)


def forget_details() -> int:
    """Drop what undoing would need of merges that can't be undone any more; how many rows of it."""
    over = Merge.objects.filter(undo_until__lt=clock.now())
    count, _kinds = MergeMove.objects.filter(merge__in=over.values("pk")).delete()
    over.exclude(fields={}).update(fields={})
    return count

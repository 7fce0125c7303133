"""Takes a merge back: what has not been changed since goes where it was, the rest stays and is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.columns import snapshot
from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.errors import Conflict, NotAllowed, Text
from saleswright.kernel.events import Occasion
from saleswright.kernel.merging.action import exchange
from saleswright.kernel.merging.declared import ledgers
from saleswright.kernel.merging.moving import AT_ONCE, index_again, post, read_back, update, written
from saleswright.kernel.merging.values import unique_columns
from saleswright.kernel.merging.walk import follows_by, has_version, pointers_to, tables
from saleswright.kernel.models import Merge, MergedRecord, MergeMove, MergeStatus
from saleswright.kernel.models.merging import MoveKind
from saleswright.kernel.records import announce, read_records, stamp, write_changes
from saleswright.kernel.resources import Resource, has_resource, resource_named, resource_of
from saleswright.kernel.search import index_records
from saleswright.kernel.transactions import atomic
from saleswright.kernel.transitions import transition
from saleswright.kernel.words import Words, kept_words, said

#: a table and a row of it
Node = tuple[str, int]
#: so many rows that stay are named, the others counted
NAMED = 200


def refusal(merge: Merge) -> Text | None:
    """Why the merge can't be taken back, or None."""
    if merge.undo_until < clock.now():
        return _("A merge can be undone for 30 days.")
    if MergedRecord.objects.filter(resource=merge.resource, record_id=merge.survivor_id, stands=True).exists():
        return _("The kept record has been merged into another one since. Undo that merge first.")
    return None


@transition(
    "merges", "undo", label=_("Undo the merge"), source=[MergeStatus.DONE], target=MergeStatus.UNDONE,
    guards=(refusal,), icon="arrow-back-up", style="danger",
)  # fmt: skip
def undo_merge(merge: Merge, *, actor: Actor, at: datetime) -> None:
    """Put back what has not been changed since the merge; what has stays with the kept record and is listed.

    What belongs together (an order and its invoice) goes or stays together. Raises Conflict, or NotAllowed without
    the right to merge the kept record.
    """
    resource = resource_named(merge.resource)
    ids = list(MergedRecord.objects.filter(merge=merge).order_by("record_id").values_list("record_id", flat=True))
    wanted = sorted([merge.survivor_id, *ids])
    locked = resource.model._base_manager.filter(pk__in=wanted).order_by("pk").select_for_update(of=("self",))
    found = {row.pk: row for row in locked}
    if len(found) < len(wanted):
        raise Conflict(_("One of the records doesn't exist any more."))
    for action in ("merge", "edit"):
        if not visible(resource.model._default_manager.filter(pk=merge.survivor_id), actor, action).exists():
            raise NotAllowed
    back = Undo(merge, resource, actor, at)
    back.run()
    MergedRecord.objects.filter(merge=merge).update(stands=False)
    _put_back_fields(back, found)
    merge.undone_at = at
    merge.stayed = [[kind, *kept_words(words)] for kind, words in back.stayed[:NAMED]]
    if len(back.stayed) > NAMED:
        merge.stayed.append(["", *kept_words(said(_("and %(count)s more"), count=len(back.stayed) - NAMED))])
    _finish(resource, merge, ids, actor, at)


@dataclass(slots=True)
class Undo:
    """What goes back where, and what stays: (label of the kind, words)."""

    merge: Merge
    resource: Resource
    actor: Actor
    at: datetime
    stayed: list[tuple[str, Words]] = field(default_factory=list)

    def run(self) -> None:
        """Put back the rows."""
        moves: dict[str, list[MergeMove]] = defaultdict(list)
        for move in MergeMove.objects.filter(merge=self.merge).order_by("id"):
            moves[move.table].append(move)
        changed, gone = self._changed(moves)
        nodes = {(table, one.row_id) for table, all_ in moves.items() for one in all_ if one.kind in IN_PLACE} - gone
        changed |= self._with_new_ones(nodes)
        staying = self._together(nodes, changed & nodes)
        for table, all_ in moves.items():
            self._put_back(table, [one for one in all_ if (table, one.row_id) not in gone | staying])
        self._carry_back([one for all_ in moves.values() for one in all_ if one.kind == MoveKind.POSTED], staying)
        self._name(staying, changed)

    def _changed(self, moves: Mapping[str, list[MergeMove]]) -> tuple[set[Node], set[Node]]:
        """The rows that aren't as the merge left them, and those that aren't there any more."""
        changed, gone = set[Node](), set[Node]()
        for table, all_ in moves.items():
            wanted = {one.row_id for one in all_ if one.kind in IN_PLACE}
            present = {row.pk: row for row in _rows(apps.get_model(table), wanted)}
            gone |= {(table, pk) for pk in wanted - present.keys()}
            latest = {one.row_id: one.version for one in all_ if one.kind in IN_PLACE}
            for one in all_:
                row = present.get(one.row_id)
                if (
                    one.kind in IN_PLACE
                    and row is not None
                    and (
                        (latest[one.row_id] is not None and row.version != latest[one.row_id])
                        or not self._is_as_left(one, row)
                    )
                ):
                    changed.add((table, one.row_id))
        return changed, gone

    def _is_as_left(self, move: MergeMove, row: Any) -> bool:
        if move.kind == MoveKind.MOVED:
            return bool(getattr(row, move.column) == self.merge.survivor_id)
        if move.kind == MoveKind.CUSTOM:
            return bool((row.custom or {}).get(move.column) == self.merge.survivor_id)
        fields = {one.attname: one for one in type(row)._meta.concrete_fields}
        return all(written(fields[name], getattr(row, name)) == pair[1] for name, pair in (move.content or {}).items())

    def _with_new_ones(self, nodes: set[Node]) -> set[Node]:
        """Rows to which something new of the kept record refers: they can't leave it alone."""
        ids = _by_table(nodes)
        found = set[Node]()
        for pointer in pointers_to(self.resource):
            if pointer.custom or not has_version(pointer.model):
                continue
            for column, table in _references(pointer.model, ids):
                rows = pointer.rows([self.merge.survivor_id]).filter(created_at__gt=self.merge.created_at)
                rows = rows.filter(**{f"{column}__in": ids[table]}).exclude(pk__in=ids.get(pointer.table, ()))
                found |= {(table, pk) for pk in rows.values_list(column, flat=True)}
        return found

    def _together(self, nodes: set[Node], changed: set[Node]) -> set[Node]:
        """The changed rows, and all that belong together with them: by what they refer to, directly or by lines."""
        if not changed:
            return set()
        links: dict[Node, set[Node]] = defaultdict(set)
        for group in _groups(nodes, {one.model._meta.label for one in follows_by(self.resource)}):
            first, *rest = group
            for other in rest:
                links[first].add(other)
                links[other].add(first)
        staying, open_ = set(changed), list(changed)
        while open_:
            for other in links[open_.pop()] - staying:
                staying.add(other)
                open_.append(other)
        return staying

    def _put_back(self, table: str, moves: list[MergeMove]) -> None:
        model = apps.get_model(table)
        targets: dict[tuple[str, int | None], list[int]] = defaultdict(list)
        for one in reversed(moves):  # what was changed to make room is undone after the row has left
            if one.kind == MoveKind.MOVED:
                targets[one.column, one.former].append(one.row_id)
        for (column, former), ids in targets.items():
            for start in range(0, len(ids), AT_ONCE):
                update(model, ids[start : start + AT_ONCE], {column: former})
        fields = {one.attname: one for one in model._meta.concrete_fields}
        for one in reversed(moves):
            if one.kind == MoveKind.CUSTOM:
                row = model._base_manager.get(pk=one.row_id)
                update(model, [one.row_id], {"custom": {**row.custom, one.column: one.former}})
            elif one.kind == MoveKind.CHANGED:
                update(
                    model, [one.row_id], {n: read_back(fields[n], pair[0]) for n, pair in (one.content or {}).items()}
                )
            elif one.kind == MoveKind.REMOVED and not model._base_manager.filter(pk=one.row_id).exists():
                row = model(**{name: read_back(fields[name], value) for name, value in (one.content or {}).items()})
                _insert_again(row)
        if follower := next((one for one in follows_by(self.resource) if one.model is model), None):
            index_again(follower, {one.row_id for one in moves})

    def _carry_back(self, moves: Iterable[MergeMove], staying: set[Node]) -> None:
        """Carry the accounts back, unless what an entry is about stays."""
        for one in moves:
            ledger, model = ledgers[one.table], apps.get_model(one.table)
            fields = {each.attname: each for each in model._meta.concrete_fields}
            content = {name: read_back(fields[name], value) for name, value in (one.content or {}).items()}
            about = {
                (each.related_model._meta.label, content[name])
                for name, each in fields.items()
                if each.is_relation and name in ledger.same and content[name] is not None
            }
            if not about & staying:
                amounts = {name: content[name] for name in ledger.amounts}
                same = {name: content[name] for name in ledger.same}
                post(ledger, self.merge.survivor_id, one.former or 0, same, amounts, self.actor, self.at)

    def _name(self, staying: set[Node], changed: set[Node]) -> None:
        """Put what stays into words."""
        for table, ids in sorted(_by_table(staying).items()):
            model = apps.get_model(table)
            label = resource_of(model).name if has_resource(model) else table
            for row in _rows(model, ids):
                what = resource_of(model).label_of(row) if has_resource(model) else str(row)
                why = CHANGED if (table, row.pk) in changed else TOGETHER
                self.stayed.append((label, said(why, what=what)))


CHANGED = _("%(what)s was changed since the merge.")
TOGETHER = _("%(what)s belongs together with what was changed.")
FIELD = _("“%(field)s” of %(what)s was changed since the merge.")
IN_PLACE = frozenset({MoveKind.MOVED, MoveKind.CUSTOM, MoveKind.CHANGED})


def _rows(model: Any, ids: Iterable[int]) -> Iterator[Any]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        yield from model._base_manager.filter(pk__in=part).order_by("pk").select_for_update(of=("self",))


def _by_table(nodes: Iterable[Node]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for table, pk in nodes:
        found[table].add(pk)
    return dict(found)


def _references(model: Any, ids: Mapping[str, set[int]]) -> list[tuple[str, str]]:
    """The columns of a table that refer to tables of which rows were moved."""
    return [
        (one.attname, one.related_model._meta.label)
        for one in model._meta.concrete_fields
        if isinstance(one, models.ForeignKey) and one.related_model._meta.label in ids
    ]


def _groups(nodes: set[Node], parts: set[str]) -> Iterator[list[Node]]:
    """Moved rows that belong together: one refers to the other, or something refers to both.

    That two documents name the same of its `parts` (a contact) doesn't tie them together.
    """
    ids = {table: found for table, found in _by_table(nodes).items() if table not in parts}
    for model in tables():
        own = model._meta.label
        columns = _references(model, ids)
        if not columns or (own not in ids and len(columns) < 2):
            continue
        if own in ids:
            rows = model._base_manager.filter(pk__in=ids[own])
        else:
            rows = model._base_manager.filter(
                reduce(or_, (models.Q(**{f"{column}__in": ids[table]}) for column, table in columns))
            )
        for pk, *values in rows.values_list("pk", *(column for column, _table in columns)):
            group = [(table, value) for (_column, table), value in zip(columns, values, strict=True)]
            group = [one for one in (*([(own, pk)] if own in ids else []), *group) if one in nodes]
            if len(group) > 1:
                yield group


def _insert_again(row: Any) -> None:
    """Insert a row that was removed, under its id, unless its place has been taken."""
    try:
        with atomic():
            row.save(force_insert=True)
    except IntegrityError:
        pass  # somebody has made the same one since: it says what the row said


# --- the records themselves ------------------------------------------------------------------------------------


def _put_back_fields(back: Undo, found: Mapping[int, Any]) -> None:
    """Give the records the values that they had, as far as nobody has changed them since."""
    resource, merge, actor, at = back.resource, back.merge, back.actor, back.at
    model, survivor = resource.model, read_records(resource.model, [merge.survivor_id])[0]
    fields = {one.attname: one for one in model._meta.concrete_fields}
    former: dict[int, dict[str, Any]] = {}
    for key, columns in merge.fields.items():
        record = survivor if int(key) == survivor.pk else found[int(key)]
        former[record.pk] = values = {}
        for name, (old, new) in columns.items():
            if name == "custom":
                values[name] = _customs(back, record, old or {}, new or {})
            elif written(fields[name], getattr(record, name)) == new:
                values[name] = read_back(fields[name], old)
            else:
                _stays(back, record, fields[name].verbose_name)
    before = snapshot(survivor)
    unique = unique_columns(model)
    own = former.pop(survivor.pk, {})
    for other in former.values():  # what has to be unique goes back only if the survivor lets go of it
        for name in [name for name in other if name in unique]:
            held = model._base_manager.filter(**{name: other[name]}).exclude(pk__in=found) if other[name] else None
            if held is not None and (held.exists() or (before[name] == other[name] and name not in own)):
                del other[name]
    exchange(model, survivor.pk, {n: v for n, v in own.items() if n in {*unique, "custom"}}, former)
    others = [pk for pk in found if pk != survivor.pk]
    model._base_manager.filter(pk__in=others, archived_at__isnull=False).update(
        archived_at=None, version=F("version") + 1, updated_at=at, updated_by_id=actor.user_id
    )
    for name, value in own.items():
        setattr(survivor, name, value)
    stamp(survivor, actor, at)
    write_changes(resource, survivor, before, "unmerged", actor=actor, at=at)
    index_records(resource, [survivor, *read_records(model, others)])


def _customs(back: Undo, record: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The custom fields of a record, those that the merge changed put back where nobody has changed them since."""
    now = dict(record.custom or {})
    labels = {one.code: one.label for one in fields_of(back.resource.name)}
    for code in {*old, *new}:
        if old.get(code) == new.get(code):
            continue
        if now.get(code) != new.get(code):
            _stays(back, record, labels.get(code, code))
        elif code in old:
            now[code] = old[code]
        else:
            now.pop(code, None)
    return now


def _stays(back: Undo, record: Any, label: Any) -> None:
    back.stayed.append((back.resource.name, said(FIELD, what=back.resource.label_of(record), field=label)))


def _finish(resource: Resource, merge: Merge, ids: list[int], actor: Actor, at: datetime) -> None:
    labels = dict(MergedRecord.objects.filter(merge=merge).values_list("record_id", "label"))
    lines = [
        AuditLine(resource.name, pk, labels[pk], "unmerged", {"merged_into_id": [merge.survivor_id, None]})
        for pk in ids
    ]
    record_audit(lines, actor=actor, at=at)
    announce(resource, [(pk, "unmerged") for pk in ids], Occasion(actor, at))

"""Lets everything that points to some records point to another one, and notes what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.errors import Conflict
from saleswright.kernel.merging.declared import Ledger, ledgers, settlers
from saleswright.kernel.merging.walk import Pointer, follows_by, has_version, is_pointed_at, pointers_to, unique_sets
from saleswright.kernel.models import Merge, MergeMove
from saleswright.kernel.models.merging import MoveKind
from saleswright.kernel.resources import Resource, has_resource, resource_of
from saleswright.kernel.search import index_records

#: so many rows are named in one statement
AT_ONCE = 1000
#: columns of a move, as they are inserted
COLUMNS = ("merge_id", "kind", "table", "row_id", "column", "former", "version", "content")


@dataclass(slots=True)
class Move:
    """What was done with a row, see `MergeMove`."""

    kind: MoveKind
    model: Any
    row_id: int
    column: str = ""
    former: int | None = None
    content: Any = None

    @property
    def table(self) -> str:
        return str(self.model._meta.label)


@dataclass(slots=True)
class Log:
    """What a merge does with rows. Each method does it and notes it."""

    names: Mapping[int, str]
    moves: list[Move] = field(default_factory=list)

    def move(self, pointer: Pointer, rows: list[Any], survivor_id: int) -> None:
        """Let the rows point to the survivor."""
        for row in rows:
            former = getattr(row, pointer.column)
            self.moves.append(Move(MoveKind.MOVED, pointer.model, row.pk, pointer.column, former))
        for start in range(0, len(rows), AT_ONCE):
            ids = [row.pk for row in rows[start : start + AT_ONCE]]
            update(pointer.model, ids, {pointer.column: survivor_id})

    def move_custom(self, pointer: Pointer, rows: list[Any], survivor_id: int) -> None:
        """Let the custom field of the rows name the survivor."""
        for row in rows:
            self.moves.append(Move(MoveKind.CUSTOM, pointer.model, row.pk, pointer.column, row.custom[pointer.column]))
            update(pointer.model, [row.pk], {"custom": {**row.custom, pointer.column: survivor_id}})

    def change(self, row: Any, values: Mapping[str, Any]) -> None:
        """Give columns of a row other values."""
        model = type(row)
        fields = {one.attname: one for one in model._meta.concrete_fields}
        content = {
            name: [written(fields[name], getattr(row, name)), written(fields[name], value)]
            for name, value in values.items()
        }
        self.moves.append(Move(MoveKind.CHANGED, model, row.pk, content=content))
        update(model, [row.pk], values)

    def remove(self, row: Any) -> None:
        """Take a row away that the survivor has one of its own for."""
        model = type(row)
        content = {one.attname: written(one, getattr(row, one.attname)) for one in model._meta.concrete_fields}
        self.moves.append(Move(MoveKind.REMOVED, model, row.pk, content=content))
        model._base_manager.filter(pk=row.pk).delete()

    def counts(self) -> dict[str, int]:
        """How many rows of each table were touched."""
        rows = {(move.table, move.row_id) for move in self.moves if move.kind != MoveKind.POSTED}
        return dict(Counter(table for table, _pk in sorted(rows)))

    def store(self, merge: Merge) -> None:
        """Write what was noted, with the versions that the rows have now."""
        ids: dict[Any, set[int]] = {}
        for move in self.moves:
            ids.setdefault(move.model, set()).add(move.row_id)
        versions = {
            (model._meta.label, pk): version
            for model, wanted in ids.items()
            if has_version(model)
            for pk, version in _parts(model, wanted, "pk", "version")
        }
        insert_many(
            MergeMove,
            COLUMNS,
            [
                (merge.pk, one.kind, one.table, one.row_id, one.column, one.former,
                 versions.get((one.table, one.row_id)), one.content)
                for one in self.moves
            ],
        )  # fmt: skip


def update(model: Any, ids: list[int], values: Mapping[str, Any]) -> None:
    """Write columns of rows and raise their version: whoever read them before has to read them again."""
    more: dict[str, Any] = {"version": F("version") + 1} if has_version(model) else {}
    model._base_manager.filter(pk__in=ids).update(**values, **more)


def _parts(model: Any, ids: Iterable[int], *columns: str) -> Iterable[tuple[Any, ...]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_ONCE):
        yield from model._base_manager.filter(pk__in=wanted[start : start + AT_ONCE]).values_list(*columns)


def written(one: models.Field, value: Any) -> Any:
    """A column's value as JSON holds it; `read_back` is the way back."""
    if value is None or isinstance(one, models.JSONField | models.BooleanField | models.BigAutoField):
        return value
    if isinstance(one, models.ForeignKey | models.IntegerField) and isinstance(value, int):
        return value
    carrier = one.model()
    setattr(carrier, one.attname, value)
    return one.value_to_string(carrier)


def read_back(one: models.Field, value: Any) -> Any:
    """What `written` wrote, as the column's value."""
    return value if value is None or isinstance(one, models.JSONField) else one.to_python(value)


# --- everything at once ----------------------------------------------------------------------------------------


def move_all(resource: Resource, ids: list[int], survivor_id: int, log: Log, *, actor: Actor, at: datetime) -> None:
    """Let everything that points to the records `ids` point to the survivor, and carry their accounts over.

    Raises Conflict where a rule of a table stands against it.
    """
    everyone = {survivor_id, *ids}
    for pointer in pointers_to(resource):
        rows = pointer.rows(ids).order_by("pk").select_for_update(of=("self",))
        found = [row for row in rows if pointer.model is not resource.model or row.pk not in everyone]
        if not found:
            continue
        if pointer.custom:
            log.move_custom(pointer, found, survivor_id)
        elif settle := settlers.get(pointer.table):
            settle(found, pointer.column, survivor_id, log)
        else:
            log.move(pointer, _make_room(pointer, found, survivor_id, log), survivor_id)
    for ledger in ledgers.values():
        if apps.get_model(ledger.table)._meta.get_field(ledger.account).related_model is resource.model:
            _carry_over(ledger, ids, survivor_id, log, actor, at)
    _index_again(resource, log)


def _make_room(pointer: Pointer, rows: list[Any], survivor_id: int, log: Log) -> list[Any]:
    """The rows that can point to the survivor without breaking a uniqueness.

    A row that says no more than the survivor's own (who follows it) goes. One with a text that has to be unique (the
    customer's number of an order) keeps it with the name of the merged record behind.
    """
    for others, condition in unique_sets(pointer.model, pointer.column):
        own = pointer.rows([survivor_id])
        taken = set((own if condition is None else own.filter(condition)).values_list(*(others or ["pk"])))
        held = None
        if condition is not None:
            held = set(pointer.model._base_manager.filter(condition, pk__in=[row.pk for row in rows])
                       .values_list("pk", flat=True))  # fmt: skip
        if not others:
            taken = {()} if taken else set()
        kept = []
        for row in rows:
            key = tuple(getattr(row, name) for name in others)
            if (held is not None and row.pk not in held) or None in key or key not in taken:
                taken.add(key)
                kept.append(row)
            elif not _step_aside(pointer, row, others, taken, log):
                log.remove(row)
            else:
                kept.append(row)
        rows = kept
    return rows


def _step_aside(pointer: Pointer, row: Any, others: list[str], taken: set[Any], log: Log) -> bool:
    """Give the row a text of its own where it means something by itself; False when it may as well go."""
    fields = {one.attname: one for one in pointer.model._meta.concrete_fields}
    texts = [name for name in others if name != "resource" and type(fields[name]) is models.CharField]
    if texts and has_resource(pointer.model):
        name, former = texts[-1], getattr(row, pointer.column)
        most = fields[name].max_length or 200
        ending = f" ({log.names.get(former, former)})"[: most - 1]
        for number in range(1, AT_ONCE):
            tail = ending if number == 1 else f"{ending[:-1]} {number})"
            value = f"{getattr(row, name)[: most - len(tail)]}{tail}"
            key = tuple(value if one == name else getattr(row, one) for one in others)
            if key not in taken:
                taken.add(key)
                log.change(row, {name: value})
                return True
    if is_pointed_at(pointer.model):
        label = resource_of(pointer.model).label if has_resource(pointer.model) else pointer.model._meta.verbose_name
        raise Conflict(_("Both have the same: %(kind)s “%(what)s”. Change one of them first.")
                       % {"kind": label, "what": row})  # fmt: skip
    return False


def _index_again(resource: Resource, log: Log) -> None:
    """The search rows of what is seen with the record follow it."""
    for follower in follows_by(resource):
        ids = {move.row_id for move in log.moves if move.model is follower.model and move.kind == MoveKind.MOVED}
        index_again(follower, ids)


def index_again(resource: Resource, ids: Iterable[int]) -> None:
    """Write the search rows of records anew."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        index_records(resource, list(resource.model._default_manager.filter(pk__in=part)))


# --- ledgers ---------------------------------------------------------------------------------------------------


def _carry_over(ledger: Ledger, ids: list[int], survivor_id: int, log: Log, actor: Actor, at: datetime) -> None:
    model = apps.get_model(ledger.table)
    account = model._meta.get_field(ledger.account).attname
    rows = model._base_manager.filter(**{f"{account}__in": ids}).order_by()
    sums = {f"sum_{name}": Sum(name) for name in ledger.amounts}
    for group in rows.values(account, *ledger.same).annotate(**sums):
        amounts = {name: group[f"sum_{name}"] for name in ledger.amounts}
        if any(amounts.values()):
            same = {name: group[name] for name in ledger.same}
            post(ledger, group[account], survivor_id, same, amounts, actor, at)
            fields = {one.attname: one for one in model._meta.concrete_fields}
            content = {name: written(fields[name], value) for name, value in (same | amounts).items()}
            log.moves.append(Move(MoveKind.POSTED, model, 0, account, group[account], content))


def post(
    ledger: Ledger, source: int, target: int, same: Mapping[str, Any], amounts: Mapping[str, Any], actor: Actor,
    at: datetime,
) -> None:  # fmt: skip
    """Take the amounts off one account and put them on another: two entries that come to nothing together."""
    model = apps.get_model(ledger.table)
    account = model._meta.get_field(ledger.account).attname
    person = model._meta.get_field(ledger.person).attname
    for pk, sign in ((source, -1), (target, 1)):
        values = {**same, **{name: sign * amount for name, amount in amounts.items()}}
        model(**values, **{account: pk, ledger.moment: at, person: actor.user_id}).save(force_insert=True)

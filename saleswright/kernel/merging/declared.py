"""What modules say about merging: kinds of record that can be merged, ledgers, and rows that don't follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from saleswright.kernel.errors import Text

if TYPE_CHECKING:
    from saleswright.kernel.merging.moving import Log


UNDO_DAYS = 30
"""So long a merge can be taken back."""


@dataclass(frozen=True, slots=True)
class Merging:
    """How records of a kind are merged.

    `latest` and `least` are fields of which the greatest, or smallest, value of all is kept without asking. `within`
    names references that must be the same in all of them (contacts of one customer), beside the reason; where
    `doubts` differ, people are told that they may be different after all.
    """

    latest: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    within: Mapping[str, Text] | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """An append-only table with an account: its entries stay, what they come to is carried over by new ones.

    For each combination of the columns `same` one entry takes the sum of the `amounts` off the old account and one
    puts it on the new, so that every total by these columns is what it was. `moment` and `person` say when and by
    whom the entries are written.
    """

    table: str
    account: str
    amounts: tuple[str, ...]
    same: tuple[str, ...]
    moment: str
    person: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Columns that together name a record: the id in `record`, its kind by the path `resource`."""

    record: str = "record_id"
    resource: str = "resource"


#: (kind, ids of all that are merged) -> why they can't be now
Check = Callable[[str, list[int]], list[Text]]
#: (rows that point to the others, the column, the id of the survivor, where to note what is done)
Settle = Callable[[list[Any], str, int, "Log"], None]

pairs: dict[str, list[Pair]] = {}
ledgers: dict[str, Ledger] = {}
stays: dict[str, str] = {}
checks: list[Check] = []
settlers: dict[str, Settle] = {}


def add_pair(table: str, record: str = "record_id", resource: str = "resource") -> None:
    """Say that a table names records by other columns than `resource` and `record_id`; `resource` may be a path."""
    pairs.setdefault(table, []).append(Pair(record, resource))


def add_ledger(ledger: Ledger) -> None:
    """Make an append-only table known."""
    ledgers[ledger.table] = ledger


def keeps(why: str, *tables: str) -> None:
    """Say that rows of these tables, or columns (`app.Model.column`), stay with the merged record, and why."""
    stays.update(dict.fromkeys(tables, why))


def settles(table: str, settle: Settle) -> None:
    """Say how the rows of a table follow where pointing elsewhere isn't all, or would break a rule of the table."""
    settlers[table] = settle


def add_check(check: Check) -> None:
    """A higher module says what stands against a merge."""
    checks.append(check)


keeps("what happened, in the words of its time", "kernel.AuditEntry", "kernel.OutboxEvent")
keeps("made anew from the record", "kernel.SearchRow")
keeps("whose record it was then: its figures are of the facts of the time", "kernel.PastHolding")
keeps("says what was merged", "kernel.Merge", "kernel.MergedRecord", "kernel.MergeMove")
add_pair("kernel.LimitNotice", resource="limit__resource")

"""What takes part in pools: kinds of records, what keeps them out, and the clocks that rules read.

Each module says what it knows: `customers` and `leads` that they take part, higher ones about orders and deals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from saleswright.kernel import clock
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import Resource, resource_named

Rows = Callable[[], QuerySet[Any]]
FOLLOW_UP = "follow_up"
#: the hold of records with which a deal was won
WON = "won"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that can be in pools: an entity over a `Pooled` model.

    `taking_part` is true of records that may be recycled and count as held, `shown` are the columns that a pool shows
    of it, `phones(ids)` the numbers by which somebody is reached. `level` and `tags` name the columns that rules spare.
    """

    resource: str
    shown: tuple[str, ...]
    phones: Callable[[list[int]], dict[int, str]]
    taking_part: Q = field(default_factory=Q)
    level: str = ""
    tags: str = ""
    #: told, in the same transaction, of the records that were followed up
    followed_up: Callable[[list[int]], None] | None = None

    @property
    def of(self) -> Resource:
        return resource_named(self.resource)

    @property
    def model(self) -> Any:
        return self.of.model


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a record out of the pool: while `rows()` point to it by `by`. `unless` names the choice of a rule
    that makes it count; without one it always does."""

    code: str
    label: Text
    rows: Rows
    by: str
    unless: str = ""

    def holding(self) -> Exists:
        """A condition on records: it is so."""
        return Exists(self.rows().filter(**{self.by: OuterRef("pk")}))


@dataclass(frozen=True, slots=True)
class Source:
    """What stops a clock: `rows()` that point to the record by `by`, at `moment` (a date if `dated`).

    `once`: one since the owner got the record is enough; otherwise the clock begins anew with each.
    """

    rows: Rows
    by: str
    moment: str
    dated: bool = False
    once: bool = False

    def since(self, moment: datetime) -> Exists:
        """A condition on records: it happened after the moment (or since the owner got it)."""
        if self.once:
            after: Any = OuterRef("owned_since__date" if self.dated else "owned_since")
            return Exists(self.rows().filter(**{self.by: OuterRef("pk"), f"{self.moment}__gte": after}))
        limit = clock.local_date(moment) if self.dated else moment
        return Exists(self.rows().filter(**{self.by: OuterRef("pk"), f"{self.moment}__gt": limit}))


@dataclass(slots=True)
class Clock:
    """Days for which something did not happen, since the owner got the record at the earliest."""

    code: str
    label: Text
    sources: list[Source] = field(default_factory=list)

    def ran(self, days: int, at: datetime) -> Q:
        """The records of which it has run for so many days at that moment."""
        limit = at - timedelta(days=days)
        ran = Q(owned_since__lte=limit)
        if self.code == FOLLOW_UP:
            return ran & (Q(followed_up_at=None) | Q(followed_up_at__lte=limit))
        for source in self.sources:
            ran &= ~Q(source.since(limit))
        return ran


kinds: dict[str, Kind] = {}
holds: dict[str, list[Hold]] = {}
clocks: dict[str, dict[str, Clock]] = {}


def add_kind(kind: Kind, follow_up: Text) -> None:
    """Make a kind known; `follow_up` is what its clock of follow-ups is called."""
    kinds[kind.resource] = kind
    holds.setdefault(kind.resource, [])
    clocks.setdefault(kind.resource, {})[FOLLOW_UP] = Clock(FOLLOW_UP, follow_up)


def add_hold(resource: str, hold: Hold) -> None:
    """A higher module says what keeps records of that kind."""
    holds[resource].append(hold)


def add_clock(resource: str, code: str, label: Text, source: Source) -> None:
    """A higher module says what else is waited for; several sources may stop one clock."""
    clocks[resource].setdefault(code, Clock(code, label)).sources.append(source)


def kind_names() -> dict[str, Text]:
    """What the kinds are called."""
    return {name: kind.of.label_plural for name, kind in kinds.items()}

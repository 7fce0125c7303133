"""What is to be learned from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from saleswright.kernel.errors import Text
from saleswright.kernel.learning.values import kind_of

Kind = Literal["number", "truth", "category", "many", "date", "text", "filled"]
KINDS: tuple[Kind, ...] = ("number", "truth", "category", "many", "date", "text", "filled")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Of `text` only the length is used, of `filled` only whether there is anything."""

    name: str
    kind: Kind
    label: Text = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Columns to learn an outcome from.

    `outcome` is `probability` (outcomes are true or false) or `amount` (they are numbers, say days). `known_after`
    names columns that are known only after the outcome, `admitted` those that are used in spite of the guard's
    suspicion. The last `held_out` of the examples in time are kept for the evaluation.
    """

    columns: tuple[Column, ...]
    outcome: Literal["probability", "amount"] = "probability"
    known_after: frozenset[str] = frozenset()
    admitted: frozenset[str] = frozenset()
    held_out: float = 0.2
    seed: int = 20


@dataclass(slots=True)
class Examples:
    """Past cases: for each column its cells, for each case its outcome and when it began.

    Without moments the order given is taken for the order in time. All sequences are of one length.
    """

    cells: Mapping[str, Sequence[Any]]
    outcomes: Sequence[Any]
    moments: Sequence[datetime | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.outcomes)

    def of(self, places: Sequence[int]) -> Examples:
        """These cases alone, in this order."""
        moments = [self.moments[place] for place in places] if self.moments else []
        cells = {name: [column[place] for place in places] for name, column in self.cells.items()}
        return Examples(cells, [self.outcomes[place] for place in places], moments)

    def in_order(self) -> list[int]:
        """The places of the cases in the order of time; those without a moment come first."""
        if not self.moments:
            return list(range(len(self)))
        first = datetime.min
        return sorted(range(len(self)), key=lambda place: (self._plain(place) or first, place))

    def _plain(self, place: int) -> datetime | None:
        moment = self.moments[place]
        return moment.replace(tzinfo=None) if moment is not None else None


def columns_of(cells: Mapping[str, Sequence[Any]], labels: Mapping[str, Text] | None = None) -> tuple[Column, ...]:
    """The columns of a foreign table, their kinds guessed from the cells."""
    named = labels or {}
    return tuple(Column(name, kind_of(values), named.get(name, name)) for name, values in cells.items())  # type: ignore[arg-type]

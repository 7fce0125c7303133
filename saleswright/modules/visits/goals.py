"""What people are held against: modules that know of targets tell it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from saleswright.kernel.access.actors import Actor


@dataclass(frozen=True, slots=True)
class Goal:
    """A target of a person at the end of a day: what was to be reached in its period, and what was.

    `share` is of 1, None where nothing was to be reached; `elapsed` is the share of the period that has gone.
    """

    metric: str
    unit: str
    period: str
    target: Decimal
    actual: Decimal
    share: Decimal | None
    elapsed: Decimal


#: (whose, at the end of which day) -> the targets that count for them
GoalSource = Callable[[Actor, date], Iterable[Goal]]
goal_sources: list[GoalSource] = []


def goals_of(actor: Actor, on: date) -> list[Goal]:
    """The targets that count for a person."""
    return [goal for source in goal_sources for goal in source(actor, on)]

"""Recency, frequency and monetary value in quintiles, and the groups that they make (no database here).

A score is 1 + floor(5 x customers that are strictly worse / all customers), so equal values always get the same
score, that of the best place none of them is ahead of (ties go down), and the best of five different ones gets 5.
Worse is: longer ago, fewer orders, less money.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saleswright.modules.customers.public import RfmGroup

QUINTILES = 5
C, L, P, N, M, A, S, R, X, H, G = (
    RfmGroup.CHAMPIONS, RfmGroup.LOYAL, RfmGroup.POTENTIAL, RfmGroup.NEW, RfmGroup.PROMISING, RfmGroup.ATTENTION,
    RfmGroup.SLEEPY, RfmGroup.AT_RISK, RfmGroup.CANT_LOSE, RfmGroup.HIBERNATING, RfmGroup.LOST,
)  # fmt: skip
#: recency from 5 down; in a row the value (mean of frequency and monetary, half up) from 1 to 5
GROUPS = {
    5: (N, P, P, C, C),
    4: (M, P, P, L, L),
    3: (S, S, A, L, L),
    2: (H, H, R, R, X),
    1: (G, G, R, R, X),
}


class Scores(NamedTuple):
    """The three scores of a customer, 1 to 5 each."""

    recency: int
    frequency: int
    monetary: int

    @property
    def text(self) -> str:
        return f"{self.recency}{self.frequency}{self.monetary}"

    @property
    def value(self) -> int:
        """How much the customer is worth, 1 to 5."""
        return (self.frequency + self.monetary + 1) // 2

    @property
    def group(self) -> RfmGroup:
        return GROUPS[self.recency][self.value - 1]


class Buying(NamedTuple):
    """What a customer did in the period: days since the last order, orders, amount."""

    days: int
    orders: int
    amount: Any


def quintiles(values: Iterable[Any]) -> list[int]:
    """The score of each value, more being better."""
    given = list(values)
    ranked = sorted(given)
    return [1 + QUINTILES * bisect_left(ranked, value) // len(ranked) for value in given]


def scores(buyings: Mapping[int, Buying]) -> dict[int, Scores]:
    """The scores of customers by id, among each other."""
    rows: Sequence[Buying] = list(buyings.values())
    columns = (
        quintiles(-row.days for row in rows),
        quintiles(row.orders for row in rows),
        quintiles(row.amount for row in rows),
    )
    return {pk: Scores(*three) for pk, three in zip(buyings, zip(*columns, strict=True), strict=True)}

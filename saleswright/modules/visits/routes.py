"""The order in which places are visited, so that the way is short."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from saleswright.kernel.geography import Place, distance

#: from so many places on only some beginnings are tried
MOST_STARTS = 12


def length(places: Sequence[Place]) -> float:
    """The way through places in their order, in metres."""
    return sum(distance(one, other) for one, other in pairwise(places))


def shortest_order(places: Sequence[Place], start: Place | None = None) -> list[int]:
    """In which order to visit places: their positions, from the first to the last.

    The way begins at `start`, if given, and does not go back. Nearest neighbour from every beginning, each improved by
    2-opt and by moving single places (G. A. Croes, "A method for solving traveling-salesman problems", Operations
    Research 6 (1958), 791-812); the shortest of them is taken. Good, not provably the best.
    """
    count = len(places)
    if count < 2:
        return list(range(count))
    ways = [[distance(one, other) for other in places] for one in places]
    first = [0.0] * count if start is None else [distance(start, one) for one in places]
    beginnings = sorted(range(count), key=lambda i: first[i])[:MOST_STARTS]
    orders = [_improved(_nearest(begin, ways), ways, first) for begin in beginnings]
    return min(orders, key=lambda order: (_cost(order, ways, first), order))


def _nearest(begin: int, ways: list[list[float]]) -> list[int]:
    order, left = [begin], set(range(len(ways))) - {begin}
    while left:
        here = order[-1]
        following = min(left, key=lambda i: (ways[here][i], i))
        order.append(following)
        left.remove(following)
    return order


def _cost(order: list[int], ways: list[list[float]], first: list[float]) -> float:
    return first[order[0]] + sum(ways[a][b] for a, b in pairwise(order))


def _improved(order: list[int], ways: list[list[float]], first: list[float]) -> list[int]:
    best, cost = order, _cost(order, ways, first)
    while True:
        better = min(((_cost(one, ways, first), one) for one in _neighbours(best)), default=(cost, best))
        if better[0] >= cost - 1e-6:
            return best
        cost, best = better


def _neighbours(order: list[int]) -> list[list[int]]:
    """The same order with a stretch turned round, or with one place elsewhere."""
    count = len(order)
    found = [order[:a] + order[a : b + 1][::-1] + order[b + 1 :] for a in range(count - 1) for b in range(a + 1, count)]
    for a in range(count):
        rest = order[:a] + order[a + 1 :]
        found += [[*rest[:b], order[a], *rest[b:]] for b in range(count) if b != a]
    return found

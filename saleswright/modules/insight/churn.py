"""How likely a customer still buys, from the rhythm of the orders alone (no database here).

BG/NBD: Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24(2), 275-284. A customer orders at random with a rate of its own (Gamma(r, alpha) over customers)
and after each order is lost with a probability of its own (Beta(a, b) over customers). Days on which a customer
ordered count once. docs/churn.md says why this one, with figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, isfinite, lgamma, log
from typing import NamedTuple

#: a fit looks at so many different histories at most, evenly picked
MOST_HISTORIES = 4000
#: with fewer customers who came back the rhythm of a customer alone can't be told from chance
LEAST_TO_FIT = 20
WEEK = 7.0


class History(NamedTuple):
    """Orders after the first one, days from the first order to the last, days from the first order to now."""

    repeats: int
    last: float
    age: float


@dataclass(frozen=True, slots=True)
class Model:
    """The parameters of BG/NBD, time in weeks; all above zero."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, history: History) -> float:
        """The probability that the customer still buys (eq. 7 of the technical note of the authors).

        With a single order the model knows no loss: then it is 1, and other rules must decide.
        """
        if history.repeats == 0:
            return 1.0
        x, last, age = history.repeats, history.last / WEEK, history.age / WEEK
        exponent = log(self.a / (self.b + x - 1)) + (self.r + x) * log((self.alpha + age) / (self.alpha + last))
        return 1 / (1 + exp(min(exponent, 700.0)))

    def likelihood(self, history: History) -> float:
        """The logarithm of the probability of the history (eq. 6)."""
        x, last, age = history.repeats, history.last / WEEK, history.age / WEEK
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        shared = lgamma(r + x) - lgamma(r) + r * log(alpha)
        shared += lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x)
        stays = -(r + x) * log(alpha + age)
        if x == 0:
            return shared + stays
        leaves = log(a) - log(b + x - 1) - (r + x) * log(alpha + last)
        high = max(stays, leaves)
        return shared + high + log(exp(stays - high) + exp(leaves - high))


#: what is assumed where too few customers came back to fit anything (the CDNOW panel of the paper, table 2)
PUBLISHED = Model(0.243, 4.414, 0.793, 2.426)


def history_of(days: Sequence[int], now: int) -> History:
    """A history from the ordinals of the different days of ordering, in rising order, none after `now`."""
    return History(len(days) - 1, float(days[-1] - days[0]), float(now - days[0]))


def fit(histories: Iterable[History]) -> Model:
    """The parameters that make the histories most likely; the published ones when there is too little to learn from."""
    counted = Counter(histories)
    if sum(count for history, count in counted.items() if history.repeats) < LEAST_TO_FIT:
        return PUBLISHED
    found = sorted(counted.items())
    step = max(1, -(-len(found) // MOST_HISTORIES))
    sample = found[::step]
    whole = sum(count for _history, count in sample)

    def loss(point: Sequence[float]) -> float:
        if any(abs(value) > 12 for value in point):
            return inf
        model = Model(*(exp(value) for value in point))
        return -sum(count * model.likelihood(history) for history, count in sample) / whole

    starts = ([log(0.5), log(10.0), log(0.5), log(2.0)], [log(2.0), log(20.0), log(1.0), log(10.0)])
    best = min((minimum(loss, start) for start in starts), key=lambda one: one[1])
    return Model(*(exp(value) for value in best[0])) if isfinite(best[1]) else PUBLISHED


def minimum(
    function: Callable[[Sequence[float]], float], start: Sequence[float], *, step: float = 0.7, rounds: int = 400
) -> tuple[list[float], float]:
    """A point where the function is least, and its value, by the simplex method of Nelder and Mead (1965)."""
    size = len(start)
    points = [list(start)]
    for place in range(size):
        moved = list(start)
        moved[place] += step
        points.append(moved)
    ranked = sorted(((point, function(point)) for point in points), key=lambda one: one[1])
    for _round in range(rounds):
        if abs(ranked[-1][1] - ranked[0][1]) < 1e-9:
            break
        worst, worst_value = ranked[-1]
        centre = [sum(point[place] for point, _value in ranked[:-1]) / size for place in range(size)]

        def away(factor: float, centre: list[float] = centre, worst: list[float] = worst) -> tuple[list[float], float]:
            point = [c + factor * (c - w) for c, w in zip(centre, worst, strict=True)]
            return point, function(point)

        tried = away(1.0)
        if tried[1] < ranked[0][1]:
            further = away(2.0)
            tried = further if further[1] < tried[1] else tried
        elif tried[1] >= ranked[-2][1]:
            tried = away(0.5 if tried[1] < worst_value else -0.5)
            if tried[1] >= min(worst_value, ranked[-1][1]):
                best = ranked[0][0]
                shrunk = [[b + (p - b) / 2 for b, p in zip(best, point, strict=True)] for point, _v in ranked[1:]]
                ranked = sorted([ranked[0], *((point, function(point)) for point in shrunk)], key=lambda one: one[1])
                continue
        ranked = sorted([*ranked[:-1], tried], key=lambda one: one[1])
    return ranked[0]


def usual_gap(days: Sequence[int]) -> int | None:
    """The median of the days between orders (the lower one of two); None with fewer than two gaps."""
    gaps = sorted(later - earlier for earlier, later in pairwise(days))
    return gaps[(len(gaps) - 1) // 2] if len(gaps) > 1 else None


# --- judging ---------------------------------------------------------------------------------------------------


def area_under_curve(scores: Sequence[float], lost: Sequence[bool]) -> float | None:
    """The probability that a lost one scores higher than one that stayed, ties half (Mann-Whitney).

    None when all are lost or none.
    """
    positive = sum(lost)
    negative = len(lost) - positive
    if not positive or not negative:
        return None
    ranked = sorted(zip(scores, lost, strict=True))
    place, ranks = 0, 0.0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        mean = (place + 1 + end) / 2
        ranks += mean * sum(was_lost for _score, was_lost in ranked[place:end])
        place = end
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def precision_at(scores: Sequence[float], lost: Sequence[bool], count: int) -> float:
    """The share of lost ones among the `count` highest scores; of equal ones the expected share."""
    ranked = sorted(zip(scores, lost, strict=True), key=lambda one: -one[0])
    edge = ranked[count - 1][0]
    above = [was_lost for score, was_lost in ranked if score > edge]
    level = [was_lost for score, was_lost in ranked if score == edge]
    return (sum(above) + sum(level) / len(level) * (count - len(above))) / count

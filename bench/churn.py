"""How well ways of telling who will not order again do on orders that they have not seen: figures of docs/churn.md.

    python -m bench.churn superstore FILE.csv     orders of the Chinese superstore
    python -m bench.churn demo                    the demonstration company in the present database
    python -m bench.churn made                    two invented markets with a known truth

The last days are held out. A customer with three days of ordering before them is lost if none follows.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from math import exp, lgamma, log
from pathlib import Path
from typing import Any

from saleswright.modules.insight.churn import (
    WEEK,
    area_under_curve,
    fit,
    history_of,
    minimum,
    precision_at,
    usual_gap,
)

Days = Mapping[Any, Sequence[int]]
HORIZON, LEAST = 180, 3


def superstore(path: Path) -> Days:
    """Customer -> ordinals of days of ordering, out of the GB 18030 file."""
    import csv

    found: dict[object, set[int]] = {}
    with path.open(encoding="gb18030", newline="") as file:
        for row in csv.DictReader(file):
            year, month, day = map(int, row["订单日期"].split("/"))
            found.setdefault(row["客户 ID"], set()).add(date(year, month, day).toordinal())
    return {customer: sorted(days) for customer, days in found.items()}


def demo() -> Days:
    """The same of the orders in the database."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    django.setup()
    from saleswright.kernel import clock
    from saleswright.kernel.access.actors import system
    from saleswright.modules.insight.queries import order_days

    return order_days(system("bench"), clock.today())


def made(shape: float, seed: int = 7) -> Days:
    """600 customers over three years, gaps Gamma(shape) with a mean of their own, lost after an order by chance."""
    chance, found = random.Random(seed), dict[object, Sequence[int]]()
    for customer in range(600):
        mean, moment, share = chance.gammavariate(2, 25) + 7, chance.uniform(0, 500), chance.betavariate(1, 12)
        days = set()
        while moment < 1080:
            days.add(int(moment))
            if chance.random() < share:
                break
            moment += chance.gammavariate(shape, mean / shape)
        found[customer] = sorted(days)
    return found


def compare(days: Days, last: int) -> list[tuple[str, float, float]]:
    """(way, area under the curve, precision at the riskiest tenth) on the held-out days."""
    cut = last - HORIZON
    before = {customer: [day for day in found if day <= cut] for customer, found in days.items()}
    model = fit(history_of(found, cut) for found in before.values() if found)
    judged = {customer: found for customer, found in before.items() if len(found) >= LEAST}
    lost = [not any(day > cut for day in days[customer]) for customer in judged]
    interval = fit_intervals([found for found in before.values() if found], cut)
    ways: dict[str, Callable[[Sequence[int]], float]] = {
        "BG/NBD: 1 - P(alive)": lambda found: 1 - model.alive(history_of(found, cut)),
        "gamma intervals: 1 - P(alive)": lambda found: 1 - interval(found),
        "gap against own median": lambda found: (cut - found[-1]) / max(1, usual_gap(found) or 1),
        "days since the last order": lambda found: float(cut - found[-1]),
        "no order in 90 days": lambda found: float(cut - found[-1] > 90),
    }
    print(f"{len(judged)} customers, {sum(lost) / len(lost):.1%} lost in {HORIZON} days, {model}")
    tenth = max(1, len(judged) // 10)
    scored = {name: [way(found) for found in judged.values()] for name, way in ways.items()}
    return [(n, area_under_curve(s, lost) or 0.0, precision_at(s, lost, tenth)) for n, s in scored.items()]


# --- gaps with a shape of their own ----------------------------------------------------------------------------


def fit_intervals(histories: Sequence[Sequence[int]], now: int) -> Callable[[Sequence[int]], float]:
    """P(alive) where gaps are Gamma(k, rate), rates Gamma(g, h) over customers, and each order is the last with q.

    A relative of MBG/CNBD-k: Platzer, Reutterer (2016), Ticking Away the Moments, Marketing Science 35(5), 779-799.
    """
    rows = []
    for days in histories[:: max(1, len(histories) // 500)]:
        gaps = [max(b - a, 1) / WEEK for a, b in pairwise(days)]
        rows.append((len(gaps), sum(gaps), sum(map(log, gaps)), (now - days[-1]) / WEEK))

    def read(point: Sequence[float]) -> tuple[float, float, float, float]:
        return exp(point[0]), exp(point[1]), exp(point[2]), 1 / (1 + exp(-point[3]))

    def loss(point: Sequence[float]) -> float:
        if any(abs(value) > 9 for value in point):
            return float("inf")
        k, g, h, q = read(point)
        total = 0.0
        for count, whole, logs, silent in rows:
            shape = g + k * count
            total += lgamma(shape) - lgamma(g) - count * lgamma(k) + g * log(h) + (k - 1) * logs
            total += count * log(1 - q) - shape * log(h + whole)
            total += log(q + (1 - q) * survival(shape, k, h + whole, silent))
        return -total / len(rows)

    k, g, h, q = read(minimum(loss, [0.5, 0.5, 3.0, -2.0], rounds=200)[0])

    def alive(days: Sequence[int]) -> float:
        stays = survival(g + k * (len(days) - 1), k, h + (days[-1] - days[0]) / WEEK, (now - days[-1]) / WEEK)
        return (1 - q) * stays / ((1 - q) * stays + q)

    return alive


def survival(shape: float, k: float, known: float, silent: float) -> float:
    """The probability that a gap outlasts `silent`: beta prime, so the regularised incomplete beta function."""
    return incomplete_beta(shape, k, known / (known + silent))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    value, c, d = 1.0, 1.0, 0.0
    for step in range(300):
        half = step // 2
        if step == 0:
            factor = 1.0
        elif step % 2 == 0:
            factor = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        else:
            factor = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        d = 1 / (1 + factor * d)
        c = 1 + factor / c
        value *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return front * (value - 1)


def show(title: str, days: Days, last: int) -> None:
    """Print the comparison."""
    print(title)
    for name, area, precision in compare(days, last):
        print(f"  {name:32} AUC {area:.3f}  precision {precision:.3f}")


def main(asked: Sequence[str]) -> None:
    """What the arguments ask for."""
    match list(asked):
        case ["superstore", path]:
            days = superstore(Path(path))
            show("superstore", days, max(found[-1] for found in days.values()))
        case ["demo"]:
            days = demo()
            show("demonstration company", days, max(found[-1] for found in days.values()))
        case ["made"]:
            show("made, orders at random", made(1), 1080)
            show("made, orders in a rhythm", made(4), 1080)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

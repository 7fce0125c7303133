"""Times, as medians of interleaved runs: the machine may be busy, so what is compared is measured alternately."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

REPEAT = 40
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the result: `figure` must be at most `bound` (or at least, with `more`); both have the `unit`."""

    what: str
    figure: float
    bound: float | None
    unit: str
    ours_ms: float | None = None
    floor_ms: float | None = None
    more: bool = False

    @property
    def ok(self) -> bool:
        return self.bound is None or (self.figure >= self.bound if self.more else self.figure <= self.bound)

    def __str__(self) -> str:
        def shown(value: float | None, unit: str) -> str:
            return "" if value is None else f"{value:,.{0 if abs(value) >= 1000 else 2}f} {unit}"

        bound = "" if self.bound is None else f"{'≥' if self.more else '≤'} {self.bound:,g}"
        times = f"{shown(self.ours_ms, 'ms'):>12}{shown(self.floor_ms, 'ms'):>12}"
        return f"{self.what:44}{times}{shown(self.figure, self.unit):>12}{bound:>10}  {'yes' if self.ok else 'NO'}"


def alternately(*works: Work, repeat: int = REPEAT) -> list[list[float]]:
    """The milliseconds of each run of each work, after two runs that don't count."""
    for work in works * 2:
        work()
    times: list[list[float]] = [[] for _ in works]
    gc.collect()
    for _round in range(repeat):
        for place, work in enumerate(works):
            begin = time.perf_counter()
            work()
            times[place].append((time.perf_counter() - begin) * 1000)
    return times


def compare(what: str, ours: Work, floor: Work, bound: float, *, repeat: int = REPEAT) -> Row:
    """The median of `ours` as a multiple of the median of `floor`."""
    mine, least = map(statistics.median, alternately(ours, floor, repeat=repeat))
    return Row(what, mine / least, bound, "x", mine, least)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def linked(*, autocommit: bool) -> psycopg.Connection[Any]:
    """A psycopg connection of its own to the database of the benchmarks."""
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: settings[key] for name, key in names.items() if settings[key]}
    return psycopg.connect(autocommit=autocommit, **given)


def raw() -> Callable[..., list[tuple[Any, ...]]]:
    """A function that runs SQL in autocommit and answers the rows."""
    link = linked(autocommit=True)
    return lambda sql, parameters=(): link.execute(sql, parameters).fetchall()

"""Columns that tell the outcome instead of foretelling it, and others that nothing can be learned from.

Whatever became known only with the outcome makes a model that shines in the evaluation and fails in use. What the
company marks is left out; what looks too good is set aside until an administrator admits it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saleswright.kernel.learning.measures import auc
from saleswright.kernel.learning.problem import Column, Examples, Problem
from saleswright.kernel.learning.values import as_many, as_moment, as_number, as_text, as_truth, is_empty

#: a column alone that ranks the cases as well as this has seen the outcome
TOO_GOOD = 0.9
#: values of this purity on both sides decide rather than indicate; they hold at least such a share of the cases
PURE, DECIDED = 0.94, 0.1
#: filled for one outcome almost alone
ONE_SIDED = 0.98
FEWEST = 30
#: reasons that an administrator can overrule
SUSPICIONS = frozenset({"separates", "decides", "one_outcome"})


@dataclass(frozen=True, slots=True)
class Aside:
    """A column that is not used: the code of the reason, and what was measured."""

    column: str
    reason: str
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def can_be_admitted(self) -> bool:
        return self.reason in SUSPICIONS


def set_aside(problem: Problem, examples: Examples) -> list[Aside]:
    """Which columns are left out and why, seen in these (training) cases alone."""
    truth = np.asarray(examples.outcomes, float)
    found = []
    for column in problem.columns:
        cells = examples.cells[column.name]
        if column.name in problem.known_after:
            found.append(Aside(column.name, "known_after"))
        elif aside := _useless(column, cells):
            found.append(aside)
        elif problem.outcome == "amount" or column.name in problem.admitted:
            continue
        elif aside := _suspicious(column, cells, truth.astype(bool)):
            found.append(aside)
    return found


def _useless(column: Column, cells: Sequence[Any]) -> Aside | None:
    filled = [value for value in cells if not is_empty(value)]
    share = len(filled) / max(1, len(cells))
    if column.kind != "filled" and len(filled) < max(10, 0.005 * len(cells)):
        return Aside(column.name, "empty", {"filled": share})
    different = {str(value).strip() for value in filled}
    if len(different) < 2 and share in {0.0, 1.0}:
        return Aside(column.name, "constant")
    if column.kind == "number" and _counts(filled, different):
        return Aside(column.name, "identifier")
    if column.kind in {"category", "text"} and len(different) == len(filled) and len(filled) > 50:
        lengths = {len(str(value).strip()) for value in filled}
        return Aside(column.name, "identifier") if len(lengths) <= 2 else None
    return None


def _counts(filled: Sequence[Any], different: set[str]) -> bool:
    """A running number: whole, never twice, and close together."""
    if len(filled) < 50 or len(different) < len(filled):
        return False
    numbers = np.array([as_number(value) for value in filled if as_number(value) is not None], float)
    return bool(np.all(numbers == np.round(numbers)) and np.ptp(numbers) < 30 * len(numbers))


def _suspicious(column: Column, cells: Sequence[Any], truth: np.ndarray) -> Aside | None:
    if aside := _one_sided(column, cells, truth):
        return aside
    groups = grouped(column, cells)
    alone = auc(truth, _foretold(groups, truth))
    if alone >= TOO_GOOD:
        return Aside(column.name, "separates", {"auc": alone})
    return _deciding(column, groups, truth)


def _one_sided(column: Column, cells: Sequence[Any], truth: np.ndarray) -> Aside | None:
    """Filled almost only for one outcome, and empty for enough others for that to mean something."""
    filled = np.array([not is_empty(value) for value in cells])
    count, base = int(filled.sum()), float(truth.mean())
    if count < FEWEST or count == len(filled):
        return None
    rate, rest = float(truth[filled].mean()), float(truth[~filled].mean())
    expected = base * count
    positive = rate >= ONE_SIDED and rest <= rate - 0.2
    negative = rate <= 1 - ONE_SIDED and rate <= base / 8 and expected >= 20
    if positive or negative:
        return Aside(column.name, "one_outcome", {"filled": count / len(filled), "rate": rate, "rest": rest})
    return None


def grouped(column: Column, cells: Sequence[Any]) -> np.ndarray:
    """The cases in groups by the cell: the category, one of twenty classes of a number, empty ones by themselves."""
    match column.kind:
        case "number":
            values: list[Any] = [as_number(value) for value in cells]
        case "truth":
            values = [None if is_empty(value) else as_truth(value) for value in cells]
        case "filled":
            values = [not is_empty(value) for value in cells]
        case "text":
            values = [None if is_empty(value) else len(str(value)) for value in cells]
        case "date":
            moments = [as_moment(value) for value in cells]
            values = [None if one is None else one.timestamp() for one in moments]
        case "many":
            values = [", ".join(sorted(as_many(value))) or None for value in cells]
        case _:
            values = [as_text(value) for value in cells]
    if column.kind in {"category", "many"}:
        places = {value: place for place, value in enumerate(dict.fromkeys(values))}
        return np.array([places[value] for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    known = numbers[~np.isnan(numbers)]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, 21)[1:-1])) if len(known) else np.array([])
    return np.where(np.isnan(numbers), -1, np.searchsorted(cuts, numbers, side="left"))


def _foretold(groups: np.ndarray, truth: np.ndarray, folds: int = 5) -> np.ndarray:
    """For each case the rate of the outcome in its group, counted without the fifth of the cases that it is in."""
    base, found = float(truth.mean()), np.zeros(len(truth))
    fold = np.arange(len(truth)) % folds
    places = groups - groups.min()
    for one in range(folds):
        others = fold != one
        count = np.bincount(places[others], minlength=places.max() + 1)
        hits = np.bincount(places[others], weights=truth[others], minlength=places.max() + 1)
        found[~others] = ((hits + 5 * base) / (count + 5))[places[~others]]
    return found


def _deciding(column: Column, groups: np.ndarray, truth: np.ndarray) -> Aside | None:
    """Values that are nearly pure on both sides, as a verdict has: a mark of quality given afterwards."""
    if column.kind not in {"category", "many"}:
        return None
    base, least = float(truth.mean()), max(FEWEST, len(truth) // 100)
    sides = {True: 0, False: 0}
    for group, count in Counter(groups.tolist()).items():
        rate = float(truth[groups == group].mean()) if count >= least else base
        if rate >= max(PURE, 1 - (1 - base) / 4):
            sides[True] += count
        elif rate <= min(1 - PURE, base / 4):
            sides[False] += count
    share = sum(sides.values()) / len(truth)
    if sides[True] and sides[False] and share >= DECIDED:
        return Aside(column.name, "decides", {"share": share})
    return None

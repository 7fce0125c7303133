"""How good probabilities and amounts are: AUC, Brier score, log loss, calibration error, absolute error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 10


def auc(truth: Any, scores: Any) -> float:
    """The share of pairs of a true and a false case in which the true one has the higher score, ties counting half.

    0.5 when one of the outcomes is missing. (Mann and Whitney's U by ranks.)
    """
    truth, scores = np.asarray(truth, bool), np.asarray(scores, float)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return 0.5
    _values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def brier(truth: Any, chances: Any) -> float:
    """The mean squared distance of the probabilities from the outcomes (Brier 1950): 0 is perfect."""
    return float(np.mean((np.asarray(chances, float) - np.asarray(truth, float)) ** 2))


def log_loss(truth: Any, chances: Any) -> float:
    """The mean of minus the logarithm of the probability given to what happened."""
    chances = np.clip(np.asarray(chances, float), 1e-6, 1 - 1e-6)
    truth = np.asarray(truth, bool)
    return float(-np.mean(np.where(truth, np.log(chances), np.log1p(-chances))))


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of about the same probability: how many, what was said on average, and what happened."""

    count: int
    said: float
    happened: float


def calibration(truth: Any, chances: Any, bins: int = BINS) -> list[Bin]:
    """The cases by rising probability in `bins` groups of equal size."""
    truth, chances = np.asarray(truth, float), np.asarray(chances, float)
    order = np.argsort(chances, kind="stable")
    return [
        Bin(len(part), float(chances[part].mean()), float(truth[part].mean()))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def calibration_error(truth: Any, chances: Any, bins: int = BINS) -> float:
    """The expected calibration error: |said - happened| averaged over `bins` groups of equal size, by their size."""
    found = calibration(truth, chances, bins)
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.said - one.happened) for one in found) / total if total else 0.0


def chance_error(chances: Any, seed: int = 20, draws: int = 100) -> float:
    """The calibration error that probabilities without any fault would show by chance alone, with so many cases."""
    chances = np.asarray(chances, float)
    dice = np.random.default_rng(seed)
    return float(np.mean([calibration_error(dice.random(len(chances)) < chances, chances) for _ in range(draws)]))


def figures(truth: Any, chances: Any, scores: Any = None) -> dict[str, float]:
    """All figures of probabilities; `scores` rank the cases where they are finer than the probabilities."""
    return {
        "auc": auc(truth, chances if scores is None else scores),
        "brier": brier(truth, chances),
        "log_loss": log_loss(truth, chances),
        "calibration_error": calibration_error(truth, chances),
    }


def beats(truth: Any, chances: Any, rival: Any, sure: float = 2.0) -> bool:
    """Whether probabilities are better than a rival's beyond chance.

    The mean gain in squared error is at least `sure` standard errors above zero (paired over the cases), and the AUC
    is no lower.
    """
    truth = np.asarray(truth, float)
    gains = (np.asarray(rival, float) - truth) ** 2 - (np.asarray(chances, float) - truth) ** 2
    if len(gains) < 2:
        return False
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return bool(gains.mean() > 0 and gains.mean() >= sure * error and auc(truth, chances) >= auc(truth, rival))


def absolute_error(truth: Any, said: Any) -> float:
    """The mean absolute distance of amounts from what came out, in the unit of the amounts."""
    return float(np.mean(np.abs(np.asarray(said, float) - np.asarray(truth, float))))

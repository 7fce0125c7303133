"""The model of Fader, Hardie and Lee against integrals worked out from its assumptions, and against known rates."""

from __future__ import annotations

import random
from math import exp, isclose, lgamma, log

import pytest

from saleswright.modules.insight.churn import (
    PUBLISHED,
    History,
    Model,
    area_under_curve,
    fit,
    history_of,
    minimum,
    precision_at,
    usual_gap,
)

STEPS = 400


def integral(model: Model, history: History) -> tuple[float, float]:
    """Probability of the history, and of being alive with it, by the midpoint rule over rate and drop-out share.

    Given a rate l and a share p, x orders at the known moments have the density l^x (1-p)^x exp(-l T) of a customer
    that is alive, and l^x (1-p)^(x-1) p exp(-l t_x) of one that was lost at the last one.
    """
    x, last, age = history.repeats, history.last / 7, history.age / 7
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    top = (r + x) / alpha + 40 / (alpha + last)
    alive = gone = norm_p = 0.0
    rates = [top * ((k + 0.5) / STEPS) ** 4 for k in range(STEPS)]
    widths = [top * (((k + 1) / STEPS) ** 4 - (k / STEPS) ** 4) for k in range(STEPS)]
    density = [
        exp(r * log(alpha) - lgamma(r) + (r - 1) * log(v) - alpha * v) * w for v, w in zip(rates, widths, strict=True)
    ]
    stays = sum(d * v**x * exp(-v * age) for d, v in zip(density, rates, strict=True))
    leaves = sum(d * v**x * exp(-v * last) for d, v in zip(density, rates, strict=True))
    for k in range(STEPS):
        p = (k + 0.5) / STEPS
        share = p ** (a - 1) * (1 - p) ** (b - 1) / STEPS
        norm_p += share
        alive += share * (1 - p) ** x
        gone += share * (1 - p) ** (x - 1) * p
    alive, gone = alive / norm_p * stays, gone / norm_p * leaves if x else 0.0
    return alive + gone, alive / (alive + gone)


@pytest.mark.parametrize(
    "history", [History(2, 210.0, 273.0), History(7, 100.0, 270.0), History(1, 5.0, 60.0), History(5, 260.0, 270.0)]
)
def test_the_formulas_are_the_integrals_of_the_assumptions(history: History) -> None:
    model = Model(1.7, 6.0, 1.8, 4.0)
    probability, alive = integral(model, history)
    assert isclose(model.alive(history), alive, rel_tol=2e-3)
    assert isclose(model.likelihood(history), log(probability), abs_tol=1e-2)


def test_a_single_order_says_nothing_of_loss() -> None:
    model = Model(1.7, 6.0, 1.8, 4.0)
    assert model.alive(History(0, 0.0, 900.0)) == 1.0
    assert isclose(
        model.likelihood(History(0, 0.0, 70.0)), log(integral(model, History(0, 0.0, 70.0))[0]), abs_tol=1e-2
    )


def test_silence_speaks_the_louder_the_more_often_one_ordered() -> None:
    often, seldom = History(20, 350.0, 500.0), History(2, 350.0, 500.0)
    assert PUBLISHED.alive(often) < PUBLISHED.alive(seldom) < PUBLISHED.alive(History(2, 480.0, 500.0))
    assert PUBLISHED.alive(History(400, 1.0, 40_000.0)) == pytest.approx(0.0, abs=1e-9)


def test_it_finds_the_parameters_that_made_the_data() -> None:
    chance, made = random.Random(5), []
    for _customer in range(1500):
        rate, share = chance.gammavariate(1.5, 1 / 8), chance.betavariate(1.2, 6)
        moment, last, repeats = 0.0, 0.0, 0
        while (moment := moment + chance.expovariate(rate)) < 78:
            last, repeats = moment, repeats + 1
            if chance.random() < share:
                break
        made.append(History(repeats, float(round(last * 7)), 78 * 7.0))
    found = fit(made)
    assert found.r / found.alpha == pytest.approx(1.5 / 8, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(1.2 / 7.2, rel=0.25)


def test_too_little_to_learn_from_leaves_the_published_parameters() -> None:
    assert fit([History(2, 10.0, 20.0)] * 19 + [History(0, 0.0, 9.0)] * 50) == PUBLISHED


def test_it_reads_days_of_ordering() -> None:
    assert history_of([10, 15, 40], 100) == History(2, 30.0, 90.0)
    assert (usual_gap([10, 15, 40]), usual_gap([10, 15]), usual_gap([0, 1, 11, 31])) == (5, None, 10)


def test_the_simplex_goes_downhill() -> None:
    point, value = minimum(lambda p: (p[0] - 3) ** 2 + (p[1] + 1) ** 4, [0.0, 0.0])
    assert point[0] == pytest.approx(3, abs=1e-3)
    assert value < 1e-6


def test_the_area_under_the_curve_counts_ties_half() -> None:
    assert area_under_curve([1, 2, 3, 4], [False, False, True, True]) == 1.0
    assert area_under_curve([1, 1, 1, 1], [False, True, False, True]) == 0.5
    assert area_under_curve([3, 1, 2], [False, True, True]) == 0.0
    assert area_under_curve([1], [True]) is None


def test_precision_takes_the_expected_share_of_ties() -> None:
    assert precision_at([9, 5, 5, 1], [True, True, False, False], 2) == 0.75
    assert precision_at([9, 5, 4], [True, False, True], 1) == 1.0

"""One small table with a known cause, and one model of it, for all tests here."""

import random

import pytest

from saleswright.kernel.learning.learn import learn
from saleswright.kernel.learning.problem import Examples, Problem, columns_of


def small_table(count: int = 700, seed: int = 3):
    """A number with gaps, categories with rare values, and what happens together; the outcome's true chances."""
    from math import exp

    dice = random.Random(seed)
    cells: dict[str, list] = {name: [] for name in ("size", "source", "urgent", "wants", "noise", "key", "verdict")}
    outcomes, chances = [], []
    for place in range(count):
        size, source, urgent = (
            dice.gauss(0, 1),
            dice.choice(["web", "web", "fair", "friend", "cold"]),
            dice.random() < 0.4,
        )
        wants = [one for one in ("pump", "valve", "robot") if dice.random() < 0.4]
        odds = -0.8 + 1.3 * size + {"friend": 1.6, "cold": -1.4}.get(source, 0.0)
        odds += 1.2 if urgent and source == "web" else 0.0
        odds += 0.9 if "robot" in wants else 0.0
        chance = 1 / (1 + exp(-odds))
        won = dice.random() < chance
        outcomes.append(won)
        chances.append(chance)
        cells["size"].append(None if dice.random() < 0.15 else round(size, 3))
        cells["source"].append("Select" if dice.random() < 0.1 else "once" if place == 9 else source)
        cells["urgent"].append("Yes" if urgent else "No")
        cells["wants"].append("; ".join(wants))
        cells["noise"].append(dice.choice("abcdef"))
        cells["key"].append(5000 + place)
        cells["verdict"].append(dice.choice(["gold", "silver"]) if won and dice.random() < 0.97 else "dust")
    return cells, outcomes, chances


@pytest.fixture(scope="session")
def table():
    return small_table()


@pytest.fixture(scope="session")
def problem(table):
    return Problem(columns_of(table[0]))


@pytest.fixture(scope="session")
def learned(table, problem):
    cells, outcomes, _chances = table
    return learn(
        problem,
        Examples(cells, outcomes),
        rivals={"size": [value or 0.0 for value in cells["size"]], "key": cells["key"]},
    )

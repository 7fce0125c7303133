"""Contributions are exact: they add up to the margin, and those of trees are Shapley values by definition."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from saleswright.kernel.learning.learn import _as_forest, _boosted, _encoded, _ordered
from saleswright.kernel.learning.parts import Forest, part_from_json
from saleswright.kernel.learning.problem import Examples, Problem

SHAPE = (4, 0.2, 10)


@pytest.fixture(scope="module")
def grown(table, problem):
    """A forest of twelve trees, the one it was made from, and what it read."""
    from sklearn import ensemble  # noqa: F401

    cells, outcomes, _chances = table
    columns = [column for column in problem.columns if column.name in {"size", "source", "wants", "urgent"}]
    encoder, raw = _encoded(columns, Examples(cells, outcomes))
    boosted = _boosted(Problem(tuple(columns)), encoder, raw, np.array(outcomes, float), SHAPE, 12)
    return encoder, raw, boosted, _as_forest(encoder, boosted)


def test_our_trees_say_what_scikit_learn_says_also_of_gaps_and_new_values(grown):
    encoder, raw, boosted, forest = grown
    assert np.abs(forest.margin(encoder, raw) - boosted.decision_function(_ordered(encoder, raw))).max() < 1e-12
    odd = np.full((1, raw.shape[1]), np.nan)
    assert forest.margin(encoder, odd) == pytest.approx(boosted.decision_function(_ordered(encoder, odd)))


def test_contributions_add_up_to_the_distance_from_the_average(grown):
    encoder, raw, _, forest = grown
    shares = forest.contributions(encoder, raw)
    assert np.abs(shares.sum(axis=1) + forest.average - forest.margin(encoder, raw)).max() < 1e-9


def expected(tree, row, known: frozenset[int], node: int = 0) -> float:
    """What the tree says when only some features are known: both ways by the share of training cases otherwise."""
    feature = int(tree.feature[node])
    if feature < 0:
        return float(tree.value[node])
    left, right = int(tree.left[node]), int(tree.right[node])
    if feature in known:
        return expected(tree, row, known, left if tree.goes_left(node, row[None, :])[0] else right)
    weighed = sum(tree.count[child] * expected(tree, row, known, child) for child in (left, right))
    return float(weighed / tree.count[node])


def test_contributions_of_trees_are_shapley_values(grown):
    encoder, raw, _, forest = grown
    few = Forest(0.0, forest.trees[:2])
    features = sorted({int(one) for tree in few.trees for one in tree.feature if one >= 0})
    for place in (0, 7, 70):
        row, found = raw[place], few.contributions(encoder, raw[place : place + 1])[0]
        for feature in features:
            others, value = [one for one in features if one != feature], 0.0
            for size in range(len(others) + 1):
                weight = factorial(size) * factorial(len(others) - size) / factorial(len(features))
                for some in combinations(others, size):
                    known = frozenset(some)
                    gain = sum(expected(t, row, known | {feature}) - expected(t, row, known) for t in few.trees)
                    value += weight * gain
            assert found[feature] == pytest.approx(value, abs=1e-9)


def test_a_forest_is_the_same_after_it_was_kept_as_json(grown):
    encoder, raw, _, forest = grown
    again = part_from_json(forest.as_json())
    assert np.array_equal(again.margin(encoder, raw), forest.margin(encoder, raw))

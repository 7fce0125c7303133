"""The two kinds of model that a learned model is made of, with exact contributions: a line, and trees.

Both say a margin (log-odds, or an amount) for a case. `contributions` divides the margin's distance from that of the
average training case among the features, so that their sum is that distance exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import factorial
from typing import Any

import numpy as np

from saleswright.kernel.learning.features import Encoder

CHUNK = 2000


@dataclass(slots=True)
class Line:
    """A linear model over the design of an encoder; `centre` is the average training case."""

    weights: np.ndarray
    start: float
    centre: np.ndarray

    def margin(self, encoder: Encoder, raw: np.ndarray) -> np.ndarray:
        return encoder.design(raw) @ self.weights + self.start

    @property
    def average(self) -> float:
        """The margin of the average training case."""
        return float(self.centre @ self.weights + self.start)

    def contributions(self, encoder: Encoder, raw: np.ndarray) -> np.ndarray:
        """(cases, features). Of a line the share of a feature is its weights times its distance from the average."""
        each = (encoder.design(raw) - self.centre) * self.weights
        found = np.zeros((len(raw), len(encoder.features)))
        np.add.at(found.T, encoder.feature_of, each.T)
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": "line", "weights": self.weights.tolist(), "start": self.start, "centre": self.centre.tolist()
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Line:
        return cls(np.array(data["weights"], float), float(data["start"]), np.array(data["centre"], float))


@dataclass(slots=True)
class Tree:
    """Nodes by their place, the root first. `feature` is -1 for leaves; a case goes left when its number is at most
    the threshold, or its category one of `lefts`; an empty cell goes left where `gaps_left` says so."""

    feature: np.ndarray
    threshold: np.ndarray
    lefts: list[np.ndarray | None]
    gaps_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    count: np.ndarray
    leaves: list[Leaf] = field(default_factory=list)

    def goes_left(self, node: int, raw: np.ndarray) -> np.ndarray:
        """For each case whether it goes left at the node."""
        values = raw[:, self.feature[node]]
        empty = np.isnan(values)
        known = self.lefts[node]
        if known is None:
            left = values <= self.threshold[node]
        else:
            place = np.where(empty, len(known), np.where(values < len(known), values, len(known))).astype(int)
            left = np.append(known == 1, bool(self.gaps_left[node]))[place]
            empty = empty | np.append(known < 0, False)[place]
        return np.where(empty, bool(self.gaps_left[node]), left)

    def as_json(self) -> dict[str, Any]:
        return {
            "feature": self.feature.tolist(),
            "threshold": [one if np.isfinite(one) else None for one in self.threshold.tolist()],
            "lefts": [None if one is None else one.tolist() for one in self.lefts],
            "gaps_left": self.gaps_left.astype(int).tolist(),
            "left": self.left.tolist(), "right": self.right.tolist(),
            "value": self.value.tolist(), "count": self.count.tolist(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tree:
        return cls(
            np.array(data["feature"], int),
            np.array([np.inf if one is None else one for one in data["threshold"]], float),
            [None if one is None else np.array(one, int) for one in data["lefts"]],
            np.array(data["gaps_left"], bool),
            np.array(data["left"], int), np.array(data["right"], int),
            np.array(data["value"], float), np.array(data["count"], float),
        )  # fmt: skip


@dataclass(slots=True)
class Leaf:
    """A leaf as Shapley values see it: the way to it by features, and what each share is for each pattern.

    `steps` holds for each feature of the way the nodes with the side taken; `shares[pattern]` are the contributions of
    those features when the cases agree with the way in the features whose bits are set.
    """

    features: list[int]
    steps: list[list[tuple[int, bool]]]
    shares: np.ndarray


def _leaves(tree: Tree) -> list[Leaf]:
    found: list[Leaf] = []
    waiting: list[tuple[int, dict[int, list[tuple[int, bool]]]]] = [(0, {})]
    while waiting:
        node, way = waiting.pop()
        feature = int(tree.feature[node])
        if feature < 0:
            if way:
                found.append(_leaf(tree, node, way))
            continue
        for child, side in ((int(tree.left[node]), True), (int(tree.right[node]), False)):
            waiting.append((child, way | {feature: [*way.get(feature, []), (node, side)]}))
    return found


def _leaf(tree: Tree, node: int, way: Mapping[int, list[tuple[int, bool]]]) -> Leaf:
    """Shapley values of the expectation over the training cases' ways (Lundberg 2020, path-dependent TreeSHAP).

    A leaf of value v is the product over features of agreement o (0 or 1), or of the share z of training cases that
    take these turns when the feature is unknown; so phi_i = v (o_i - z_i) sum over S of |S|!(d-|S|-1)!/d! times the
    product of o within S and of z outside, which is read off the coefficients of prod(z_j + o_j t).
    """
    features = list(way)
    size = len(features)
    unknown = np.ones(size)
    for place, feature in enumerate(features):
        for at, side in way[feature]:
            child = tree.left[at] if side else tree.right[at]
            unknown[place] *= tree.count[child] / tree.count[at]
    patterns = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    weights = np.array([factorial(s) * factorial(size - s - 1) / factorial(size) for s in range(size)])
    shares = np.zeros((2**size, size))
    for place in range(size):
        terms = np.zeros((2**size, size))
        terms[:, 0] = 1.0
        for other in range(size):
            if other != place:
                shifted = np.zeros_like(terms)
                shifted[:, 1:] = terms[:, :-1]
                terms = terms * unknown[other] + shifted * patterns[:, other, None]
        shares[:, place] = tree.value[node] * (patterns[:, place] - unknown[place]) * (terms @ weights)
    return Leaf(features, [way[feature] for feature in features], shares)


@dataclass(slots=True)
class Forest:
    """Boosted trees: the margin is the start and the sum of the values of the leaves that a case falls into."""

    start: float
    trees: list[Tree]

    def margin(self, encoder: Encoder, raw: np.ndarray) -> np.ndarray:
        found = np.full(len(raw), self.start)
        for tree in self.trees:
            found += _fall(tree, raw)
        return found

    @property
    def average(self) -> float:
        """The margin expected over the training cases."""
        total = self.start
        for tree in self.trees:
            ends = tree.feature < 0
            total += float((tree.value[ends] * tree.count[ends]).sum() / tree.count[0])
        return total

    def contributions(self, encoder: Encoder, raw: np.ndarray) -> np.ndarray:
        """(cases, features): exact Shapley values of the trees."""
        return np.vstack([self._shares(raw[at : at + CHUNK]) for at in range(0, len(raw), CHUNK)] or [raw])

    def _shares(self, raw: np.ndarray) -> np.ndarray:
        found = np.zeros((raw.shape[1], len(raw)))
        for tree in self.trees:
            if not tree.leaves:
                tree.leaves = _leaves(tree)
            left = {int(node): tree.goes_left(int(node), raw) for node in np.flatnonzero(tree.feature >= 0)}
            for leaf in tree.leaves:
                pattern = np.zeros(len(raw), int)
                for place, steps in enumerate(leaf.steps):
                    agrees = left[steps[0][0]] == steps[0][1]
                    for node, side in steps[1:]:
                        agrees = agrees & (left[node] == side)
                    pattern |= agrees.astype(int) << place
                shares = leaf.shares[pattern]
                for place, feature in enumerate(leaf.features):
                    found[feature] += shares[:, place]
        return found.T

    def as_json(self) -> dict[str, Any]:
        return {"kind": "forest", "start": self.start, "trees": [tree.as_json() for tree in self.trees]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Forest:
        return cls(float(data["start"]), [Tree.from_json(one) for one in data["trees"]])


def _fall(tree: Tree, raw: np.ndarray) -> np.ndarray:
    """The value of the leaf into which each case falls."""
    found = np.zeros(len(raw))
    waiting: list[tuple[int, np.ndarray]] = [(0, np.arange(len(raw)))]
    while waiting:
        node, cases = waiting.pop()
        if tree.feature[node] < 0:
            found[cases] = tree.value[node]
        elif len(cases):
            left = tree.goes_left(node, raw[cases])
            waiting += [(int(tree.left[node]), cases[left]), (int(tree.right[node]), cases[~left])]
    return found


Part = Line | Forest
KINDS: Sequence[tuple[str, Any]] = (("line", Line), ("forest", Forest))


def part_from_json(data: Mapping[str, Any]) -> Part:
    """A part as it was kept. Raises KeyError for an unknown kind."""
    return dict(KINDS)[data["kind"]].from_json(data)

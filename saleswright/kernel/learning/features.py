"""From cells to numbers: how each column of a table enters a model, learned from the cells of the training cases.

A column has one or more features (a date its distance in days and its weekday, several choices one for each). For trees
a feature is one number, empty cells being not-a-number; for a linear model it is several: a category one for each
value, a number its size, its excess over quartiles, and whether it is known at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from saleswright.kernel.learning.problem import Column
from saleswright.kernel.learning.values import as_many, as_moment, as_number, as_text, as_truth, is_empty

MOST_VALUES, MOST_CHOICES = 60, 30
RARE = "\x00rare"  # the category of values that are too rare to say anything, and of those never seen
#: further in the distance than this all days are alike
MOST_DAYS = 3650.0

Cells = Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class Feature:
    """One quantity made of a column. `part` says which; `values` are the categories, `knots` the quartiles."""

    column: str
    part: str
    kind: str  # number or category
    values: list[str] = field(default_factory=list)
    knots: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)  # the 1st and 99th percentile, between which a line is trusted
    mean: float = 0.0
    scale: float = 1.0
    gaps: bool = False

    @property
    def width(self) -> int:
        """How many numbers it is for a linear model."""
        return len(self.values) + 1 if self.kind == "category" else 1 + len(self.knots) + self.gaps

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Encoder:
    """The features of a table."""

    columns: tuple[Column, ...]
    features: list[Feature]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def column_of(self) -> np.ndarray:
        """For each feature the place of its column."""
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places[feature.column] for feature in self.features], int)

    @property
    def feature_of(self) -> np.ndarray:
        """For each number of the linear design the place of its feature."""
        return np.repeat(np.arange(len(self.features)), [feature.width for feature in self.features])

    def raw(self, cells: Cells, moments: Sequence[datetime | None], count: int) -> np.ndarray:
        """The table as trees read it, (cases, features): numbers, the places of categories, nan for empty cells."""
        kinds = {column.name: column for column in self.columns}
        found = np.full((count, len(self.features)), np.nan)
        known: dict[tuple[str, str], Any] = {}
        for place, feature in enumerate(self.features):
            column = kinds[feature.column]
            parts = known.setdefault((feature.column, ""), _parts(column, cells.get(column.name), moments, count))
            if feature.part.startswith("has:"):
                wanted = feature.part[4:]
                found[:, place] = [np.nan if one is None else float(wanted in one) for one in parts["many"]]
                continue
            cell = parts[feature.part]
            if feature.kind == "number":
                found[:, place] = cell
            else:
                places = {value: float(i) for i, value in enumerate(feature.values)}
                other = places.get(RARE, np.nan)
                found[:, place] = [np.nan if one is None else places.get(one, other) for one in cell]
        return found

    def design(self, raw: np.ndarray) -> np.ndarray:
        """The table as a linear model reads it, from what trees read."""
        parts = []
        for place, feature in enumerate(self.features):
            values = raw[:, place]
            empty = np.isnan(values)
            if feature.kind == "category":
                block = np.zeros((len(values), feature.width))
                block[np.arange(len(values)), np.where(empty, len(feature.values), values).astype(int)] = 1.0
                parts.append(block)
                continue
            low, high = feature.bounds
            filled = np.where(empty, feature.mean, np.clip(values, low, high))
            parts.append(((filled - feature.mean) / feature.scale)[:, None])
            parts += [
                (np.where(empty, 0.0, np.maximum(filled - knot, 0.0)) / feature.scale)[:, None]
                for knot in feature.knots
            ]
            if feature.gaps:
                parts.append(empty.astype(float)[:, None])
        return np.hstack(parts) if parts else np.zeros((len(raw), 0))

    def as_json(self) -> dict[str, Any]:
        columns = [{"name": one.name, "kind": one.kind} for one in self.columns]
        return {"columns": columns, "features": [feature.as_json() for feature in self.features]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoder:
        columns = tuple(Column(one["name"], one["kind"]) for one in data["columns"])
        return cls(columns, [Feature(**one) for one in data["features"]])


def learn_encoder(columns: Sequence[Column], cells: Cells, moments: Sequence[datetime | None], count: int) -> Encoder:
    """The features that the cells of these columns yield; what never changes yields none."""
    least = max(10, count // 500)
    features: list[Feature] = []
    for column in columns:
        parts = _parts(column, cells.get(column.name), moments, count)
        for part, values in parts.items():
            if part == "many":
                features += _choices(column, values, least)
            elif isinstance(values, np.ndarray):
                features += _number(column, part, values)
            else:
                features += _category(column, part, values, least)
    used = {feature.column for feature in features}
    return Encoder(tuple(column for column in columns if column.name in used), features)


def _parts(
    column: Column, cells: Sequence[Any] | None, moments: Sequence[datetime | None], count: int
) -> dict[str, Any]:
    """The quantities of a column: arrays of numbers, lists of categories, or (`many`) lists of choices."""
    given: Sequence[Any] = cells if cells is not None else [None] * count
    match column.kind:
        case "number":
            return {"": _numbers([as_number(one) for one in given])}
        case "truth":
            return {"": _numbers([None if is_empty(one) else as_truth(one) for one in given])}
        case "filled":
            return {"": np.array([float(not is_empty(one)) for one in given])}
        case "text":
            return {"length": np.array([0.0 if is_empty(one) else float(len(str(one).strip())) for one in given])}
        case "many":
            chosen = [as_many(one) or None for one in given]
            return {"count": _numbers([None if one is None else len(one) for one in chosen]), "many": chosen}
        case "date":
            return _days([as_moment(one) for one in given], moments)
    return {"": [as_text(one) for one in given]}


def _numbers(values: Sequence[Any]) -> np.ndarray:
    return np.array([np.nan if one is None else float(one) for one in values], float)


def _days(days: Sequence[datetime | None], moments: Sequence[datetime | None]) -> dict[str, Any]:
    """How many days after the case began, and on which day of the week. Without beginnings only the latter."""
    found: dict[str, Any] = {"weekday": [None if one is None else str(one.isoweekday()) for one in days]}
    if any(one is not None for one in moments):
        away = [
            None if day is None or begun is None else (day - begun.replace(tzinfo=None)).total_seconds() / 86400
            for day, begun in zip(days, moments, strict=True)
        ]
        found["days"] = np.clip(_numbers(away), -MOST_DAYS, MOST_DAYS)
    return found


def _number(column: Column, part: str, values: np.ndarray) -> list[Feature]:
    known = values[~np.isnan(values)]
    gaps = len(known) < len(values)
    if not len(known) or (len(np.unique(known)) < 2 and not gaps):
        return []
    low, high = np.quantile(known, (0.01, 0.99))
    if low == high:
        low, high = known.min(), known.max()
    clipped = np.clip(known, low, high)
    knots = sorted({float(knot) for knot in np.quantile(known, (0.25, 0.5, 0.75)) if low < knot < high})
    if len(np.unique(known)) > 2 and low == clipped.min() == 0 and not knots:
        knots = [0.0]
    return [
        Feature(
            column.name, part, "number", knots=knots, bounds=[float(low), float(high)], mean=float(clipped.mean()),
            scale=float(clipped.std()) or 1.0, gaps=bool(gaps),
        )
    ]  # fmt: skip


def _category(column: Column, part: str, values: Sequence[str | None], least: int) -> list[Feature]:
    counts = Counter(one for one in values if one is not None)
    common = [value for value, count in counts.most_common(MOST_VALUES) if count >= least]
    rest = sum(counts.values()) - sum(counts[value] for value in common)
    if rest:
        common.append(RARE)
    gaps = len(values) - sum(counts.values())
    if len(common) + bool(gaps) < 2:
        return []
    return [Feature(column.name, part, "category", values=sorted(common), gaps=bool(gaps))]


def _choices(column: Column, values: Sequence[list[str] | None], least: int) -> list[Feature]:
    counts = Counter(choice for one in values if one is not None for choice in set(one))
    found: list[Feature] = []
    for choice, count in sorted(counts.most_common(MOST_CHOICES)):
        if least <= count:
            numbers = _numbers([None if one is None else float(choice in one) for one in values])
            found += _number(column, f"has:{choice}", numbers)
    return found

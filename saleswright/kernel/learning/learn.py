"""Fitting, choosing, calibrating and evaluating. scikit-learn is imported here alone, when it is needed.

The cases are taken in the order of time. The last fifth is held out. Within the rest, the last fifth chooses between a
regularised linear model, boosted trees and both together; cross-fitting then calibrates. The held-out cases give the
figures. The model that goes into use is fitted in the same way to all cases.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saleswright.kernel.learning import measures
from saleswright.kernel.learning.features import Encoder, learn_encoder
from saleswright.kernel.learning.guard import Aside, set_aside
from saleswright.kernel.learning.model import Calibration, Model
from saleswright.kernel.learning.parts import Forest, Line, Part, Tree
from saleswright.kernel.learning.problem import Examples, Problem

FEWEST_CASES, FEWEST_EACH = 60, 20
STRENGTHS = (0.02, 0.1, 0.5)
#: (deepest, rate of learning, fewest cases in a leaf)
SHAPES = ((3, 0.1, 20), (5, 0.06, 30))
MOST_TREES, FOLDS = 250, 5
#: isotonic steps need many cases, and must be clearly better than a sigmoid
STEPS_FROM, STEPS_GAIN = 2000, 0.002

Progress = Callable[[int, int], None]


class TooFew(ValueError):
    """There are too few cases, or too few of one outcome, to learn anything."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is fitted: strength of regularisation of the line, shape and number of the trees, and their share."""

    strength: float = 0.1
    shape: tuple[int, float, int] = SHAPES[0]
    trees: int = 100
    forest_share: float = 0.5

    @property
    def method(self) -> str:
        return {0.0: "line", 1.0: "forest"}.get(self.forest_share, "both")


@dataclass(slots=True)
class Evaluation:
    """What the held-out cases say: figures of the model and its rivals by name, its calibration, what it beats."""

    count: int
    rate: float
    figures: dict[str, dict[str, float]]
    bins: list[measures.Bin]
    chance_error: float
    beaten: list[str]


@dataclass(slots=True)
class Learned:
    """A model with what is to be known of it."""

    model: Model
    evaluation: Evaluation
    aside: list[Aside]
    importance: dict[str, float]
    cases: int
    rate: float
    tried: dict[str, float] = field(default_factory=dict)


def learn(
    problem: Problem,
    examples: Examples,
    *,
    rivals: Mapping[str, Sequence[float]] | None = None,
    progress: Progress = lambda done, total: None,
) -> Learned:
    """A model of the problem and its evaluation on the held-out cases, always the same for the same input.

    `rivals` are other scores of the same cases, by name: a sigmoid is fitted to them on the training cases, so that
    they too are probabilities; the guess of always the same rate (`base`) is one always. Raises TooFew.
    """
    order = examples.in_order()
    examples = examples.of(order)
    truth = np.asarray(examples.outcomes, float)
    split = len(examples) - round(len(examples) * problem.held_out)
    _check(problem, truth[:split], truth[split:])
    progress(0, 6)
    training = examples.of(range(split))
    aside = set_aside(problem, training)
    left = {one.column for one in aside}
    columns = tuple(column for column in problem.columns if column.name not in left)
    if not columns:
        raise TooFew("no column is left to learn from")
    progress(1, 6)
    with _one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recipe, tried = _choose(problem, columns, training)
        progress(2, 6)
        tested = _fit(problem, columns, training, recipe)
        progress(3, 6)
        held = examples.of(range(split, len(examples)))
        evaluation = _evaluate(problem, tested, truth, split, held, rivals or {}, order)
        progress(4, 6)
        model = _fit(problem, columns, examples, recipe)
    progress(5, 6)
    importance = model.importance(*_sample(examples, problem.seed))
    progress(6, 6)
    rate = float(truth.mean())
    return Learned(model, evaluation, aside, importance, len(examples), rate, tried)


def _check(problem: Problem, training: np.ndarray, held: np.ndarray) -> None:
    if len(training) < FEWEST_CASES or len(held) < 10:
        raise TooFew(f"{len(training) + len(held)} cases are too few")
    if problem.outcome == "probability":
        fewest = min(int(training.sum()), int(len(training) - training.sum()))
        if fewest < FEWEST_EACH:
            raise TooFew(f"only {fewest} cases of one outcome")


def _one_thread() -> Any:
    """Sums of several threads differ in their last digits from run to run, and on a busy machine they wait for each
    other; only libraries that are loaded already are held back.
    """
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _sample(examples: Examples, seed: int, most: int = 1000) -> tuple[Any, Any, int]:
    places = np.random.default_rng(seed).permutation(len(examples))[:most].tolist()
    some = examples.of(sorted(places))
    return some.cells, some.moments or [None] * len(some), len(some)


def _encoded(columns: Sequence[Any], examples: Examples) -> tuple[Encoder, np.ndarray]:
    moments = examples.moments or [None] * len(examples)
    encoder = learn_encoder(columns, examples.cells, moments, len(examples))
    return encoder, encoder.raw(examples.cells, moments, len(examples))


# --- choosing --------------------------------------------------------------------------------------------------


def _choose(problem: Problem, columns: Sequence[Any], training: Examples) -> tuple[Recipe, dict[str, float]]:
    """The recipe that does best on the last fifth of the training cases, by log loss (or absolute error)."""
    split = round(len(training) * 0.8)
    first = training.of(range(split))
    encoder, raw = _encoded(columns, first)
    later = training.of(range(split, len(training)))
    unseen = encoder.raw(later.cells, later.moments or [None] * len(later), len(later))
    truth, after = np.asarray(first.outcomes, float), np.asarray(later.outcomes, float)

    def loss(margins: np.ndarray) -> float:
        if problem.outcome == "amount":
            return measures.absolute_error(after, margins)
        return measures.log_loss(after, 1 / (1 + np.exp(-np.clip(margins, -30, 30))))

    lines = {}
    for strength in STRENGTHS:
        margins = _line(problem, encoder, raw, truth, strength).margin(encoder, unseen)
        lines[strength] = loss(margins), margins
    strength = min(lines, key=lambda one: lines[one][0])
    forests = {}
    for shape in SHAPES:
        boosted = _boosted(problem, encoder, raw, truth, shape, MOST_TREES)
        stages = list(_stages(problem, boosted, _ordered(encoder, unseen)))
        losses = [loss(margins) for margins in stages]
        best = int(np.argmin(losses))
        forests[shape] = losses[best], best + 1, stages[best]
    shape = min(forests, key=lambda one: forests[one][0])
    _loss, trees, margins = forests[shape]
    tried = {"line": lines[strength][0], "forest": forests[shape][0], "both": loss((margins + lines[strength][1]) / 2)}
    share = {"line": 0.0, "forest": 1.0, "both": 0.5}[min(tried, key=lambda one: tried[one])]
    return Recipe(strength, shape, max(10, trees), share), tried


# --- fitting ---------------------------------------------------------------------------------------------------


def _fit(problem: Problem, columns: Sequence[Any], examples: Examples, recipe: Recipe) -> Model:
    """A calibrated model: the margins that calibrate are those of models which have not seen the case."""
    encoder, raw = _encoded(columns, examples)
    truth = np.asarray(examples.outcomes, float)
    parts, shares = _parts(problem, encoder, raw, truth, recipe)
    model = Model(encoder, parts, shares, Calibration(), recipe.method, problem.outcome)
    if problem.outcome == "probability":
        unseen = np.zeros(len(truth))
        fold = np.arange(len(truth)) % FOLDS
        for one in range(FOLDS):
            rest = fold != one
            some, weights = _parts(problem, encoder, raw[rest], truth[rest], recipe)
            model.parts, model.shares = some, weights
            unseen[~rest] = model.margins(raw[~rest])
        model.parts, model.shares = parts, shares
        model.calibration = calibrated(unseen, truth)
    return model


def _parts(
    problem: Problem, encoder: Encoder, raw: np.ndarray, truth: np.ndarray, recipe: Recipe
) -> tuple[list[Part], list[float]]:
    parts: list[Part] = []
    shares: list[float] = []
    if recipe.forest_share < 1:
        parts.append(_line(problem, encoder, raw, truth, recipe.strength))
        shares.append(1 - recipe.forest_share)
    if recipe.forest_share > 0:
        boosted = _boosted(problem, encoder, raw, truth, recipe.shape, recipe.trees)
        parts.append(_as_forest(encoder, boosted))
        shares.append(recipe.forest_share)
    return parts, shares


def _line(problem: Problem, encoder: Encoder, raw: np.ndarray, truth: np.ndarray, strength: float) -> Line:
    from sklearn.linear_model import LogisticRegression, Ridge

    design = encoder.design(raw)
    if problem.outcome == "amount":
        fitted: Any = Ridge(alpha=1 / strength).fit(design, truth)
        return Line(fitted.coef_.astype(float), float(fitted.intercept_), design.mean(axis=0))
    fitted = LogisticRegression(C=strength, max_iter=500).fit(design, truth)
    return Line(fitted.coef_[0].astype(float), float(fitted.intercept_[0]), design.mean(axis=0))


def _order(encoder: Encoder) -> list[int]:
    """Categories first, as scikit-learn keeps them inside, so that its nodes name the places that we give."""
    kinds = [feature.kind == "category" for feature in encoder.features]
    return sorted(range(len(kinds)), key=lambda place: not kinds[place])


def _ordered(encoder: Encoder, raw: np.ndarray) -> np.ndarray:
    return raw[:, _order(encoder)]


def _boosted(
    problem: Problem, encoder: Encoder, raw: np.ndarray, truth: np.ndarray, shape: tuple[int, float, int], trees: int
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    order = _order(encoder)
    depth, rate, fewest = shape
    options: dict[str, Any] = {
        "max_depth": depth, "learning_rate": rate, "max_iter": trees, "min_samples_leaf": fewest,
        "max_leaf_nodes": 16, "l2_regularization": 2.0, "early_stopping": False, "random_state": problem.seed,
        "categorical_features": [encoder.features[place].kind == "category" for place in order],
    }  # fmt: skip
    kind = HistGradientBoostingRegressor if problem.outcome == "amount" else HistGradientBoostingClassifier
    if problem.outcome == "amount":
        options["loss"] = "absolute_error"
    return kind(**options).fit(raw[:, order], truth)


def _stages(problem: Problem, boosted: Any, raw: np.ndarray) -> Any:
    staged = boosted.staged_predict if problem.outcome == "amount" else boosted.staged_decision_function
    return (np.asarray(one, float).ravel() for one in staged(raw))


def _as_forest(encoder: Encoder, boosted: Any) -> Forest:
    """The trees as plain numbers. (scikit-learn has no public way to them; a test compares what both say.)"""
    order = np.array(_order(encoder))
    trees = []
    for stage in boosted._predictors:
        predictor = stage[0]
        nodes = predictor.nodes
        ends = nodes["is_leaf"].astype(bool)
        lefts: list[np.ndarray | None] = []
        for node in nodes:
            if node["is_leaf"] or not node["is_categorical"]:
                lefts.append(None)
                continue
            bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]]
            count = len(encoder.features[order[node["feature_idx"]]].values)
            lefts.append(np.array([(int(bits[code // 32]) >> (code % 32)) & 1 for code in range(count)], int))
        feature = np.where(ends, -1, order[np.where(ends, 0, nodes["feature_idx"]).astype(int)])
        trees.append(
            Tree(
                feature, nodes["num_threshold"].astype(float), lefts, nodes["missing_go_to_left"].astype(bool),
                nodes["left"].astype(int), nodes["right"].astype(int), nodes["value"].astype(float),
                nodes["count"].astype(float),
            )
        )  # fmt: skip
    return Forest(float(np.ravel(boosted._baseline_prediction)[0]), trees)


# --- calibrating -----------------------------------------------------------------------------------------------


def calibrated(margins: np.ndarray, truth: np.ndarray) -> Calibration:
    """From margins to probabilities: a sigmoid (Platt 1999), or steps where many cases clearly ask for them."""
    sigmoid = _sigmoid(margins, truth)
    if len(truth) < STEPS_FROM:
        return sigmoid
    half = np.arange(len(truth)) % 2 == 0
    losses = {"sigmoid": 0.0, "isotonic": 0.0}
    for these in (half, ~half):
        for name, fit in (("sigmoid", _sigmoid), ("isotonic", _steps)):
            said = fit(margins[these], truth[these]).chances(margins[~these])
            losses[name] += measures.log_loss(truth[~these], said) / 2
    return _steps(margins, truth) if losses["isotonic"] < losses["sigmoid"] - STEPS_GAIN else sigmoid


def _sigmoid(margins: np.ndarray, truth: np.ndarray) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    spread = float(margins.std())
    if spread < 1e-9:
        rate = float(np.clip(truth.mean(), 1e-3, 1 - 1e-3))
        return Calibration(slope=0.0, shift=float(np.log(rate / (1 - rate))))
    centre = float(margins.mean())
    fitted = LogisticRegression(C=1e3).fit(((margins - centre) / spread)[:, None], truth)
    slope = max(0.0, float(fitted.coef_[0][0]) / spread)
    return Calibration(slope=slope, shift=float(fitted.intercept_[0]) - slope * centre)


def _steps(margins: np.ndarray, truth: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(margins, truth)
    steps = [fitted.X_thresholds_.astype(float).tolist(), fitted.y_thresholds_.astype(float).tolist()]
    return Calibration("isotonic", steps=steps)


# --- evaluating ------------------------------------------------------------------------------------------------


def _evaluate(
    problem: Problem,
    model: Model,
    truth: np.ndarray,
    split: int,
    held: Examples,
    rivals: Mapping[str, Sequence[float]],
    order: Sequence[int],
) -> Evaluation:
    said = model.predict(held.cells, held.moments or [None] * len(held), len(held))
    after = truth[split:]
    rate = float(truth[:split].mean())
    if problem.outcome == "amount":
        middle = np.full(len(after), float(np.median(truth[:split])))
        found = {
            name: {"absolute_error": measures.absolute_error(after, one)}
            for name, one in (("learned", said), ("base", middle))
        }
        better = found["learned"]["absolute_error"] < found["base"]["absolute_error"]
        return Evaluation(len(after), float(after.mean()), found, [], 0.0, ["base"] if better else [])
    base = np.full(len(after), rate)
    rows: dict[str, tuple[np.ndarray, np.ndarray | None]] = {"learned": (said, None)}
    for name, scores in rivals.items():
        ordered = np.asarray(scores, float)[list(order)]
        rows[name] = _sigmoid(ordered[:split], truth[:split]).chances(ordered[split:]), ordered[split:]
    rows["base"] = base, None
    found = {name: measures.figures(after, chances, scores) for name, (chances, scores) in rows.items()}
    beaten = [name for name, (chances, _scores) in rows.items() if name != "learned"
              and measures.beats(after, said, chances)]  # fmt: skip
    return Evaluation(
        len(after), float(after.mean()), found, measures.calibration(after, said),
        measures.chance_error(said, problem.seed), beaten,
    )  # fmt: skip

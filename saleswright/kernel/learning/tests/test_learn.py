"""Learning end to end on a small table whose cause is known."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from saleswright.kernel.learning import measures
from saleswright.kernel.learning.learn import TooFew, calibrated, learn
from saleswright.kernel.learning.model import Model, Tampered, packed, unpacked
from saleswright.kernel.learning.problem import Examples, Problem, columns_of
from saleswright.kernel.learning.tests.conftest import small_table


def test_it_finds_the_planted_leak_and_the_key(learned):
    assert {one.column: one.reason for one in learned.aside} == {"verdict": "separates", "key": "identifier"}
    assert {"verdict", "key"}.isdisjoint(learned.importance)
    assert list(learned.importance)[:2] in (["size", "source"], ["source", "size"])
    assert learned.importance.get("noise", 0.0) < learned.importance["size"] / 3


def test_its_figures_are_near_those_of_the_true_chances_and_beat_its_rivals(learned, table):
    _cells, outcomes, chances = table
    truth = measures.figures(outcomes[560:], chances[560:])
    found = learned.evaluation.figures
    assert learned.evaluation.count == 140
    assert found["learned"]["auc"] > truth["auc"] - 0.06
    assert found["learned"]["brier"] < found["base"]["brier"]
    assert found["base"]["auc"] == 0.5
    assert found["size"]["auc"] < found["learned"]["auc"]
    assert found["size"]["brier"] > found["learned"]["brier"]
    assert {"key", "base"} <= set(learned.evaluation.beaten)


def test_it_is_calibrated_on_cases_that_it_never_saw(learned):
    cells, _outcomes, chances = small_table(4000, seed=8)
    said = learned.model.predict(cells, [None] * 4000, 4000)
    assert abs(float(said.mean()) - float(np.mean(chances))) < 0.03
    assert measures.calibration_error(_outcomes, said) < 0.05


def test_the_same_input_gives_the_same_model():
    cells, outcomes, _chances = small_table(150)
    one, other = (learn(Problem(columns_of(cells)), Examples(cells, outcomes)) for _ in range(2))
    assert packed(one.model)[1] == packed(other.model)[1]
    assert one.evaluation == other.evaluation


def test_effects_add_up_to_the_margin_and_point_where_the_cause_does(learned, table):
    cells = table[0]
    said, effects = learned.model.explained(cells, [None] * 700, 700)
    margins = learned.model.margins(learned.model.encoder.raw(cells, [None] * 700, 700))
    assert np.abs(effects.sum(axis=1) + learned.model.average - margins).max() < 1e-8
    place = learned.model.encoder.names.index("source")
    friend = [effects[at, place] for at, value in enumerate(cells["source"]) if value == "friend"]
    cold = [effects[at, place] for at, value in enumerate(cells["source"]) if value == "cold"]
    assert min(friend) > 0 > max(cold)
    assert said == pytest.approx(learned.model.predict(cells, [None] * 700, 700))


def test_it_names_the_strongest_factors_first_and_takes_what_is_missing_for_empty(learned):
    said, factors = learned.model.explain({"source": ["friend"], "size": ["2.5"]}, [None], 1, most=2)
    assert [one.column for one in factors[0]] in (["size", "source"], ["source", "size"])
    assert all(one.effect > 0 for one in factors[0])
    assert said[0] > 0.7
    assert learned.model.explain({}, [], 0) == ([], [])


def test_a_kept_model_says_the_same_and_a_changed_one_is_refused(learned, table):
    content, _digest, seal = packed(learned.model)
    again = unpacked(content, seal)
    cells = table[0]
    assert np.array_equal(again.predict(cells, [None] * 700, 700), learned.model.predict(cells, [None] * 700, 700))
    with pytest.raises(Tampered):
        unpacked(content[:-1] + bytes([content[-1] ^ 1]), seal)
    with pytest.raises(Tampered):
        unpacked(content, "0" * 64)
    with pytest.raises(ValueError, match="unknown format"):
        Model.from_json({"format": 99})


def test_the_newest_cases_are_held_out_whatever_the_order_of_the_rows(table, problem):
    cells, outcomes, _chances = small_table(120)
    begun = datetime(2026, 1, 1)
    moments = [begun - timedelta(days=place) for place in range(120)]  # the first row is the newest
    examples = Examples(cells, outcomes, moments)
    assert examples.in_order()[0] == 119
    turned = examples.of(examples.in_order())
    assert turned.outcomes == outcomes[::-1]
    assert Examples(cells, outcomes, [None, *moments[1:]]).in_order()[0] == 0  # without a moment: first


def test_it_learns_nothing_from_noise():
    import random

    dice = random.Random(1)
    cells = {"a": [dice.gauss(0, 1) for _ in range(600)], "b": [dice.choice("xyz") for _ in range(600)]}
    found = learn(Problem(columns_of(cells)), Examples(cells, [dice.random() < 0.4 for _ in range(600)]))
    assert found.evaluation.beaten == []


@pytest.mark.parametrize("outcomes", [[True] * 200, [True] * 5 + [False] * 195, [True, False] * 20])
def test_it_refuses_too_few_cases_and_one_outcome_alone(outcomes):
    cells = {"a": list(range(len(outcomes))), "b": ["x", "y"] * (len(outcomes) // 2)}
    with pytest.raises(TooFew):
        learn(Problem(columns_of(cells)), Examples(cells, outcomes))


def test_it_refuses_a_table_of_which_no_column_is_left():
    outcomes = [place % 3 == 0 for place in range(200)]
    cells = {"told": ["yes" if one else "no" for one in outcomes]}
    with pytest.raises(TooFew, match="no column"):
        learn(Problem(columns_of(cells)), Examples(cells, outcomes))


def test_margins_without_any_order_are_calibrated_to_the_rate():
    flat = calibrated(np.zeros(100), np.array([1.0] * 30 + [0.0] * 70))
    assert flat.chances(np.array([-5.0, 0.0, 5.0])) == pytest.approx([0.3] * 3)


def test_many_cases_with_a_bent_curve_are_calibrated_by_steps():
    dice = np.random.default_rng(2)
    margins = dice.normal(size=6000)
    truth = (dice.random(6000) < np.where(margins > 0.3, 0.9, 0.1)).astype(float)
    found = calibrated(margins, truth)
    assert found.kind == "isotonic"
    assert found.chances(np.array([-2.0, 2.0])) == pytest.approx([0.1, 0.9], abs=0.06)


def test_amounts_are_learned_by_the_same_interface():
    import random

    dice = random.Random(4)
    cells = {"terms": [dice.choice([30, 60, 90]) for _ in range(300)], "bank": [dice.choice("ab") for _ in range(300)]}
    days = [terms / 3 + (10 if bank == "b" else 0) + dice.gauss(0, 2) for terms, bank in
            zip(cells["terms"], cells["bank"], strict=True)]  # fmt: skip
    found = learn(Problem(columns_of(cells), outcome="amount"), Examples(cells, days))
    assert found.evaluation.beaten == ["base"]
    assert found.evaluation.figures["learned"]["absolute_error"] < 3
    said = found.model.predict({"terms": [90, 30], "bank": ["b", "a"]}, [None, None], 2)
    assert said == pytest.approx([40, 10], abs=3)

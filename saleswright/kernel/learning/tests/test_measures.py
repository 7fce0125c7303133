"""The figures, against plain definitions written anew here."""

import math
import random

import pytest

from saleswright.kernel.learning import measures

DICE = random.Random(5)
CHANCES = [round(DICE.random(), 2) for _ in range(300)]
TRUTH = [DICE.random() < chance for chance in CHANCES]


def test_the_auc_is_the_share_of_pairs_in_order():
    pairs = [
        1.0 if yes > no else 0.5 if yes == no else 0.0
        for yes, won in zip(CHANCES, TRUTH, strict=True) if won
        for no, lost in zip(CHANCES, TRUTH, strict=True) if not lost
    ]  # fmt: skip
    assert measures.auc(TRUTH, CHANCES) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    assert measures.auc([True, True], [0.1, 0.9]) == 0.5


def test_brier_and_log_loss_are_what_they_say():
    both = list(zip(CHANCES, TRUTH, strict=True))
    assert measures.brier(TRUTH, CHANCES) == pytest.approx(sum((c - t) ** 2 for c, t in both) / 300)
    inside = [(min(max(c, 1e-6), 1 - 1e-6), t) for c, t in both]
    assert measures.log_loss(TRUTH, CHANCES) == pytest.approx(
        -sum(math.log(c if t else 1 - c) for c, t in inside) / 300
    )


def test_the_calibration_error_averages_ten_groups_of_equal_size():
    ordered = sorted(range(300), key=lambda place: CHANCES[place])
    total = 0.0
    for start in range(0, 300, 30):
        group = ordered[start : start + 30]
        said = sum(CHANCES[place] for place in group) / 30
        happened = sum(TRUTH[place] for place in group) / 30
        total += 30 * abs(said - happened)
    assert measures.calibration_error(TRUTH, CHANCES) == pytest.approx(total / 300, abs=1e-12)
    assert [one.count for one in measures.calibration(TRUTH, CHANCES)] == [30] * 10


def test_faultless_chances_show_an_error_by_chance_that_falls_with_their_number():
    few, many = measures.chance_error([0.3] * 100), measures.chance_error([0.3] * 10_000)
    assert few > 0.05
    assert many < 0.02


def test_a_rival_is_beaten_only_beyond_chance():
    base = [sum(TRUTH) / 300] * 300
    assert measures.beats(TRUTH, CHANCES, base)
    assert not measures.beats(TRUTH, base, CHANCES)
    nudged = [chance + (0.001 if won else -0.001) * (place % 2) for place, (chance, won) in
              enumerate(zip(base, TRUTH, strict=True))]  # fmt: skip
    assert measures.beats(TRUTH, nudged, base)  # small, but sure
    noisy = [min(1, max(0, chance + DICE.gauss(0, 0.1))) for chance in base]
    assert not measures.beats(TRUTH, noisy, base)
    assert not measures.beats([True], [0.9], [0.5])


def test_the_absolute_error_is_in_the_unit_of_the_amounts():
    assert measures.absolute_error([10, 20], [12, 17]) == 2.5

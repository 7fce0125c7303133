"""Columns that tell the outcome are set aside, with the reason; others are not."""

import random

from saleswright.kernel.learning.guard import set_aside
from saleswright.kernel.learning.problem import Examples, Problem, columns_of

DICE = random.Random(11)
TRUTH = [DICE.random() < 0.3 for _ in range(600)]


def aside(admitted=(), known_after=(), **cells):
    problem = Problem(columns_of(cells), admitted=frozenset(admitted), known_after=frozenset(known_after))
    return {one.column: one.reason for one in set_aside(problem, Examples(cells, TRUTH))}


def noisy(share: float) -> list[bool]:
    """The outcome, wrong for such a share of the cases."""
    return [one if DICE.random() >= share else not one for one in TRUTH]


def test_a_column_that_separates_alone_is_set_aside():
    told = ["paid" if one else "not" for one in noisy(0.02)]
    amounts = [100 + DICE.random() if one else DICE.random() for one in noisy(0.02)]
    assert aside(told=told, amounts=amounts) == {"told": "separates", "amounts": "separates"}


def test_a_good_but_honest_column_is_kept():
    hint = ["yes, surely" if one else "rather not" for one in noisy(0.2)]
    assert aside(hint=hint) == {}


def test_a_column_filled_for_one_outcome_alone_is_set_aside():
    enrolled = ["2026-01-05" if one and DICE.random() < 0.4 else None for one in TRUTH]
    reasons = [None if one else DICE.choice(["price", "time", None]) for one in TRUTH]
    assert aside(enrolled=enrolled, reasons=reasons) == {"enrolled": "one_outcome", "reasons": "one_outcome"}


def test_a_verdict_with_pure_values_on_both_sides_is_set_aside():
    marks = []
    for one in TRUTH:
        told = DICE.random() < 0.35
        marks.append(("high" if one else "worst") if told else DICE.choice(["so", "la"]))
    assert aside(marks=marks) == {"marks": "decides"}


def test_a_pure_value_on_one_side_alone_is_kept():
    origin = ["friend" if one and DICE.random() < 0.3 else DICE.choice(["web", "fair"]) for one in TRUTH]
    assert aside(origin=origin) == {}


def test_it_leaves_out_what_says_nothing():
    found = aside(
        number=list(range(1000, 1600)), code=[f"{place:08x}" for place in range(600)], same=["No"] * 600,
        rare=["a" if place == 3 else None for place in range(600)],
    )  # fmt: skip
    assert found == {"number": "identifier", "code": "identifier", "same": "constant", "rare": "empty"}


def test_what_the_company_marks_is_left_out_and_what_it_admits_is_used():
    told = ["paid" if one else "not" for one in noisy(0.02)]
    fine = [DICE.choice("ab") for _ in TRUTH]
    assert aside(told=told, fine=fine, admitted=["told"], known_after=["fine"]) == {"fine": "known_after"}

"""What stands in cells, and of what kind columns are."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from saleswright.kernel.learning.values import as_many, as_moment, as_number, as_truth, is_empty, kind_of


@pytest.mark.parametrize(
    "value", [None, "", "  ", "Select", "未知", "无", "-", "N/A", "n/a", "NaN", float("nan"), [], "None"]
)
def test_it_takes_placeholders_for_empty(value):
    assert is_empty(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "No", "无锡", "selected", ["a"]])
def test_it_takes_real_values_for_filled(value):
    assert not is_empty(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1,234.5", 1234.5), ("¥80", 80.0), ("12%", 12.0), (Decimal("3.5"), 3.5), (True, 1.0), ("-2e3", -2000.0),
     ("12 Street", None), ("", None), ("Select", None), (float("inf"), None), ("1,2", None)],
)  # fmt: skip
def test_it_reads_numbers(value, number):
    assert as_number(value) == number


def test_it_reads_days_and_moments_without_a_zone():
    assert as_moment("2026-11-25") == datetime(2026, 11, 25)
    assert as_moment("2026/3/5") == datetime(2026, 3, 5)
    assert as_moment("2026年3月5日") == datetime(2026, 3, 5)
    assert as_moment("2026-11-25T08:30:00+08:00") == datetime(2026, 11, 25, 8, 30)
    assert as_moment(date(2026, 1, 2)) == datetime(2026, 1, 2)
    assert as_moment("2026-13-45") is None
    assert as_moment("spring") is None


def test_it_reads_yes_no_and_several_choices():
    assert [as_truth(one) for one in ("Yes", "否", "maybe", 1, 0, True)] == [True, False, None, True, False, True]
    assert as_many("red; blue；red") == ["red", "blue", "red"]
    assert as_many(["a", "", None]) == ["a"]
    assert as_many("Select") == []


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "", "1,000"], "number"),
        (["Yes", "No", "Select"], "truth"),
        (["2026-01-01", "2026-02-01", None], "date"),
        (["a; b", "b; c", "a", "c; a"] * 10, "many"),
        ([["a"], ["b"]], "many"),
        (["red", "blue"] * 20, "category"),
        ([f"a long remark {number}" for number in range(40)], "text"),
        ([None, ""], "category"),
    ],
)
def test_it_guesses_the_kind_of_a_column(cells, kind):
    assert kind_of(cells) == kind

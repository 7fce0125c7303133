"""Learning from a foreign table, by function and command."""

import csv
import json

import pytest

from saleswright.kernel.learning.foreign import cells_of, evaluate, outcome_of
from saleswright.kernel.learning.learn import TooFew
from saleswright.kernel.learning.tests.conftest import small_table


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [("Won", True), ("lost", False), (1, True), ("0", False), ("1.0", True), ("Yes", True), ("成交", True),
     ("否", False),
     ("", None), ("Prospecting", None), ("2", None), (None, None), (False, False)],
)  # fmt: skip
def test_it_reads_outcomes_in_many_words(cell, outcome):
    assert outcome_of(cell) is outcome


def test_short_rows_are_filled_up():
    assert cells_of(["a", "b"], [["1", "2"], ["3"]]) == {"a": ["1", "3"], "b": ["2", None]}


def test_the_command_prints_the_figures_as_json(tmp_path, capsys):
    from saleswright.cli import learn_leads

    cells, outcomes, _chances = small_table(300)
    cells["last_seen"] = cells["noise"]
    path = tmp_path / "leads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*cells, "Converted"])
        writer.writerow([*(column[0] for column in cells.values()), ""])  # still open: left out
        writer.writerows([*(column[at] for column in cells.values()), int(outcomes[at])] for at in range(300))
    learn_leads(path, outcome="Converted", time="key", known_after=["noise"], admit=None)
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["held_out"]) == (300, 60)
    assert set(found["figures"]) == {"learned", "base"}
    reasons = {name: one["reason"] for name, one in found["columns_set_aside"].items()}
    assert reasons == {"noise": "known_after", "key": "identifier", "verdict": "separates"}
    assert "AUC" in found["columns_set_aside"]["verdict"]["text"]
    assert found["columns_to_ask_about"] == ["last_seen"]
    assert len(found["calibration"]) == 10


def test_it_names_a_column_that_there_is_not():
    with pytest.raises(LookupError, match="'Paid'"):
        evaluate({"a": [1]}, "Paid")


def test_it_refuses_an_outcome_that_is_neither_yes_nor_no():
    with pytest.raises(TooFew, match="say yes or no"):
        evaluate({"a": [1, 2, 3], "stage": ["x", "y", "z"]}, "stage")

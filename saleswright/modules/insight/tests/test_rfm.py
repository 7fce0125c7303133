"""Scores and groups, by hand and against polars on real orders."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from saleswright.interface.reports import report_named
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.insight.rfm import GROUPS, Buying, Scores, quintiles, scores
from saleswright.modules.insight.tests.factories import ago, customer, orders


def test_it_gives_a_fifth_each_score() -> None:
    assert quintiles([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_it_scores_equal_values_alike_by_those_strictly_worse() -> None:
    assert quintiles([1, 1, 1, 1, 2]) == [1, 1, 1, 1, 5]
    assert quintiles([1, 2, 2, 2, 2]) == [1, 2, 2, 2, 2]
    assert quintiles([7]) == [1]


def test_it_counts_fewer_days_as_better() -> None:
    found = scores({1: Buying(5, 9, 900), 2: Buying(300, 1, 10)})
    assert found == {1: Scores(3, 3, 3), 2: Scores(1, 1, 1)}
    assert found[2].text == "111"


def test_every_cell_has_a_group() -> None:
    assert [len(GROUPS[recency]) for recency in (5, 4, 3, 2, 1)] == [5] * 5
    assert (Scores(5, 5, 4).group, Scores(1, 1, 2).group, Scores(1, 5, 5).group) == ("champions", "lost", "cant_lose")
    assert Scores(3, 2, 3).value == 3


@pytest.fixture
def buyers(db: None) -> list[Any]:
    found = [customer(f"Buyer {place}", code=f"B{place}") for place in range(5)]
    for place, one in enumerate(found):
        orders(one, [10 + 40 * (4 - place)] * (place + 1), 100 * (place + 1))
    return found


def test_the_report_adds_up_the_groups_and_leads_to_their_customers(root: Any, buyers: list[Any]) -> None:
    found = report_named("rfm").run({}, root)
    groups = {row[0]: row[1:4] for row in found.rows}
    assert (groups["champions"][0], groups["loyal"][0]) == (1, 1)  # 555 and 444
    assert sum(row[1] for row in found.rows) == 5
    assert any("rfm_group=champions" in link for link in found.drill)
    assert found.chart is not None
    cells = found.chart.option["series"][0]["data"]
    assert sum(cell["value"][2] for cell in cells) == 5
    assert cells[-1]["url"].endswith("recency=5&value=5")


def test_the_report_names_the_customers_of_a_cell(root: Any, buyers: list[Any]) -> None:
    found = report_named("rfm").run({"by": "customer", "recency": "5", "value": "5"}, root).as_json()["rows"]
    assert [(row["code"], row["rfm_score"], row["recency_days"], row["frequency"]) for row in found] == [
        ("B4", "555", 10, 5)
    ]
    assert found[0]["monetary"] == 2500


def test_the_report_scores_people_among_what_they_see(acting: Any, person: Any, buyers: list[Any]) -> None:
    mine = person("sales_representative")
    own = customer("Own", code="OWN", owner=mine.pk)
    orders(own, [700], owner=mine.pk)
    found = report_named("rfm").run({"by": "customer"}, acting(mine)).as_json()["rows"]
    assert [(row["code"], row["rfm_score"]) for row in found] == [("OWN", "111")]


def test_the_report_refuses_a_period_of_no_days(root: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        report_named("rfm").run({"days": "0"}, root)
    assert refused.value.errors[0].field == "days"


def test_the_report_looks_back_from_the_day_that_is_asked_for(root: Any, buyers: list[Any]) -> None:
    asked = {"by": "customer", "as_of": ago(100).isoformat(), "days": "50"}
    found = report_named("rfm").run(asked, root).as_json()["rows"]
    assert [(row["code"], row["recency_days"]) for row in found] == [("B1", 30)]
    assert date.fromisoformat(asked["as_of"]) == ago(100)

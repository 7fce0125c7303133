"""How far open deals cover what is left of targets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, stage
from saleswright.modules.targets.models import Target
from saleswright.modules.targets.queries import coverage_of_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(person):
    return person("sales_representative", name="Zhang")


def year():
    return clock.fiscal_year_of(clock.today())


def target(owner, value="1000", metric="won_amount"):
    values = {
        "metric": metric, "year": year(), "period": "year", "scope_kind": "person", "scope_person": owner.pk,
        "value": value,
    }  # fmt: skip
    return save_record(Target, values, actor=system("test"))


def deals(owner):
    today = clock.today().isoformat()
    make_opportunity(owner=owner, amount="500", stage=stage("proposal"), expected_close=today)  # 250 weighted
    make_opportunity(owner=owner, amount="999", expected_close=f"{year() + 3}-01-01")
    make_opportunity(history=True, owner=owner, amount="400", status="won", closed_on=today, customer=make_customer())


def test_it_divides_the_weighted_open_amount_by_what_is_left(root, owner):
    one = target(owner)
    deals(owner)
    result = report_named("coverage").run({"year": str(year())}, root)
    [row] = result.as_json()["rows"]
    assert (row["group"], row["target"], row["remaining"], row["open_weighted"], row["coverage"]) == (
        "Zhang", Decimal("1000.00"), Decimal("600.00"), Decimal("250.00"), Decimal("0.4167"),
    )  # fmt: skip
    assert result.drill[0].endswith(f"&owner_id={owner.pk}")
    found = coverage_of_people([owner.pk], root)[owner.pk]
    assert (found.share, found.remaining, found.url) == (
        Decimal("0.4167"), Decimal("600.00"), f"/targets/{one.pk}",
    )  # fmt: skip


def test_it_says_nothing_of_a_target_that_is_reached(root, owner):
    target(owner, "400")
    deals(owner)
    [row] = report_named("coverage").run({"year": str(year())}, root).as_json()["rows"]
    assert (row["remaining"], row["coverage"]) == (Decimal("0.00"), None)


def test_it_leaves_targets_out_that_are_not_in_money(root, owner):
    target(owner, "5", metric="won_count")
    assert report_named("coverage").run({"year": str(year())}, root).rows == []
    assert coverage_of_people([owner.pk], root) == {}
    assert coverage_of_people([], root) == {}


def test_it_tells_nothing_to_who_may_not_see_targets(owner, acting):
    target(owner)
    assert coverage_of_people([owner.pk], acting("warehouse")) == {}

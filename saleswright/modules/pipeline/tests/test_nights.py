"""The pipeline on past days, and how it became that of another day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.pipeline.actions.opportunities import (
    lose_opportunity,
    reopen_opportunity,
    win_opportunity,
)
from saleswright.modules.pipeline.jobs import night as night_job
from saleswright.modules.pipeline.models import Opportunity, PipelineNight
from saleswright.modules.pipeline.nights import Stood, stood, take_night
from saleswright.modules.pipeline.reports.change import changes_between
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, stage

DAY = timedelta(days=1)


def run(name, actor, **values):
    return report_named(name).run({key: str(value) for key, value in values.items()}, actor)


def changed(actor, **values):
    rows = run("pipeline-change", actor, **values).as_json()["rows"]
    return {row["change"]: (row["deals"], row["amount"]) for row in rows if row["deals"]}


@pytest.mark.django_db
def test_it_takes_a_night_once_with_one_statement(django_assert_max_num_queries):
    deals = [make_opportunity(amount="10") for _n in range(3)]
    make_opportunity(history=True, status="lost", closed_on="2026-01-01")
    with django_assert_max_num_queries(4):
        assert take_night(date(2026, 11, 1)) == 3
    Opportunity.objects.update(base_amount=Decimal("99"))
    make_opportunity()
    assert take_night(date(2026, 11, 1)) == 0
    rows = PipelineNight.objects.values_list("opportunity_id", "base_amount", "stage_id")
    assert set(rows) == {(deal.pk, Decimal("10.00"), stage("new").pk) for deal in deals}


@pytest.mark.django_db
def test_it_keeps_the_day_that_ended():
    make_opportunity()
    assert night_job(None) == {"rows": 1}
    assert PipelineNight.objects.get().night == clock.today() - DAY


@pytest.mark.django_db
def test_it_reads_a_past_day_from_the_last_night_before_it_and_today_as_it_is(root):
    deal = make_opportunity(amount="10")
    take_night(date(2026, 1, 10))
    save_record(Opportunity, {"amount": "30"}, pk=deal.pk, actor=root)
    assert stood(date(2026, 1, 9), root) == (None, {})
    night, rows = stood(date(2026, 1, 15), root)
    assert (night, rows[deal.pk].amount) == (date(2026, 1, 10), Decimal("10.00"))
    night, rows = stood(clock.today(), root)
    assert (night, rows[deal.pk].amount) == (clock.today(), Decimal("30.00"))


@pytest.mark.django_db
def test_it_reports_the_pipeline_of_a_day_by_stage_and_owner(root, person):
    owner = person("sales_representative", name="Zhang")
    make_opportunity(amount="100", owner=owner)
    make_opportunity(amount="50", stage=stage("needs"))
    take_night(date(2026, 1, 10))
    Opportunity.objects.all().update(stage=stage("closing"))
    rows = run("pipeline-as-of", root, day="2026-01-12").as_json()["rows"]
    assert [(r["open_count"], r["open_amount"], r["open_weighted"], r["night"]) for r in rows] == [
        (1, Decimal("100.00"), Decimal("10.00"), date(2026, 1, 10)),
        (1, Decimal("50.00"), Decimal("15.00"), date(2026, 1, 10)),
    ]
    rows = run("pipeline-as-of", root, day="2026-01-12", by="owner").as_json()["rows"]
    assert [(r["group"], r["open_amount"]) for r in rows] == [
        ("Zhang", Decimal("100.00")), ("(none)", Decimal("50.00")),
    ]  # fmt: skip
    assert len(run("pipeline-as-of", root).as_json()["rows"]) == 1


@pytest.mark.django_db
def test_it_shows_only_what_one_may_see_on_past_days_too(acting, person):
    owner = person("sales_representative")
    make_opportunity(owner=owner, amount="10")
    make_opportunity(owner=person("sales_representative"), amount="70")
    take_night(date(2026, 1, 10))
    rows = run("pipeline-as-of", acting(owner), day="2026-01-10").as_json()["rows"]
    assert [r["open_amount"] for r in rows] == [Decimal("10.00")]


@pytest.mark.django_db
def test_it_tells_what_became_of_each_deal(root):
    today, night = clock.today(), clock.today() - 5 * DAY
    old = {"opened_on": (night - DAY).isoformat(), "customer": make_customer()}
    grown, shrunk, won, lost, away = (make_opportunity(amount=amount, **old) for amount in (10, 20, 30, 40, 50))
    back = make_opportunity(amount="60", **old)
    lose_opportunity(back.pk, actor=root, reason="price")
    take_night(night)
    save_record(Opportunity, {"amount": "15.50"}, pk=grown.pk, actor=root)
    save_record(Opportunity, {"amount": "1"}, pk=shrunk.pk, actor=root)
    win_opportunity(won.pk, actor=root)
    lose_opportunity(lost.pk, actor=root, reason="price")
    archive_record(Opportunity, away.pk, actor=root)
    reopen_opportunity(back.pk, actor=root, reason="again")
    new = make_opportunity(amount="7", opened_on=today.isoformat())
    assert changed(root, **{"from": night, "to": today}) == {
        "start": (5, Decimal("150.00")),
        "new": (1, Decimal("7.00")),
        "returned": (1, Decimal("60.00")),
        "grown": (1, Decimal("5.50")),
        "shrunk": (1, Decimal("-19.00")),
        "won": (1, Decimal("-30.00")),
        "lost": (1, Decimal("-40.00")),
        "left": (1, Decimal("-50.00")),
        "end": (4, Decimal("83.50")),
    }
    result = run("pipeline-change", root, **{"from": night, "to": today})
    assert result.chart.title == f"Since {night} the pipeline has changed by -66.50"
    deals = run("pipeline-change", root, **{"from": night, "to": today, "by": "deal", "change": "new"})
    assert (deals.drill, deals.rows[0][2:]) == ([f"/opportunities/{new.pk}"], [0, Decimal("7.00"), Decimal("7.00")])


@pytest.mark.django_db
def test_it_lets_deals_slip_out_of_a_period_and_be_pulled_in(root):
    today, night = clock.today(), clock.today() - 5 * DAY
    edge = today + 10 * DAY
    late, early, outside = (
        make_opportunity(amount="10", expected_close=(edge + days * DAY).isoformat()) for days in (0, 5, 9)
    )
    undated = make_opportunity(amount="99")
    take_night(night)
    save_record(Opportunity, {"expected_close": (edge + DAY).isoformat()}, pk=late.pk, actor=root)
    save_record(Opportunity, {"expected_close": edge.isoformat(), "amount": "12"}, pk=early.pk, actor=root)
    assert changed(root, **{"from": night, "to": today, "until": edge}) == {
        "start": (1, Decimal("10.00")),
        "pulled_in": (1, Decimal("12.00")),
        "slipped": (1, Decimal("-10.00")),
        "end": (1, Decimal("12.00")),
    }
    assert {outside.status, undated.status} == {"open"}


@pytest.mark.django_db
def test_it_knows_what_was_won_then_though_it_is_open_again(root):
    deal = make_opportunity(amount="10", customer=make_customer())
    take_night(date(2026, 1, 10))
    at = datetime.combine(date(2026, 1, 12), datetime.min.time(), clock.zone())
    Opportunity.objects.filter(pk=deal.pk).update(opened_on=date(2026, 1, 1))
    win_opportunity(deal.pk, actor=root, at=at)
    other = make_opportunity(amount="5", opened_on="2026-01-11")
    take_night(date(2026, 1, 13))
    reopen_opportunity(deal.pk, actor=root, reason="cancelled")
    assert changed(root, **{"from": "2026-01-10", "to": "2026-01-13"}) == {
        "start": (1, Decimal("10.00")),
        "new": (1, Decimal("5.00")),
        "won": (1, Decimal("-10.00")),
        "end": (1, Decimal("5.00")),
    }
    assert other.status == "open"


@pytest.mark.django_db
def test_it_says_so_when_nothing_was_recorded_yet(root):
    with pytest.raises(ValidationFailed) as refused:
        run("pipeline-change", root, **{"from": "2020-01-01", "to": "2020-02-01"})
    assert [one.field for one in refused.value.errors] == ["from"]
    assert run("pipeline-as-of", root, day="2020-01-01").rows == []


DAYS = st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 9))
STANDS = st.builds(
    Stood, st.just(0), st.just(1), st.just(None), st.decimals(0, 10**9, places=2), st.just(10), DAYS
)  # fmt: skip
STATES = st.dictionaries(st.integers(1, 12), STANDS, max_size=12)


@settings(max_examples=60, deadline=None)
@given(then=STATES, now=STATES, until=DAYS, fates=st.dictionaries(st.integers(1, 12), st.sampled_from(["won", "lost"])))
def test_its_changes_always_add_up_to_the_difference(then, now, until, fates):
    start = date(2026, 1, 3)
    found = changes_between(then, now, dict.fromkeys(range(1, 6), date(2026, 1, 5)), fates, start, until)

    def total(state):
        inside = [
            one.amount for one in state.values() if until is None or (one.expected_close or date.max) <= until
        ]  # fmt: skip
        return sum(inside, Decimal(0))

    assert total(then) + sum(one.difference for one in found) == total(now)
    assert len({one.opportunity_id for one in found}) == len(found)
    assert all(one.difference <= 0 for one in found if one.kind in {"won", "lost", "left", "slipped", "shrunk"})

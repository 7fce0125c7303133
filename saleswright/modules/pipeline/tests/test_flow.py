"""Velocity, ageing in the stages, slipped deals and activities, against figures worked out by hand or with polars."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from saleswright.interface.reports import report_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.metrics import measure, measure_by, metric_named
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Activity, Opportunity, Stage
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product, stage

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def run(name, actor, **values):
    return report_named(name).run({key: str(value) for key, value in values.items()}, actor)


def rows_of(result):
    return result.as_json()["rows"]


def closed(status, opened, closed_on, amount, **values):
    values.setdefault("customer", make_customer())
    return make_opportunity(history=True, status=status, opened_on=opened, closed_on=closed_on, amount=amount, **values)


def test_it_multiplies_open_deals_rate_mean_deal_over_mean_cycle(root, person):
    owner, idle = person(name="Zhang"), person(name="Li")
    closed("won", "2026-01-01", "2026-01-11", "100", owner=owner)  # 10 days
    closed("won", "2026-01-01", "2026-02-01", "50.50", owner=owner)  # 31 days
    closed("won", None, "2026-02-01", "10", owner=owner)  # its days are unknown
    closed("lost", "2026-01-01", "2026-02-01", "999", owner=owner)
    for _n in range(3):
        make_opportunity(owner=owner)
    make_opportunity(owner=idle)
    result = run("velocity", root)
    # 3 x 3/4 x (160.50 / 3) / (41 / 2) = 5.8719…
    assert [tuple(row.values()) for row in rows_of(result)] == [
        ("Zhang", 3, Decimal("0.7500"), Decimal("53.50"), Decimal("20.50"), Decimal("5.87")),
        ("Li", 1, None, None, None, None),
        ("All", 4, Decimal("0.7500"), Decimal("53.50"), Decimal("20.50"), Decimal("7.83")),
    ]
    assert result.drill[0] == f"/opportunities?status=open&owner_id={owner.pk}"


def test_it_cuts_velocity_by_day_of_closing_and_counts_what_is_open_now(root):
    product = make_product(name="Pump")
    closed("won", "2026-01-01", "2026-01-11", "100", product=product)
    closed("won", "2025-01-01", "2025-01-02", "7", product=product)
    make_opportunity(product=product)
    [row] = rows_of(run("velocity", root, by="product", **{"from": "2026-01-01", "to": "2026-12-31"}))
    assert (row["group"], row["mean_deal"], row["velocity"]) == ("Pump", Decimal("100.00"), Decimal("10.00"))


def test_it_says_how_long_deals_stand_in_each_stage(root):
    today = clock.today()
    Stage.objects.filter(name="new").update(time_limit_days=7)
    for days, due in ((3, 0), (10, -1)):
        deal = make_opportunity(amount="20")
        Opportunity.objects.filter(pk=deal.pk).update(stage_since=today - days * DAY, stage_due_on=today + due * DAY)
    make_opportunity(history=True, status="lost", closed_on="2026-01-01")
    rows = rows_of(run("stage-ageing", root))
    assert [tuple(rows[0].values())[1:], tuple(rows[1].values())[1:4]] == [
        (2, Decimal("6.50"), 10, 7, 1, Decimal("20.00")),
        (0, None, None),
    ]


def test_it_lists_deals_that_were_put_off_or_are_past_their_day(root):
    today = clock.today()

    def day(days):
        return (today + days * DAY).isoformat()

    moved = make_opportunity(amount="100", expected_close=day(10), name="Moved")
    for days in (20, 15, 40):
        save_record(Opportunity, {"expected_close": day(days)}, pk=moved.pk, actor=root)
    late = make_opportunity(amount="5", expected_close=day(-3), name="Late")
    make_opportunity(expected_close=day(5))
    earlier = make_opportunity(expected_close=day(9))
    save_record(Opportunity, {"expected_close": day(8)}, pk=earlier.pk, actor=root)
    result = run("slipped-deals", root)
    rows = [(r["group"], r["first_close"], r["times"], r["days"], r["past_days"]) for r in rows_of(result)]
    assert rows == [
        ("Moved", today + 10 * DAY, 2, 30, 0),
        ("Late", today - 3 * DAY, 0, 0, 3),
    ]
    assert result.drill == [f"/opportunities/{moved.pk}", f"/opportunities/{late.pk}"]


# --- activities ------------------------------------------------------------------------------------------------


def note(customer, owner, **values):
    given = {"kind": "visit", "subject": "X", "customer": customer.pk, "owner": owner.pk, **values}
    return save_record(Activity, given, actor=system("test"))


def test_it_counts_what_people_did_and_whom_they_left_alone(root, person):
    busy, lazy = person(name="Busy"), person(name="Lazy")
    first, second = make_customer(owner=busy), make_customer(owner=lazy)
    Customer.objects.filter(pk=second.pk).update(created_at=clock.now() - 31 * DAY)
    now = clock.now()
    note(first, busy, done_at=now, outcome="they want two")
    note(first, busy, kind="call", done_at=now)
    note(second, busy, planned_at=now + DAY)
    result = run("activity", root)
    assert [tuple(row.values()) for row in rows_of(result)] == [
        ("Busy", 1, 2, 0, 1, 1, Decimal("0.5000"), 0),
        ("Lazy", 0, 0, 0, 0, 0, None, 1),
    ]
    assert result.drill[0] == f"/activities?owner_id={busy.pk}"


def test_it_groups_activities_by_kind_outcome_and_customer_within_days(root, person):
    owner, customer, now = person(), make_customer(name="Quay"), clock.now()
    note(customer, owner, done_at=now, outcome="yes")
    note(customer, owner, kind="call", done_at=now)
    note(customer, owner, kind="call", done_at=now - 40 * DAY)
    days = {"from": clock.today() - 7 * DAY, "to": clock.today()}

    def done(**values):
        return {row["group"]: row["done"] for row in rows_of(run("activity", root, **values))}

    assert done(by="kind", **days) == {"visit": 1, "call": 1}
    assert done(by="kind") == {"visit": 1, "call": 2}
    assert done(by="outcome", **days) == {"True": 1, "False": 1}
    assert done(by="customer", kind="call") == {"Quay": 2}
    drill = run("activity", root, by="kind", kind="visit", **days).drill
    assert drill == [f"/activities?kind=visit&done_at__gte={days['from']}&done_at__lte={days['to']}"]


def test_it_counts_only_what_one_may_see(acting, person):
    owner = person("sales_representative")
    note(make_customer(), owner, done_at=clock.now())
    note(make_customer(), person("sales_representative"), done_at=clock.now())
    rows = rows_of(run("activity", acting(owner)))
    assert [row["done"] for row in rows] == [1]


def test_it_lists_stages_of_the_pipeline_with_a_way_to_the_deals(root):
    result = run("stage-ageing", root)
    assert result.drill[0] == f"/opportunities?stage_id={stage('new').pk}&status=open&ordering=stage_since"


def test_it_measures_what_is_stuck(root, person):
    owner, today = person(), clock.today()
    for days in (-1, 0):
        deal = make_opportunity(owner=owner, amount="20")
        Opportunity.objects.filter(pk=deal.pk).update(stage_due_on=today + days * DAY)
    assert measure(metric_named("stuck_count"), root) == 1
    assert measure_by(metric_named("stuck_amount"), "owner", root) == {owner.pk: Decimal("20.00")}

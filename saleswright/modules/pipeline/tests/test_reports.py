"""Funnel, win rate, sales cycle and measures, against figures worked out by hand or row by row."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.reports import report_named
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, measure_by, metric_named
from saleswright.kernel.records import save_record
from saleswright.modules.pipeline.actions.opportunities import move_opportunity, win_opportunity
from saleswright.modules.pipeline.models import Opportunity, Pipeline, Stage
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product, stage

pytestmark = pytest.mark.django_db


def run(name, actor, **given):
    return report_named(name).run({key: str(value) for key, value in given.items()}, actor)


def rows_of(result):
    return result.as_json()["rows"]


def closed(status, opened, closed_on, amount="100", **values):
    if status == "won":
        values.setdefault("customer", make_customer())
    return make_opportunity(history=True, status=status, opened_on=opened, closed_on=closed_on, amount=amount, **values)


# --- funnel ----------------------------------------------------------------------------------------------------


def test_it_counts_who_reached_each_stage(root):
    customer = make_customer()
    make_opportunity(amount="100")
    moved = make_opportunity(amount="200.50")
    skipped = make_opportunity(amount="300", probability=60)
    back = make_opportunity(amount="50")
    won = make_opportunity(customer=customer, amount="70")
    closed("lost", "2026-01-01", "2026-02-01", stage=stage("needs"))
    move_opportunity(moved.pk, actor=root, stage_id=stage("needs").pk)
    move_opportunity(skipped.pk, actor=root, stage_id=stage("proposal").pk, reason="in a hurry")
    move_opportunity(back.pk, actor=root, stage_id=stage("negotiation").pk, reason="in a hurry")
    move_opportunity(back.pk, actor=root, stage_id=stage("new").pk, reason="false alarm")
    win_opportunity(won.pk, actor=root)
    result = run("funnel", root)
    figures = [
        (r["stage"], r["open_count"], str(r["open_amount"]), str(r["open_weighted"]), r["reached_count"],
         r["won_count"], str(r["conversion"]), str(r["next_conversion"]))
        for r in rows_of(result)
    ]  # fmt: skip
    assert figures == [
        ("new", 2, "150.00", "15.00", 6, 1, "0.1667", "0.8333"),
        ("needs", 1, "200.50", "60.15", 5, 1, "0.2000", "0.6000"),
        ("proposal", 1, "300.00", "180.00", 3, 1, "0.3333", "0.6667"),
        ("negotiation", 0, "0.00", "0.00", 2, 1, "0.5000", "0.5000"),
        ("closing", 0, "0.00", "0.00", 1, 1, "1.0000", "1.0000"),
    ]
    assert result.chart.title == "Of 6 deals 1 were won"
    assert result.drill[0] == f"/opportunities?stage_id={stage('new').pk}&status=open"


def test_it_has_no_shares_of_an_empty_funnel(root):
    result = run("funnel", root)
    assert [(r["reached_count"], r["conversion"], r["next_conversion"]) for r in rows_of(result)] == [
        (0, None, None)
    ] * 5
    assert result.chart is None


def test_it_cuts_the_funnel_by_day_of_opening_owner_and_product(root, person):
    owner, product = person("sales_representative"), make_product()
    make_opportunity(opened_on="2026-01-01", owner=owner)
    make_opportunity(opened_on="2026-01-31", product=product)
    make_opportunity(opened_on="2026-02-01")

    def reached(**given):
        return rows_of(run("funnel", root, **given))[0]["reached_count"]

    assert reached(**{"from": "2026-01-01", "to": "2026-01-31"}) == 2
    assert reached(owner_id=owner.pk) == 1
    assert reached(product_id=product.pk) == 1
    assert reached(department_id=10**9) == 0


def test_it_shows_the_funnel_of_one_pipeline(root):
    tender = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    save_record(Stage, {"pipeline": tender.pk, "name": "bid", "title": "Bid", "sequence": 1}, actor=root)
    make_opportunity(pipeline=tender)
    assert [r["reached_count"] for r in rows_of(run("funnel", root, pipeline_id=tender.pk))] == [1]
    assert rows_of(run("funnel", root))[0]["reached_count"] == 0


def test_it_leaves_archived_opportunities_out(api, root):
    deal = make_opportunity()
    assert api().act("opportunities", deal.pk, "archive").status_code == 200
    assert rows_of(run("funnel", root))[0]["reached_count"] == 0
    assert measure(metric_named("open_count"), root) == 0


def test_it_shows_people_what_they_may_see(acting, person):
    owner = person("sales_representative")
    make_opportunity(owner=owner)
    make_opportunity(owner=person("sales_representative"))
    assert rows_of(run("funnel", acting(owner)))[0]["reached_count"] == 1
    with pytest.raises(NotAllowed):
        run("funnel", acting("warehouse"))


# --- win rate and sales cycle ----------------------------------------------------------------------------------


def test_it_says_rate_and_amount_won_by_owner(root, person):
    wang, li = person(name="Wang"), person(name="Li")
    closed("won", "2026-01-01", "2026-02-01", "1000.10", owner=wang)
    closed("won", "2026-01-01", "2026-02-01", "0.20", owner=wang)
    closed("lost", "2026-01-01", "2026-02-01", "9999", owner=wang)
    closed("lost", "2026-01-01", "2026-02-01", owner=li)
    make_opportunity(owner=li)
    closed("won", "2026-01-01", "2026-02-01", "7")
    result = run("win-rate", root)
    assert [tuple(map(str, row)) for row in result.rows] == [
        ("Wang", "2", "1", "0.6667", "1000.30"),
        ("(none)", "1", "0", "1.0000", "7.00"),
        ("Li", "0", "1", "0.0000", "0.00"),
    ]
    assert [column.name for column in result.columns] == ["group", "won", "lost", "rate", "won_amount"]
    assert result.drill == [
        f"/opportunities?status=won,lost&owner_id={wang.pk}", "", f"/opportunities?status=won,lost&owner_id={li.pk}",
    ]  # fmt: skip


def test_it_keeps_people_of_the_same_name_apart(root, person):
    for _place in range(2):
        closed("won", "2026-01-01", "2026-02-01", owner=person(name="Wang"))
    assert [row[:2] for row in run("win-rate", root).rows] == [["Wang", 1], ["Wang", 1]]


def test_it_says_mean_and_median_of_the_days_of_deals_won(root):
    for days in (10, 11, 12, 30):
        closed("won", "2026-01-01", date(2026, 1, 1) + timedelta(days=days), source="web")
    closed("won", None, "2026-03-01", source="web")
    closed("lost", "2026-01-01", "2026-12-31", source="web")
    assert [list(map(str, row)) for row in run("sales-cycle", root, by="source").rows] == [
        ["web", "4", "15.75", "11.5"]
    ]


def test_it_takes_both_ends_of_the_days_of_closing(root):
    for day in ("2026-03-31", "2026-04-01", "2026-06-30", "2026-07-01"):
        closed("won", "2026-01-01", day)
    rows = run("win-rate", root, by="quarter", **{"from": "2026-04-01", "to": "2026-06-30"}).rows
    assert [row[:2] for row in rows] == [["2026-Q2", 2]]
    assert [row[:2] for row in run("win-rate", root, by="quarter").rows] == [
        ["2026-Q1", 1], ["2026-Q2", 2], ["2026-Q3", 1],
    ]  # fmt: skip


def test_it_answers_by_api_with_money_as_text(api):
    closed("won", "2026-01-01", "2026-02-01", "1000.50", source="web")
    body = api("sales_director").get("reports/win-rate?by=source&from=2026-01-01").json()
    assert body["columns"] == ["group", "won", "lost", "rate", "won_amount"]
    assert body["rows"] == [{"group": "web", "won": 1, "lost": 0, "rate": "1.0000", "won_amount": "1000.50"}]


@pytest.mark.parametrize("name", ["funnel", "win-rate", "sales-cycle"])
@pytest.mark.parametrize(
    "given",
    [
        {"by": "moon"},
        {"from": "yesterday"},
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"owner_id": "x"},
        {"odd": "1"},
    ],
)
def test_it_refuses_parameters_that_make_no_sense(root, name, given):
    with pytest.raises(ValidationFailed):
        run(name, root, **given)


@pytest.mark.parametrize("name", ["funnel", "win-rate", "sales-cycle"])
def test_it_takes_as_many_queries_for_many_as_for_few(root, name):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            run(name, root)
        return len(captured)

    closed("won", "2026-01-01", "2026-02-01")
    queries()  # what is kept for a while is asked for once
    few = queries()
    for _place in range(5):
        closed("won", "2026-01-01", "2026-02-01")
    assert queries() == few <= 6


@pytest.mark.parametrize("by", ["owner", "manager", "product", "quarter", "source"])
def test_it_equals_a_count_row_by_row(root, person, by):
    chance = random.Random(by)
    managers = [person(name=f"M{n}") for n in range(2)]
    owners = [person(name=f"P{n}", manager=managers[n % 2]) for n in range(3)]
    products = [make_product(name=f"Product {n}") for n in range(3)]
    facts = []
    customer = make_customer()
    for _place in range(40):
        owner, product = chance.choice(owners), chance.choice([*products, None])
        opened = date(2026, 1, 1) + timedelta(days=chance.randrange(200))
        end = opened + timedelta(days=chance.randrange(150))
        status, source = chance.choice(["won", "lost"]), chance.choice(["web", "referral"])
        amount = Decimal(chance.randrange(1, 10**7)) / 100
        closed(status, opened, end, str(amount), owner=owner, product=product, source=source, customer=customer)
        group = {
            "owner": owner.name,
            "manager": owner.manager.name,
            "product": product.name if product else "(none)",
            "quarter": f"{end.year}-Q{(end.month + 2) // 3}",
            "source": source,
        }[by]
        facts.append((group, status, amount, (end - opened).days))
    groups = defaultdict(list)
    for group, *rest in facts:
        groups[group].append(rest)
    rates, cycles = {}, {}
    for group, members in groups.items():
        won = [member for member in members if member[0] == "won"]
        rate = Fraction(len(won), len(members)) * 10**4
        rate = Decimal(int(rate + Fraction(1, 2))) / 10**4
        rates[group] = (len(won), len(members) - len(won), rate, sum((m[1] for m in won), Decimal(0)))
        if days := [m[2] for m in won]:
            mean = (Decimal(sum(days)) / len(days)).quantize(Decimal("0.01"), ROUND_HALF_UP)
            cycles[group] = (len(won), mean, Decimal(str(median(days))))
    assert {row[0]: tuple(row[1:]) for row in run("win-rate", root, by=by).rows} == rates
    assert {row[0]: tuple(row[1:]) for row in run("sales-cycle", root, by=by).rows} == cycles


# --- measures --------------------------------------------------------------------------------------------------


def test_it_measures_what_was_won_lost_and_is_open(root, person):
    manager = person(name="Chief")
    owner, product = person(name="Wang", manager=manager), make_product()
    closed("won", "2026-01-01", "2026-02-01", "10.10", owner=owner, product=product)
    closed("won", "2026-01-01", "2026-03-01", "20.20")
    closed("lost", "2026-01-01", "2026-02-01", "5")
    make_opportunity(amount="100", expected_close="2026-05-01", owner=owner)
    make_opportunity(amount="33.33", expected_close="2026-05-31", stage=stage("proposal"))
    february = Period(date(2026, 2, 1), date(2026, 2, 28))
    may = Period(date(2026, 5, 1), date(2026, 5, 31))

    def value(name, *period, **filters):
        return measure(metric_named(name), root, *period, **filters)

    assert value("won_amount") == Decimal("30.30")
    assert value("won_amount", february) == Decimal("10.10")
    assert (value("won_count"), value("lost_count"), value("open_count")) == (2, 1, 2)
    assert value("lost_count", february) == 1
    assert value("open_amount", may) == Decimal("133.33")
    assert value("open_weighted", may) == Decimal("26.665")
    assert value("won_amount", product=product.pk, manager=manager.pk) == Decimal("10.10")
    assert measure_by(metric_named("won_count"), "owner", root) == {owner.pk: 1, None: 1}


def test_it_measures_only_what_a_person_may_see(acting, person):
    owner = person("sales_representative")
    closed("won", "2026-01-01", "2026-02-01", "10", owner=owner)
    closed("won", "2026-01-01", "2026-02-01", "90")
    assert measure(metric_named("won_amount"), acting(owner)) == Decimal("10.00")


def test_it_has_a_column_of_the_board_for_each_stage(root):
    from saleswright.modules.pipeline.queries import stage_columns

    tender = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    bid = save_record(Stage, {"pipeline": tender.pk, "name": "bid", "title": "Bid", "sequence": 1}, actor=root)
    default = [column.percent for column in stage_columns(root, {})]
    assert default == ["10%", "30%", "50%", "70%", "90%"]
    assert [column.key for column in stage_columns(root, {"pipeline_id": str(tender.pk)})] == [str(bid.pk)]
    assert [column.percent for column in stage_columns(root, {"pipeline_id": "x"})] == default
    assert not Opportunity.objects.exists()

"""Time limits of stages in working days, room in a stage, and where probabilities come from."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest
from django.db import connection, connections

from saleswright.kernel.access.actors import system
from saleswright.kernel.drafts import Draft
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import SpecialDay
from saleswright.kernel.outbox import deliver
from saleswright.kernel.records import save_record, save_records
from saleswright.modules.pipeline import probability, timing
from saleswright.modules.pipeline.actions.opportunities import (
    lose_opportunity,
    move_opportunity,
    reopen_opportunity,
)
from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.tests.factories import make_opportunity, stage

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_limits(db):
    Stage.objects.update(time_limit_days=None)


def limit(name, days):
    save_record(Stage, {"time_limit_days": days}, pk=stage(name).pk, actor=system("test"))


def due(deal):
    return Opportunity.objects.values_list("stage_due_on", flat=True).get(pk=deal.pk)


def test_it_counts_working_days_from_entering_the_stage(root):
    limit("needs", 2)
    deal = make_opportunity()
    assert due(deal) is None
    move_opportunity(deal.pk, actor=root, at=FRIDAY, stage_id=stage("needs").pk)
    assert due(deal) == date(2026, 11, 24)  # Friday and two working days: Tuesday


def test_it_has_no_time_limit_once_closed_and_a_new_one_when_reopened(root):
    limit("new", 1)
    deal = make_opportunity(opened_on="2026-11-02")
    assert due(deal) == date(2026, 11, 3)
    lose_opportunity(deal.pk, actor=root, at=FRIDAY, reason="price")
    assert due(deal) is None
    reopen_opportunity(deal.pk, actor=root, at=FRIDAY, reason="again")
    assert due(deal) == date(2026, 11, 23)


def test_it_follows_a_new_limit_of_the_stage():
    deal, other = make_opportunity(opened_on="2026-11-02"), make_opportunity(stage=stage("needs"))
    limit("new", 5)
    assert (due(deal), due(other)) == (date(2026, 11, 9), None)
    limit("new", None)
    assert due(deal) is None


def test_it_follows_the_calendar_of_the_company(root):
    limit("new", 2)
    deal = make_opportunity(opened_on="2026-11-02")
    assert due(deal) == date(2026, 11, 4)
    save_record(SpecialDay, {"day": "2026-11-03", "name": "Founders' day"}, actor=root)
    deliver()
    assert due(deal) == date(2026, 11, 5)


def test_it_works_limits_out_with_as_many_statements_as_there_are_days(django_assert_max_num_queries):
    limit("new", 2)
    for _n in range(6):
        make_opportunity(opened_on="2026-11-02")
    Opportunity.objects.update(stage_due_on="2026-01-01")
    with django_assert_max_num_queries(2):
        assert timing.follow_time_limits() == 6
    assert timing.follow_time_limits() == 0


def test_it_gives_imported_deals_their_limit_too(root):
    limit("new", 2)
    drafts = [Draft({"code": f"X{n}", "name": "Old", "opened_on": "2026-11-02"}, row=n) for n in range(3)]
    save_records(Opportunity, drafts, actor=root, history=True)
    assert set(Opportunity.objects.values_list("stage_due_on", flat=True)) == {date(2026, 11, 4)}


# --- room ------------------------------------------------------------------------------------------------------


def room(name, most, mode):
    Stage.objects.filter(name=name).update(most_deals=most, limit_mode=mode)


def test_it_lets_no_more_into_a_full_stage(root):
    room("needs", 1, "block")
    make_opportunity(stage=stage("needs"))
    deal = make_opportunity()
    with pytest.raises(Conflict) as refused:
        move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    assert "1 open deals may stand there" in str(refused.value)
    deal.refresh_from_db()
    assert deal.stage.name == "new"


@pytest.mark.parametrize(("most", "mode"), [(1, "warn"), (2, "block"), (None, "block")])
def test_it_lets_more_in_where_it_only_warns_or_there_is_room(root, most, mode):
    room("needs", most, mode)
    make_opportunity(stage=stage("needs"))
    deal = make_opportunity()
    move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    deal.refresh_from_db()
    assert deal.stage.name == "needs"


def test_it_does_not_count_closed_and_archived_deals(root, api):
    room("needs", 1, "block")
    make_opportunity(history=True, stage=stage("needs"), status="lost", closed_on="2026-01-01")
    away = make_opportunity(stage=stage("needs"))
    assert api().act("opportunities", away.pk, "archive").status_code == 200
    deal = make_opportunity()
    move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    deal.refresh_from_db()
    assert deal.stage.name == "needs"


def test_it_lets_no_deal_be_entered_or_reopened_into_a_full_stage(root, api):
    room("new", 2, "block")
    lost = make_opportunity(history=True, stage=stage("new"), status="lost", closed_on="2026-01-01")
    drafts = [Draft({"name": f"Deal {n}"}) for n in range(3)]
    saved = save_records(Opportunity, drafts, actor=root, skip_bad=True)
    assert [[(e.field, e.code) for e in draft.errors] for draft in saved.bad] == [[("stage", "range")]]
    assert api().post("opportunities", {"name": "Late"}).status_code == 422
    with pytest.raises(Conflict):
        reopen_opportunity(lost.pk, actor=root, reason="again")
    assert Opportunity.objects.filter(status="open").count() == 2
    make_opportunity(history=True)
    assert Opportunity.objects.filter(status="open").count() == 3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_lets_one_of_two_who_come_at_once_into_the_last_place(root):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    room("needs", 1, "block")
    deals, target = [make_opportunity(), make_opportunity()], stage("needs").pk
    start, outcome = threading.Barrier(2), []

    def go(pk):
        start.wait()
        try:
            move_opportunity(pk, actor=root, stage_id=target)
            outcome.append("moved")
        except Conflict:
            outcome.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=(deal.pk,)) for deal in deals]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcome) == ["moved", "refused"]
    assert Opportunity.objects.filter(stage=target).count() == 1


# --- probability -----------------------------------------------------------------------------------------------


@pytest.fixture
def source(monkeypatch):
    said = {}
    found = [lambda ids: {pk: said[pk] for pk in ids if pk in said}]
    monkeypatch.setattr(probability, "probability_sources", found)
    return said


def mode(deal):
    deal = Opportunity.objects.get(pk=deal.pk)
    return deal.probability, deal.probability_mode, deal.probability_manual


def test_it_takes_the_stages_where_nothing_is_learned(source):
    assert mode(make_opportunity(probability_mode="learned")) == (10, "learned", False)


def test_it_takes_what_was_learned_and_keeps_it_when_it_moves(source, root, api):
    deal = make_opportunity(probability_mode="learned")
    source[deal.pk] = 64
    assert api().patch(f"opportunities/{deal.pk}", {"next_step": "call"}).status_code == 200
    assert mode(deal) == (64, "learned", False)
    source[deal.pk] = 71
    move_opportunity(deal.pk, actor=root, stage_id=stage("needs").pk)
    assert mode(deal) == (71, "learned", False)


def test_it_asks_anew_for_all_that_want_it(source):
    wanting, plain = make_opportunity(probability_mode="learned"), make_opportunity()
    source.update({wanting.pk: 140, plain.pk: 55})
    assert probability.refresh_learned() == 1
    assert (mode(wanting), mode(plain)) == ((100, "learned", False), (10, "stage", False))
    assert probability.refresh_learned() == 0


def test_it_asks_the_first_source_that_knows(monkeypatch):
    sources = [lambda ids: {1: 20}, lambda ids: dict.fromkeys(ids, 90)]
    monkeypatch.setattr(probability, "probability_sources", sources)
    assert probability.learned([1, 2]) == {1: 20, 2: 90}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"probability_mode": "manual", "probability": 35}, (35, "manual", True)),
        ({"probability": 35}, (35, "manual", True)),
        ({"probability_mode": "stage", "probability": 35}, (35, "manual", True)),
        ({"probability_mode": "stage", "probability": 10}, (10, "stage", False)),
        ({}, (10, "stage", False)),
    ],
)
def test_it_knows_whether_a_probability_was_set_by_hand(values, expected):
    assert mode(make_opportunity(**values)) == expected


def test_it_goes_back_to_the_stages_by_choosing_its_mode(api):
    deal = make_opportunity(probability=35)
    api().patch(f"opportunities/{deal.pk}", {"probability_mode": "stage", "probability": 35})
    assert mode(deal) == (10, "stage", False)

"""How opportunities move, are won, lost, reopened and handed over."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry, OutboxEvent
from saleswright.kernel.records import save_record
from saleswright.modules.market.models import Competitor
from saleswright.modules.pipeline.actions import opportunities
from saleswright.modules.pipeline.models import LossReason, Opportunity, Pipeline, Stage, StageChange
from saleswright.modules.pipeline.states import OpportunityStatus
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, make_product, stage

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 20 November in Shanghai
TODAY = date(2026, 11, 20)


def make(**values):
    return make_opportunity(**{"customer": make_customer(), "opened_on": "2026-11-01", "amount": "100", **values})


def unchanged(deal):
    return Opportunity.objects.values().get(pk=deal.pk)


TRANSITIONS = {
    "move": (opportunities.move_opportunity, {"open"}, "open"),
    "win": (opportunities.win_opportunity, {"open"}, "won"),
    "lose": (opportunities.lose_opportunity, {"open"}, "lost"),
    "reopen": (opportunities.reopen_opportunity, {"won", "lost"}, "open"),
    "assign": (opportunities.assign_opportunity, {"open", "won", "lost"}, None),
}


@pytest.mark.parametrize("state", OpportunityStatus.values)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_it_changes_state_only_from_the_right_ones(root, person, name, state):
    change, sources, target = TRANSITIONS[name]
    closed = {} if state == "open" else {"closed_on": "2026-11-10"}
    deal = make(history=True, status=state, **closed) if closed else make()
    arguments = {
        "move": {"stage_id": stage("needs").pk},
        "lose": {"reason": "price"},
        "reopen": {"reason": "they called"},
        "assign": {"owner_id": person().pk},
    }.get(name, {})
    before, history = unchanged(deal), StageChange.objects.count()
    if state in sources:
        change(deal.pk, actor=root, at=AT, **arguments)
        deal.refresh_from_db()
        assert deal.status == (target or state)
        assert AuditEntry.objects.filter(resource="opportunities", record_id=deal.pk, action=name).count() == 1
    else:
        with pytest.raises(Conflict):
            change(deal.pk, actor=root, at=AT, **arguments)
        assert unchanged(deal) == before
        assert StageChange.objects.count() == history


# --- moving ----------------------------------------------------------------------------------------------------


def test_it_moves_on_and_writes_how_long_it_stood_there(acting):
    actor, deal = acting("sales_director"), make()
    opportunities.move_opportunity(deal.pk, actor=actor, at=AT, stage_id=stage("needs").pk)
    deal.refresh_from_db()
    assert (deal.stage.name, deal.stage_since, deal.probability) == ("needs", TODAY, 30)
    change = StageChange.objects.get(opportunity=deal, from_stage__name="new")
    assert (change.to_stage.name, change.days, change.at, change.actor_id) == ("needs", 19, AT, actor.user_id)


def test_it_keeps_a_probability_set_by_hand_when_it_moves(root):
    deal = make(probability=77)
    opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=stage("needs").pk)
    deal.refresh_from_db()
    assert deal.probability == 77


@pytest.mark.parametrize(("start", "target"), [("new", "proposal"), ("new", "closing"), ("proposal", "needs")])
def test_it_asks_for_a_reason_to_skip_a_stage_or_go_back(root, start, target):
    deal = make(stage=stage(start))
    before, history = unchanged(deal), StageChange.objects.count()
    with pytest.raises(ValidationFailed) as refused:
        opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=stage(target).pk)
    assert [(e.field, e.code) for e in refused.value.errors] == [("reason", "required")]
    assert (unchanged(deal), StageChange.objects.count()) == (before, history)
    opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=stage(target).pk, reason="they know us")
    deal.refresh_from_db()
    assert deal.stage.name == target
    assert StageChange.objects.latest("id").reason == "they know us"


def test_it_needs_no_reason_to_pass_an_archived_stage(root):
    deal = make()
    Stage.objects.filter(name="needs").update(archived_at=AT)
    opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=stage("proposal").pk)
    deal.refresh_from_db()
    assert deal.stage.name == "proposal"


def test_it_says_what_is_missing_before_a_stage_is_left(api):
    Stage.objects.filter(name="new").update(exit_requires=["customer", "expected_close", "amount", "needs"])
    deal = make(amount="0")
    client, before = api(), unchanged(deal)
    response = client.act("opportunities", deal.pk, "move", stage_id=stage("needs").pk)
    assert response.status_code == 409
    assert response.json()["detail"].endswith("fill in: Expected close, Amount, Needs.")
    assert unchanged(deal) == before
    client.patch(f"opportunities/{deal.pk}", {"expected_close": "2026-12-31", "amount": "5.00", "needs": ["flow"]})
    assert client.act("opportunities", deal.pk, "move", stage_id=stage("needs").pk).status_code == 200


def test_it_goes_back_whatever_the_stage_asks_for(root):
    Stage.objects.filter(name="needs").update(exit_requires=["expected_close"])
    deal = make(stage=stage("needs"))
    opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=stage("new").pk, reason="misunderstood")
    deal.refresh_from_db()
    assert deal.stage.name == "new"


def test_it_refuses_the_stage_it_is_in_and_stages_of_other_pipelines(root):
    deal = make()
    other = save_record(Pipeline, {"name": "tender", "title": "Tenders", "sequence": 20}, actor=root)
    foreign = save_record(Stage, {"pipeline": other.pk, "name": "bid", "title": "Bid", "sequence": 1}, actor=root)
    before = unchanged(deal)
    with pytest.raises(Conflict):
        opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=deal.stage_id)
    for pk in (foreign.pk, 10**9):
        with pytest.raises(ValidationFailed) as refused:
            opportunities.move_opportunity(deal.pk, actor=root, at=AT, stage_id=pk)
        assert refused.value.errors[0].field == "stage_id"
    assert unchanged(deal) == before


# --- winning and losing ----------------------------------------------------------------------------------------


def test_it_is_won_today_with_certainty_and_says_so(root):
    deal = make(probability=44)
    opportunities.win_opportunity(deal.pk, actor=root, at=AT)
    deal.refresh_from_db()
    assert (deal.status, deal.closed_on, deal.probability, deal.base_amount) == ("won", TODAY, 100, Decimal("100.00"))
    assert OutboxEvent.objects.filter(name="opportunities.OpportunityWon", record_id=deal.pk).count() == 1


def test_it_is_not_won_without_a_customer(api):
    deal = make_opportunity()
    before = unchanged(deal)
    response = api().act("opportunities", deal.pk, "win")
    assert (response.status_code, response.json()["detail"]) == (409, "Name the customer first.")
    assert unchanged(deal) == before


@pytest.mark.parametrize(("day", "code"), [("2026-11-21", "range"), ("2026-10-31", "order")])
@pytest.mark.parametrize("name", ["win", "lose"])
def test_it_is_not_closed_in_the_future_or_before_it_was_opened(root, name, day, code):
    deal = make()
    before = unchanged(deal)
    change, arguments = TRANSITIONS[name][0], {"reason": "price"} if name == "lose" else {}
    with pytest.raises(ValidationFailed) as refused:
        change(deal.pk, actor=root, at=AT, closed_on=day, **arguments)
    assert [(e.field, e.code) for e in refused.value.errors] == [("closed_on", code)]
    assert unchanged(deal) == before


def test_it_is_won_on_the_day_given(root):
    deal = make()
    opportunities.win_opportunity(deal.pk, actor=root, at=AT, closed_on="2026-11-05")
    deal.refresh_from_db()
    assert deal.closed_on == date(2026, 11, 5)


@pytest.mark.parametrize(
    ("reason", "code"), [("price", "price"), ("PRICE", "price"), ("太贵了", "price"), ("the boss left", "other")]
)
def test_it_is_lost_for_a_known_reason_or_in_own_words(root, reason, code):
    LossReason.objects.filter(code="price").update(name="太贵了")
    rival = save_record(Competitor, {"name": "Rival"}, actor=root)
    deal = make()
    opportunities.lose_opportunity(
        deal.pk, actor=root, at=AT, reason=reason, competitor_id=rival.pk, lesson="quote sooner"
    )
    deal.refresh_from_db()
    assert (deal.status, deal.loss_reason.code, deal.loss_note) == ("lost", code, reason)
    assert (deal.competitor_id, deal.lesson, deal.probability, deal.closed_on) == (rival.pk, "quote sooner", 0, TODAY)
    assert OutboxEvent.objects.filter(name="opportunities.OpportunityLost", record_id=deal.pk).count() == 1


def test_it_is_not_lost_without_a_reason_or_to_an_unknown_competitor(root):
    deal = make()
    before = unchanged(deal)
    for arguments, field in (({}, "reason"), ({"reason": "price", "competitor_id": 10**9}, "competitor_id")):
        with pytest.raises(ValidationFailed) as refused:
            opportunities.lose_opportunity(deal.pk, actor=root, at=AT, **arguments)
        assert [e.field for e in refused.value.errors] == [field]
    assert unchanged(deal) == before


def test_it_is_reopened_in_its_stage_with_the_reason_in_its_history(root):
    deal = make(stage=stage("proposal"))
    opportunities.lose_opportunity(deal.pk, actor=root, at=AT, reason="price")
    later = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    opportunities.reopen_opportunity(deal.pk, actor=root, at=later, reason="new budget")
    deal.refresh_from_db()
    assert (deal.status, deal.closed_on, deal.loss_reason_id, deal.loss_note) == ("open", None, None, "")
    assert (deal.stage.name, deal.probability, deal.stage_since) == ("proposal", 50, date(2026, 11, 25))
    change = StageChange.objects.filter(opportunity=deal).latest("id")
    assert (change.from_stage_id, change.to_stage_id, change.reason) == (deal.stage_id, deal.stage_id, "new budget")


# --- rights ----------------------------------------------------------------------------------------------------


def test_it_goes_to_another_owner_within_the_scope_only(root, acting, person):
    owner, other = person("sales_representative"), person("sales_representative")
    deal = make(owner=owner)
    with pytest.raises(ValidationFailed):
        opportunities.assign_opportunity(deal.pk, actor=acting(owner), at=AT, owner_id=other.pk)
    deal.refresh_from_db()
    assert deal.owner_id == owner.pk
    opportunities.assign_opportunity(deal.pk, actor=root, at=AT, owner_id=other.pk)
    deal.refresh_from_db()
    assert deal.owner_id == other.pk


@pytest.mark.parametrize("name", TRANSITIONS)
def test_it_is_only_looked_at_by_an_auditor(acting, person, name):
    deal = make()
    before = unchanged(deal)
    arguments = {
        "move": {"stage_id": stage("needs").pk},
        "lose": {"reason": "price"},
        "reopen": {"reason": "x"},
        "assign": {"owner_id": person().pk},
    }.get(name, {})
    with pytest.raises(NotAllowed):
        TRANSITIONS[name][0](deal.pk, actor=acting("auditor"), at=AT, **arguments)
    assert unchanged(deal) == before


def test_it_carries_the_product_of_its_first_line(root):
    first, second = make_product(), make_product()
    deal = make(lines=[{"product": first.pk}, {"product": second.pk}])
    save_record(Opportunity, {}, pk=deal.pk, lines={"lines": [{"product": second.pk}]}, actor=root)
    deal.refresh_from_db()
    assert deal.product_id == second.pk

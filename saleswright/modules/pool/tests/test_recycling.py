"""Rules that fill the pools (POOL-02), each of their traps."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, OutboxEvent, PastHolding
from saleswright.kernel.models.ledger import SearchRow
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.public import Activity, Opportunity
from saleswright.modules.pool.actions import recycling
from saleswright.modules.pool.models import Protection, RecycleNotice, RecycleRule
from saleswright.modules.pool.tests.conftest import IDLE_30, Chunks
from saleswright.modules.receivables.models import Invoice, Receipt
from saleswright.modules.sales.public import Contract, Order
from saleswright.modules.work.public import Notification

pytestmark = pytest.mark.django_db


def in_pool(customer):
    customer.refresh_from_db()
    return customer.pool_id is not None


@pytest.fixture
def seller(person):
    return person("sales_representative", manager=person("sales_manager"))


def test_it_takes_what_was_not_followed_up_and_says_why(world, seller):
    old, fresh = world.customer(seller, idle=30), world.customer(seller, idle=29)
    rule = world.rule()
    assert world.night() == (1, 1)
    assert (in_pool(old), in_pool(fresh)) == (True, False)
    assert (old.owner_id, old.department_id, old.owned_since, old.pool_id) == (None, None, None, world.pool.pk)
    assert old.pool_reason == f"{rule.name}: Days without follow-up ≥ 30"
    entry = AuditEntry.objects.get(resource="customers", record_id=old.pk, action="recycle")
    assert entry.changes["owner_id"] == [seller.pk, None]
    assert entry.changes["pool_reason"] == ["", old.pool_reason]
    assert OutboxEvent.objects.filter(name="customers.recycle", record_id=old.pk).count() == 1
    assert SearchRow.objects.get(resource="customers", record_id=old.pk).owner_id is None
    held = PastHolding.objects.get(resource="customers", record_id=old.pk)
    assert held.owner_id == seller.pk


@pytest.mark.parametrize("tree", [{}, {"and": []}, {"or": []}, {"and": [{"or": []}]}])
def test_it_matches_nothing_without_a_condition(world, seller, tree):
    customer = world.customer(seller, idle=999)
    rule = world.rule(tree, live=False)
    RecycleRule.objects.filter(pk=rule.pk).update(status="live")
    assert world.night() == (0, 0)
    assert not in_pool(customer)


def test_it_does_not_go_live_without_a_condition(world):
    rule = world.rule({}, live=False)
    with pytest.raises(Conflict, match="matches nothing"):
        recycling.go_live(rule.pk, actor=world.actor)
    rule.refresh_from_db()
    assert rule.status == "draft"


def test_it_joins_clocks_and_fields_by_and_and_or(world, seller):
    both = {"and": [IDLE_30, {"field": "city", "value": "Wuxi"}]}
    either = {"or": [both, {"field": "clocks.opportunity", "op": "gte", "value": "60"}]}
    idle_here = world.customer(seller, idle=40, city="Wuxi")
    idle_there = world.customer(seller, idle=40, city="Jinan")
    longer = world.customer(seller, idle=60, city="Jinan")
    world.rule(either)
    assert world.night()[0] == 2
    assert [in_pool(idle_here), in_pool(idle_there), in_pool(longer)] == [True, False, True]
    assert "without an opportunity" in longer.pool_reason
    assert "City" not in longer.pool_reason


def test_it_sets_the_clock_back_for_a_follow_up_and_for_no_edit(world, seller):
    edited, visited = world.customer(seller, idle=40), world.customer(seller, idle=40)
    save_record(Customer, {"city": "Wuxi"}, pk=edited.pk, actor=world.actor)
    done = {"kind": "visit", "subject": "x", "customer": visited.pk, "done_at": clock.now() - timedelta(days=3)}
    save_record(Activity, done, actor=world.actor)
    save_record(Activity, {"kind": "call", "subject": "planned", "customer": edited.pk}, actor=world.actor)
    world.rule()
    assert world.night()[0] == 1
    assert (in_pool(edited), in_pool(visited)) == (True, False)


def test_it_never_sets_the_clock_back_to_an_earlier_follow_up(world, seller):
    customer = world.customer(seller, idle=40)
    for days in (2, 9):
        done = {"kind": "call", "subject": "x", "customer": customer.pk, "done_at": clock.now() - timedelta(days=days)}
        save_record(Activity, done, actor=world.actor)
    customer.refresh_from_db()
    assert (clock.now() - customer.followed_up_at).days == 2


def test_it_waits_for_an_opportunity_since_the_claim_alone(world, seller):
    tree = {"field": "clocks.opportunity", "op": "gte", "value": "30"}
    without, since, before = (world.customer(seller, idle=40) for _ in range(3))
    for customer, days in ((since, 35), (before, 50)):
        deal = save_record(Opportunity, {"customer": customer.pk, "name": "d"}, actor=world.actor)
        made = clock.now() - timedelta(days=days)
        Opportunity.objects.filter(pk=deal.pk).update(created_at=made, status="lost", closed_on=clock.today())
    world.rule(tree)
    assert world.night()[0] == 2
    assert [in_pool(without), in_pool(since), in_pool(before)] == [True, False, True]


def test_it_waits_for_a_deal(world, seller):
    tree = {"field": "clocks.deal", "op": "gte", "value": "30"}
    lately, long_ago = world.customer(seller, idle=90), world.customer(seller, idle=90)
    for customer, days in ((lately, 10), (long_ago, 60)):
        deal = save_record(Opportunity, {"customer": customer.pk, "name": "d"}, actor=world.actor)
        closed = clock.today() - timedelta(days=days)
        Opportunity.objects.filter(pk=deal.pk).update(status="won", opened_on=closed, closed_on=closed)
    world.rule(tree, spare_won=False)
    assert world.night()[0] == 1
    assert [in_pool(lately), in_pool(long_ago)] == [False, True]


def test_it_spares_levels_and_tags(world, seller):
    spared = [world.customer(seller, idle=40, level="A"), world.customer(seller, idle=40, tags=["战略"])]
    taken = world.customer(seller, idle=40, level="C", tags=["战略合作"])
    world.rule(spare_levels=["A", "B"], spare_tags=["战略"])
    assert world.night()[0] == 1
    assert [in_pool(one) for one in (*spared, taken)] == [False, False, True]


def stamps():
    return {"created_at": clock.now(), "updated_at": clock.now()}


def with_order(customer, actor):
    Order.objects.create(customer=customer, status="confirmed", confirmed_on=clock.today(), **stamps())


def with_invoice(customer, actor):
    days = {"issued_on": clock.today(), "due_on": clock.today()}
    Invoice.objects.create(customer=customer, status="issued", balance=5, total=5, **days, **stamps())


def with_receipt(customer, actor):
    Receipt.objects.create(customer=customer, received_on=clock.today(), amount=9, unapplied=9, **stamps())


def with_opportunity(customer, actor):
    save_record(Opportunity, {"customer": customer.pk, "name": "d"}, actor=actor)


@pytest.mark.parametrize("tie", [with_order, with_invoice, with_receipt, with_opportunity])
def test_it_never_takes_one_with_an_open_order_balance_or_opportunity(world, seller, tie):
    customer = world.customer(seller, idle=400)
    tie(customer, world.actor)
    world.rule(spare_contracts=False, spare_won=False)
    assert world.night() == (0, 0)
    assert not in_pool(customer)


@pytest.mark.parametrize(("spared", "taken"), [(True, 0), (False, 1)])
def test_it_spares_open_contracts_and_won_deals_by_choice(world, seller, spared, taken):
    contract, won = world.customer(seller, idle=40), world.customer(seller, idle=40)
    made = save_record(Contract, {"customer": contract.pk, "title": "c", "amount": "5.00"}, actor=world.actor)
    Contract.objects.filter(pk=made.pk).update(status="in_force")
    deal = save_record(Opportunity, {"customer": won.pk, "name": "d"}, actor=world.actor)
    Opportunity.objects.filter(pk=deal.pk).update(status="won", closed_on=clock.today())
    world.rule(spare_contracts=spared, spare_won=spared)
    assert world.night()[0] == 2 * taken
    assert [in_pool(contract), in_pool(won)] == [bool(taken)] * 2


def test_it_changes_nothing_the_second_time_in_a_night(world, seller):
    customer = world.customer(seller, idle=40)
    world.customer(seller, idle=25)
    world.rule()
    assert world.night() == (1, 1)
    in_pool(customer)
    version, notices = customer.version, Notification.objects.count()
    assert world.night() == (0, 0)
    in_pool(customer)
    assert (customer.version, Notification.objects.count()) == (version, notices)


def test_it_loses_nothing_when_it_dies_in_the_middle(world, seller, monkeypatch):
    monkeypatch.setattr(recycling, "AT_ONCE", 2)
    customers = [world.customer(seller, idle=40) for _ in range(5)]
    world.rule()
    with pytest.raises(RuntimeError):
        world.night(chunks=Chunks(breaks_at=2))
    assert [in_pool(one) for one in customers] == [True, True, False, False, False]
    assert world.night() == (3, 0)
    assert all(in_pool(one) for one in customers)
    assert AuditEntry.objects.filter(action="recycle").count() == 5


def test_it_lets_the_first_rule_decide(world, seller):
    customer = world.customer(seller, idle=40)
    world.rule(position=2)
    first = world.rule({"field": "clocks.follow_up", "op": "gte", "value": "20"}, position=1)
    assert world.night()[0] == 1
    assert in_pool(customer)
    assert customer.pool_reason.startswith(first.name)


def test_it_goes_on_with_the_others_when_a_rule_makes_no_sense_any_more(world, seller):
    customer = world.customer(seller, idle=40)
    broken = world.rule(position=1)
    RecycleRule.objects.filter(pk=broken.pk).update(
        conditions={"field": "gone", "value": "1"}, updated_by=seller.manager_id
    )
    world.rule(position=2)
    assert world.night()[0] == 1
    assert in_pool(customer)
    assert "无法执行" in Notification.objects.get(user=seller.manager_id).text


def test_it_warns_seven_three_and_one_days_before_each_once(world, seller):
    customer = world.customer(seller, idle=20)
    world.rule()
    told = []
    for day in range(11):
        told.append(world.night(day)[1])
    assert told == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]
    assert in_pool(customer)
    texts = list(Notification.objects.filter(user=seller).order_by("id").values_list("text", flat=True))
    assert [text.split("将在 ")[1].split("后")[0] for text in texts] == ["7 天", "3 天", "1 天"]
    assert all("请及时跟进，或申请保护" in text for text in texts)
    assert RecycleNotice.objects.count() == 3


def test_it_sends_only_the_nearest_warning_when_a_rule_goes_live_late(world, seller):
    world.customer(seller, idle=28)
    world.rule()
    assert [world.night(day)[1] for day in (0, 1)] == [1, 1]
    assert list(RecycleNotice.objects.order_by("id").values_list("days", flat=True)) == [3, 1]


def test_it_warns_again_after_a_protection(world, seller):
    customer = world.customer(seller, idle=29)
    world.rule()
    assert world.night() == (0, 1)
    Customer.objects.filter(pk=customer.pk).update(protected_until=clock.today() + timedelta(days=10))
    assert [world.night(day) for day in (1, 3, 4, 8, 10)] == [(0, 0), (0, 0), (0, 1), (0, 1), (0, 1)]
    assert world.night(11) == (1, 0)


def test_it_warns_again_after_a_follow_up(world, seller):
    customer = world.customer(seller, idle=29)
    world.rule()
    assert world.night() == (0, 1)
    Customer.objects.filter(pk=customer.pk).update(followed_up_at=clock.now())
    assert [world.night(day)[1] for day in (1, 24, 27, 29)] == [0, 1, 1, 1]
    assert not in_pool(customer)


def test_it_protects_once_the_manager_agrees(world, seller, acting):
    customer = world.customer(seller, idle=40)
    until = clock.today() + timedelta(days=20)
    from saleswright.kernel.resources import resource_named

    protect = resource_named("customers").transition("protect")
    protect(customer.pk, actor=acting(seller), until=str(until), reason="a tender in spring")
    protection = Protection.objects.get()
    customer.refresh_from_db()
    assert (protection.status, customer.protected_until) == ("in_approval", None)
    from saleswright.modules.work.actions.decisions import approve_request
    from saleswright.modules.work.public import Approval

    request = Approval.objects.get(resource="protections")
    approve_request(request.pk, actor=acting(seller.manager), comment="")
    protection.refresh_from_db()
    customer.refresh_from_db()
    assert (protection.status, customer.protected_until) == ("granted", until)
    world.rule()
    assert world.night()[0] == 0
    assert world.night(21)[0] == 1


@pytest.mark.parametrize("days", [0, -1, 181])
def test_it_protects_for_half_a_year_at_most(world, days, person, acting):
    alone = person("sales_representative")
    customer = world.customer(alone)
    from saleswright.kernel.resources import resource_named

    protect = resource_named("customers").transition("protect")
    with pytest.raises(ValidationFailed) as refused:
        protect(customer.pk, actor=acting(alone), until=str(clock.today() + timedelta(days=days)), reason="x")
    assert refused.value.errors[0].field == "until"
    assert not Protection.objects.exists()


def test_it_protects_at_once_without_a_manager(world, person, acting):
    alone = person("sales_representative")
    customer = world.customer(alone)
    from saleswright.kernel.resources import resource_named

    until = clock.today() + timedelta(days=5)
    resource_named("customers").transition("protect")(customer.pk, actor=acting(alone), until=str(until), reason="x")
    customer.refresh_from_db()
    assert (customer.protected_until, Protection.objects.get().status) == (until, "granted")


def test_it_keeps_a_live_rule_as_it_was_seen(world):
    rule = world.rule()
    with pytest.raises(Conflict, match="Pause the rule"):
        save_record(RecycleRule, {"conditions": {}}, pk=rule.pk, actor=world.actor)
    recycling.pause(rule.pk, actor=world.actor)
    save_record(RecycleRule, {"name": "Other"}, pk=rule.pk, actor=world.actor)
    rule.refresh_from_db()
    assert (rule.name, rule.status, rule.conditions) == ("Other", "paused", IDLE_30)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"conditions": {"field": "clocks.follow_up", "op": "gte", "value": "0"}}, "conditions"),
        ({"conditions": {"field": "clocks.follow_up", "op": "lte", "value": "9"}}, "conditions"),
        ({"conditions": {"field": "nothing", "value": "1"}}, "conditions"),
        ({"spare_levels": ["E"]}, "spare_levels"),
        ({"spare_tags": [1]}, "spare_tags"),
    ],
)
def test_it_refuses_rules_that_make_no_sense(world, values, field):
    with pytest.raises(ValidationFailed) as refused:
        world.rule(**{"live": False, **values})
    assert [error.field for error in refused.value.errors] == [field]
    assert not RecycleRule.objects.exists()


def test_it_previews_what_the_night_does(world, seller):
    taken = {world.customer(seller, idle=40).pk for _ in range(3)}
    world.customer(seller, idle=10)
    rule = world.rule(live=False)
    foreseen = {pk for ids in recycling.batches(rule, clock.now()) for pk in ids}
    assert foreseen == taken
    recycling.go_live(rule.pk, actor=world.actor)
    world.night()
    assert set(Customer.objects.filter(pool=world.pool).values_list("pk", flat=True)) == foreseen

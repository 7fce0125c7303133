"""Taking out of pools and giving back (POOL-03)."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import Department, PastHolding
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Customer
from saleswright.modules.leads.public import Lead
from saleswright.modules.org.models import Post
from saleswright.modules.pipeline.public import Opportunity
from saleswright.modules.pool.actions import moving
from saleswright.modules.pool.models import Claim, ClaimLimit, Pool

pytestmark = pytest.mark.django_db


def act(customer, verb, actor, **arguments):
    return resource_named("customers").transition(verb)(customer.pk, actor=actor, **arguments)


def limit(world, **values):
    return save_record(ClaimLimit, {"resource": "customers", **values}, actor=world.actor)


@pytest.fixture
def one(person):
    return person("sales_representative")


@pytest.fixture
def other(person):
    return person("sales_representative")


def test_it_is_claimed_by_one_and_the_other_hears_by_whom(world, one, other, acting):
    customer = world.customer()
    act(customer, "claim", acting(one))
    customer.refresh_from_db()
    assert (customer.owner_id, customer.pool_id, customer.pool_reason) == (one.pk, None, "")
    assert customer.owned_since is not None
    with pytest.raises(Conflict, match=f"{one.name} has it already"):
        act(customer, "claim", acting(other))
    customer.refresh_from_db()
    assert (customer.owner_id, Claim.objects.count()) == (one.pk, 1)


def test_it_is_not_found_by_those_outside_the_pool(world, one, other, acting):
    save_record(Pool, {}, pk=world.pool.pk, lines={"members": [{"member": one.pk}]}, actor=world.actor)
    customer = world.customer()
    with pytest.raises(NotFound):
        act(customer, "claim", acting(other))
    act(customer, "claim", acting(one))
    assert Claim.objects.get().user_id == one.pk


def test_it_belongs_to_the_departments_below_as_well(world, person, acting):
    above = save_record(Department, {"name": "Sales"}, actor=world.actor)
    below = save_record(Department, {"name": "East", "parent": above.pk}, actor=world.actor)
    member, stranger = person("sales_representative", department=below), person("sales_representative")
    save_record(Pool, {}, pk=world.pool.pk, lines={"members": [{"department": above.pk}]}, actor=world.actor)
    customer = world.customer()
    with pytest.raises(NotFound):
        act(customer, "claim", acting(stranger))
    act(customer, "claim", acting(member))
    customer.refresh_from_db()
    assert (customer.owner_id, customer.department_id) == (member.pk, below.pk)


def test_it_counts_claims_so_that_giving_back_resets_nothing(world, one, acting):
    limit(world, claims_a_day=2)
    save_record(Pool, {"cool_down_days": 0}, pk=world.pool.pk, actor=world.actor)
    first, second = world.customer(), world.customer()
    for _ in range(2):
        act(first, "claim", acting(one))
        act(first, "release", acting(one), reason="no need", pool_id=world.pool.pk)
    with pytest.raises(Conflict, match="You have claimed 2 today"):
        act(second, "claim", acting(one))
    second.refresh_from_db()
    assert second.pool_id == world.pool.pk
    Claim.objects.update(day=clock.today() - timedelta(days=1))
    act(second, "claim", acting(one))


def test_it_is_held_up_to_a_cap(world, one, acting):
    limit(world, most_held=2)
    world.customer(one)
    act(world.customer(), "claim", acting(one))
    third = world.customer()
    with pytest.raises(Conflict, match="has 2 and may hold 2 at most"):
        act(third, "claim", acting(one))
    third.refresh_from_db()
    assert third.pool_id == world.pool.pk


@pytest.mark.parametrize(("exempt", "claimed"), [(True, True), (False, False)])
def test_it_leaves_won_customers_out_by_choice(world, one, acting, exempt, claimed):
    limit(world, most_held=1, won_exempt=exempt)
    deal = save_record(Opportunity, {"customer": world.customer(one).pk, "name": "d"}, actor=world.actor)
    Opportunity.objects.filter(pk=deal.pk).update(status="won", closed_on=clock.today())
    customer = world.customer()
    if claimed:
        act(customer, "claim", acting(one))
    else:
        with pytest.raises(Conflict):
            act(customer, "claim", acting(one))
    customer.refresh_from_db()
    assert (customer.owner_id == one.pk) is claimed


def test_it_follows_the_most_generous_of_ones_posts(world, person, acting):
    post = save_record(Post, {"title": "Key account"}, actor=world.actor)
    limit(world, claims_a_day=0)
    limit(world, claims_a_day=1, post=post.pk)
    holder, other = person("sales_representative", post_ids=[post.pk]), person("sales_representative")
    with pytest.raises(Conflict):
        act(world.customer(), "claim", acting(other))
    act(world.customer(), "claim", acting(holder))
    with pytest.raises(Conflict):
        act(world.customer(), "claim", acting(holder))


def test_it_cools_down_before_the_one_who_had_it_claims_it_again(world, one, other, acting):
    customer = world.customer()
    act(customer, "claim", acting(one))
    act(customer, "release", acting(one), reason="no need")
    with pytest.raises(Conflict, match="You had it before"):
        act(customer, "claim", acting(one))
    act(customer, "claim", acting(other))
    act(customer, "release", acting(other), reason="no need")
    with pytest.raises(Conflict, match="You had it before"):  # another one in between changes nothing
        act(customer, "claim", acting(one))
    PastHolding.objects.update(until=clock.now() - timedelta(days=31))
    act(customer, "claim", acting(one))
    customer.refresh_from_db()
    assert customer.owner_id == one.pk


def test_it_is_given_back_with_the_reason_and_past_figures(world, one, acting):
    save_record(Pool, {}, pk=world.pool.pk, lines={"members": [{"member": one.pk}]}, actor=world.actor)
    customer = world.customer(one)
    act(customer, "release", acting(one), reason="moved away", pool_id=world.pool.pk)
    customer.refresh_from_db()
    assert (customer.owner_id, customer.pool_id, customer.pool_reason) == (None, world.pool.pk, "moved away")
    assert PastHolding.objects.get(record_id=customer.pk).owner_id == one.pk
    with pytest.raises((NotFound, NotAllowed)):
        act(customer, "release", acting(one), reason="again")


def test_it_is_not_given_back_with_something_open(world, one, acting):
    customer = world.customer(one)
    save_record(Opportunity, {"customer": customer.pk, "name": "d"}, actor=world.actor)
    with pytest.raises(Conflict, match="open opportunity"):
        act(customer, "release", acting(one), reason="x")
    customer.refresh_from_db()
    assert customer.owner_id == one.pk


def test_it_is_not_given_back_where_there_is_no_pool(world, one, acting):
    customer = world.customer(one)
    Pool.objects.update(archived_at=clock.now())
    with pytest.raises(Conflict, match="no pool"):
        act(customer, "release", acting(one), reason="x")
    customer.refresh_from_db()
    assert customer.owner_id == one.pk


def test_it_is_assigned_by_a_manager_of_the_pool(world, person, acting):
    team = save_record(Department, {"name": "East"}, actor=world.actor)
    boss = person("sales_manager", department=team)
    member = person("sales_representative", department=team)
    lines = [{"department": team.pk}, {"member": boss.pk, "manages": True}]
    save_record(Pool, {}, pk=world.pool.pk, lines={"members": lines}, actor=world.actor)
    customer = world.customer()
    with pytest.raises((NotFound, NotAllowed)):
        act(customer, "assign", acting(member), owner_id=member.pk)
    act(customer, "assign", acting(boss), owner_id=member.pk)
    customer.refresh_from_db()
    assert (customer.owner_id, customer.pool_id) == (member.pk, None)
    assert Claim.objects.get().way == "assign"


@pytest.mark.parametrize("counted", [True, False])
def test_it_holds_managers_to_the_cap_by_setting(world, one, counted):
    limit(world, most_held=1, assigned_count=counted)
    customers = [world.customer(), world.customer()]
    ids = [customer.pk for customer in customers]
    if counted:
        with pytest.raises(Conflict, match="may hold 1"):
            moving.assign_from(world.pool, ids, [one], actor=world.actor, at=clock.now())
    else:
        assert moving.assign_from(world.pool, ids, [one], actor=world.actor, at=clock.now()) == 2
    assert Customer.objects.filter(owner=one).count() == (0 if counted else 2)


def test_it_is_assigned_evenly_to_several_and_only_what_is_still_there(world, one, other, acting):
    customers = [world.customer() for _ in range(5)]
    act(customers[0], "claim", acting(other))
    ids = [customer.pk for customer in customers]
    assert moving.assign_from(world.pool, ids, [one, other], actor=world.actor, at=clock.now()) == 4
    assert Customer.objects.filter(owner=one).count() == 2
    assert Customer.objects.filter(owner=other).count() == 3
    assert not Customer.objects.filter(pool=world.pool).exists()


def test_it_is_entered_straight_into_a_pool(world, acting):
    customer = save_record(Customer, {"name": "Firm", "pool": world.pool.pk}, actor=acting("sales_operations"))
    assert (customer.owner_id, customer.pool_id) == (None, world.pool.pk)
    assert customer.pool_reason == "Entered straight into the pool"


def test_it_has_no_owner_and_pool_at_once(world, one):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Customer, {"name": "Firm", "pool": world.pool.pk, "owner": one.pk}, actor=world.actor)
    assert [(error.field, error.code) for error in refused.value.errors] == [("pool", "conflict")]
    assert not Customer.objects.exists()


def test_it_is_for_the_records_of_its_kind(world):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Lead, {"company": "Firm", "phone": "13800138000", "pool": world.pool.pk}, actor=world.actor)
    assert [error.field for error in refused.value.errors] == ["pool"]
    assert not Lead.objects.exists()


def test_it_is_not_moved_by_an_edit(world, one):
    customer = world.customer(one)
    with pytest.raises(ValidationFailed) as refused:
        save_record(Customer, {"pool": world.pool.pk}, pk=customer.pk, actor=world.actor)
    assert refused.value.errors[0].code == "read_only"
    customer.refresh_from_db()
    assert customer.pool_id is None


def test_it_leaves_the_pool_with_an_owner_by_an_edit(world, one):
    customer = world.customer()
    save_record(Customer, {"owner": one.pk}, pk=customer.pk, actor=world.actor)
    customer.refresh_from_db()
    assert (customer.owner_id, customer.pool_id, customer.pooled_at) == (one.pk, None, None)
    assert customer.owned_since is not None


def test_it_keeps_a_lead_that_is_done_out_of_pools(world, one, acting):
    lead = save_record(Lead, {"company": "Firm", "phone": "13800138000", "owner": one.pk}, actor=world.actor)
    Lead.objects.filter(pk=lead.pk).update(status="disqualified")
    release = resource_named("leads").transition("release")
    with pytest.raises(Conflict):
        release(lead.pk, actor=acting(one))
    Lead.objects.filter(pk=lead.pk).update(status="new")
    release(lead.pk, actor=acting(one))
    lead.refresh_from_db()
    assert (lead.owner_id, lead.pool.resource, lead.pool_reason) == (None, "leads", "Given back")


def test_it_answers_the_api(world, one, api):
    customer, client = world.customer(), api(one)
    assert client.get(f"customers/{customer.pk}").status_code == 404
    answer = client.act("customers", customer.pk, "claim")
    assert answer.status_code == 200, answer.content
    assert client.get(f"customers/{customer.pk}").json()["owner"]["id"] == one.pk
    assert client.act("customers", customer.pk, "release", reason="no").status_code == 200


def test_a_pool_is_put_away_only_when_it_is_empty(world, api):
    world.customer()
    answer = api().act("pools", world.pool.pk, "archive")
    assert answer.status_code == 409
    world.pool.refresh_from_db()
    assert world.pool.archived_at is None

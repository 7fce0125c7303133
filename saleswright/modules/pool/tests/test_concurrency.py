"""What happens at the same moment, on PostgreSQL."""

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import Conflict
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.tests.threads import at_once, needs_row_locks
from saleswright.modules.customers.public import Customer
from saleswright.modules.pool.models import Claim, ClaimLimit
from saleswright.modules.pool.tests.conftest import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _on_postgres():
    needs_row_locks()


def claiming(customer, actor):
    return lambda: resource_named("customers").transition("claim")(customer.pk, actor=actor)


def test_it_is_claimed_by_exactly_one_and_the_others_are_told(person):
    world, people = World(), [person("sales_representative") for _ in range(8)]
    customer = world.customer()
    results = at_once([claiming(customer, actor_for(one, origin="test")) for one in people])
    refused = [result for result in results if isinstance(result, Conflict)]
    customer.refresh_from_db()
    assert (len(refused), Claim.objects.count()) == (7, 1)
    assert customer.owner_id in {one.pk for one in people}
    assert all(customer.owner.name in str(one) for one in refused)


@pytest.mark.parametrize("limit", [{"claims_a_day": 3}, {"most_held": 3}])
def test_it_never_exceeds_a_limit(person, limit):
    world, one = World(), person("sales_representative")
    save_record(ClaimLimit, {"resource": "customers", **limit}, actor=world.actor)
    actor = actor_for(one, origin="test")
    results = at_once([claiming(world.customer(), actor) for _ in range(8)])
    assert [isinstance(result, Conflict) for result in results].count(True) == 5
    assert Customer.objects.filter(owner=one).count() == 3

"""What happens at the same moment, on PostgreSQL."""

import threading

import pytest
from django.db import connection

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import Conflict
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.customers.public import Customer
from saleswright.modules.pool.models import Claim, ClaimLimit
from saleswright.modules.pool.tests.conftest import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("threads share SQLite's one write lock")


def at_once(actions):
    """Run the actions in a thread each at the same moment; what each returned or raised."""
    barrier, results = threading.Barrier(len(actions)), []

    def work(action):
        try:
            barrier.wait(timeout=10)
            results.append(run_atomic(action))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(results) == len(actions)
    return results


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

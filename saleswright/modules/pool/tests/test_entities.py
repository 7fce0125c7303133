"""The standard tests of pools, rules, limits and protections."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.customers.public import Customer
from saleswright.modules.pool.models import Pool

_serial = itertools.count(1)


class TestPools(EntityTestCase):
    resource = "pools"
    change = {"cool_down_days": 7}

    def values(self):
        person = self.make_stranger()
        return {"name": f"East {next(_serial)}", "resource": "customers", "members": [{"member_id": person}]}

    def make_stranger(self) -> int:
        from saleswright.kernel.models import User

        return self.make(User, username=f"nobody{next(_serial)}", name="Nobody").pk


class TestRecycleRules(EntityTestCase):
    resource = "recycle-rules"
    change = {"spare_levels": ["A"]}

    def values(self):
        pool = self.make(Pool, name=f"Pool {next(_serial)}", resource="customers")
        conditions = {"field": "clocks.follow_up", "op": "gte", "value": "30"}
        return {"name": f"Idle {next(_serial)}", "pool_id": pool.pk, "conditions": conditions}


class TestClaimLimits(EntityTestCase):
    resource = "claim-limits"
    change = {"most_held": 50}

    def values(self):
        return {"resource": "customers", "claims_a_day": 5}


class TestProtections(EntityTestCase):
    resource = "protections"
    change = {"reason": "the tender is in spring"}

    def values(self):
        from datetime import timedelta

        from saleswright.kernel import clock

        customer = self.make(Customer, name=f"Firm {next(_serial)}")
        until = clock.today() + timedelta(days=20)
        return {"resource": "customers", "record_id": customer.pk, "until": str(until), "reason": "a tender"}

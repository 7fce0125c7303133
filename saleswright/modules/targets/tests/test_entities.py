"""Targets: what every entity must do."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.models import Department

serial = itertools.count(1)


class TestTargets(EntityTestCase):
    resource = "targets"
    change = {"value": "1200000.00", "goal": "进入新能源市场"}

    def values(self):
        department = self.make(Department, name=f"销售部{next(serial)}")
        scope = {"kind": "department", "id": department.pk}
        return {"metric": "ordered", "year": 2026, "period": "q4", "scope": scope, "value": "1000000.00"}

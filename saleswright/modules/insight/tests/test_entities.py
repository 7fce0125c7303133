"""The standard tests of segments, figures, rules and life cycle."""

from __future__ import annotations

from typing import Any

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.models import User
from saleswright.modules.customers.models import Customer
from saleswright.modules.insight.actions.care import care
from saleswright.modules.insight.actions.figures import refresh
from saleswright.modules.insight.actions.grading import grade, set_level
from saleswright.modules.insight.models import (
    CareDuty,
    CarePlan,
    CustomerGrade,
    CustomerRules,
    CustomerStanding,
    GradeRules,
    LevelChange,
    LevelOverride,
    LifeCycleChange,
    Segment,
)
from saleswright.modules.insight.tests.factories import ROOT, ago, customer, orders


class TestSegments(EntityTestCase):
    resource = "segments"
    change = {"note": "for the fair"}

    def values(self) -> dict[str, Any]:
        where = {"field": "figures.ordered", "op": "gte", "value": "1000", "period": "last_365_days"}
        return {"name": f"Segment {Segment.objects.count()}", "conditions": where}


class TestCustomerStandings(EntityTestCase):
    resource = "customer-standings"

    def create(self, client: Any) -> dict[str, Any]:
        orders(customer(f"Buyer {CustomerStanding.objects.count()}"), [10, 20, 30])
        refresh(clock.now())
        return client.get("customer-standings?ordering=-id").json()["items"][0]


class TestLifeCycleChanges(EntityTestCase):
    resource = "life-cycle-changes"

    def create(self, client: Any) -> dict[str, Any]:
        orders(customer(f"Buyer {LifeCycleChange.objects.count()}"), [10])
        refresh(clock.now())
        return client.get("life-cycle-changes?ordering=-id").json()["items"][0]


class TestCustomerRules(EntityTestCase):
    resource = "customer-rules"
    change = {"dormant_days": 100}

    def create(self, client: Any) -> dict[str, Any]:
        return client.get(f"customer-rules/{CustomerRules.objects.get().pk}").json()


class TestGradeRules(EntityTestCase):
    resource = "grade-rules"
    change = {"a_from": 90}

    def create(self, client: Any) -> dict[str, Any]:
        return client.get(f"grade-rules/{GradeRules.objects.get().pk}").json()


class TestCustomerGrades(EntityTestCase):
    resource = "customer-grades"

    def create(self, client: Any) -> dict[str, Any]:
        customer(f"Buyer {CustomerGrade.objects.count()}")
        grade(clock.now())
        return client.get("customer-grades?ordering=-id").json()["items"][0]


class TestLevelOverrides(EntityTestCase):
    resource = "level-overrides"

    def create(self, client: Any) -> dict[str, Any]:
        one = customer(f"Buyer {LevelOverride.objects.count()}")
        set_level(one.pk, actor=ROOT, level="A", reason="Key account", until=ago(-30))
        return client.get("level-overrides?ordering=-id").json()["items"][0]


class TestLevelChanges(EntityTestCase):
    resource = "level-changes"

    def create(self, client: Any) -> dict[str, Any]:
        one = customer(f"Buyer {LevelChange.objects.count()}")
        set_level(one.pk, actor=ROOT, level="B", reason="Grows", until=ago(-30))
        return client.get("level-changes?ordering=-id").json()["items"][0]


class TestCarePlans(EntityTestCase):
    resource = "care-plans"
    change = {"contact_days": 20}

    def values(self) -> dict[str, Any]:
        return {"name": f"Plan {CarePlan.objects.count()}", "level": "A", "contact_days": 30, "birthdays": True}


class TestCareDuties(EntityTestCase):
    resource = "care-duties"

    def create(self, client: Any) -> dict[str, Any]:
        plan = CarePlan.objects.first() or self.make(CarePlan, name="Plan", verify_months=1)
        owner = self.make(User, username=f"owner{User.objects.count()}", name="Owner")
        one = customer(f"Buyer {CareDuty.objects.count()}", owner=owner.pk)
        Customer.objects.filter(pk=one.pk).update(created_at=clock.day_start(ago(90)))
        care(clock.now())
        assert plan.duties.exists()
        return client.get("care-duties?ordering=-created_at").json()["items"][0]

"""The standard tests of plans, reports, expenses and their rules."""

import itertools
from datetime import date, timedelta

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.models import Department
from saleswright.modules.pipeline.tests.factories import make_customer
from saleswright.modules.visits.models import ExpenseRule, VisitRules, VisitStandard

_serial = itertools.count(1)


class ShippedTestCase(EntityTestCase):
    """Of what every installation has: the record that is there stands for a new one."""

    model = VisitRules

    def create(self, client):
        first = self.model.objects.order_by("pk").first()
        return client.get(f"{self.resource}/{first.pk}").json()

    def test_it_is_neither_made_nor_deleted(self, api):
        client, record, count = api(), self.create(api()), self.model.objects.count()
        assert client.post(self.resource, self.change).status_code == 405
        assert client.delete(f"{self.resource}/{record['id']}").status_code == 405
        assert self.model.objects.count() == count


class TestVisitRules(ShippedTestCase):
    resource = "visit-rules"
    change = {"radius": 800}


class TestVisitStandards(ShippedTestCase):
    resource, model = "visit-standards", VisitStandard
    change = {"visits": 9}


class TestExpenseRules(ShippedTestCase):
    resource, model = "expense-rules", ExpenseRule
    change = {"most_each": "750.00"}


del ShippedTestCase


class TestVisitPlans(EntityTestCase):
    resource = "visit-plans"
    change = {"aim": "see the key customers"}
    budget = 13

    def values(self):
        week = (date(2026, 1, 5) + timedelta(weeks=next(_serial))).isoformat()
        return {"week": week, "stops": [{"day": week, "begins": "09:30", "customer_id": make_customer().pk}]}


class TestWorkReports(EntityTestCase):
    resource = "work-reports"
    change = {"summary": "two orders"}

    def values(self):
        return {
            "kind": "daily",
            "day": (date(2024, 1, 1) + timedelta(days=next(_serial))).isoformat(),
            "summary": "one order",
        }


class TestExpenseBudgets(EntityTestCase):
    resource = "expense-budgets"
    change = {"amount": "90000.00"}

    def values(self):
        department = self.make(Department, name=f"Team {next(_serial)}")
        return {"department_id": department.pk, "year": 2026, "quarter": "q4", "amount": "50000"}


class TestCustomerExpenses(EntityTestCase):
    resource = "customer-expenses"
    change = {"purpose": "dinner with the plant manager"}

    def values(self):
        return {
            "kind": "entertainment", "customer_id": make_customer().pk, "purpose": f"Dinner {next(_serial)}",
            "spent_on": "2026-11-20", "amount": "800",
        }  # fmt: skip

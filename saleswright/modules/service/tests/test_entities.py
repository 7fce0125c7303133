"""Tickets, call-backs, service levels and plans: what every entity must do."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.service.models import ServiceLevel
from saleswright.modules.service.states import Priority, TicketKind

serial = itertools.count(1)


class TestTickets(EntityTestCase):
    resource = "tickets"
    change = {"subject": "电机仍有异响", "priority": "high"}

    def values(self):
        return {
            "customer_id": self.make(Customer, name="华东精密").pk,
            "product_id": self.make(Product, name="伺服电机").pk,
            "serial": "SN-1",
            "kind": "repair",
            "subject": "电机异响",
        }


class TestCallbacks(EntityTestCase):
    resource = "callbacks"
    change = {"due_on": "2026-12-04"}

    def values(self):
        return {"customer_id": self.make(Customer, name="华东精密").pk, "due_on": "2026-12-01"}


class TestCallbackPlans(EntityTestCase):
    resource = "callback-plans"
    change = {"days": 14}

    def values(self):
        return {"name": f"回访计划{next(serial)}", "after": "delivery", "days": 30, "customer_level": "A"}


class TestServiceLevels(EntityTestCase):
    resource = "service-levels"
    change = {"solution_minutes": 999}
    pairs = itertools.cycle(itertools.product(TicketKind.values, Priority.values))

    def values(self):
        kind, priority = next(self.pairs)
        ServiceLevel.objects.filter(kind=kind, priority=priority).delete()  # every pair is shipped
        return {"kind": kind, "priority": priority, "response_minutes": 10, "solution_minutes": 20}

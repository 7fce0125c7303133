"""Visits and what they need, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.tests.factories import make_customer

#: a Wednesday, ten o'clock in Shanghai
AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
#: of the customers of these tests
GATE = {"latitude": "31.230416", "longitude": "121.473701"}


def make_visit(customer: Customer | None = None, **values: Any) -> Activity:
    """A planned visit, saved as the system; other values of the state are set as they are."""
    given = {"kind": "visit", "subject": "Plant tour", "planned_at": AT, **values}
    direct = {name: given.pop(name) for name in ("status", "checked_in_at", "checked_out_at") if name in given}
    given["customer"] = (customer or make_customer()).pk
    given = {name: value.pk if hasattr(value, "pk") else value for name, value in given.items()}
    visit = save_record(Activity, given, actor=system("test"))
    if direct.get("status") == "done":
        direct["done_at"] = AT
    if direct:
        Activity.objects.filter(pk=visit.pk).update(**direct)
        visit.refresh_from_db()
    return visit

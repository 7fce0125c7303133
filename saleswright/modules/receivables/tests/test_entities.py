"""The standard tests of invoices, receipts and collection plans."""

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.receivables.tests.factories import line_ids, make_customer, make_order


class TestInvoices(EntityTestCase):
    resource = "invoices"
    change = {"kind": "vat_normal"}

    def values(self):
        order = make_order("10")
        return {"order_id": order.pk, "lines": [{"order_line_id": line_ids(order)[0], "quantity": "4"}]}


class TestReceipts(EntityTestCase):
    resource = "receipts"
    change = {"reference": "Transfer 4711"}

    def values(self):
        return {"customer_id": make_customer().pk, "amount": "100.00", "method": "bank"}


class TestCollectionPlans(EntityTestCase):
    resource = "collection-plans"
    change = {"instalments": [{"trigger": "date", "due_on": "2027-01-31", "amount": "1130.00"}]}

    def values(self):
        instalments = [
            {"trigger": "signing", "days": 5, "amount": "330.00"},
            {"trigger": "acceptance", "days": 30, "amount": "800.00"},
        ]
        return {"order_id": make_order("10").pk, "instalments": instalments}

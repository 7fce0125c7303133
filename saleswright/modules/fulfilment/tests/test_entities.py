"""The standard tests of deliveries."""

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.fulfilment.tests.factories import line_ids, make_order


class TestDeliveries(EntityTestCase):
    resource = "deliveries"
    change = {"carrier": "顺丰"}

    def values(self):
        order = make_order("10")
        return {"order_id": order.pk, "lines": [{"order_line_id": line_ids(order)[0], "quantity": "4"}]}

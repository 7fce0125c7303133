"""Quotes, contracts and orders: what every entity must do."""

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.models import Customer


class Documents(EntityTestCase):
    __test__ = False

    def values(self):
        customer = self.make(Customer, name="华东精密")
        product = self.make(Product, name="伺服电机", list_price="100")
        return {"customer_id": customer.pk, "lines": [{"product_id": product.pk, "quantity": "2"}]}


class TestQuotes(Documents):
    __test__ = True
    resource = "quotes"
    change = {"terms": "款到发货"}


class TestOrders(Documents):
    __test__ = True
    resource = "orders"
    change = {"channel": "direct"}


class TestContracts(EntityTestCase):
    resource = "contracts"
    change = {"amount": "1200.00"}

    def values(self):
        return {"customer_id": self.make(Customer, name="华东精密").pk, "title": "年度框架", "amount": "1000.00"}

"""Price lists and discount authorities: what every entity must do."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.models import Role
from saleswright.modules.catalog.public import Product

serial = itertools.count(1)


class TestPriceLists(EntityTestCase):
    resource = "price-lists"
    change = {"valid_to": "2027-12-31"}

    def values(self):
        product = self.make(Product, name="伺服电机", list_price="100")
        return {
            "name": f"价格表{next(serial)}",
            "valid_from": "2026-01-01",
            "customer_levels": ["A", "B"],
            "lines": [{"product_id": product.pk, "min_quantity": "100", "price": "90"}],
        }


class TestDiscountAuthorities(EntityTestCase):
    resource = "discount-authorities"
    change = {"percent": "7.5"}

    def values(self):
        at = clock.now()
        role = Role.objects.create(code=f"role{next(serial)}", name="Role", created_at=at, updated_at=at)
        return {"role_id": role.pk, "percent": "5"}

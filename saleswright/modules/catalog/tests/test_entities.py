"""Categories and products: what every entity must do."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.catalog.models import ProductCategory

serial = itertools.count(1)


class TestProductCategories(EntityTestCase):
    resource = "product-categories"
    change = {"code": "GEAR"}

    def values(self):
        parent = self.make(ProductCategory, name=f"机械{next(serial)}")
        return {"name": f"齿轮{next(serial)}", "parent_id": parent.pk}


class TestProducts(EntityTestCase):
    resource = "products"
    change = {"list_price": "12.345678"}

    def values(self):
        category = self.make(ProductCategory, name=f"机械{next(serial)}")
        return {
            "name": "伺服电机",
            "category_id": category.pk,
            "list_price": "1200.00",
            "cost": "800.00",
            "specifications": ["功率: 5 kW"],
        }

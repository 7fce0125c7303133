"""What other modules may use of the catalogue."""

from saleswright.modules.catalog.models import Product, ProductCategory
from saleswright.modules.catalog.states import LifeCycle

__all__ = ["LifeCycle", "Product", "ProductCategory"]

"""Products and their categories."""

from saleswright.interface import modules


class CatalogConfig(modules.ModuleConfig):
    """What the company sells."""

    name = "saleswright.modules.catalog"
    label = "catalog"

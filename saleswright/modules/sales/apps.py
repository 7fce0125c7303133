"""Quotes, contracts and orders."""

from saleswright.interface import modules


class SalesConfig(modules.ModuleConfig):
    """From the offer to the confirmed order."""

    name = "saleswright.modules.sales"
    label = "sales"

"""Customers and their people."""

from saleswright.interface import modules


class CustomersConfig(modules.ModuleConfig):
    """The customer archive and contacts."""

    name = "saleswright.modules.customers"
    label = "customers"

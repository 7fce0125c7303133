"""Deliveries."""

from saleswright.interface import modules


class FulfilmentConfig(modules.ModuleConfig):
    """From the confirmed order to the accepted goods."""

    name = "saleswright.modules.fulfilment"
    label = "fulfilment"

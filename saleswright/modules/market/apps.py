"""Campaigns and competitors."""

from saleswright.interface import modules


class MarketConfig(modules.ModuleConfig):
    """What sales draws on: campaigns that bring leads, competitors that one meets."""

    name = "saleswright.modules.market"
    label = "market"

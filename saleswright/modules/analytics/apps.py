"""Figures over all modules."""

from saleswright.interface import modules


class AnalyticsConfig(modules.ModuleConfig):
    """Reports on sales and on every measure, and the tiles of the first screen."""

    name = "saleswright.modules.analytics"
    label = "analytics"

"""Announcements and meetings."""

from saleswright.interface import modules


class NoticesConfig(modules.ModuleConfig):
    """What the company tells its people, and what people settle together."""

    name = "saleswright.modules.notices"
    label = "notices"

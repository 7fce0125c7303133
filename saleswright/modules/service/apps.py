"""After-sales service."""

from saleswright.interface import modules


class ServiceConfig(modules.ModuleConfig):
    """Tickets with their time limits, and call-backs."""

    name = "saleswright.modules.service"
    label = "service"

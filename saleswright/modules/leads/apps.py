"""Leads and their sources."""

from saleswright.interface import modules


class LeadsConfig(modules.ModuleConfig):
    """Capture, score, screen and assign leads."""

    name = "saleswright.modules.leads"
    label = "leads"

"""The days of people who sell."""

from saleswright.interface import modules


class VisitsConfig(modules.ModuleConfig):
    """The calendar, check-ins, visit plans, work reports and customer expenses."""

    name = "saleswright.modules.visits"
    label = "visits"

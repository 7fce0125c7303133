"""Webhooks, jobs, failed events."""

from saleswright.interface import modules


class IntegrationConfig(modules.ModuleConfig):
    """What other programs are told, and what the worker has to do."""

    name = "saleswright.modules.integration"
    label = "integration"

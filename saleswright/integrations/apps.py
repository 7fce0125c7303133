"""Adapters to services outside: each fills a registry of the modules at start."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """E-mail and group bots as ways to tell people."""

    name = "saleswright.integrations"
    label = "integrations"

    def ready(self) -> None:
        from saleswright.integrations import bots, mail
        from saleswright.modules.work.public import add_channel

        for channel in (mail.CHANNEL, *bots.CHANNELS):
            add_channel(channel)

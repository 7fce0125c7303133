"""Personal data: what is kept of people, and what they ask for."""

from saleswright.interface import modules


class PrivacyConfig(modules.ModuleConfig):
    """The inventory of personal data, requests of the people it is about, erasure and retention."""

    name = "saleswright.modules.privacy"
    label = "privacy"

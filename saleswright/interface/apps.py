"""One declaration for each model; pages, API, import and export come from it."""

from importlib import import_module

from django.apps import AppConfig


class InterfaceConfig(AppConfig):
    """Loads every module's entities and checks their declarations at start."""

    name = "saleswright.interface"
    label = "interface"

    def ready(self) -> None:
        import_module("saleswright.interface.jobs")
        import_module("saleswright.interface.saved_views")
        import_module("saleswright.interface.imports.entities")
        import_module("saleswright.interface.merging")

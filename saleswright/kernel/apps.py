"""The ground floor: knows no business."""

from importlib import import_module

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """People, rights, records, audit, events, numbers, jobs, search."""

    name = "saleswright.kernel"
    label = "kernel"

    def ready(self) -> None:
        import_module("saleswright.kernel.access.sessions")
        import_module("saleswright.kernel.custom_indexes")
        import_module("saleswright.kernel.custom_search")

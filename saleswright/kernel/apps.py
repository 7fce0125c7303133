"""The ground floor: knows no business."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """People, rights, records, audit, events, numbers, jobs, search."""

    name = "saleswright.kernel"
    label = "kernel"

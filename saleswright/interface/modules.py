"""What every business module has at start."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig

PARTS = ("events", "metrics", "entities", "reactions", "jobs", "reports", "pages")


class ModuleConfig(AppConfig):
    """Loads a module's declarations: entities, reactions, metrics, jobs, reports, pages."""

    def ready(self) -> None:
        for part in PARTS:
            if find_spec(f"{self.name}.{part}"):
                import_module(f"{self.name}.{part}")

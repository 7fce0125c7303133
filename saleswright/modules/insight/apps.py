"""What the figures say of the customers: segments, value, life cycle, risk, level, and everything on one page."""

from saleswright.interface import modules


class InsightConfig(modules.ModuleConfig):
    """Looks at customers through the figures of the modules below."""

    name = "saleswright.modules.insight"
    label = "insight"

    def ready(self) -> None:
        super().ready()
        from saleswright.interface.conditions import SOURCES
        from saleswright.modules.insight.overview import panels  # noqa: F401  adds them
        from saleswright.modules.insight.terms import customer_terms

        SOURCES.append(customer_terms)

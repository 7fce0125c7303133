"""Opportunities and activities."""

from saleswright.interface import modules


class PipelineConfig(modules.ModuleConfig):
    """Pipelines with their stages, opportunities, visits and other activities."""

    name = "saleswright.modules.pipeline"
    label = "pipeline"

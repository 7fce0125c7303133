"""Reports on opportunities and activities (OPP-06); importing makes them known."""

from saleswright.modules.pipeline.reports import activity, change, closing, flow

__all__ = ["activity", "change", "closing", "flow"]

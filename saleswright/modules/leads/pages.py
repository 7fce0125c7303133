"""Pages of leads that are not generated: those of the score."""

from saleswright.modules.leads.scoring.pages import urlpatterns

__all__ = ["urlpatterns"]

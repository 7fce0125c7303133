"""What other modules may use of leads."""

from saleswright.modules.leads.models import Lead, LeadSource
from saleswright.modules.leads.queries import source_names
from saleswright.modules.leads.states import LeadStatus

__all__ = ["Lead", "LeadSource", "LeadStatus", "source_names"]

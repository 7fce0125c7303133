"""What other modules may use of leads."""

from saleswright.modules.leads.flow.answering import run as watch_answers
from saleswright.modules.leads.flow.channels import cost_of_sources
from saleswright.modules.leads.models import Lead, LeadLink, LeadSource
from saleswright.modules.leads.queries import source_names
from saleswright.modules.leads.states import LeadStatus

__all__ = ["Lead", "LeadLink", "LeadSource", "LeadStatus", "cost_of_sources", "source_names", "watch_answers"]

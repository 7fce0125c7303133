"""The periodic work of leads."""

from saleswright.modules.leads.flow import jobs as jobs

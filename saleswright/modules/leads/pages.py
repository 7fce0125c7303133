"""The pages of leads that are not generated."""

from saleswright.modules.leads.flow import pages as flow
from saleswright.modules.leads.scoring import pages as scoring

urlpatterns = [*flow.urlpatterns, *scoring.urlpatterns]

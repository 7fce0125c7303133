"""The pages of the market that are not generated."""

from saleswright.modules.market.intelligence import pages as intelligence_pages
from saleswright.modules.market.profiles import pages as profile_pages
from saleswright.modules.market.research import pages as research_pages
from saleswright.modules.market.rivals import pages as rival_pages
from saleswright.modules.market.surveys import pages, public_pages

urlpatterns = [
    *pages.urlpatterns,
    *public_pages.urlpatterns,
    *profile_pages.urlpatterns,
    *rival_pages.urlpatterns,
    *intelligence_pages.urlpatterns,
    *research_pages.urlpatterns,
]

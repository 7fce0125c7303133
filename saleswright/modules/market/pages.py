"""The pages of the market that are not generated."""

from saleswright.modules.market.surveys import pages, public_pages

urlpatterns = [*pages.urlpatterns, *public_pages.urlpatterns]

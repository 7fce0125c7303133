"""All addresses: the API, the pages that are not generated, then the generated ones."""

from django.urls import include, path

from saleswright.interface.pages import urls as pages

urlpatterns = [
    path("api/v1/", include("saleswright.interface.api.urls")),
    *pages.urlpatterns,
]

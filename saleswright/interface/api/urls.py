"""Addresses under /api/v1/: modules' own first, then the generated ones."""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.urls import path, re_path

from saleswright.interface.api import openapi, views


def module_addresses() -> list:
    """The addresses that modules add in their `api.py`."""
    names = [
        f"{app}.api"
        for app in settings.INSTALLED_APPS
        if app.startswith(("saleswright.modules.", "saleswright.integrations."))
    ]
    return [one for name in names if find_spec(name) for one in import_module(name).urlpatterns]


urlpatterns = [
    *module_addresses(),
    path("openapi.json", openapi.schema),
    path("docs", openapi.docs, name="api-docs"),
    path("reports/<str:name>", views.report),
    path("<str:name>", views.collection),
    path("<str:name>/<int:pk>", views.item),
    path("<str:name>/<int:pk>/history", views.history),
    path("<str:name>/<int:pk>/document.<str:suffix>", views.document),
    path("<str:name>/<int:pk>/actions/<str:verb>", views.action),
    re_path(r"^(?P<path>.*)$", views.nowhere),
]

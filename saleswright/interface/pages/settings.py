"""The start page of the settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.administration import areas_for
from saleswright.interface.pages.common import actor_of
from saleswright.kernel.errors import NotAllowed


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Everything that the person may set up."""
    areas = areas_for(actor_of(request))
    if not areas:
        raise NotAllowed
    return render(request, "interface/settings.html", {"areas": areas})

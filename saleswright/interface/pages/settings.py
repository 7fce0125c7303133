"""The start page of the settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.administration import areas_for, areas_found
from saleswright.interface.pages.common import actor_of
from saleswright.kernel.errors import NotAllowed


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Everything that the person may set up, or what of it `?q=` finds."""
    actor, words = actor_of(request), request.GET.get("q", "").strip()[:100]
    if not areas_for(actor):
        raise NotAllowed
    return render(request, "interface/settings.html", {"areas": areas_found(actor, words), "words": words})

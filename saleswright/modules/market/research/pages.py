"""What came back of the questionnaires of a project, as a part of its page."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from saleswright.interface.pages.common import actor_of, in_range
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.modules.market.research.models import Research
from saleswright.modules.market.surveys.models import Survey


@require_GET
def surveys_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The questionnaires of a project that the reader may see, with how many were invited and answered."""
    actor = actor_of(request)
    project = fetch(Research, in_range(pk), actor=actor)
    found: list[Any] = []
    if actor.may("surveys.view"):
        rows: Any = visible(Survey.objects.filter(pk__in=project.surveys.values("survey")), actor)
        found = list(
            rows.annotate(
                invited=Count("invitations", distinct=True), answered=Count("answers", distinct=True)
            ).order_by("title", "pk")
        )  # fmt: skip
    return render(request, "market/research_surveys.html", {"surveys": found})


urlpatterns = [path("research-projects/<int:pk>/surveys/panel", surveys_panel)]

"""Search over everything, and pickers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import actor_of, address
from saleswright.interface.pages.filling import picked
from saleswright.interface.presentation import SearchGroup, SearchHit
from saleswright.kernel import search
from saleswright.kernel.access.scopes import visible

PER_KIND = 6


@require_GET
def palette(request: HttpRequest) -> HttpResponse:
    """What the query finds in everything that the person may see, by kind."""
    actor, query = actor_of(request), request.GET.get("q", "").replace("\x00", "")[:100]
    actor.scopes("search")  # who is not signed in is sent to the sign-in page
    groups: dict[str, SearchGroup] = {}
    for hit in search.search(actor, query, limit=PER_KIND):
        entity = entity_named(hit.resource)
        if hit.resource not in groups:
            more = address(entity.url(), {"q": query})
            groups[hit.resource] = SearchGroup(entity.label_plural, entity.icon, [], more)
        groups[hit.resource].hits.append(SearchHit(hit.label, entity.url(hit.record_id), hit.detail))
    template = "search_palette" if "HX-Request" in request.headers else "search"
    return render(request, f"interface/{template}.html", {"groups": list(groups.values()), "query": query})


@require_GET
def pick(request: HttpRequest, name: str) -> HttpResponse:
    """Records to choose from, by name, code or pinyin: [{"id", "label", "detail"}]."""
    entity, actor = entity_named(name), actor_of(request)
    actor.require(f"{entity.name}.view")
    query = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    rows = visible(entity.model._default_manager.filter(archived_at=None), actor)
    return JsonResponse(picked(entity, rows, query, actor), safe=False)

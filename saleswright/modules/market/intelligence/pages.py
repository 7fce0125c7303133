"""What is known of a competitor, a product or a market, as a part of its page."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.text import Truncator
from django.views.decorators.http import require_GET

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_date
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.modules.market.intelligence.models import Intelligence
from saleswright.modules.market.intelligence.states import IntelligenceStatus

#: kind of record -> the field by which intelligence names it
SUBJECTS = {"competitors": "competitor", "products": "product", "target-markets": "market"}
SHOWN, LONGEST = 5, 200


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the page of a competitor, product or market finds what is known of it."""
    wanted = resource in SUBJECTS and actor.may("intelligence.view")
    return f"/{resource}/{pk}/intelligence/panel" if wanted else None


details.everywhere.append(panel_address)


@require_GET
def panel(request: HttpRequest, pk: int, resource: str) -> HttpResponse:
    """The newest verified pieces, and how many wait to be checked."""
    actor = actor_of(request)
    actor.require("intelligence.view")
    subject, name = fetch(entity_named(resource).model, in_range(pk), actor=actor), SUBJECTS[resource]
    rows: Any = visible(Intelligence.objects.filter(archived_at=None, **{name: subject}), actor).order_by()
    counts = rows.aggregate(
        verified=Count("pk", filter=Q(status=IntelligenceStatus.VERIFIED)),
        waiting=Count("pk", filter=Q(status=IntelligenceStatus.NEW)),
    )
    newest = rows.filter(status=IntelligenceStatus.VERIFIED).order_by("-observed_on", "-pk")
    pieces = list(newest.values("pk", "title", "content", "observed_on", "source")[:SHOWN])
    content = {
        "pieces": [one | {"content": Truncator(one["content"]).chars(LONGEST)} for one in pieces], **counts,
        "day": format_date, "address": f"/intelligence?{name}_id={pk}", "more": counts["verified"] - len(pieces),
    }  # fmt: skip
    return render(request, "market/intelligence_panel.html", content)


urlpatterns = [path(f"{name}/<int:pk>/intelligence/panel", panel, {"resource": name}) for name in SUBJECTS]

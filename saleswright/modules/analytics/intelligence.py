"""What was heard in a visit becomes a piece of market intelligence (MKT-07)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import contribute
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.market.public import Intelligence, IntelligenceTopic
from saleswright.modules.pipeline.public import Activity, ActivityStatus


@transition(
    "activities", "note-intelligence", label=_("Note market intelligence"), source=[ActivityStatus.DONE], icon="bulb",
    args=(
        Arg("topic", _("What it concerns"), "choice", choices=IntelligenceTopic),
        Arg("title", _("Headline"), "text"),
        Arg("content", _("What was learned"), "long"),
        Arg("competitor_id", _("Competitor"), "reference", required=False, to="competitors"),
        Arg("product_id", _("Our product"), "reference", required=False, to="products"),
        Arg("market_id", _("Target market"), "reference", required=False, to="target-markets"),
        Arg("industry", _("Industry"), "text", required=False),
    ),
    result=(("id", int),), leads_to="intelligence",
)  # fmt: skip
def note_intelligence(
    activity: Activity, *, actor: Actor, at: datetime, topic: str, title: str, content: str,
    competitor_id: int | None, product_id: int | None, market_id: int | None, industry: str | None,
) -> dict[str, int]:  # fmt: skip
    """Write down what was heard in an activity that took place; it waits to be checked.

    Raises ValidationFailed for what doesn't name its subject, NotAllowed for who may write no intelligence.
    """
    heard = activity.done_at or at
    values = {
        "topic": topic, "title": title[:150], "content": content, "competitor": competitor_id, "product": product_id,
        "market": market_id, "industry": industry or "", "customer": activity.customer_id, "source_kind": "visit",
        "source": activity.subject[:200], "observed_on": min(clock.local_time(heard).date(), clock.today()),
    }  # fmt: skip
    made = save_record(Intelligence, values, actor=actor, at=at)
    Intelligence.objects.filter(pk=made.pk).update(visit_id=activity.pk)
    return {"id": made.pk}


contribute("activities", transitions=(note_intelligence,))


# --- from a visit to what was heard there, and back ------------------------------------------------------------


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the pages of activities and of intelligence find each other."""
    wanted = resource in {"activities", "intelligence"} and actor.may("activities.view")
    return f"/{resource}/{pk}/heard/panel" if wanted and actor.may("intelligence.view") else None


details.everywhere.append(panel_address)


@require_GET
def heard_in(request: HttpRequest, pk: int) -> HttpResponse:
    """What was noted in an activity."""
    actor = actor_of(request)
    actor.require("intelligence.view")
    activity = fetch(Activity, in_range(pk), actor=actor)
    rows: Any = visible(Intelligence.objects.filter(archived_at=None, visit_id=activity.pk), actor)
    links = [(f"/intelligence/{one.pk}", one.title, one.get_status_display()) for one in rows.order_by("pk")]
    return render(request, "market/heard_panel.html", {"links": links, "from_visit": True})


@require_GET
def heard_where(request: HttpRequest, pk: int) -> HttpResponse:
    """The activity in which a piece was heard, for those who may see it."""
    actor = actor_of(request)
    piece = fetch(Intelligence, in_range(pk), actor=actor)
    rows: Any = visible(Activity.objects.filter(pk=piece.visit_id), actor) if piece.visit_id else ()
    links = [(f"/activities/{one.pk}", one.subject, one.get_kind_display()) for one in rows]
    return render(request, "market/heard_panel.html", {"links": links, "from_visit": False})


urlpatterns = [
    path("activities/<int:pk>/heard/panel", heard_in),
    path("intelligence/<int:pk>/heard/panel", heard_where),
]

"""How many customers fit a profile, which prospects come nearest, and how near a customer comes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import format_number, format_percent
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.dictionaries import names_in
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.profiles.models import CustomerProfile, ProfileCriterion
from saleswright.modules.market.profiles.scoring import best_prospects, in_use, match_of, met_by, tally, yardsticks


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the page of a customer finds how near it comes to the profiles."""
    wanted = resource == "customers" and actor.may("customer-profiles.view")
    return f"/customers/{pk}/profiles/panel" if wanted else None


details.everywhere.append(panel_address)


@require_GET
def match_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How many customers fit, criterion by criterion, and the nearest prospects, as a part of the profile's page."""
    actor = actor_of(request)
    profile = fetch(CustomerProfile, in_range(pk), actor=actor)
    content: dict[str, Any] = {"profile": profile, "count": None, "may_see": actor.may("customers.view")}
    if content["may_see"]:
        (stick,) = yardsticks([profile], actor)
        found, industries = tally(stick, actor), names_in("industries")()
        prospects = best_prospects(stick, actor) if stick.rungs else []
        content |= {
            "count": found, "rungs": bool(stick.rungs), "number": format_number, "percent": format_percent,
            "share": found.fitting / found.customers if found.customers else 0,
            "bars": [
                (rung, count, count / found.customers if found.customers else 0)
                for rung, count in found.by_criterion
            ],
            "prospects": [row | {"industry": industries.get(row["industry"], row["industry"])} for row in prospects],
        }  # fmt: skip
    return render(request, "market/profile_match.html", content)


@require_GET
def criterion_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How many customers meet a criterion now, as a part of its page."""
    actor = actor_of(request)
    criterion = fetch(ProfileCriterion, in_range(pk), actor=actor)
    content: dict[str, Any] = {"may_see": actor.may("customers.view")}
    if content["may_see"]:
        met, customers = met_by(criterion, actor)
        share = met / customers if met is not None and customers else 0
        content |= {
            "known": met is not None, "met": format_number(met), "customers": format_number(customers),
            "share": format_percent(share),
        }  # fmt: skip
    return render(request, "market/criterion_panel.html", content)


@require_GET
def customer_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How near a customer comes to each profile in use, with the reasons, as a part of its page."""
    actor = actor_of(request)
    actor.require("customer-profiles.view")
    customer = fetch(Customer, in_range(pk), actor=actor)
    matches = match_of(customer.pk, in_use(), actor)
    return render(request, "market/profile_panel.html", {"customer": customer, "matches": matches})


urlpatterns = [
    path("customer-profiles/<int:pk>/match/panel", match_panel),
    path("profile-criteria/<int:pk>/match/panel", criterion_panel),
    path("customers/<int:pk>/profiles/panel", customer_panel),
]

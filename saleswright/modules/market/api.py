"""The API of the market that is not generated: customers held against profiles."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from saleswright.interface.api.http import answer, api
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel.access.scopes import fetch
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.profiles.models import CustomerProfile
from saleswright.modules.market.profiles.scoring import best_prospects, in_use, match_of, tally, yardsticks


@api("GET")
def match(request: HttpRequest, pk: int) -> HttpResponse:
    """How many of the caller's customers fit a profile and meet its criteria, and the nearest prospects."""
    actor = request.actor  # type: ignore[attr-defined]
    profile = fetch(CustomerProfile, in_range(pk), actor=actor)
    actor.require("customers.view")
    (stick,) = yardsticks([profile], actor)
    found = tally(stick, actor)
    names = ("name", "score", "fits")
    return answer({
        "customers": found.customers,
        "fitting": found.fitting,
        "fitting_prospects": found.prospects,
        "criteria": [
            {"id": rung.criterion.pk, "label": rung.criterion.label, "met": None if rung.met is None else count}
            for rung, count in found.by_criterion
        ],
        "best_prospects": [{"id": row["pk"], **{n: row[n] for n in names}} for row in best_prospects(stick, actor)],
    })  # fmt: skip


@api("GET")
def customer_matches(request: HttpRequest, pk: int) -> HttpResponse:
    """How near a customer comes to each profile in use, the nearest first, with the reasons."""
    actor = request.actor  # type: ignore[attr-defined]
    actor.require("customer-profiles.view")
    customer = fetch(Customer, in_range(pk), actor=actor)
    found = match_of(customer.pk, in_use(), actor)
    return answer({
        "profiles": [
            {
                "profile": {"id": one.profile.pk, "label": one.profile.name},
                "score": one.score,
                "fits": one.fits,
                "reasons": [
                    {"label": each.label, "points": each.points, "met": each.met, "required": each.required}
                    for each in one.reasons
                ],
            }
            for one in found
        ]
    })  # fmt: skip


urlpatterns = [
    path("customer-profiles/<int:pk>/match", match),
    path("customers/<int:pk>/profiles", customer_matches),
]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation

    integer, text, truth = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
    maybe = {"type": ["boolean", "null"]}

    def shape(**properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties}

    def several(item: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": item}

    def found(schema: dict[str, Any]) -> dict[str, Any]:
        return {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}

    counted = shape(
        customers=integer, fitting=integer, fitting_prospects=integer,
        criteria=several(shape(id=integer, label=text, met={"type": ["integer", "null"]})),
        best_prospects=several(shape(id=integer, name=text, score=integer, fits=truth)),
    )  # fmt: skip
    reason = shape(label=text, points=integer, met=maybe, required=truth)
    matched = shape(profile=shape(id=integer, label=text), score=integer, fits=truth, reasons=several(reason))
    return {
        "customer-profiles/{id}/match": {
            "get": operation(
                entity_named("customer-profiles"), "match", "How many customers fit", found(counted), writes=False
            )
        },
        "customers/{id}/profiles": {
            "get": operation(
                entity_named("customers"),
                "profiles_of",
                "How near the customer comes to each profile",
                found(shape(profiles=several(matched))),
                writes=False,
            )
        },
    }

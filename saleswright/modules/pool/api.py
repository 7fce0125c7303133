"""The API that is not generated: the stock of a pool, for those who may claim it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from saleswright.interface.api.http import answer, api
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel.access.scopes import fetch
from saleswright.modules.pool.models import Pool
from saleswright.modules.pool.shown import stock_of


@api("GET")
def stock(request: HttpRequest, pk: int) -> HttpResponse:
    """`GET /pools/{id}/stock?q=&after=`: 50 records a time, newest first, numbers masked as on the page."""
    actor = request.actor  # type: ignore[attr-defined]
    pool = fetch(Pool, in_range(pk), actor=actor)
    actor.require(f"{pool.resource}.view")
    after, query = request.GET.get("after", ""), request.GET.get("q", "").replace("\x00", "")[:100]
    last = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
    found = stock_of(pool, actor, query=query, after=last)
    items = [
        {
            "id": one.id,
            **{spec.name: spec.to_json(one.values) for spec in found.specs},
            "phone": one.phone,
            "pooled_at": one.pooled_at,
            "reason": one.reason,
            "last_owner": one.last_owner,
        }
        for one in found.pieces
    ]
    return answer({"resource": pool.resource, "items": items, "after": found.next})


urlpatterns = [path("pools/<int:pk>/stock", stock)]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    from saleswright.interface.api.openapi import operation

    text, number = {"type": "string"}, {"type": ["integer", "null"]}
    items = {"type": "array", "items": {"type": "object"}}
    content = {"type": "object", "properties": {"resource": text, "items": items, "after": number}}
    found = {"200": {"description": "What lies in the pool", "content": {"application/json": {"schema": content}}}}
    asked = tuple({"name": name, "in": "query", "schema": text} for name in ("q", "after"))
    shown = operation(
        entity_named("pools"), "stock", "What lies in the pool", found, writes=False, parameters=("id", *asked)
    )
    return {"pools/{id}/stock": {"get": shown}}

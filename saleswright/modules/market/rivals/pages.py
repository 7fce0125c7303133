"""The prices of competitors beside ours, as a part of the page of a competitor and of a product."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import format_date, format_money, format_percent
from saleswright.interface.pages import details
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.modules.catalog.public import Product
from saleswright.modules.market.models import Competitor
from saleswright.modules.market.rivals.prices import comparisons


def panel_address(resource: str, pk: int, actor: Actor) -> str | None:
    """Where the pages of competitors and of products find the prices."""
    wanted = resource in {"competitors", "products"} and actor.may("competitors.view")
    return f"/{resource}/{pk}/prices/panel" if wanted and actor.may("products.view") else None


details.everywhere.append(panel_address)


@require_GET
def competitor_prices(request: HttpRequest, pk: int) -> HttpResponse:
    """Their prices beside ours."""
    actor = actor_of(request)
    actor.require("products.view")
    return _panel(request, by_product=False, competitor=fetch(Competitor, in_range(pk), actor=actor).pk)


@require_GET
def product_prices(request: HttpRequest, pk: int) -> HttpResponse:
    """What competitors ask for what competes with a product."""
    actor = actor_of(request)
    actor.require("competitors.view")
    return _panel(request, by_product=True, product=fetch(Product, in_range(pk), actor=actor).pk)


def _panel(request: HttpRequest, *, by_product: bool, **filters: Any) -> HttpResponse:
    found = comparisons(**filters)
    content = {
        "rows": found, "by_product": by_product, "money": format_money,
        "percent": lambda share: f"{'+' if share > 0 else ''}{format_percent(share)}",
        "day": format_date,
        "cheaper": sum(one.difference is not None and one.difference < 0 for one in found),
        "compared": sum(one.difference is not None for one in found),
    }  # fmt: skip
    return render(request, "market/prices_panel.html", content)


urlpatterns = [
    path("competitors/<int:pk>/prices/panel", competitor_prices),
    path("products/<int:pk>/prices/panel", product_prices),
]

"""Quotes made of solutions (OPP-08)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.records import save_record
from saleswright.kernel.transitions import transition
from saleswright.modules.pipeline.public import Solution, SolutionStatus
from saleswright.modules.sales.models import Quote


def has_products(solution: Solution) -> Text | None:
    """A quote needs at least one product, and somebody to whom it goes."""
    if not solution.lines.filter(product__isnull=False).exists():
        return _("No line of the solution names a product.")
    return None if solution.opportunity.customer_id else _("Name the customer first.")


@transition(
    "solutions", "create-quote", label=gettext_lazy("Create quote"), source=[SolutionStatus.APPROVED],
    guards=(has_products,), icon="file-dollar", style="success", result=(("id", int), ("number", str)),
    leads_to="quotes",
)  # fmt: skip
def quote_from_solution(solution: Solution, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """A draft quote to the customer of the deal, with a line for each that names a product; prices that the solution
    leaves open are those of the price list. Raises what saving a quote raises (rights, archived products).
    """
    deal = solution.opportunity
    rows = solution.lines.filter(product__isnull=False).order_by("position", "id")
    lines = [
        {name: value for name, value in (("product", p), ("quantity", q), ("unit_price", price)) if value is not None}
        for p, q, price in rows.values_list("product_id", "quantity", "unit_price")
    ]
    values = {
        "customer": deal.customer_id, "contact": deal.contact_id, "opportunity": deal.pk, "currency": deal.currency,
        "owner": deal.owner_id or actor.user_id,
    }  # fmt: skip
    quote = save_record(Quote, values, lines={"lines": lines}, actor=actor, at=at)
    return {"id": quote.pk, "number": quote.number}

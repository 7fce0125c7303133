"""Prices of competitors beside our own list prices, and what is checked when they are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.drafts import Batch
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.market.rivals.models import CompetitorProduct


@dataclass(frozen=True, slots=True)
class Comparison:
    """The latest known price of a competing product beside ours.

    `difference` = their price / our list price - 1 to four places, above 0 where they are dearer; None where one of the
    two is not known, or the currencies differ.
    """

    competitor_id: int
    competitor: str
    name: str
    product_id: int | None
    product: str
    price: Decimal
    ours: Decimal | None
    currency: str
    seen_on: date
    source: str
    difference: Decimal | None
    earlier: Decimal | None  # their price before, in the same currency


COLUMNS = (
    "competitor_id", "competitor__name", "name", "product_id", "product__name", "price", "product__list_price",
    "currency", "product__currency", "seen_on", "source",
)  # fmt: skip


def comparisons(**filters: Any) -> list[Comparison]:
    """The latest price of each competing product that has one, of a competitor or beside a product of ours."""
    rows = CompetitorProduct.objects.filter(price__isnull=False, competitor__archived_at=None, **filters)
    found: dict[tuple[int, str], dict[str, Any]] = {}
    before: dict[tuple[int, str], Decimal] = {}
    for row in rows.order_by("competitor__name", "competitor", "seen_on", "position", "pk").values(*COLUMNS):
        key = row["competitor_id"], row["name"]
        if key in found and found[key]["currency"] == row["currency"]:
            before[key] = found[key]["price"]
        else:
            before.pop(key, None)
        found[key] = row
    return [_compared(row, before.get(key)) for key, row in found.items()]


def _compared(row: dict[str, Any], earlier: Decimal | None) -> Comparison:
    ours = row["product__list_price"]
    difference = None
    if ours and row["currency"] == row["product__currency"]:
        difference = round_half_up(EXACT.divide(row["price"], ours) - 1, 4)
    return Comparison(
        row["competitor_id"], row["competitor__name"], row["name"], row["product_id"], row["product__name"] or "",
        row["price"], ours, row["currency"], row["seen_on"], row["source"], difference, earlier,
    )  # fmt: skip


def prepare_competitors(batch: Batch) -> None:
    """A price has a source and a day that has come."""
    today = clock.today()
    for draft in batch.good:
        for line in draft.line_drafts.get("offers", ()):
            offer: CompetitorProduct = line.record
            if offer.price is not None and not offer.source:
                draft.error(f"offers.{line.index}.source", "required", _("Say where the price comes from."))
            if offer.seen_on > today:
                draft.error(f"offers.{line.index}.seen_on", "future", _("The day lies in the future."))

"""How attractive markets are, and what is checked when they are written."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _

from saleswright.kernel.drafts import Batch
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.market.targeting.models import MarketRating, TargetMarket

MOST = 10


def attractiveness(markets: Iterable[int]) -> dict[int, Decimal]:
    """Points of 100 of each market that was rated: sum of weight x rating / (10 x sum of weights) x 100.

    One decimal, rounded half up; over the criteria by which the market was rated, without archived ones.
    """
    weighed: dict[int, int] = {}
    weights: dict[int, int] = {}
    rows = MarketRating.objects.filter(market__in=list(markets), criterion__archived_at=None)
    for market, rating, weight in rows.values_list("market_id", "rating", "criterion__weight"):
        weighed[market] = weighed.get(market, 0) + weight * rating
        weights[market] = weights.get(market, 0) + weight
    return {
        market: round_half_up(EXACT.divide(Decimal(100 * weighed[market]), Decimal(MOST * weights[market])), 1)
        for market in weighed
    }


def prepare_markets(batch: Batch) -> None:
    """No two markets are cut alike; each is rated once by a criterion."""
    _refuse_twins(batch)
    for draft in batch.good:
        seen: set[int] = set()
        for line in draft.line_drafts.get("ratings", ()):
            criterion = line.record.criterion_id
            if criterion in seen:
                text = _("The market is rated by this criterion already.")
                draft.error(f"ratings.{line.index}.criterion", "duplicate", text)
            seen.add(criterion)


def _refuse_twins(batch: Batch) -> None:
    drafts = [draft for draft in batch.good if draft.record.archived_at is None]
    cuts = TargetMarket.objects.filter(archived_at=None, industry__in={draft.record.industry for draft in drafts})
    taken: dict[tuple[int | None, str, str], object] = {
        (region, industry, size): pk
        for pk, region, industry, size in cuts.values_list("pk", "region_id", "industry", "size")
    }
    for draft in drafts:
        market: TargetMarket = draft.record
        mine = market.pk or draft
        if taken.setdefault((market.region_id, market.industry, market.size), mine) != mine:
            draft.error("region", "duplicate", _("There is a target market of the same region, industry and size."))

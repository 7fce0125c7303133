"""What sources of leads cost over a period."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from saleswright.kernel.clock import Period
from saleswright.kernel.money import EXACT, round_half_up
from saleswright.modules.leads.models import LeadSource, SourceCost


def cost_of_sources(period: Period) -> dict[str, Decimal]:
    """What each source, by its code, costs in the period, in base currency; sources without costs are left out.

    Costs are spread evenly over the days of their own period. On days for which none is given the yearly cost counts
    with a 365th.
    """
    found: dict[str, Decimal] = {}
    spans: dict[int, list[SourceCost]] = {}
    rows = SourceCost.objects.filter(starts_on__lte=period.end, ends_on__gte=period.start)
    for cost in rows.order_by("source_id", "starts_on"):
        spans.setdefault(cost.source_id, []).append(cost)
    for pk, code, yearly in LeadSource.objects.values_list("pk", "code", "cost"):
        mine = spans.get(pk, [])
        total = sum((_share(one, period) for one in mine), Decimal(0))
        if yearly:
            open_days = (period.end - period.start).days + 1 - _covered(mine, period)
            total += EXACT.divide(yearly * open_days, Decimal(365))
        if mine or yearly:
            found[code] = round_half_up(total, 2)
    return found


def _share(cost: SourceCost, period: Period) -> Decimal:
    days = (min(cost.ends_on, period.end) - max(cost.starts_on, period.start)).days + 1
    return EXACT.divide(cost.amount * days, Decimal((cost.ends_on - cost.starts_on).days + 1))


def _covered(costs: list[SourceCost], period: Period) -> int:
    """On how many days of the period a cost is given; costs come by their first day."""
    days, until = 0, period.start - timedelta(days=1)
    for one in costs:
        first, last = max(one.starts_on, until + timedelta(days=1)), min(one.ends_on, period.end)
        if last >= first:
            days, until = days + (last - first).days + 1, last
    return days

"""Recurring work of the market."""

from __future__ import annotations

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.market.intelligence import actions


@periodic("market.digest", every="07:30")
def digest(ctx: JobContext) -> dict[str, int]:
    """Tell of last week's verified intelligence: on Monday, or on the first day that the system runs again."""
    return actions.send_digest(clock.now())

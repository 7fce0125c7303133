"""Recurring work about states that last too long."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.org.overdue import tell_of_overdue


@periodic("org.state-limits", every=timedelta(minutes=10))
def tell(ctx: JobContext) -> dict[str, int]:
    """Tell people of records that are in a state for longer than they may be."""
    return {"told": tell_of_overdue(clock.now())}

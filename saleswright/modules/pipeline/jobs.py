"""The nightly work on open opportunities."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.pipeline.nights import take_night
from saleswright.modules.pipeline.probability import refresh_learned
from saleswright.modules.pipeline.timing import follow_time_limits


@periodic("pipeline.nightly", every="00:10")
def nightly(ctx: JobContext) -> dict[str, int]:
    """Bring time limits and learned probabilities up to date."""
    return {"limits": follow_time_limits(), "probabilities": refresh_learned()}


@periodic("pipeline.night", every="00:05")
def night(ctx: JobContext) -> dict[str, int]:
    """Keep how the open opportunities stood at the end of the day before."""
    return {"rows": take_night(clock.today() - timedelta(days=1))}

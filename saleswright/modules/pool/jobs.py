"""The nightly run."""

from __future__ import annotations

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.pool.actions import recycling


@periodic("pool.recycle", every="01:30", atomic=False)
def recycle(ctx: JobContext) -> dict[str, int]:
    """Let records go to their pools by the live rules, and warn of those that will."""
    night = recycling.run(ctx, clock.now(), ctx.actor)
    return {"taken": night.taken, "warned": night.warned, "failed": night.failed}

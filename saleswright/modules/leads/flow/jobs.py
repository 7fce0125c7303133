"""The run that watches answers."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.leads.flow import answering


@periodic("leads.answers", every=timedelta(minutes=5), atomic=False)
def watch_answers(ctx: JobContext) -> dict[str, int]:
    """Remind of answers that are overdue, tell managers, and let leads go back to the pool."""
    made = answering.run(ctx, clock.now(), ctx.actor)
    return {
        "started": made.started, "reminded": made.reminded, "escalated": made.escalated, "pooled": made.pooled,
    }  # fmt: skip

"""Recurring work."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.work.actions import chasing, tasks


@periodic("work.remind", every=timedelta(minutes=5))
def remind(ctx: JobContext) -> dict[str, int]:
    """Remind people of their tasks."""
    return {"reminded": tasks.remind(clock.now())}


@periodic("work.chase_approvals", every=timedelta(minutes=5), atomic=False)
def chase_approvals(ctx: JobContext) -> dict[str, int]:
    """Remind of approvals, escalate those whose time is over, and find who stands in for absent approvers."""
    return chasing.chase(clock.now())

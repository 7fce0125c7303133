"""Recurring work."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.modules.work.actions import chasing, delivery, planning_out, tasks
from saleswright.modules.work.files import upkeep


@periodic("work.remind", every=timedelta(minutes=5))
def remind(ctx: JobContext) -> dict[str, int]:
    """Remind people of their tasks."""
    return {"reminded": tasks.remind(clock.now())}


@periodic("work.chase_approvals", every=timedelta(minutes=5), atomic=False)
def chase_approvals(ctx: JobContext) -> dict[str, int]:
    """Remind of approvals, escalate those whose time is over, and find who stands in for absent approvers."""
    return chasing.chase(clock.now())


@periodic("work.clean_files", every="03:40", atomic=False)
def clean_files(ctx: JobContext) -> dict[str, int]:
    """Delete files of records that are gone, and contents that no file has named for a week."""
    return upkeep.clean(clock.now(), ctx.actor)


KEEP = timedelta(days=60)


@job(planning_out.KIND, timeout=timedelta(minutes=5), atomic=False)
def send_notices(ctx: JobContext, channel: str) -> dict[str, int]:
    """Send what is due by a channel."""
    return delivery.send_waiting(channel, ctx.check_cancelled)


@periodic("notices.wake", every=timedelta(minutes=1))
def wake_notices(ctx: JobContext) -> dict[str, int]:
    """Ask for what is due by now, and for what a worker that was killed had in its hands."""
    return {"channels": delivery.start_all(clock.now())}


@periodic("notices.tidy", every="03:55")
def tidy_notices(ctx: JobContext) -> dict[str, int]:
    """Forget what was sent two months ago."""
    return {"removed": delivery.tidy(clock.now(), KEEP)}

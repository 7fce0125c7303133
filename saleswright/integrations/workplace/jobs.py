"""Staff sync, and the cards of approvals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from saleswright.integrations.workplace.actions import approvals, sync
from saleswright.integrations.workplace.choices import RunKind
from saleswright.integrations.workplace.models import Connection
from saleswright.integrations.workplace.registry import all_active
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.kernel.models import Job, JobState

CARDS = "workplace.cards"


@job(sync.JOB, timeout=timedelta(minutes=30), atomic=False)
def run(ctx: JobContext, connection_id: int, kind: str, people: list[str]) -> dict[str, Any]:
    """Lay staff and departments of a workplace program beside ours, and take over what changed."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None or not (connection.active or kind == RunKind.PREVIEW):
        return {}
    made = sync.run(connection, kind, people=people, user_id=ctx.job.user_id)
    return {"run": made.pk, **made.counts}


@periodic("workplace.daily", every="04:30")
def daily(ctx: JobContext) -> dict[str, int]:
    """Ask for a run of each program whose staff is taken over daily."""
    wanted = [connection for connection in all_active() if connection.daily and connection.chosen]
    for connection in wanted:
        sync.ask_for_run(connection, RunKind.FULL)
    return {"runs": len(wanted)}


@periodic("workplace.cards-due", every=timedelta(minutes=1), atomic=False)
def cards_due(ctx: JobContext) -> dict[str, int]:
    """Send and close cards that nobody was asked for: after a restart, a fault, an escalation."""
    return approvals.deliver(ctx.check_cancelled)


@job(CARDS, timeout=timedelta(minutes=10), atomic=False)
def cards(ctx: JobContext) -> dict[str, int]:
    """Send and close the cards of approvals."""
    return approvals.deliver(ctx.check_cancelled)


def cards_are_asked_for() -> bool:
    """Whether a job that will send cards waits already."""
    return Job.objects.filter(kind=CARDS, state=JobState.QUEUED).exists()

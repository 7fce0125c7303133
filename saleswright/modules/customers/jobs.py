"""The search for duplicates, when it is asked for and every night, and what came in late for merged records."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.kernel.merging.action import follow_late, forget_details
from saleswright.modules.customers import duplicates


@job(duplicates.SCAN_JOB, timeout=timedelta(minutes=30), atomic=False, retries=0)
def find_duplicates(ctx: JobContext, scan_id: int) -> dict[str, int]:
    """Search all customers for duplicates."""
    return duplicates.scan_customers(scan_id, ctx)


@periodic("customers.nightly_duplicates", every="02:30")
def start_nightly(ctx: JobContext) -> dict[str, int | None]:
    """Start the search of the night."""
    return {"scan": duplicates.start_nightly(ctx.actor)}


@periodic("customers.follow_merges", every=timedelta(minutes=10))
def follow_merges(ctx: JobContext) -> dict[str, int]:
    """Move what was written at the moment of a merge by somebody who had read the former state; drop old details."""
    return {"moved": follow_late(ctx.actor), "dropped": forget_details()}

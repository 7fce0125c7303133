"""Sending to webhooks, and what keeps it going."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.modules.integration.actions import sending, webhooks

KEEP = timedelta(days=90)


@job(sending.KIND, timeout=timedelta(minutes=5), atomic=False)
def send(ctx: JobContext, webhook_id: int) -> dict[str, int]:
    """Send what is due to a webhook."""
    return sending.send_waiting(webhook_id, ctx.check_cancelled)


@periodic("webhooks.wake", every=timedelta(minutes=1))
def wake(ctx: JobContext) -> dict[str, int]:
    """Ask for what is due and nobody was asked for: after a restart, or when a claim has run out."""
    return {"webhooks": sending.start_all(clock.now())}


@periodic("webhooks.tidy", every="03:45")
def tidy(ctx: JobContext) -> dict[str, int]:
    """Forget deliveries that arrived more than three months ago."""
    return {"removed": webhooks.tidy(clock.now(), KEEP)}

"""Recurring work of after-sales service."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.service.actions.tickets import escalate_tickets


@periodic("service.escalate", every=timedelta(hours=1))
def escalate(ctx: JobContext) -> dict[str, int]:
    """Tell managers of tickets that nobody answered in time."""
    return {"escalated": escalate_tickets(clock.now())}

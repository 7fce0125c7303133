"""Recurring work of announcements."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.notices.actions import announcements


@periodic("notices.announcements", every=timedelta(minutes=5), atomic=False)
def run_announcements(ctx: JobContext) -> dict[str, int]:
    """Publish, end and chase announcements whose time has come."""
    return announcements.run_clock(clock.now())

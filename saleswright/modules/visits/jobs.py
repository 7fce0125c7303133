"""Recurring work of reports."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.visits.actions.reports import remind_of_reports


@periodic("visits.report-reminders", every=timedelta(minutes=15))
def run_report_reminders(ctx: JobContext) -> dict[str, int]:
    """Remind those whose report is due soon."""
    return {"reminded": remind_of_reports(clock.now())}

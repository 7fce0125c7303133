"""Recurring work on the figures of customers."""

from __future__ import annotations

from datetime import timedelta

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.modules.insight.actions import care, figures, grading


@job(figures.REFRESH_JOB, timeout=timedelta(minutes=30), retries=1)
def refresh(ctx: JobContext) -> dict[str, int]:
    """Work out the figures of the customers."""
    return figures.refresh(clock.now())


@periodic("insight.nightly", every="04:10", timeout=timedelta(minutes=30))
def nightly(ctx: JobContext) -> dict[str, int]:
    """The same every night."""
    return figures.refresh(clock.now())


@job(grading.GRADE_JOB, timeout=timedelta(minutes=30), retries=1)
def grade(ctx: JobContext) -> dict[str, int]:
    """Grade the customers."""
    return grading.grade(clock.now())


@periodic("insight.monthly", every="04:40", timeout=timedelta(minutes=30))
def monthly(ctx: JobContext) -> dict[str, int]:
    """Grade the customers once a month, and end levels set by hand when their day has passed."""
    return grading.grade_monthly(clock.now())


@periodic("insight.care", every="05:10", timeout=timedelta(minutes=30))
def care_daily(ctx: JobContext) -> dict[str, int]:
    """Make the tasks of the care plans."""
    return care.care(clock.now())

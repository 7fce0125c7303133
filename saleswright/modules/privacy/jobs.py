"""Recurring work about personal data."""

from __future__ import annotations

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.privacy.actions.retention import propose_past


@periodic("privacy.retention", every="02:40")
def check_retention(ctx: JobContext) -> dict[str, int]:
    """Propose for erasure what is past its retention."""
    return {"proposed": propose_past(clock.today())}

"""What workers do for the score: learn a version, score all leads anew, and look each night."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.modules.leads.scoring import training


@job(
    training.TRAIN_JOB, timeout=timedelta(minutes=60), atomic=False, retries=1, label=_("Learn the lead score"),
    path=lambda job: "/lead-score",
)  # fmt: skip
def learn_score(ctx: JobContext, version_id: int) -> dict[str, Any]:
    """Learn a version of the lead score."""
    return training.train(version_id, ctx)


@job(training.RESCORE_JOB, timeout=timedelta(minutes=60), atomic=False, label=_("Score all open leads anew"))
def rescore(ctx: JobContext) -> dict[str, int]:
    """Score all open leads anew."""
    return {"changed": training.rescore_all(ctx, ctx.done)}


@periodic("leads.nightly_score", every="03:10", atomic=False)
def nightly_score(ctx: JobContext) -> dict[str, Any]:
    """Score all open leads anew, for time passes; learn a version when it is time."""
    changed = training.rescore_all(ctx, ctx.done)
    with ctx.chunk(ctx.done):
        version = training.start_when_due(ctx.actor, clock.now())
    return {"changed": changed, "version": version}

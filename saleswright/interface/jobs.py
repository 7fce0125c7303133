"""Recurring and long work of the interface."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import translation

from saleswright.interface.exchange import uploads
from saleswright.interface.exchange.importer import Progress, run_import
from saleswright.interface.exchange.mapping import Mapping
from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.jobs import JobContext, job, periodic

IMPORT_JOB = "import"


def take_upload(
    actor: Actor,
    *,
    resource: str,
    token: str,
    columns: dict[str, str],
    dry_run: bool,
    language: str,
    progress: Progress = lambda done, total: None,
) -> ImportOutcome:
    """Take (or only check) a file that was sent; bad rows are left out and written to its errors file."""
    upload = uploads.find(token, resource=resource, user_id=actor.user_id or 0)
    with translation.override(language):
        outcome = run_import(
            resource,
            upload.path,
            actor=actor,
            mapping=Mapping(columns=columns),
            exact=True,
            on_error="skip",
            errors_path=upload.errors_path,
            dry_run=dry_run,
            progress=progress,
            name=upload.name,
        )
    if not dry_run:
        transaction.on_commit(upload.remove_file)
    return outcome


@job(IMPORT_JOB, retries=1)
def import_upload(ctx: JobContext, **arguments: Any) -> dict[str, Any]:
    """Take an uploaded file. The whole is one transaction, so a run that is taken up again repeats nothing."""
    return asdict(take_upload(ctx.actor, **arguments, progress=ctx.progress))


@periodic("interface.uploads", every="04:10")
def tidy_uploads(ctx: JobContext) -> dict[str, int]:
    """Remove files that were sent for an import and forgotten."""
    return {"removed": uploads.tidy()}

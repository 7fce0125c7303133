"""Recurring and long work of the interface."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import entity_named
from saleswright.interface.exchange import uploads
from saleswright.interface.exchange.importer import AlikeChoice, Progress, run_import
from saleswright.interface.exchange.mapping import Mapping
from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.jobs import JobContext, job, periodic
from saleswright.kernel.models import Job
from saleswright.kernel.ports import ports
from saleswright.kernel.words import said

IMPORT_JOB = "import"


def take_upload(
    actor: Actor,
    *,
    resource: str,
    token: str,
    columns: dict[str, str],
    dry_run: bool,
    language: str,
    alike: AlikeChoice = "create",
    alike_rows: dict[str, AlikeChoice] | None = None,
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
            token=upload.token,
            alike=alike,
            alike_rows={int(line): choice for line, choice in (alike_rows or {}).items()},
        )
    if not dry_run:
        transaction.on_commit(upload.remove_file)
    return outcome


def _result_page(job: Job) -> str:
    return f"/{job.arguments['resource']}/import?job={job.pk}"


@job(IMPORT_JOB, retries=1, label=gettext_lazy("Import of a file"), path=_result_page)
def import_upload(ctx: JobContext, **arguments: Any) -> dict[str, Any]:
    """Take an uploaded file. The whole is one transaction, so a run that is taken up again repeats nothing."""
    outcome = take_upload(ctx.actor, **arguments, progress=ctx.progress)
    text = gettext_lazy("Import of %(what)s: %(created)s created, %(updated)s updated, %(failed)s with errors")
    if arguments["dry_run"]:
        text = gettext_lazy("Check of %(what)s: %(created)s to create, %(updated)s to update, %(failed)s with errors")
    words = said(
        text, what=entity_named(arguments["resource"]).label_plural, created=outcome.created, updated=outcome.updated,
        failed=outcome.failed,
    )  # fmt: skip
    ports.notification.notify(
        user_ids=[ctx.actor.user_id or 0], text=words, resource="", record_id=0, at=clock.now(), kind="job",
        path=_result_page(ctx.job),
    )  # fmt: skip
    return asdict(outcome)


@periodic("interface.uploads", every="04:10")
def tidy_uploads(ctx: JobContext) -> dict[str, int]:
    """Remove files that were sent for an import and forgotten."""
    return {"removed": uploads.tidy()}

"""Import and export as the command line asks for them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from saleswright.interface.exchange import exporter, importer
from saleswright.interface.exchange.mapping import load_mapping
from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotFound

ShownProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """The counts of an import, and sentences for people about what was wrong."""

    rows: int
    created: int
    updated: int
    failed: int
    problems: list[str]


def run_import(
    resource: str,
    file: Path,
    *,
    actor: Actor,
    mapping: Path | None,
    mode: Any,
    key: str,
    on_error: Any,
    errors: Path | None,
    dry_run: bool,
    progress: ShownProgress,
) -> CommandOutcome:
    """Import a file. Raises LookupError for an unknown resource, and what the import raises."""
    gc.freeze()  # the loaded program isn't walked again and again while rows come and go: a tenth of the time
    try:
        outcome = importer.run_import(
            resource,
            file,
            actor=actor,
            mapping=load_mapping(mapping) if mapping else None,
            mode=mode,
            key=key or None,
            on_error=on_error,
            errors_path=errors,
            dry_run=dry_run,
            progress=lambda done, total: progress(file.name, done, total or done),
        )
    except NotFound:
        raise LookupError(_("There is no resource “%(name)s”.") % {"name": resource}) from None
    return CommandOutcome(
        outcome.rows, outcome.created, outcome.updated, outcome.failed, [*outcome.notes, *_problems(outcome)]
    )


def _problems(outcome: ImportOutcome) -> list[str]:
    found = []
    for error in outcome.errors:
        text = f"{error.field}: {error.message}" if error.field else error.message
        found.append(_("Line %(line)d: %(text)s") % {"line": error.line, "text": text})
    if outcome.failed > len({error.line for error in outcome.errors}):
        found.append(_("%(count)d rows failed in all; --errors FILE writes them.") % {"count": outcome.failed})
    return found


def run_export(resource: str, file: Path, *, actor: Actor, progress: ShownProgress) -> int:
    """Export all records of a resource; returns their number. Raises LookupError for an unknown resource."""
    try:
        return exporter.run_export(
            resource, file, actor=actor, progress=lambda done, total: progress(file.name, done, total or done)
        )
    except NotFound:
        raise LookupError(_("There is no resource “%(name)s”.") % {"name": resource}) from None

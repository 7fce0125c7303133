"""What `saleswright doctor` looks at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from saleswright.kernel import audit, clock
from saleswright.kernel.models import AuditEntry, Job, JobState, OutboxEvent

LATE = timedelta(minutes=5)  # how long work may wait before the worker seems to be missing


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: whether it is well, and a sentence about it."""

    name: str
    ok: bool
    detail: str


def unapplied_migrations() -> list[str]:
    """The migrations that the database lacks, such as `kernel.0002_more`."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def examine(*, with_audit: bool = False) -> Iterator[Check]:
    """Look at the installation, part by part; the database's parts only when it answers."""
    yield _storage()
    database = _database()
    yield database
    if not database.ok:
        return
    missing = unapplied_migrations()
    yield Check(_("Tables"), not missing, ", ".join(missing) or _("up to date"))
    if missing:
        return
    yield from (part() for part in (_references, _jobs, _events, _worker))
    if with_audit:
        yield audit_chain()


def audit_chain() -> Check:
    """Seal what can be sealed, then follow the chain from its beginning."""
    audit.seal_all()
    found = audit.verify()
    name = _("Audit")
    if not found.ok:
        values = {"sequence": found.first_bad, "reason": found.reason}
        return Check(name, False, _("entry %(sequence)s: %(reason)s") % values)
    unsealed = AuditEntry.objects.filter(sequence=None).count()
    values = {"entries": found.entries, "unsealed": unsealed, "head": found.head[:16]}
    return Check(name, True, _("%(entries)s entries sound, %(unsealed)s not sealed yet, head %(head)s") % values)


def _storage() -> Check:
    folder = Path(settings.MEDIA_ROOT)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return Check(_("Files"), os.access(existing, os.W_OK), str(folder))


def _database() -> Check:
    name = f"{connection.display_name} {connection.settings_dict['NAME']}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Check(_("Database"), False, f"{name}: {error}")
    return Check(_("Database"), True, name)


def _references() -> Check:
    try:
        if connection.vendor == "sqlite":  # PostgreSQL never lets a reference dangle
            connection.check_constraints()
    except DatabaseError as error:
        return Check(_("References"), False, str(error))
    return Check(_("References"), True, _("sound"))


def _jobs() -> Check:
    return _failed(_("Jobs"), Job.objects.filter(state=JobState.FAILED).count())


def _events() -> Check:
    return _failed(_("Events"), OutboxEvent.objects.exclude(dead_at=None).count())


def _failed(name: str, count: int) -> Check:
    return Check(name, not count, _("%(count)s failed") % {"count": count})


def _worker() -> Check:
    late = Job.objects.filter(state=JobState.QUEUED, attempts=0, run_at__lt=clock.now() - LATE).count()
    return Check(_("Worker"), not late, _("%(count)s jobs wait for more than five minutes") % {"count": late})

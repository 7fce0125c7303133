"""A file that a worker takes: who sent it is told what came of it."""

import pytest

from saleswright.interface import jobs
from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.kernel.jobs import enqueue
from saleswright.kernel.models import Job
from saleswright.kernel.worker import Worker
from saleswright.modules.work.public import Notification

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("dry_run", "words"),
    [
        (False, "Import of Customers: 3 created, 2 updated, 1 with errors"),
        (True, "Check of Customers: 3 to create, 2 to update, 1 with errors"),
    ],
)
def test_it_tells_what_came_of_it(person, monkeypatch, dry_run, words):
    someone = person("administrator", language="en")
    outcome = ImportOutcome(rows=6, created=3, updated=2, failed=1, dry_run=dry_run)
    monkeypatch.setattr(jobs, "take_upload", lambda actor, **given: outcome)
    arguments = {"resource": "customers", "token": "t", "columns": {}, "dry_run": dry_run, "language": "en"}
    asked = enqueue(jobs.IMPORT_JOB, arguments=arguments, user=someone)
    Worker("w1").run_once()
    assert Job.objects.get(pk=asked.pk).state == "done"
    notice = Notification.objects.get(user=someone)
    assert (notice.text, notice.kind, notice.path) == (words, "job", f"/customers/import?job={asked.pk}")

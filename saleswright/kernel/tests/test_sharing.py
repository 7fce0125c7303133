"""Several workers on one database, at the same moment, on PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from saleswright.kernel import jobs
from saleswright.kernel.jobs import JobContext, enqueue, job, periodic
from saleswright.kernel.models import Counter, Job, JobState
from saleswright.kernel.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
JOBS, WORKERS = 40, 4


@pytest.fixture(autouse=True)
def _on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one worker")


@job("test.share")
def share(ctx: JobContext, number: int) -> None:
    Counter.objects.create(series=f"shared {number}")  # a second run would break its uniqueness


def at_once(action):
    """Run `action(number)` in so many threads at the same moment; what each returned."""
    barrier, results = threading.Barrier(WORKERS), []

    def work(number):
        try:
            barrier.wait(timeout=10)
            results.append(action(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == WORKERS
    return results


def test_workers_share_a_queue_and_do_each_job_once():
    for number in range(JOBS):
        enqueue("test.share", arguments={"number": number})
    stop = threading.Event()

    def work(number):
        worker, done = Worker(f"w{number}"), 0
        while worker.run_job(stop) or Job.objects.filter(state__in=jobs.OPEN).exists():
            done += 1
        return done

    at_once(work)
    assert Counter.objects.filter(series__startswith="shared ").count() == JOBS
    assert set(Job.objects.values_list("state", "attempts")) == {(JobState.DONE, 1)}


def test_a_periodic_job_is_made_once_however_many_workers_there_are():
    periodic("test.shared", every=timedelta(minutes=5))(lambda ctx: None)
    try:
        for minutes in range(0, 50, 5):
            at_once(lambda _number, at=NOON + timedelta(minutes=minutes): jobs.schedule(at, {}))
            Job.objects.filter(kind="test.shared").update(state=JobState.DONE)
    finally:
        del jobs._kinds["test.shared"]
    keys = list(Job.objects.filter(kind="test.shared").values_list("period_key", flat=True))
    assert (len(keys), len(set(keys))) == (10, 10)

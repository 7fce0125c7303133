"""The pulse of a running job: keeps its lease, publishes its progress, hears that it is to stop."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection

from saleswright.kernel import clock
from saleswright.kernel.models import Job, JobState

logger = logging.getLogger(__name__)


class Pulse:
    """Renews a job's lease from a thread with a connection of its own, outside the job's transaction.

    It beats every third of the lease, and within `interval` seconds of a report. Where the job itself runs in
    a transaction of the caller, which no other connection can see, reports are written at once and there is
    no thread.
    """

    def __init__(
        self,
        job: Job,
        *,
        lease: timedelta,
        stop: threading.Event | None = None,
        interval: float = 1.0,
    ) -> None:
        self.reported: dict[str, Any] = {}
        self.cancel_requested = self.lost = False
        self._job, self._lease, self._interval = job, lease, interval
        self._stop_worker = stop or threading.Event()
        self._over, self._beat_now = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if not connection.in_atomic_block:
            self._thread = threading.Thread(target=self._run, name=f"pulse-{job.pk}", daemon=True)
            self._thread.start()

    @property
    def stopping(self) -> bool:
        """Whether the worker wants to end."""
        return self._stop_worker.is_set()

    def report(self, done: int, total: int | None) -> None:
        """Publish how far the job is."""
        self.reported = {"done": done} if total is None else {"done": done, "total": total}
        if self._thread is None:
            self._beat()
        else:
            self._beat_now.set()

    def stop(self) -> None:
        """End the thread. It does not wait for a beat that itself waits for the job's transaction."""
        self._over.set()
        self._beat_now.set()

    def _run(self) -> None:
        try:
            while True:
                self._beat_now.wait(self._lease.total_seconds() / 3)
                self._beat_now.clear()
                if self._over.is_set():
                    return
                began = time.monotonic()
                try:
                    self._beat()
                except DatabaseError as error:
                    logger.debug("no beat for job %s: %s", self._job.pk, error)
                self._over.wait(max(0.0, self._interval - (time.monotonic() - began)))
        finally:
            connection.close()

    def _beat(self) -> None:
        mine = Job.objects.filter(
            pk=self._job.pk, state=JobState.RUNNING, worker=self._job.worker, attempts=self._job.attempts
        )
        if mine.update(leased_until=clock.now() + self._lease, **self.reported):
            self.cancel_requested = mine.filter(cancel_requested=True).exists()
        else:
            self.lost = not self._over.is_set()

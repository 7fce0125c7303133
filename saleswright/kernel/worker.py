"""The worker: does the jobs, makes the periodic ones, delivers the outbox, seals the audit.

On SQLite it is a thread of the serving process, on PostgreSQL a process of its own; several may run.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import close_old_connections, connection

from saleswright.kernel import audit, clock, jobs, outbox
from saleswright.kernel.errors import Busy
from saleswright.kernel.outbox import redeliver
from saleswright.kernel.pulse import Pulse

__all__ = ["Worker", "redeliver", "start_thread", "worker_name"]

logger = logging.getLogger(__name__)

SEAL_EVERY = 1.0  # seconds
REST = 5.0  # seconds without work after an error of the worker itself, such as a lost database


def worker_name() -> str:
    """A name for a worker of this process, unique among the running ones."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}:{os.urandom(3).hex()}"


class Worker:
    """Works until it is told to stop: jobs in one thread, events, periodic jobs and audit in another.

    `poll` is the pause in seconds when nothing is to be done, `lease` how long a job stays with a worker that
    gives no sign of life.
    """

    def __init__(self, name: str = "", *, poll: float = 0.5, lease: timedelta = jobs.LEASE) -> None:
        self.name, self.poll, self.lease = name or worker_name(), poll, lease
        self._known_periods: dict[str, str] = {}
        self._sealed_at = 0.0

    def run_once(self) -> int:
        """Do everything that is due now, in this thread; returns how many jobs and events were dealt with."""
        stop = threading.Event()
        jobs.schedule(clock.now(), self._known_periods)
        count = outbox.deliver()
        while self.run_job(stop):
            count += 1 + outbox.deliver()
        audit.seal()
        return count

    def run_job(self, stop: threading.Event) -> bool:
        """Do the next job that is due; False when there is none."""
        job = jobs.claim(self.name, lease=self.lease)
        if job is None:
            return False
        logger.info("job %s (%s), attempt %s", job.pk, job.kind, job.attempts)
        jobs.run(job, pulse=Pulse(job, lease=self.lease, stop=stop))
        return True

    def run_forever(self, stop_event: threading.Event) -> None:
        """Work until `stop_event`; then a job is stopped where it asks `ctx`, or else finished."""
        logger.info("worker %s begins", self.name)
        tender = threading.Thread(target=self._loop, args=(self._tend, stop_event), name="worker-events")
        tender.start()
        self._loop(self.run_job, stop_event)
        tender.join()
        logger.info("worker %s has ended", self.name)

    def _tend(self, stop: threading.Event) -> bool:
        """Periodic jobs, events and audit; whether there may be more to do at once."""
        jobs.schedule(clock.now(), self._known_periods)
        delivered = outbox.deliver(stop.is_set)
        if time.monotonic() - self._sealed_at >= SEAL_EVERY:
            audit.seal()
            self._sealed_at = time.monotonic()
        return delivered > 0

    def _loop(self, step: Callable[[threading.Event], bool], stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                close_old_connections()
                try:
                    pause = 0.0 if step(stop) else self.poll
                except Busy:
                    pause = self.poll
                except Exception:
                    logger.exception("worker %s: %s failed", self.name, step.__name__)
                    pause = REST
                stop.wait(pause)
        finally:
            connection.close()


def start_thread(name: str = "") -> threading.Event:
    """Start a worker in this process; it stops with the main thread, or when the returned event is set."""
    stop = threading.Event()

    def follow_main_thread() -> None:
        threading.main_thread().join()
        stop.set()

    threading.Thread(target=follow_main_thread, name="worker-end").start()
    threading.Thread(target=Worker(name).run_forever, args=(stop,), name="worker").start()
    return stop

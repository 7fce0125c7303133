"""Jobs: work for a worker, kept in the database by the transaction that asks for it.

A job is run at least once. Its worker holds a lease that it renews; when the worker dies the lease runs out and
another worker takes the job up again. A job declared with `atomic=True` (the default) and its mark "done" are
one transaction, so that nothing it writes to the database is ever repeated. Long jobs declare `atomic=False` and
write in pieces, each in a `ctx.chunk()`, which records how far they are in the same transaction.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, actor_for, system
from saleswright.kernel.custom_fields import look
from saleswright.kernel.errors import Busy, Conflict, DomainError, Text
from saleswright.kernel.models import Job, JobState, User
from saleswright.kernel.ports import ports
from saleswright.kernel.pulse import Pulse
from saleswright.kernel.transactions import atomic
from saleswright.kernel.words import said

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
OPEN = (JobState.QUEUED, JobState.RUNNING)
KEEP_PERIODIC, KEEP_OTHERS = timedelta(days=7), timedelta(days=180)

Function = Callable[..., Any]


class Cancelled(Exception):
    """The job was asked to stop: what it wrote since the last chunk is rolled back."""


class Interrupted(Exception):
    """The worker is stopping: the job goes back to the queue and loses no attempt."""


class LeaseLost(Exception):
    """Another worker has taken the job up, for the lease ran out: this run must not write any more."""


class TimedOut(Exception):
    """The job ran longer than its kind allows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: the function that does it and how often and how long it may be tried."""

    name: str
    function: Function
    retries: int
    timeout: timedelta
    atomic: bool
    every: timedelta | time | None = None
    label: Text = ""
    path: Callable[[Job], str] = lambda job: ""


_kinds: dict[str, Kind] = {}


def job(
    kind: str,
    *,
    retries: int = 3,
    timeout: timedelta = timedelta(hours=1),
    atomic: bool = True,
    label: Text = "",
    path: Callable[[Job], str] = lambda job: "",
) -> Callable[[Function], Function]:
    """Register `fn(ctx, **arguments)` as the work of a kind of job; what it returns (JSON) is the job's result.

    A failed run is tried again up to `retries` times with growing pauses; a DomainError other than Busy is an
    answer, not a failure, and is not tried again. A run past `timeout` fails at its next `ctx.progress` or
    `ctx.check_cancelled`. On SQLite an atomic job keeps all other writers waiting: it should be short. When it fails
    for good, its person is told: `label` says what it does, `path(job)` where they see more.
    """
    return _register(kind, retries=retries, timeout=timeout, atomic=atomic, label=label, path=path)


def periodic(
    kind: str,
    *,
    every: timedelta | str,
    retries: int = 3,
    timeout: timedelta = timedelta(hours=1),
    atomic: bool = True,
) -> Callable[[Function], Function]:
    """Register `fn(ctx)` as a job that is due every so often, or daily at "HH:MM" of the company's time.

    It runs once for each period however many workers there are, not while an earlier run is still open, and
    once only for the periods in which no worker ran.
    """
    due = time.fromisoformat(every) if isinstance(every, str) else every
    return _register(kind, retries=retries, timeout=timeout, atomic=atomic, every=due)


def _register(kind: str, **options: Any) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        if kind in _kinds and _kinds[kind].function is not function:
            raise ValueError(f"there are two jobs of the kind {kind!r}")
        _kinds[kind] = Kind(kind, function, **options)
        return function

    return register


def kinds() -> dict[str, Kind]:
    """All registered kinds of jobs by name."""
    return dict(_kinds)


def enqueue(
    kind: str,
    *,
    arguments: dict[str, Any] | None = None,
    user: User | int | None = None,
    run_at: datetime | None = None,
    period_key: str | None = None,
) -> Job:
    """Ask for a job within the present transaction: it exists when, and only when, that is committed.

    `arguments` are JSON; `user` is the person (or the id of the person) on whose behalf and with whose rights it
    runs; `run_at` is the earliest time. Of several with the same `period_key` only the first is made; the
    others get that one. Raises LookupError for an unknown kind.
    """
    if kind not in _kinds:
        raise LookupError(f"unknown kind of job {kind!r}")
    at = clock.now()
    new = Job(
        kind=kind,
        arguments=arguments or {},
        user_id=user.pk if isinstance(user, User) else user,
        run_at=run_at or at,
        created_at=at,
        period_key=period_key,
    )
    if period_key is None:
        new.save(force_insert=True)
        return new
    Job.objects.bulk_create([new], ignore_conflicts=True)
    return Job.objects.get(period_key=period_key)


def enqueue_once(kind: str, *, arguments: dict[str, Any], at: datetime) -> None:
    """`enqueue` for `at`, unless one with these arguments waits already and will run by then."""
    same = {f"arguments__{name}": value for name, value in arguments.items()}
    if not Job.objects.filter(kind=kind, state=JobState.QUEUED, run_at__lte=at, **same).exists():
        enqueue(kind, arguments=arguments, run_at=at)


def cancel(job: Job) -> None:
    """Stop a job: at once when it waits, at its next `ctx.check_cancelled` or `ctx.progress` when it runs.

    Raises Conflict when it is over already.
    """
    waiting = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
    if waiting.update(state=JobState.CANCELLED, cancel_requested=True, finished_at=clock.now()):
        return
    if not Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(cancel_requested=True):
        raise Conflict(_("The job is over already."))


def retry(job: Job) -> None:
    """Put a failed or cancelled job into the queue again with all its attempts. Raises Conflict for another one."""
    over = Job.objects.filter(pk=job.pk, state__in=(JobState.FAILED, JobState.CANCELLED))
    fresh = {"attempts": 0, "cancel_requested": False, "finished_at": None, "problem": ""}
    if not over.update(state=JobState.QUEUED, run_at=clock.now(), **fresh):
        raise Conflict(_("Only a failed or cancelled job can be run again."))


class JobContext:
    """What a job's function gets: the job, its actor, and the means to report progress and to be stopped."""

    def __init__(self, job: Job, kind: Kind, pulse: Pulse) -> None:
        self.job, self._kind, self._pulse = job, kind, pulse
        self._deadline = clock.now() + kind.timeout

    @property
    def actor(self) -> Actor:
        """The person who asked for the job, with their present rights, or the system."""
        origin = f"job:{self._kind.name}"
        return actor_for(self.job.user, origin=origin) if self.job.user else system(origin)

    @property
    def done(self) -> int:
        """How far earlier runs of a job in chunks came: where to go on."""
        return self.job.done

    def progress(self, done: int, total: int | None = None) -> None:
        """Show how far the job is, and keep its lease. Raises what `check_cancelled` raises.

        It is written by a connection of its own, outside the job's transaction, about once a second; on SQLite,
        which has one writer, it becomes visible between the job's transactions. Jobs in chunks do without it:
        there `done` is where a run that is taken up again goes on.
        """
        self._pulse.report(done, total)
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise when the job should stop: Cancelled, Interrupted, LeaseLost or TimedOut. Let them pass."""
        if self._pulse.lost:
            raise LeaseLost
        if self._pulse.cancel_requested:
            raise Cancelled
        if self._pulse.stopping:
            raise Interrupted
        if clock.now() > self._deadline:
            raise TimedOut(_("The job ran longer than it may."))

    @contextmanager
    def chunk(self, done: int, total: int | None = None) -> Iterator[None]:
        """A transaction for one piece of a job with `atomic=False`; afterwards `done` of `total` are done.

        A run that is taken up again finds the last committed `done` in `ctx.done`, so no chunk is repeated.
        Raises what `check_cancelled` raises, before the chunk begins.
        """
        self.check_cancelled()
        with atomic():
            yield
            total = self.job.total if total is None else total
            if not _running(self.job).update(done=done, total=total):
                raise LeaseLost
        self.job.done, self.job.total = done, total


def _running(job: Job) -> Any:
    """The job's row, if this very run still holds it."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, worker=job.worker, attempts=job.attempts)


def claim(worker: str, *, lease: timedelta = LEASE) -> Job | None:
    """Take the next job that is due, or whose worker has died; None when there is none."""
    at = clock.now()
    due = Q(state=JobState.QUEUED, run_at__lte=at) | Q(state=JobState.RUNNING, leased_until__lt=at)
    waiting = Job.objects.filter(due, state__in=OPEN, kind__in=list(_kinds)).order_by("run_at", "id")
    if not waiting.exists():  # asks without a lock, which on SQLite would stop the writers
        return None
    with atomic():
        found = waiting.select_for_update(skip_locked=True).first()
        if found is None:
            return None
        mine = Job.objects.filter(pk=found.pk, state=found.state, attempts=found.attempts)
        taken = mine.update(
            state=JobState.RUNNING,
            worker=worker,
            attempts=F("attempts") + 1,
            started_at=at,
            leased_until=at + lease,
        )
        return Job.objects.get(pk=found.pk) if taken else None


def run(job: Job, *, pulse: Pulse) -> None:
    """Do a claimed job and write down how it ended. Errors of the job's function do not get out."""
    kind = _kinds[job.kind]
    look()
    context = JobContext(job, kind, pulse)
    try:
        if job.cancel_requested:
            raise Cancelled
        if job.attempts > kind.retries + 1:
            raise TimedOut(_("The worker died each time it ran this job."))
        if kind.atomic:
            with atomic():
                _done(job, kind.function(context, **job.arguments), pulse)
        else:
            _done(job, kind.function(context, **job.arguments), pulse)
    except LeaseLost:
        logger.warning("job %s (%s) was taken up by another worker meanwhile", job.pk, job.kind)
    except Cancelled:
        _running(job).update(state=JobState.CANCELLED, finished_at=clock.now(), leased_until=None)
    except Interrupted:
        _running(job).update(state=JobState.QUEUED, attempts=F("attempts") - 1, leased_until=None)
    except Exception as error:
        _fail(job, kind, error)
    finally:
        pulse.stop()


def _done(job: Job, result: Any, pulse: Pulse) -> None:
    """End the run well. Raises LeaseLost, which rolls an atomic job back, when another worker has it by now."""
    pulse.stop()
    values = {"result": result, "finished_at": clock.now(), "leased_until": None, "problem": "", **pulse.reported}
    if not _running(job).update(state=JobState.DONE, **values):
        raise LeaseLost


def _fail(job: Job, kind: Kind, error: Exception) -> None:
    refused = isinstance(error, DomainError) and not isinstance(error, Busy)
    problem = str(error) if isinstance(error, DomainError | TimedOut) else traceback.format_exc()[-4000:]
    if refused or job.attempts > kind.retries:
        values: dict[str, Any] = {"state": JobState.FAILED, "finished_at": clock.now()}
    else:
        values = {"state": JobState.QUEUED, "run_at": clock.now() + pause(job.attempts)}
    with atomic():
        if _running(job).update(problem=problem, leased_until=None, **values) and values["state"] == JobState.FAILED:
            _tell_of_failure(job, kind, problem)


def _tell_of_failure(job: Job, kind: Kind, problem: str) -> None:
    """Tell the person on whose behalf it ran."""
    if job.user_id is None:
        return
    text = said(gettext_lazy("This did not succeed: %(what)s · %(why)s"), what=kind.label or kind.name,
                why=problem.strip().splitlines()[-1] if problem.strip() else "")  # fmt: skip
    ports.notification.notify(
        user_ids=[job.user_id], text=text, resource="", record_id=0, at=clock.now(), kind="job", path=kind.path(job)
    )


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 5, 20, 80, ... seconds, an hour at most, a little mixed."""
    return timedelta(seconds=min(5 * 4 ** (attempts - 1), 3600) * random.uniform(0.9, 1.1))


def schedule(at: datetime, known: dict[str, str]) -> None:
    """Make the periodic jobs that are due at `at`; `known` remembers this worker's last period of each kind."""
    for kind in list(_kinds.values()):
        if kind.every is None:
            continue
        key = period(kind, at)
        if known.get(kind.name) == key:
            continue
        if not Job.objects.filter(period_key=key).exists():
            if Job.objects.filter(kind=kind.name, state__in=OPEN).exclude(period_key=None).exists():
                continue
            enqueue(kind.name, run_at=at, period_key=key)
        known[kind.name] = key


def period(kind: Kind, at: datetime) -> str:
    """The name of the period of a periodic job in which `at` lies."""
    if isinstance(kind.every, time):
        local = clock.local_time(at)
        day = local.date() if local.time() >= kind.every else local.date() - timedelta(days=1)
        return f"{kind.name}@{day.isoformat()}"
    length = (kind.every or timedelta(days=1)).total_seconds()
    start = datetime.fromtimestamp(at.timestamp() // length * length, UTC)
    return f"{kind.name}@{start:%Y-%m-%dT%H:%M:%SZ}"


def next_run(kind: Kind, at: datetime) -> datetime | None:
    """When the period after the present one begins, if the kind is a periodic one."""
    if kind.every is None:
        return None
    if isinstance(kind.every, timedelta):
        length = kind.every.total_seconds()
        return datetime.fromtimestamp((at.timestamp() // length + 1) * length, UTC)
    local = clock.local_time(at)
    day = local.date() if local.time() < kind.every else local.date() + timedelta(days=1)
    return datetime.combine(day, kind.every, local.tzinfo).astimezone(UTC)


@periodic("kernel.tidy", every="03:30")
def tidy(ctx: JobContext) -> dict[str, int]:
    """Remove jobs that ended long ago: periodic ones after a week, the others after half a year."""
    over = Job.objects.filter(state__in=(JobState.DONE, JobState.CANCELLED, JobState.FAILED))
    at = clock.now()
    periodic_jobs = over.filter(finished_at__lt=at - KEEP_PERIODIC).exclude(period_key=None).delete()[0]
    others = over.filter(finished_at__lt=at - KEEP_OTHERS, period_key=None).delete()[0]
    return {"removed": periodic_jobs + others}

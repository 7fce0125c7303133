"""Jobs: asked for, claimed, done, repeated, stopped."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection

from saleswright.kernel import clock, jobs
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.jobs import JobContext, enqueue, job, periodic
from saleswright.kernel.models import Counter, Job, JobState
from saleswright.kernel.ports import ports
from saleswright.kernel.pulse import Pulse
from saleswright.kernel.tests import crashing_worker
from saleswright.kernel.transactions import atomic
from saleswright.kernel.worker import Worker

crashing_worker.register()
NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
LEASE = timedelta(seconds=30)
both_take = pytest.mark.django_db(transaction=True)


@job("test.add")
def add(ctx: JobContext, a: int, b: int) -> dict[str, int]:
    return {"sum": a + b}


@job("test.write", retries=1)
def write_and_fail(ctx: JobContext) -> None:
    Counter.objects.create(series="written")
    raise RuntimeError("out of order")


@job("test.refuse")
def refuse(ctx: JobContext) -> None:
    raise ValidationFailed.of("file", "invalid", "no such file")


@job("test.watch", atomic=False)
def watch(ctx: JobContext) -> None:
    for step in range(400):
        ctx.progress(step, 400)
        time.sleep(0.02)


@job("test.chunks", atomic=False)
def in_chunks(ctx: JobContext, fail_at: int) -> dict[str, int]:
    began_at = ctx.done
    for number in range(ctx.done, 4):
        with ctx.chunk(number + 1, 4):
            Counter.objects.create(series=f"chunk {number}")
            if number == fail_at and ctx.job.attempts == 1:
                raise RuntimeError("broken")
    return {"began_at": began_at}


def run_next(worker="w1"):
    found = jobs.claim(worker, lease=LEASE)
    jobs.run(found, pulse=Pulse(found, lease=LEASE))
    found.refresh_from_db()
    return found


@pytest.mark.django_db
def test_it_does_a_job_and_keeps_its_result():
    enqueue("test.add", arguments={"a": 2, "b": 3})
    done = run_next()
    assert (done.state, done.result, done.attempts, done.problem) == (JobState.DONE, {"sum": 5}, 1, "")
    assert done.finished_at is not None
    assert jobs.claim("w1") is None


@pytest.mark.django_db
def test_it_makes_no_job_when_the_transaction_is_rolled_back():
    @atomic
    def give_up():
        enqueue("test.add", arguments={"a": 1, "b": 1})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_it_refuses_an_unknown_kind():
    with pytest.raises(LookupError):
        enqueue("test.unknown")
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_it_makes_one_job_for_a_period_key():
    first = enqueue("test.add", arguments={"a": 1, "b": 1}, period_key="once")
    second = enqueue("test.add", arguments={"a": 2, "b": 2}, period_key="once")
    assert (second.pk, second.arguments) == (first.pk, {"a": 1, "b": 1})
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_it_waits_until_a_job_is_due():
    with time_machine.travel(NOON, tick=False) as now:
        enqueue("test.add", arguments={"a": 1, "b": 1}, run_at=NOON + timedelta(minutes=1))
        assert jobs.claim("w1") is None
        now.shift(60)
        assert jobs.claim("w1").kind == "test.add"


@pytest.mark.django_db
def test_it_gives_a_job_to_one_worker_only():
    enqueue("test.add", arguments={"a": 1, "b": 1})
    assert jobs.claim("w1").worker == "w1"
    assert jobs.claim("w2") is None


@pytest.mark.django_db
def test_it_takes_up_the_job_of_a_worker_that_died():
    with time_machine.travel(NOON, tick=False) as now:
        enqueue("test.add", arguments={"a": 1, "b": 1})
        jobs.claim("w1", lease=LEASE)
        now.shift(29)
        assert jobs.claim("w2") is None
        now.shift(2)
        again = jobs.claim("w2")
        assert (again.worker, again.attempts) == ("w2", 2)


@pytest.mark.django_db
def test_it_rolls_back_a_run_whose_lease_another_worker_got():
    with time_machine.travel(NOON, tick=False) as now:
        enqueue("test.add", arguments={"a": 1, "b": 1})
        lost = jobs.claim("w1", lease=LEASE)
        now.shift(31)
        jobs.claim("w2", lease=LEASE)
        jobs.run(lost, pulse=Pulse(lost, lease=LEASE))
        lost.refresh_from_db()
        assert (lost.state, lost.worker, lost.result) == (JobState.RUNNING, "w2", None)


@pytest.mark.django_db
def test_it_tries_a_failed_job_again_later_and_keeps_nothing_of_the_run():
    with time_machine.travel(NOON, tick=False) as now:
        enqueue("test.write")
        first = run_next()
        assert first.state == JobState.QUEUED
        assert timedelta(seconds=4) < first.run_at - NOON < timedelta(seconds=6)
        assert "out of order" in first.problem
        assert not Counter.objects.exists()
        now.shift(6)
        second = run_next()
        assert (second.state, second.attempts) == (JobState.FAILED, 2)
        assert not Counter.objects.exists()


@pytest.mark.django_db
def test_it_does_not_repeat_what_was_refused():
    enqueue("test.refuse")
    refused = run_next()
    assert (refused.state, refused.attempts, refused.problem) == (JobState.FAILED, 1, "file: no such file")


@pytest.mark.django_db
def test_it_fails_a_job_that_kills_every_worker():
    enqueue("test.write")
    Job.objects.update(state=JobState.RUNNING, attempts=2, leased_until=clock.now() - LEASE)
    dead = run_next()
    assert (dead.state, dead.attempts) == (JobState.FAILED, 3)
    assert not Counter.objects.exists()


@pytest.mark.django_db
def test_it_goes_on_after_the_last_good_chunk():
    with time_machine.travel(NOON, tick=False) as now:
        enqueue("test.chunks", arguments={"fail_at": 2})
        broken = run_next()
        assert (broken.state, broken.done, broken.total) == (JobState.QUEUED, 2, 4)
        now.shift(10)
        done = run_next()
    assert (done.state, done.result, done.done) == (JobState.DONE, {"began_at": 2}, 4)
    assert Counter.objects.count() == 4


@pytest.mark.django_db
def test_it_cancels_a_waiting_job_at_once():
    waiting = enqueue("test.add", arguments={"a": 1, "b": 1})
    jobs.cancel(waiting)
    waiting.refresh_from_db()
    assert waiting.state == JobState.CANCELLED
    assert jobs.claim("w1") is None
    with pytest.raises(Conflict):
        jobs.cancel(waiting)


@pytest.mark.django_db
def test_it_runs_a_failed_job_again_when_asked():
    enqueue("test.refuse")
    failed = run_next()
    jobs.retry(failed)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.problem) == (JobState.QUEUED, 0, "")
    with pytest.raises(Conflict):
        jobs.retry(failed)


@pytest.mark.django_db
def test_it_fails_a_run_past_its_time():
    enqueue("test.watch")
    with time_machine.travel(NOON + timedelta(days=3650)) as now:
        found = jobs.claim("w1", lease=LEASE)
        pulse = Pulse(found, lease=LEASE)
        context = JobContext(found, jobs.kinds()["test.watch"], pulse)
        context.progress(1, 2)
        now.shift(timedelta(hours=2))
        with pytest.raises(jobs.TimedOut):
            context.progress(2, 2)


@both_take
def test_it_shows_progress_and_stops_a_running_job():
    asked = enqueue("test.watch")
    found = jobs.claim("w1", lease=LEASE)

    def work():
        try:
            jobs.run(found, pulse=Pulse(found, lease=LEASE, interval=0.05))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 8
    while not Job.objects.filter(pk=asked.pk, done__gt=0, total=400).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    jobs.cancel(asked)
    thread.join()
    asked.refresh_from_db()
    assert asked.state == JobState.CANCELLED
    assert 0 < asked.done < 400


@both_take
def test_it_returns_a_job_to_the_queue_when_the_worker_stops():
    asked = enqueue("test.watch")
    found = jobs.claim("w1", lease=LEASE)
    stop = threading.Event()
    stop.set()
    jobs.run(found, pulse=Pulse(found, lease=LEASE, stop=stop))
    asked.refresh_from_db()
    assert (asked.state, asked.attempts) == (JobState.QUEUED, 0)


@both_take
def test_it_renews_the_lease_of_a_job_that_reports_nothing():
    enqueue("test.add", arguments={"a": 1, "b": 1})
    lease = timedelta(seconds=0.3)
    found = jobs.claim("w1", lease=lease)
    pulse = Pulse(found, lease=lease, interval=0.01)
    time.sleep(0.8)
    assert jobs.claim("w2") is None
    pulse.stop()


@pytest.mark.django_db
def test_it_makes_a_daily_job_once_a_day_of_the_company():
    seen = []
    periodic("test.daily", every="12:30")(lambda ctx: seen.append(1))
    try:
        for minutes in (0, 29, 30, 31, 600):
            jobs.schedule(NOON + timedelta(minutes=minutes), {})
            Job.objects.filter(kind="test.daily").update(state=JobState.DONE)
    finally:
        del jobs._kinds["test.daily"]
    keys = Job.objects.filter(kind="test.daily").order_by("id").values_list("period_key", flat=True)
    assert list(keys) == ["test.daily@2026-11-04", "test.daily@2026-11-05"]


@pytest.mark.django_db
def test_it_makes_no_second_periodic_job_while_one_is_open():
    periodic("test.often", every=timedelta(minutes=5))(lambda ctx: None)
    try:
        for minutes in (0, 4, 5, 11):
            jobs.schedule(NOON + timedelta(minutes=minutes), {})
        assert Job.objects.filter(kind="test.often").count() == 1
        Job.objects.filter(kind="test.often").update(state=JobState.DONE)
        jobs.schedule(NOON + timedelta(minutes=11), {})
    finally:
        del jobs._kinds["test.often"]
    keys = Job.objects.filter(kind="test.often").order_by("id").values_list("period_key", flat=True)
    assert list(keys) == ["test.often@2026-11-05T04:00:00Z", "test.often@2026-11-05T04:10:00Z"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("every", "minutes"), [(timedelta(minutes=5), 5), (timedelta(hours=1), 60), ("12:30", 30), ("12:00", 1440)]
)
def test_it_knows_when_a_periodic_job_runs_next(every, minutes):
    periodic("test.next", every=every)(lambda ctx: None)
    try:
        assert jobs.next_run(jobs.kinds()["test.next"], NOON) == NOON + timedelta(minutes=minutes)
    finally:
        del jobs._kinds["test.next"]
    assert jobs.next_run(jobs.kinds()["test.add"], NOON) is None


@pytest.mark.django_db
def test_it_removes_old_jobs_and_keeps_the_others():
    def ended(days, period_key=None):
        made = enqueue("test.add", arguments={"a": 1, "b": 1}, period_key=period_key)
        Job.objects.filter(pk=made.pk).update(state=JobState.DONE, finished_at=clock.now() - timedelta(days=days))
        return made.pk

    ended(8, "old")
    ended(181)
    kept = {ended(6, "new"), ended(179), enqueue("test.add", arguments={"a": 1, "b": 1}).pk}
    assert jobs.tidy(None) == {"removed": 2}
    assert set(Job.objects.values_list("id", flat=True)) == kept


@pytest.fixture
def other_process(tmp_path, transactional_db):
    """Starts worker processes on this test's database (a copy of it in a file for SQLite); asks that database."""
    started = []
    if connection.vendor == "sqlite":
        path = tmp_path / "jobs.sqlite3"
        connection.ensure_connection()
        asked = sqlite3.connect(path, timeout=20, isolation_level=None)
        url = f"sqlite:///{path}"

        def copy():
            connection.connection.backup(asked)
    else:
        asked = connection
        url = f"postgresql://{_address()}/{settings.DATABASES['default']['NAME']}"

        def copy():
            pass

    def ask(sql):
        cursor = asked.cursor()
        cursor.execute(sql)
        return cursor.fetchone()

    def start():
        environment = {**os.environ, "DATABASE_URL": url}
        for name in ("PYTEST_VERSION", "TEST_DATABASE_URL", "TEST_DB_NAME"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "saleswright.kernel.tests.crashing_worker"]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return started[-1]

    yield copy, start, ask
    for process in started:
        process.kill()
        process.wait()
    if connection.vendor == "sqlite":
        asked.close()


def _address():
    entry = connection.settings_dict
    password = f":{entry['PASSWORD']}" if entry["PASSWORD"] else ""
    return f"{entry['USER']}{password}@{entry['HOST']}:{entry['PORT'] or 5432}"


@pytest.mark.slow
def test_it_loses_and_repeats_nothing_when_the_worker_is_killed(other_process):
    copy, start, ask = other_process
    Counter.objects.create(series="crash")
    enqueue(crashing_worker.KIND, arguments={"series": "crash"})
    copy()

    def wait_for(condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, ask("SELECT * FROM kernel_job")
            time.sleep(0.05)

    first = start()
    wait_for(lambda: ask("SELECT done FROM kernel_job WHERE kind LIKE 'test.%'")[0] >= 3, 30)
    first.send_signal(signal.SIGKILL)
    first.wait()
    start()
    wait_for(lambda: ask("SELECT state FROM kernel_job WHERE kind LIKE 'test.%'")[0] == "done", 30)
    assert ask("SELECT last FROM kernel_counter WHERE series = 'crash'")[0] == crashing_worker.CHUNKS
    assert ask("SELECT attempts FROM kernel_job WHERE kind LIKE 'test.%'")[0] == 2
    assert int(str(ask("SELECT result FROM kernel_job WHERE kind LIKE 'test.%'")[0]).split(":")[1].strip(" }")) >= 3


@both_take
def test_it_runs_what_is_due_once():
    enqueue("test.add", arguments={"a": 1, "b": 2})
    assert Worker("w1").run_once() >= 1
    assert Job.objects.get(kind="test.add").result == {"sum": 3}


class Told(list):
    def notify(self, **note):
        self.append(note)


@pytest.mark.django_db
def test_it_tells_the_person_of_a_job_that_failed_for_good(monkeypatch, person):
    told, someone = Told(), person()
    monkeypatch.setattr(ports, "notification", told)
    enqueue("test.write", user=someone)
    enqueue("test.refuse")
    with time_machine.travel(NOON + timedelta(days=400), tick=False) as now:
        for _attempt in range(3):
            Worker("w1").run_once()
            now.shift(600)
    [note] = told  # the second attempt of the one; the other one is nobody's
    assert (note["user_ids"], note["kind"], note["path"]) == ([someone.pk], "job", "")
    assert str(note["text"]) == "This did not succeed: test.write · RuntimeError: out of order"

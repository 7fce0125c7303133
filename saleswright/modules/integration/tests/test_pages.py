"""The pages and the API of jobs and failed events, and who may use them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from saleswright.kernel import clock, events, outbox
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import NotFound
from saleswright.kernel.jobs import claim, enqueue, job
from saleswright.kernel.models import AuditEntry, Counter, Job, JobState, OutboxEvent
from saleswright.kernel.records import save_record
from saleswright.kernel.worker import Worker
from saleswright.modules.customers.public import Customer
from saleswright.modules.integration import queries
from saleswright.modules.integration.actions import upkeep
from saleswright.modules.integration.models import WebhookDelivery

pytestmark = pytest.mark.django_db
ROOT = system("test")
PLACES = ("/settings/jobs", "/settings/jobs/schedule", "/settings/failed-events")
READS = ("jobs", "jobs/schedule", "failed-events")


@job("test.integration", retries=0)
def fragile(ctx, whole=True):
    if not whole:
        raise RuntimeError("it broke")
    return {"whole": True}


@pytest.fixture
def broken():
    """A job that has failed."""
    made = enqueue("test.integration", arguments={"whole": False})
    Worker("w").run_job(None)
    return Job.objects.get(pk=made.pk)


@pytest.fixture
def dead(monkeypatch):
    """An event that a handler could not be told, and whether it can by now."""
    mended = []

    def handler(row, occasion):
        if not mended:
            raise RuntimeError("not now")
        Counter.objects.create(series=f"told {row.pk}")

    monkeypatch.setattr(events, "_forwarders", [(handler, lambda name: name == "customers.created")])
    row = OutboxEvent.objects.create(
        name="customers.created", resource="customers", record_id=7, payload={"record_id": 7}, at=clock.now(),
        attempts=outbox.MAX_ATTEMPTS - 1,
    )  # fmt: skip
    outbox.deliver()
    row.refresh_from_db()
    assert row.dead_at is not None
    return row, mended


@pytest.fixture
def undelivered(webhook, monkeypatch):
    """A delivery to a webhook that was given up."""
    made = webhook("*")
    sending_to = OutboxEvent.objects.create(
        name="customers.created", resource="customers", record_id=8, payload={"record_id": 8}, at=clock.now(),
        delivered_at=clock.now(),
    )  # fmt: skip
    return WebhookDelivery.objects.create(
        webhook=made, event=sending_to, event_name=sending_to.name, resource="customers", record_id=8, state="failed",
        attempts=10, due_at=clock.now(), problem="The receiver answered 500.", created_at=clock.now(),
        updated_at=clock.now(),
    )  # fmt: skip


# --- who may see and do what -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["administrator", "sales_operations", "auditor"])
def test_those_with_the_right_see_the_pages(browse, api, broken, dead, undelivered, role):
    client, programs = browse(role), api(role)
    assert [client.get(place).status_code for place in PLACES] == [200, 200, 200]
    assert [programs.get(path).status_code for path in READS] == [200, 200, 200]
    assert programs.get(f"jobs/{broken.pk}").status_code == 200


def test_the_others_do_not(browse, api, broken):
    client, programs = browse("sales_director"), api("sales_director")
    assert [client.get(place).status_code for place in PLACES] == [403, 403, 403]
    assert [programs.get(path).status_code for path in (*READS, f"jobs/{broken.pk}")] == [403, 403, 403, 403]


def test_only_administrators_do_something(browse, api, broken, dead):
    client, programs = browse("sales_operations"), api("sales_operations")
    posts = (
        f"/settings/jobs/{broken.pk}/retry",
        f"/settings/failed-events/{dead[0].pk}",
        "/settings/failed-events/all",
    )
    assert [client.post(path).status_code for path in posts] == [403, 403, 403]
    assert "Run again" not in client.get("/settings/jobs", headers={"Accept-Language": "en"}).content.decode()
    for path in (f"jobs/{broken.pk}/actions/retry", f"failed-events/{dead[0].pk}/actions/send-again"):
        assert programs.post(path).status_code == 403
    assert Job.objects.get(pk=broken.pk).state == JobState.FAILED
    assert OutboxEvent.objects.get(pk=dead[0].pk).dead_at is not None
    assert not AuditEntry.objects.filter(resource__in=("jobs", "failed-events")).exists()


# --- jobs --------------------------------------------------------------------------------------------------------


def test_the_page_shows_failures_with_their_message_and_progress(browse, broken):
    running = enqueue("test.integration")
    Job.objects.filter(pk=running.pk).update(state=JobState.RUNNING, done=1234, total=5000)
    page = browse().get("/settings/jobs").content.decode()
    assert "RuntimeError: it broke" in page
    assert "1,234 / 5,000" in page
    assert f"/settings/jobs/{broken.pk}/retry" in page
    assert f"/settings/jobs/{running.pk}/cancel" in page
    assert "every 3s" in page


def test_the_page_is_cut_by_state_and_kind_and_goes_on(browse, broken):
    enqueue("test.integration")
    client = browse()
    assert "it broke" in client.get("/settings/jobs?state=failed").content.decode()
    assert "it broke" not in client.get("/settings/jobs?state=queued").content.decode()
    assert "it broke" not in client.get("/settings/jobs?kind=kernel.tidy").content.decode()
    for _time in range(50):
        enqueue("test.integration")
    first = client.get("/settings/jobs").content.decode()
    assert "it broke" not in first
    before = Job.objects.order_by("-id")[49].pk
    assert f"before={before}" in first
    assert "it broke" in client.get(f"/settings/jobs?before={before}").content.decode()


def test_the_page_keeps_quiet_about_what_recurs_and_ended_well(browse):
    done, failed = (enqueue("test.integration", period_key=f"test.integration@{day}") for day in (1, 2))
    Job.objects.filter(pk=done.pk).update(state=JobState.DONE)
    Job.objects.filter(pk=failed.pk).update(state=JobState.FAILED)
    client = browse()
    page, whole = (client.get(f"/settings/jobs{asked}").content.decode() for asked in ("", "?kind=test.integration"))
    assert (f"#{done.pk}<" in page, f"#{failed.pk}<" in page) == (False, True)
    assert (f"#{done.pk}<" in whole, f"#{failed.pk}<" in whole) == (True, True)


def test_a_failed_job_runs_again(browse, broken):
    assert browse().post(f"/settings/jobs/{broken.pk}/retry").status_code == 302
    after = Job.objects.get(pk=broken.pk)
    assert (after.state, after.attempts, after.problem) == (JobState.QUEUED, 0, "")
    assert AuditEntry.objects.filter(resource="jobs", record_id=broken.pk, action="retry").count() == 1


def test_a_waiting_job_is_stopped_and_a_running_one_asked_to(api):
    client = api()
    waiting, running = enqueue("test.integration", run_at=clock.now() + timedelta(days=1)), enqueue("test.integration")
    assert claim("w").pk == running.pk
    assert client.act("jobs", waiting.pk, "cancel").json()["state"] == "cancelled"
    assert client.act("jobs", running.pk, "cancel").json()["state"] == "running"
    assert Job.objects.get(pk=running.pk).cancel_requested


def test_what_is_over_is_not_stopped(api, broken):
    refused = api().act("jobs", broken.pk, "cancel")
    assert (refused.status_code, refused["Content-Type"]) == (409, "application/problem+json")
    assert not Job.objects.get(pk=broken.pk).cancel_requested
    assert not AuditEntry.objects.filter(resource="jobs").exists()


def test_a_job_that_nothing_does_any_more_is_not_run_again(api, broken):
    Job.objects.filter(pk=broken.pk).update(kind="gone")
    assert api().act("jobs", broken.pk, "retry").status_code == 409
    assert Job.objects.get(pk=broken.pk).state == JobState.FAILED


def test_programs_read_jobs(api, broken):
    client = api()
    found = client.get("jobs?state=failed").json()
    assert [(one["id"], one["state"], one["attempts"]) for one in found["items"]] == [(broken.pk, "failed", 1)]
    assert found["next_cursor"] is None
    assert "it broke" in client.get(f"jobs/{broken.pk}").json()["problem"]
    for _time in range(50):
        enqueue("test.integration")
    cursor = client.get("jobs?kind=test.integration").json()["next_cursor"]
    assert broken.pk in [one["id"] for one in client.get(f"jobs?cursor={cursor}").json()["items"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "jobs?state=nothing", None, 422),
        ("get", "jobs/999999", None, 404),
        ("get", "jobs/99999999999999999999", None, 404),
        ("post", "jobs/999999/actions/retry", {}, 404),
        ("post", "jobs/1/actions/delete", {}, 404),
        ("post", "jobs/1/actions/retry", {"more": 1}, 422),
        ("post", "failed-events/999999/actions/send-again", {}, 404),
        ("delete", "jobs", None, 405),
    ],
)
def test_programs_are_told_what_they_did_wrong(api, method, path, body, status):
    assert api().request(method, path, body).status_code == status


def test_the_schedule_names_the_next_and_the_last_run(api, browse):
    last = enqueue("kernel.tidy", period_key="kernel.tidy@2026-11-22")
    found = {one["kind"]: one for one in api().get("jobs/schedule").json()["items"]}
    assert found["kernel.tidy"]["last"]["id"] == last.pk
    assert found["work.remind"]["last"] is None
    assert datetime.fromisoformat(found["webhooks.wake"]["next_run"]) > datetime.now(UTC)
    page = browse().get("/settings/jobs/schedule").content.decode()
    assert "/settings/jobs?kind=kernel.tidy" in page


def test_every_recurring_job_says_what_it_does():
    with translation.override("en"):
        assert not [one.kind for one in queries.schedule(clock.now()) if queries.job_label(one.kind) == one.kind]


# --- failed events -----------------------------------------------------------------------------------------------


def test_the_page_shows_what_failed_inside_and_to_webhooks(browse, dead, undelivered):
    page = browse().get("/settings/failed-events").content.decode()
    assert "RuntimeError: not now" in page
    assert "The receiver answered 500." in page
    assert f"/webhook-deliveries/{undelivered.pk}/actions/send-again" in page


def test_one_event_is_sent_again(browse, dead):
    row, mended = dead
    mended.append(True)
    assert browse().post(f"/settings/failed-events/{row.pk}").status_code == 302
    outbox.deliver()
    assert Counter.objects.filter(series=f"told {row.pk}").exists()
    assert AuditEntry.objects.filter(resource="failed-events", record_id=row.pk, action="send-again").count() == 1


def test_one_that_lives_is_not(api, dead):
    client = api()
    assert client.act("failed-events", dead[0].pk, "send-again").json()["dead_at"] is None
    assert client.act("failed-events", dead[0].pk, "send-again").status_code == 409
    assert AuditEntry.objects.filter(resource="failed-events").count() == 1


def test_everything_is_sent_again(browse, dead, undelivered):
    assert browse().post("/settings/failed-events/all").status_code == 302
    assert not outbox.dead_events().exists()
    assert WebhookDelivery.objects.get().state == "waiting"
    assert upkeep.redeliver_all(actor=ROOT, at=clock.now()) == 0


def test_programs_page_through_them(api, dead):
    client = api()
    assert [one["id"] for one in client.get("failed-events").json()["items"]] == [dead[0].pk]
    assert client.get(f"failed-events?cursor={dead[0].pk}").json()["items"] == []


def test_there_must_be_such_a_job():
    with pytest.raises(NotFound):
        upkeep.change_job(1, "retry", actor=ROOT, at=clock.now())


# --- webhooks ----------------------------------------------------------------------------------------------------


def test_a_delivery_shows_its_attempts(browse, webhook, receiver, root):
    webhook("*")
    save_record(Customer, {"name": "A"}, actor=root)
    receiver.answers, receiver.body = [503], b"come back later"
    Worker("w").run_once()
    delivery = WebhookDelivery.objects.get()
    part = browse().get(f"/webhook-deliveries/{delivery.pk}/attempts").content.decode()
    assert "503" in part
    assert "come back later" in part
    assert browse("sales_director").get(f"/webhook-deliveries/{delivery.pk}/attempts").status_code in {403, 404}

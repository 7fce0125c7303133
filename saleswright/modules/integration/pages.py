"""Pages that are not generated: jobs and their schedule, failed events, the attempts of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.formatting import format_datetime, relative_datetime
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language
from saleswright.interface.presentation import Option, Switch
from saleswright.kernel import clock, outbox
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import Text
from saleswright.kernel.models import Job, JobState
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.integration import queries
from saleswright.modules.integration.actions import upkeep
from saleswright.modules.integration.models import WebhookAttempt, WebhookDelivery

PAGE = 50
COLOURS = {
    JobState.QUEUED: "blue", JobState.RUNNING: "yellow", JobState.DONE: "green", JobState.FAILED: "red",
    JobState.CANCELLED: "secondary",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it, and exactly."""

    text: str
    exact: str


def _moment(at: datetime | None) -> Moment | None:
    return Moment(relative_datetime(at, language()), format_datetime(at, seconds=True)) if at else None


def _tabs(active: str) -> list[Switch]:
    tabs = (
        ("jobs", _("Jobs"), "settings-automation"), ("schedule", _("Schedule"), "calendar-time"),
        ("failed-events", _("Failed events"), "alert-triangle"),
    )  # fmt: skip
    urls = {"schedule": "/settings/jobs/schedule"}
    return [Switch(label, icon, urls.get(name, f"/settings/{name}"), name == active) for name, label, icon in tabs]


# --- jobs ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class JobRow:
    """A job as it is listed."""

    id: int
    kind: Text
    code: str
    state: Text
    colour: str
    person: str
    attempts: int
    due: Moment | None
    started: Moment | None
    finished: Moment | None
    done: int
    total: int | None
    problem: str
    verb: str


@require_GET
def job_list(request: HttpRequest) -> HttpResponse:
    """The queue and what was done, newest first; of what recurs only what did not end well, unless asked for."""
    actor = actor_of(request)
    actor.require("jobs.view")
    given = {name: request.GET.get(name, "") for name in ("state", "kind", "before")}
    routine = bool(given["state"] or given["kind"])
    found = list(queries.jobs_found(given["state"], given["kind"], given["before"], routine=routine)[: PAGE + 1])
    rows = [_job_row(job) for job in found[:PAGE]]
    context = {
        "tabs": _tabs("jobs"),
        "rows": rows,
        "states": [Option("", _("All"), not given["state"])]
        + [Option(value, label, value == given["state"]) for value, label in JobState.choices],
        "kinds": [Option("", _("All"), not given["kind"])]
        + [Option(name, queries.job_label(name), name == given["kind"]) for name in queries.job_kinds()],
        "next_url": address("/settings/jobs", given, before=found[PAGE - 1].pk) if len(found) > PAGE else "",
        "editable": actor.may(upkeep.RIGHT),
        "lives": any(row.verb == "cancel" for row in rows),
    }
    return render(request, "interface/jobs.html", context)


def _job_row(job: Job) -> JobRow:
    state = JobState(job.state)
    over = {JobState.FAILED: "retry", JobState.CANCELLED: "retry", JobState.DONE: ""}
    return JobRow(
        job.pk, queries.job_label(job.kind), job.kind,
        _("Is being stopped") if job.cancel_requested and state == JobState.RUNNING else state.label,
        COLOURS[state], job.user.get_short_name() if job.user else "", job.attempts, _moment(job.run_at),
        _moment(job.started_at), _moment(job.finished_at), job.done, job.total, job.problem, over.get(state, "cancel"),
    )  # fmt: skip


@require_GET
def schedule(request: HttpRequest) -> HttpResponse:
    """The recurring jobs: how often, the last run, the next one."""
    actor_of(request).require("jobs.view")
    rows = [
        {
            "kind": queries.job_label(one.kind),
            "code": one.kind,
            "every": one.every,
            "next": _moment(one.next_run),
            "last": _job_row(one.last) if one.last else None,
        }
        for one in queries.schedule(clock.now())
    ]
    return render(request, "interface/jobs_schedule.html", {"tabs": _tabs("schedule"), "rows": rows})


@require_POST
def change_job(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Run a job again, or stop it."""
    actor = actor_of(request)
    run_atomic(lambda: upkeep.change_job(in_range(pk), verb, actor=actor, at=clock.now()))
    messages.success(request, _("The job runs again.") if verb == "retry" else _("The job is being stopped."))
    return goes_to(request, "/settings/jobs")


# --- failed events ---------------------------------------------------------------------------------------------


@require_GET
def failed_events(request: HttpRequest) -> HttpResponse:
    """Events that handlers of our own, or webhooks, could not be told."""
    actor = actor_of(request)
    actor.require("jobs.view")
    names = queries.resource_names()
    events, deliveries = outbox.dead_events(), upkeep.failed_deliveries().order_by("-id")
    context = {
        "tabs": _tabs("failed-events"),
        "events": [_failed(one, one.name, one.dead_at, names, "") for one in events[:PAGE]],
        "event_count": events.count(),
        "deliveries": [
            _failed(one, one.event_name, one.updated_at, names, one.webhook.name) for one in deliveries[:PAGE]
        ],
        "delivery_count": deliveries.count(),
        "editable": actor.may(upkeep.RIGHT),
    }
    return render(request, "interface/failed_events.html", context)


def _failed(one: Any, event: str, at: datetime | None, names: dict[str, Text], webhook: str) -> dict[str, Any]:
    subject = names.get(one.resource, one.resource)
    return {
        "id": one.pk,
        "event": event,
        "subject": f"{subject} #{one.record_id}" if one.record_id else subject,
        "url": f"/{one.resource}/{one.record_id}" if one.record_id and one.resource in names else "",
        "webhook": webhook,
        "at": _moment(at),
        "attempts": one.attempts,
        "problem": one.problem.strip().splitlines()[-1:],
        "whole": one.problem if "\n" in one.problem.strip() else "",
    }


@require_POST
def redeliver(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one dead event again."""
    actor = actor_of(request)
    run_atomic(lambda: upkeep.redeliver_event(in_range(pk), actor=actor, at=clock.now()))
    messages.success(request, _("It is being sent again."))
    return goes_to(request, "/settings/failed-events")


@require_POST
def redeliver_all(request: HttpRequest) -> HttpResponse:
    """Send everything again that failed."""
    actor = actor_of(request)
    count = run_atomic(lambda: upkeep.redeliver_all(actor=actor, at=clock.now()))
    text = ngettext("%(count)s event is being sent again.", "%(count)s events are being sent again.", count)
    messages.success(request, text % {"count": count})
    return goes_to(request, "/settings/failed-events")


# --- webhooks --------------------------------------------------------------------------------------------------


@require_GET
def attempts(request: HttpRequest, pk: int) -> HttpResponse:
    """The attempts of a delivery, as a part of its page."""
    delivery = fetch(WebhookDelivery, in_range(pk), actor=actor_of(request))
    rows = [
        {"at": _moment(one.at), "status": one.status, "duration": one.duration, "answer": one.problem or one.answer}
        for one in WebhookAttempt.objects.filter(delivery=delivery).order_by("-id")[:PAGE]
    ]
    return render(request, "interface/webhooks_attempts.html", {"rows": rows})


urlpatterns = [
    path("settings/jobs", job_list),
    path("settings/jobs/schedule", schedule),
    path("settings/jobs/<int:pk>/<str:verb>", change_job),
    path("settings/failed-events", failed_events),
    path("settings/failed-events/all", redeliver_all),
    path("settings/failed-events/<int:pk>", redeliver),
    path("webhook-deliveries/<int:pk>/attempts", attempts),
]

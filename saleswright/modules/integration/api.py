"""The API that is not generated: jobs, their schedule, and events that failed inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from saleswright.interface.api.http import answer, api, body_of, idempotent, parameters
from saleswright.interface.api.openapi import operation
from saleswright.interface.entity import entity_named
from saleswright.interface.pages.common import in_range
from saleswright.kernel import clock, outbox
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import FieldError, NotFound, ValidationFailed
from saleswright.kernel.models import Job, JobState, OutboxEvent
from saleswright.modules.integration import queries
from saleswright.modules.integration.actions import upkeep

PAGE = 50


def _caller(request: HttpRequest, right: str = "jobs.view") -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    actor.require(right)
    return actor


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.pk, "kind": job.kind, "state": job.state, "attempts": job.attempts, "run_at": job.run_at,
        "created_at": job.created_at, "started_at": job.started_at, "finished_at": job.finished_at, "done": job.done,
        "total": job.total, "problem": job.problem, "user_id": job.user_id,
    }  # fmt: skip


def _event(event: OutboxEvent) -> dict[str, Any]:
    return {
        "id": event.pk, "name": event.name, "resource": event.resource, "record_id": event.record_id, "at": event.at,
        "dead_at": event.dead_at, "attempts": event.attempts, "problem": event.problem,
    }  # fmt: skip


@api("GET")
def job_list(request: HttpRequest) -> HttpResponse:
    """Jobs, newest first: `?state=failed&kind=import&cursor=…`."""
    _caller(request)
    given = parameters(request)
    if given.get("state") and given["state"] not in JobState.values:
        raise ValidationFailed.of("state", "choice", _("This is not one of the choices."))
    found = queries.jobs_found(given.get("state", ""), given.get("kind", ""), given.get("cursor", ""))
    return _page([_job(job) for job in found[: PAGE + 1]])


@api("GET")
def one_job(request: HttpRequest, pk: int) -> HttpResponse:
    """One job."""
    _caller(request)
    job = Job.objects.filter(pk=in_range(pk)).first()
    if job is None:
        raise NotFound
    return answer(_job(job))


@api("POST")
def change_job(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Run a job again, or stop it."""
    actor = _caller(request, upkeep.RIGHT)

    def run() -> dict[str, Any]:
        return _job(upkeep.change_job(in_range(pk), verb, actor=actor, at=clock.now()))

    return _once(request, actor, run)


@api("GET")
def schedule(request: HttpRequest) -> HttpResponse:
    """The recurring jobs."""
    _caller(request)
    found = queries.schedule(clock.now())
    return answer(
        {
            "items": [
                {"kind": one.kind, "next_run": one.next_run, "last": _job(one.last) if one.last else None}
                for one in found
            ],
            "next_cursor": None,
        }
    )


@api("GET")
def failed_events(request: HttpRequest) -> HttpResponse:
    """Events that handlers of our own could not be told, newest first."""
    _caller(request)
    rows, cursor = outbox.dead_events(), parameters(request).get("cursor", "")
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 19:
        rows = rows.filter(pk__lt=int(cursor))
    return _page([_event(event) for event in rows[: PAGE + 1]])


@api("POST")
def redeliver(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one of them again."""
    actor = _caller(request, upkeep.RIGHT)

    def run() -> dict[str, Any]:
        upkeep.redeliver_event(in_range(pk), actor=actor, at=clock.now())
        return _event(OutboxEvent.objects.get(pk=pk))

    return _once(request, actor, run)


def _once(request: HttpRequest, actor: Actor, run: Callable[[], dict[str, Any]]) -> HttpResponse:
    if unknown := [FieldError(n, "unknown", _("There is no such field.")) for n in body_of(request, empty=True)]:
        raise ValidationFailed(unknown)
    return idempotent(request, actor, lambda: answer(run()))


def _page(rows: list[dict[str, Any]]) -> HttpResponse:
    cursor = str(rows[PAGE - 1]["id"]) if len(rows) > PAGE else None
    return answer({"items": rows[:PAGE], "next_cursor": cursor})


urlpatterns = [
    path("jobs", job_list),
    path("jobs/schedule", schedule),
    path("jobs/<int:pk>", one_job),
    path("jobs/<int:pk>/actions/retry", change_job, {"verb": "retry"}),
    path("jobs/<int:pk>/actions/cancel", change_job, {"verb": "cancel"}),
    path("failed-events", failed_events),
    path("failed-events/<int:pk>/actions/send-again", redeliver),
]


def describe() -> dict[str, Any]:
    """These addresses in the OpenAPI document."""
    text, number, nothing = {"type": "string"}, {"type": "integer"}, {"type": "null"}
    maybe_number, time = {"anyOf": [number, nothing]}, {"anyOf": [text | {"format": "date-time"}, nothing]}
    job = _object(
        id=number, kind=text, state=text | {"enum": JobState.values}, attempts=number, run_at=time, created_at=time,
        started_at=time, finished_at=time, done=number, total=maybe_number, problem=text, user_id=maybe_number,
    )  # fmt: skip
    event = _object(
        id=number, name=text, resource=text, record_id=maybe_number, at=time, dead_at=time, attempts=number,
        problem=text,
    )  # fmt: skip
    recurring = _object(kind=text, next_run=time, last={"anyOf": [job, nothing]})
    state = {"name": "state", "in": "query", "schema": text | {"enum": JobState.values}}
    kind = {"name": "kind", "in": "query", "schema": text}
    nobody = _object()
    writes = {"writes": True, "body": nobody, "needs_body": False, "parameters": ("id", "Idempotency-Key")}
    reads = {"writes": False}
    return {
        "jobs": {"get": _operation("list_jobs", "Jobs", _items(job), parameters=(state, kind, "cursor"), **reads)},
        "jobs/schedule": {
            "get": _operation("job_schedule", "Recurring jobs", _items(recurring), parameters=(), **reads)
        },
        "jobs/{id}": {"get": _operation("read_job", "One job", job, **reads)},
        "jobs/{id}/actions/retry": {"post": _operation("retry_job", "Run a job again", job, **writes)},
        "jobs/{id}/actions/cancel": {"post": _operation("cancel_job", "Stop a job", job, **writes)},
        "failed-events": {
            "get": _operation("failed_events", "Failed events", _items(event), parameters=("cursor",), **reads)
        },
        "failed-events/{id}/actions/send-again": {
            "post": _operation("redeliver_event", "Send a failed event again", event, **writes)
        },
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    return _object(items={"type": "array", "items": schema}, next_cursor={"type": ["string", "null"]})


def _operation(name: str, summary: str, schema: dict[str, Any], **options: Any) -> dict[str, Any]:
    answers = {"200": {"description": summary, "content": {"application/json": {"schema": schema}}}}
    made = operation(entity_named("webhook-deliveries"), name, summary, answers, **options)
    return made | {"operationId": name, "tags": ["jobs"]}

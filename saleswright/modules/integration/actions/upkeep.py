"""What administrators do with jobs and with events that failed inside; it is noted in the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from saleswright.kernel import jobs, outbox
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, NotFound
from saleswright.kernel.models import Job, OutboxEvent
from saleswright.kernel.transactions import atomic
from saleswright.modules.integration.actions.webhooks import send_again
from saleswright.modules.integration.models import WebhookDelivery
from saleswright.modules.integration.states import DeliveryState

RIGHT = "admin.manage"
JOB_VERBS: dict[str, Callable[[Job], None]] = {"retry": jobs.retry, "cancel": jobs.cancel}
MOST = 1000  # of those that are sent again at once


def change_job(pk: int, verb: str, *, actor: Actor, at: datetime) -> Job:
    """Run a failed or cancelled job again (`retry`), or stop one (`cancel`).

    Raises NotAllowed, NotFound, and Conflict when the job's state forbids it.
    """
    actor.require(RIGHT)
    with atomic():
        job = Job.objects.filter(pk=pk).first()
        if job is None or verb not in JOB_VERBS:
            raise NotFound
        if verb == "retry" and job.kind not in jobs.kinds():
            raise Conflict(_("Nothing does jobs of this kind any more."))
        JOB_VERBS[verb](job)
        record_audit([AuditLine("jobs", pk, job.kind, verb)], actor=actor, at=at)
    job.refresh_from_db()
    return job


def redeliver_event(pk: int, *, actor: Actor, at: datetime) -> None:
    """Tell the handlers that failed of a dead event again. Raises NotAllowed, NotFound, Conflict."""
    actor.require(RIGHT)
    with atomic():
        event = OutboxEvent.objects.filter(pk=pk).first()
        if event is None:
            raise NotFound
        outbox.redeliver(event)
        record_audit([AuditLine("failed-events", pk, event.name, "send-again")], actor=actor, at=at)


def redeliver_all(*, actor: Actor, at: datetime) -> int:
    """Send the oldest thousand dead events and failed deliveries again; returns how many there were."""
    actor.require(RIGHT)
    events = list(outbox.dead_events().order_by("id").values_list("pk", flat=True)[:MOST])
    failed = failed_deliveries().order_by("event_id")[:MOST]
    with atomic():
        for pk in events:
            redeliver_event(pk, actor=actor, at=at)
        for delivery in failed:
            send_again(delivery.pk, actor=actor, at=at)
    return len(events) + len(failed)


def failed_deliveries() -> Any:
    """Deliveries to webhooks that were given up."""
    return WebhookDelivery.objects.filter(state=DeliveryState.FAILED, archived_at=None).select_related("webhook")

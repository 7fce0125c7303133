"""What the kernel writes beside the business rows: audit, events, numbers, jobs, search, idempotency."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.models.access import User


class AuditEntry(models.Model):
    """Who did what, when, from where, and what changed; append-only.

    `sequence`, `previous` and `digest` are filled by the sealer, which chains all entries. `seals` names the values
    that say something of a person, so that they can be removed and the chain still holds (see `kernel.audit`).
    """

    at = models.DateTimeField(_("Time"), db_index=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("Person"))
    actor_kind = models.CharField(max_length=10)
    origin = models.CharField(_("Origin"), max_length=100)
    resource = models.CharField(_("Resource"), max_length=50)
    record_id = models.BigIntegerField(null=True)
    label = models.CharField(_("Record"), max_length=200, blank=True)
    action = models.CharField(_("Action"), max_length=50)
    changes = models.JSONField(_("Changes"), default=dict)
    sequence = models.BigIntegerField(null=True, unique=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    seals = models.JSONField(default=dict)

    class Meta:
        verbose_name, verbose_name_plural = _("Audit entry"), _("Audit entries")
        indexes = (
            models.Index(fields=("resource", "record_id", "id"), name="kernel_audit_record"),
            models.Index(fields=("id",), condition=models.Q(sequence=None), name="kernel_audit_unsealed"),
        )


class OutboxEvent(models.Model):
    """An event written in the transaction that caused it; delivered at least once, in order for a record."""

    name = models.CharField(max_length=80)
    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField(null=True)
    payload = models.JSONField(default=dict)
    at = models.DateTimeField()
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("id",), condition=models.Q(delivered_at=None, dead_at=None), name="kernel_outbox_waiting"
            ),
        )


class EventDelivery(models.Model):
    """A later handler has dealt with an event: it won't be called again."""

    event = models.ForeignKey(OutboxEvent, models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("event", "handler"), name="kernel_delivery_once"),)


class Counter(models.Model):
    """The last number taken of a series, such as `orders:202611`."""

    series = models.CharField(max_length=80, unique=True)
    last = models.PositiveBigIntegerField(default=0)


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Job(models.Model):
    """Work to be done by a worker, at least once; taken up again when its worker dies."""

    kind = models.CharField(_("Kind"), max_length=80)
    arguments = models.JSONField(default=dict)
    state = models.CharField(_("State"), max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("Person"))
    period_key = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001  unique only when given
    run_at = models.DateTimeField(_("Due"))
    created_at = models.DateTimeField(_("Created"))
    started_at = models.DateTimeField(_("Started"), null=True)
    finished_at = models.DateTimeField(_("Finished"), null=True)
    leased_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=80, blank=True)
    attempts = models.PositiveIntegerField(_("Attempts"), default=0)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    cancel_requested = models.BooleanField(default=False)
    result = models.JSONField(null=True)
    problem = models.TextField(_("Problem"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Job"), _("Jobs")
        indexes = (
            models.Index(
                fields=("run_at", "id"), condition=models.Q(state__in=("queued", "running")), name="kernel_job_open"
            ),
        )


class SearchRow(models.Model):
    """What finds one record (see `kernel.search`): its open words (`right` empty), or those and the words of
    fields that need a right.

    A record that is seen with another one (`parent_id`) has that one's owner and department.
    """

    resource = models.CharField(max_length=50)
    record_id = models.BigIntegerField()
    right = models.CharField(max_length=20, blank=True)
    label = models.CharField(max_length=200)
    detail = models.CharField(max_length=200, blank=True)
    parent_id = models.BigIntegerField(null=True)
    owner_id = models.BigIntegerField(null=True)
    department_id = models.BigIntegerField(null=True)
    tokens = models.TextField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("resource", "record_id", "right"), name="kernel_search_once"),)
        indexes = (
            models.Index(
                fields=("parent_id",), condition=models.Q(parent_id__isnull=False), name="kernel_search_parent"
            ),
        )


class IdempotencyKey(models.Model):
    """A POST that was answered: the same key and body get the same answer again."""

    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("caller", "key"), name="kernel_idempotency_once"),)


class AuditHead(models.Model):
    """The last link of the audit chain, one row: shows when entries at the chain's end were removed."""

    sequence = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

"""Reads about approvals, remarks, files and notices: who sees what, and the timeline's part of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from saleswright.interface.entity import Entity
from saleswright.interface.timeline import LIMIT, Happening, entry
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.resources import resource_named
from saleswright.modules.work.actions.targets import target
from saleswright.modules.work.channels import channel_named
from saleswright.modules.work.kinds import kind_named
from saleswright.modules.work.models import (
    Approval,
    ApprovalTask,
    Attachment,
    Comment,
    Delegation,
    Follower,
    NoticeDelivery,
    Notification,
)
from saleswright.modules.work.states import ApprovalState, NoticeState, StepState

#: what a step is said to be of what its parts are
STANDING = (StepState.REJECTED, StepState.RETURNED, StepState.OPEN, StepState.APPROVED, StepState.WAITING)
SUBJECT = {
    "type": "object",
    "properties": {
        "resource": {"type": "string"},
        "id": {"type": "integer"},
        "label": {"type": ["string", "null"]},
    },
}


# --- who sees what ---------------------------------------------------------------------------------------------


def approvals_of(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """What one asked for, was asked to decide, or everything by right."""
    if Scope.ALL in scopes:
        return queryset
    parts = Q(approver_id=actor.user_id) | Q(on_behalf_of_id=actor.user_id)
    asked = ApprovalTask.objects.filter(parts, opened_at__isnull=False).values("approval_id")
    return queryset.filter(Q(requested_by_id=actor.user_id) | Q(pk__in=asked))


def on_visible_records(queryset: Any, actor: Actor) -> Any:
    """Cut remarks and files to those of records that the actor sees."""
    if actor.kind == "system":
        return queryset
    condition = Q(pk__in=[])
    for name in queryset.order_by().values_list("resource", flat=True).distinct():
        if resource := target(name):
            seen = visible(resource.model._default_manager.all(), actor).order_by().values("pk")
            condition |= Q(resource=name, record_id__in=seen)
    return queryset.filter(condition)


def labels_of(references: set[tuple[str, int]], actor: Actor) -> dict[tuple[str, int], str]:
    """The names of the referenced records that the actor sees, one query a kind."""
    by_name: dict[str, list[int]] = {}
    for name, pk in references:
        by_name.setdefault(name, []).append(pk)
    found: dict[tuple[str, int], str] = {}
    for name, ids in by_name.items():
        if resource := target(name):
            rows = visible(resource.model._default_manager.filter(pk__in=ids), actor)
            found |= {(name, row.pk): resource.label_of(row) for row in rows}
    return found


def subjects_of(model: type[Model]) -> Callable[[list[int], Actor], dict[int, Any]]:
    """What records of `model` are about, as {"resource", "id", "label"}; the label only if the actor sees it."""

    def load(ids: list[int], actor: Actor) -> dict[int, Any]:
        rows = model._default_manager.filter(pk__in=ids).exclude(record_id=None)
        references = {pk: (name, record_id) for pk, name, record_id in rows.values_list("pk", "resource", "record_id")}
        labels = labels_of(set(references.values()), actor)
        return {pk: {"resource": ref[0], "id": ref[1], "label": labels.get(ref)} for pk, ref in references.items()}

    return load


def approval_subjects(ids: list[int], actor: Actor) -> dict[int, Any]:
    """What approvals are about; their parties keep the name that the record had."""
    rows = Approval.objects.filter(pk__in=ids).values_list("pk", "resource", "record_id", "subject_label")
    return {pk: {"resource": name, "id": record_id, "label": label} for pk, name, record_id, label in rows}


def file_urls(ids: list[int], actor: Actor) -> dict[int, str]:
    """Where files are downloaded."""
    return {pk: f"/attachments/{pk}" for pk in ids}


def me(actor: Actor) -> int:
    """The actor's id; nobody's (0) for the system."""
    return actor.user_id or 0


# --- what waits for a person -----------------------------------------------------------------------------------


def waiting_for(actor: Actor) -> QuerySet[Approval]:
    """The approvals that the actor is asked to decide now."""
    tasks = ApprovalTask.objects.filter(approver_id=actor.user_id, state=StepState.OPEN, superseded=False)
    mine = tasks.values("approval_id")
    return Approval.objects.filter(pk__in=mine, state=ApprovalState.PENDING)


@dataclass(slots=True)
class RunStep:
    """A step of an approval that runs or has run: whose it is and where it stands."""

    number: int
    who: str
    state: StepState
    people: set[int]
    late: bool


def runs_of(ids: list[int]) -> dict[int, list[RunStep]]:
    """The steps of these approvals in their order."""
    found: dict[int, list[RunStep]] = {}
    tasks = ApprovalTask.objects.filter(approval__in=ids, superseded=False).select_related("approver")
    for (approval_id, number), group in groupby(
        tasks.order_by("approval_id", "step", "id"), key=lambda task: (task.approval_id, task.step)
    ):
        parts = list(group)
        states = {part.state for part in parts}
        state = next((one for one in STANDING if one in states), StepState.SKIPPED)
        said = [part for part in parts if part.state == state]
        who = pgettext("list", ", ").join(part.approver.get_short_name() for part in said[:3])
        late = any(part.state == StepState.OPEN and part.reminded_at is not None for part in parts)
        people = {part.approver_id for part in parts}
        found.setdefault(approval_id, []).append(RunStep(number, who, state, people, late))
    return found


def unread_of(actor: Actor) -> QuerySet[Notification]:
    """The actor's notifications that were not read yet."""
    return Notification.objects.filter(user_id=me(actor), read_at=None)


def away_between(people: list[int], first: date, last: date) -> list[tuple[int, date, date]]:
    """Who of these people is absent on one of these days, from which day to which."""
    rows = Delegation.objects.filter(owner__in=people, archived_at=None, start_on__lte=last, end_on__gte=first)
    return [(pk, start, end) for pk, start, end in rows.values_list("owner_id", "start_on", "end_on") if pk]


# --- the timeline ----------------------------------------------------------------------------------------------


def comments_on(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[Happening]:
    """Remarks about the record."""
    rows = _about(Comment, entity, record).filter(archived_at=None).select_related("created_by")
    rows = rows.filter(created_at__lt=before) if before else rows
    return [entry("comment", one.created_at, _name(one.created_by), one.text) for one in rows.order_by("-id")[:LIMIT]]


def mails_about(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[Happening]:
    """Who was told about the record by e-mail or message; what was said is theirs."""
    rows = _about(NoticeDelivery, entity, record).filter(state=NoticeState.SENT).select_related("user", "bot")
    rows = rows.filter(sent_at__lt=before) if before else rows
    found = []
    for one in rows.order_by("-sent_at")[:LIMIT]:
        channel, kind = channel_named(one.channel), kind_named(one.kind).label
        told = {"channel": channel.label if channel else one.channel, "kind": kind}
        who = one.bot.name if one.bot else _name(one.user)
        text = _("Told by %(channel)s: %(kind)s") % told
        found.append(entry("message", one.sent_at or one.created_at, who, text))
    return found


def attachments_of(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[Happening]:
    """Files of the record."""
    rows = _about(Attachment, entity, record).filter(archived_at=None).select_related("created_by")
    rows = rows.filter(created_at__lt=before) if before else rows
    return [
        entry("attachment", one.created_at, _name(one.created_by), one.name, url=f"/attachments/{one.pk}")
        for one in rows.order_by("-id")[:LIMIT]
    ]


def decisions_about(entity: Entity, record: Any, actor: Actor, before: datetime | None) -> list[Happening]:
    """What was decided about requests for the record."""
    rows = ApprovalTask.objects.filter(approval__resource=entity.name, approval__record_id=record.pk)
    rows = rows.exclude(decided_at=None).select_related("approval", "approver")
    rows = rows.filter(decided_at__lt=before) if before else rows
    return [
        entry("approval", task.decided_at, _name(task.approver), _decision_text(task))  # type: ignore[arg-type]
        for task in rows.order_by("-decided_at")[:LIMIT]
    ]


def _decision_text(task: ApprovalTask) -> str:
    text = f"{StepState(task.state).label} · {transition_label(task.approval)}"
    return f"{text}\n{task.comment}" if task.comment else text


def transition_label(approval: Approval) -> str:
    """What consent is asked for, such as “Submit”."""
    transitions = resource_named(approval.resource).transitions
    return next((str(one.label) for one in transitions if one.name == approval.transition), approval.transition)


def _about(model: Any, entity: Entity, record: Any) -> Any:
    return model.objects.filter(resource=entity.name, record_id=record.pk)


def _name(user: Any) -> str:
    return user.get_short_name() if user else _("System")


def conversation(entity: Entity, record: Any, actor: Actor) -> dict[str, Any]:
    """Where remarks about the record are sent, and whether the actor follows it."""
    if target(entity.name) is None:
        return {}
    following = Follower.objects.filter(resource=entity.name, record_id=record.pk, user_id=me(actor))
    return {
        "can_comment": actor.may("comments.create") and entity.remark_refusal(record) is None,
        "comment_url": entity.url(record.pk, "comments"),
        "follow_url": entity.url(record.pk, "follow"),
        "following": following.exists(),
    }

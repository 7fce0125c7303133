"""Asking to work with a customer or lead that somebody else has 撞单, and the manager's decision (LEAD-03)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.limits import Limit
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, NotFound, Text, ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.hand_over import give_records
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.records import Batch, Draft, announce, read_records
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.modules.customers.models import JoinRequest
from saleswright.modules.customers.states import JoinKind, JoinStatus
from saleswright.modules.work.public import Notice, NoticeKind, Pace, add_kind, managers_of, tell

KIND = add_kind(NoticeKind("joining", gettext_lazy("Requests to join"), "users-group", {"*": Pace.NOW}))
#: so often an hour somebody may ask: names and owners can't be read one after the other
PACE = Limit("joining", 30, 3600)
REASON = Arg("reason", gettext_lazy("Reason"), required=False)


def prepare_requests(batch: Batch) -> None:
    """Note whose the record is and who decides; refuse what one works with or has asked for already."""
    for draft in batch.good:
        if draft.fresh:
            _prepare(draft, batch.actor)


def _prepare(draft: Draft, actor: Actor) -> None:
    request = draft.record
    if request.resource not in JoinKind.values:
        draft.error("resource", "invalid", _("One can ask to join customers and leads."))
        return
    PACE.take(str(actor.user_id))
    resource = resource_named(request.resource)
    record = resource.model._default_manager.filter(pk=request.record_id, archived_at=None).first()
    if record is None:
        draft.error("record_id", "not_found", _("There is no such record."))
        return
    if _works_with(request.resource, record, actor):
        draft.error("record_id", "conflict", _("You work with it already."))
        return
    if record.owner_id is None:
        draft.error("record_id", "conflict", _("Nobody has it: take it from its pool."))
        return
    asked = JoinRequest.objects.filter(
        resource=request.resource, record_id=record.pk, created_by=actor.user_id, status=JoinStatus.OPEN
    )
    if asked.exists():
        draft.error("record_id", "duplicate", _("You have asked for it already."))
        return
    _check_mine(draft, actor)
    request.label = resource.label_of(record)[:200]
    request.owner_id = record.owner_id
    request.decider_id = _decider(record.owner).pk


def _works_with(name: str, record: Any, actor: Actor) -> bool:
    """Whether the actor has the record or collaborates on it."""
    shared = Collaborator.objects.filter(resource=name, record_id=record.pk, user_id=actor.user_id or 0)
    return record.owner_id == actor.user_id is not None or shared.exists()


def _check_mine(draft: Draft, actor: Actor) -> None:
    request = draft.record
    if not request.mine_id:
        request.mine_resource = ""
        return
    known = request.mine_resource in JoinKind.values
    rows = resource_named(request.mine_resource).model._default_manager.filter(pk=request.mine_id) if known else None
    if rows is None or not visible(rows, actor).exists():
        draft.error("mine_id", "not_found", _("There is no such record."))


def _decider(owner: User) -> User:
    """The owner's manager; whoever has none decides as the owner."""
    return next(iter(managers_of(owner)), owner)


def tell_deciders(batch: Batch) -> None:
    """Tell the managers of new requests."""
    text = gettext_lazy("%(who)s asks to join: %(what)s (%(owner)s). %(why)s")
    fresh = [draft.record for draft in batch.drafts if draft.fresh]
    owners = User.objects.in_bulk({one.owner_id for one in fresh})
    notices = []
    for one in fresh:
        words = said(text, who=batch.actor.name, what=one.label, owner=owners[one.owner_id].name, why=one.why)
        notices.append(Notice(one.decider_id, words, "join-requests", one.pk, KIND.name))
    tell(notices, at=batch.at)


def _is_still_there(request: JoinRequest) -> Text | None:
    """Why it can't be decided any more, or None."""
    resource = resource_named(request.resource)
    if not resource.model._default_manager.filter(pk=request.record_id, archived_at=None).exists():
        return gettext_lazy("The record is not in use any more.")
    return None


@transition(
    "join-requests", "join", label=gettext_lazy("Let them collaborate"), source=[JoinStatus.OPEN],
    target=JoinStatus.JOINED, guards=(_is_still_there,), args=(REASON,), icon="users-group", style="success",
)  # fmt: skip
def let_join(request: JoinRequest, *, actor: Actor, at: datetime, reason: str | None) -> None:
    """The asking person collaborates on the record from now on; it stays with its owner."""
    Collaborator.objects.get_or_create(resource=request.resource, record_id=request.record_id, user=request.created_by)
    _decided(request, "join", reason, actor, at)


@transition(
    "join-requests", "transfer", label=gettext_lazy("Give it over"), source=[JoinStatus.OPEN],
    target=JoinStatus.TRANSFERRED, guards=(_is_still_there,), args=(REASON,), icon="transfer",
)  # fmt: skip
def give_over(request: JoinRequest, *, actor: Actor, at: datetime, reason: str | None) -> None:
    """The asking person becomes the owner; who had it keeps the figures up to now. Raises Conflict."""
    resource = resource_named(request.resource)
    (record,) = read_records(resource.model, [request.record_id], lock=True)
    heir = request.created_by
    if heir is None or not heir.is_active:
        raise Conflict(_("The person does not work here any more."))
    if record.owner_id != request.owner_id:
        raise Conflict(_("The owner has changed since. Refuse the request, so that it can be asked anew."))
    give_records(resource, [record], {record.pk: heir}, actor=actor, at=at, action="transfer")
    _decided(request, "transfer", reason, actor, at)


@transition(
    "join-requests", "refuse", label=gettext_lazy("Refuse"), source=[JoinStatus.OPEN], target=JoinStatus.REFUSED,
    args=(Arg("reason", gettext_lazy("Reason")),), icon="x", style="danger",
)  # fmt: skip
def refuse_join(request: JoinRequest, *, actor: Actor, at: datetime, reason: str) -> None:
    """The record stays as it is; the asking person is told why."""
    _decided(request, "refuse", reason, actor, at)


@transition(
    "join-requests", "withdraw", label=gettext_lazy("Withdraw"), source=[JoinStatus.OPEN],
    target=JoinStatus.WITHDRAWN, icon="arrow-back-up",
)  # fmt: skip
def withdraw_join(request: JoinRequest, *, actor: Actor, at: datetime) -> None:
    """Take the request back."""
    request.decided_at = at


OUTCOMES: dict[str, Text] = {
    "join": gettext_lazy("%(who)s decided: %(asker)s collaborates on %(what)s. %(reason)s"),
    "transfer": gettext_lazy("%(who)s decided: %(asker)s takes over %(what)s. %(reason)s"),
    "refuse": gettext_lazy("%(who)s refused that %(asker)s joins %(what)s. %(reason)s"),
}


def _decided(request: JoinRequest, outcome: str, reason: str | None, actor: Actor, at: datetime) -> None:
    """Record the decision on both records, and tell both people."""
    request.reason, request.decided_at = reason or "", at
    request.decider_id = actor.user_id or request.decider_id
    asker = request.created_by
    words = said(
        OUTCOMES[outcome], who=actor.name, asker=asker.name if asker else "", what=request.label,
        reason=request.reason,
    )  # fmt: skip
    about = {"join_request": [None, request.pk]}
    both = [(request.resource, request.record_id, request.label)]
    if request.mine_id:
        found = resource_named(request.mine_resource).model._default_manager.filter(pk=request.mine_id).first()
        if found is not None:
            both.append((request.mine_resource, request.mine_id, str(found)[:200]))
    lines = [AuditLine(name, pk, label, f"clash-{outcome}", about) for name, pk, label in both]
    record_audit(lines, actor=actor, at=at)
    for name, pk, _label in both:
        announce(resource_named(name), [(pk, f"clash-{outcome}")], Occasion(actor, at))
    people = {request.created_by_id, request.owner_id} - {None, actor.user_id}
    tell([Notice(pk, words, "join-requests", request.pk, KIND.name) for pk in sorted(people)], at=at)  # type: ignore[type-var, arg-type]


def asked_for(name: str, pk: int, actor: Actor) -> tuple[str, str]:
    """What somebody who may not see a record is shown before asking: its name and its owner's.

    Raises NotFound for what isn't there, ValidationFailed for what one works with.
    """
    if name not in JoinKind.values:
        raise NotFound
    PACE.take(str(actor.user_id))
    resource = resource_named(name)
    record: Any = resource.model._default_manager.filter(pk=pk, archived_at=None).select_related("owner").first()
    if record is None or record.owner is None:
        raise NotFound
    if _works_with(name, record, actor):
        raise ValidationFailed.of("record_id", "conflict", _("You work with it already."))
    return resource.label_of(record), record.owner.name

"""The register of what people ask about their data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import Extra
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions.erasure import erase
from saleswright.modules.privacy.events import DataErased
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.privacy.states import RequestKind, RequestState

ERASABLE = (*queries.SUBJECTS, "activities")


def prepare_requests(batch: Batch) -> None:
    """Work out by when to answer, and refuse what nobody could be found by."""
    for draft in batch.good:
        request = draft.record
        if draft.fresh or draft.changed("received_on"):
            if request.received_on > clock.today():
                draft.error("received_on", "range", _("The day lies ahead."))
            else:
                request.due_on = queries.due_day(request.received_on)


# --- the records that are the person's ----------------------------------------------------------------------------


def _clean_targets(value: Any) -> list[list[Any]]:
    bad = ValidationError(_("Give a list of objects with resource and id."), code="invalid")
    if not isinstance(value, list) or len(value) > 500:
        raise bad
    found = []
    for one in value:
        resource, pk = (one.get("resource"), one.get("id")) if isinstance(one, dict) else (None, None)
        if resource not in ERASABLE or isinstance(pk, bool) or not isinstance(pk, int) or not 0 < pk < 2**63:
            raise bad
        found.append([resource, pk])
    known = {(one.resource, one.id) for one in queries.described([(r, pk) for r, pk in found], set())}
    if any((resource, pk) not in known for resource, pk in found):
        raise ValidationError(_("There is no such record."), code="not_found")
    return found


def _save_targets(given: list[tuple[Any, list[list[Any]]]], batch: Batch) -> None:
    for request, targets in given:
        request.targets = targets
        SubjectRequest.objects.filter(pk=request.pk).update(targets=targets)


TARGETS = Extra(
    "targets", gettext_lazy("Records of the person"), _clean_targets, _save_targets,
    {"type": "array", "items": {
        "type": "object", "required": ["resource", "id"], "additionalProperties": False,
        "properties": {"resource": {"enum": list(ERASABLE)}, "id": {"type": "integer", "minimum": 1}},
    }},
)  # fmt: skip


# --- the way of a request ---------------------------------------------------------------------------------------


def _needs_identity(request: SubjectRequest) -> Text | None:
    return None if request.identity else _("Check first who is asking.")


def _is_erasure(request: SubjectRequest) -> Text | None:
    return None if request.kind == RequestKind.ERASURE else _("No erasure was asked for.")


def _is_none(request: SubjectRequest) -> Text | None:
    if request.kind != RequestKind.ERASURE:
        return None
    return _("An erasure is proposed and then confirmed by a second person.")


def _has_targets(request: SubjectRequest) -> Text | None:
    return None if request.targets else _("Choose first which records are the person's.")


def _is_free(request: SubjectRequest) -> Text | None:
    return next(iter(queries.holds(request.targets)), None)


@transition(
    "subject-requests",
    "check-identity",
    label=gettext_lazy("Identity checked"),
    source=[RequestState.RECEIVED],
    args=(Arg("how", gettext_lazy("How the identity was checked"), required=True),),
    icon="id",
)
def check_identity(request: SubjectRequest, *, actor: Actor, at: datetime, how: str) -> None:
    """Note how it was made sure that the person is who they say."""
    request.identity = how


@transition(
    "subject-requests",
    "propose-erasure",
    label=gettext_lazy("Propose the erasure"),
    source=[RequestState.RECEIVED],
    target=RequestState.WAITING,
    guards=(_is_erasure, _needs_identity, _has_targets, _is_free),
    icon="send",
)
def propose_erasure(request: SubjectRequest, *, actor: Actor, at: datetime) -> None:
    """Ask a second person to confirm that the chosen records are erased."""
    request.asked_by_id = actor.user_id


@transition(
    "subject-requests",
    "withdraw",
    label=gettext_lazy("Take the proposal back"),
    source=[RequestState.WAITING],
    target=RequestState.RECEIVED,
    icon="arrow-back-up",
)
def withdraw_erasure(request: SubjectRequest, *, actor: Actor, at: datetime) -> None:
    """Go back to choosing the records."""
    request.asked_by_id = None


@transition(
    "subject-requests",
    "erase",
    label=gettext_lazy("Confirm and erase for good"),
    source=[RequestState.WAITING],
    target=RequestState.DONE,
    guards=(_has_targets, _is_free),
    event=DataErased,
    style="danger",
    icon="eraser",
    args=(
        Arg(
            "sure", gettext_lazy("I have read what will go"), "bool", required=True,
            help=gettext_lazy("Names, numbers and addresses are removed for good, also from the audit. "
                              "Documents, ledgers and figures stay as they are."),
        ),
    ),
)  # fmt: skip
def erase_data(request: SubjectRequest, *, actor: Actor, at: datetime, sure: bool) -> None:
    """Erase what was proposed; only somebody else than who proposed it may."""
    if not sure:
        raise Conflict(_("Read first what will go."))
    if actor.user_id is None or actor.user_id == request.asked_by_id:
        raise Conflict(_("Somebody else than who proposed the erasure has to confirm it."))
    count = erase(request, actor=actor, at=at)
    request.confirmed_by_id, request.done_on = actor.user_id, clock.local_date(at)
    request.outcome = _("Erased %(count)d records.") % {"count": count}


@transition(
    "subject-requests",
    "complete",
    label=gettext_lazy("Answered"),
    source=[RequestState.RECEIVED],
    target=RequestState.DONE,
    guards=(_is_none, _needs_identity),
    args=(Arg("outcome", gettext_lazy("What was answered"), "long", required=True),),
    style="success",
    icon="check",
)
def complete_request(request: SubjectRequest, *, actor: Actor, at: datetime, outcome: str) -> None:
    """Note what the person was answered."""
    request.outcome, request.done_on = outcome, clock.local_date(at)


@transition(
    "subject-requests",
    "refuse",
    label=gettext_lazy("Refuse"),
    source=[RequestState.RECEIVED, RequestState.WAITING],
    target=RequestState.REFUSED,
    args=(Arg("reason", gettext_lazy("Reason"), "long", required=True),),
    icon="x",
)
def refuse_request(request: SubjectRequest, *, actor: Actor, at: datetime, reason: str) -> None:
    """Refuse with a reason, which the person has a right to know."""
    request.outcome, request.done_on = reason, clock.local_date(at)

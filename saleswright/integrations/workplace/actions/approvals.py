"""Approvals on the phone: each person who is asked gets a card, and one press of it is the very same approval."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from saleswright.integrations.workplace.actions.accounts import addresses_of, user_of
from saleswright.integrations.workplace.adapter import Card, Click, Temporary, WorkplaceError
from saleswright.integrations.workplace.choices import CardState
from saleswright.integrations.workplace.models import ApprovalCard, Connection
from saleswright.integrations.workplace.registry import all_active, workplace_of
from saleswright.interface.formatting import format_money, format_number
from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Busy, DomainError
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work.public import (
    Approval,
    ApprovalState,
    ApprovalTask,
    StepState,
    approve_request,
    transition_label,
)

CLAIM = timedelta(minutes=2)
MOST_ATTEMPTS = 6
RECENT = timedelta(days=14)  # nobody is sent a card for what was asked longer ago
CHANGEABLE = timedelta(hours=72)  # after which WeCom changes no card


def deliver(check_cancelled: Callable[[], None]) -> dict[str, int]:
    """Send a card to everybody who is asked and has none, and close those whose part is over; how many of each."""
    sent = closed = 0
    for connection in all_active():
        if not connection.cards:
            continue
        at = clock.now()
        _note_wanted(connection, at)
        for pk in list(_due(connection, CardState.WAITING, at)):
            check_cancelled()
            sent += _with_claim(pk, _send)
        for pk in list(_due(connection, CardState.SENT, at).exclude(_asked())):
            check_cancelled()
            closed += _with_claim(pk, _close)
    return {"sent": sent, "closed": closed}


def _asked() -> Q:
    """Cards whose part is still to be decided by the person who got the card."""
    return Q(
        task__state=StepState.OPEN, task__superseded=False, task__approver_id=F("user_id"),
        task__approval__state=ApprovalState.PENDING, task__approval__archived_at=None,
    )  # fmt: skip


def _note_wanted(connection: Connection, at: datetime) -> None:
    """A card for each open part of somebody who is linked."""
    tasks = ApprovalTask.objects.filter(
        state=StepState.OPEN, superseded=False, opened_at__gte=at - RECENT, approval__state=ApprovalState.PENDING
    )
    have = set(ApprovalCard.objects.filter(connection=connection, task__in=tasks).values_list("task_id", "user_id"))
    wanted = [pair for pair in tasks.values_list("pk", "approver_id") if pair not in have]
    addresses = addresses_of(connection.provider, list({user_id for _pk, user_id in wanted}))
    ApprovalCard.objects.bulk_create(
        (
            ApprovalCard(
                connection=connection, task_id=pk, user_id=user_id, external_id=addresses[user_id],
                reference=f"aw-{pk}-{secrets.token_hex(8)}", due_at=at,
            )
            for pk, user_id in wanted
            if user_id in addresses
        ),
        ignore_conflicts=True,
    )  # fmt: skip


def _due(connection: Connection, state: CardState, at: datetime) -> Any:
    rows = ApprovalCard.objects.filter(connection=connection, state=state, due_at__lte=at)
    return rows.filter(Q(claimed_until=None) | Q(claimed_until__lt=at)).order_by("id").values_list("pk", flat=True)


def _with_claim(pk: int, act: Callable[[ApprovalCard], dict[str, Any]]) -> bool:
    """Do it to a card unless another worker is at it; what fails is tried again a few times, ever later."""
    at = clock.now()
    free = ApprovalCard.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), pk=pk)
    if not free.update(claimed_until=at + CLAIM, attempts=F("attempts") + 1):
        return False
    card = ApprovalCard.objects.select_related("connection", "task__approval__requested_by", "user").get(pk=pk)
    try:
        with translation.override(card.user.language or settings.LANGUAGE_CODE):
            values = act(card)
    except WorkplaceError as fault:
        again = isinstance(fault, Temporary) and card.attempts < MOST_ATTEMPTS
        values = {"problem": str(fault)[:500], "due_at": at + timedelta(seconds=15 * 4**card.attempts)}
        if not again:
            values["state"] = CardState.CLOSED if card.state == CardState.SENT else CardState.FAILED
        ApprovalCard.objects.filter(pk=pk).update(claimed_until=None, **values)
        return False
    ApprovalCard.objects.filter(pk=pk).update(claimed_until=None, attempts=0, due_at=at, problem="", **values)
    return True


def _send(card: ApprovalCard) -> dict[str, Any]:
    if not ApprovalCard.objects.filter(_asked(), pk=card.pk).exists():
        return {"state": CardState.CLOSED, "closed_at": clock.now()}  # decided before anything was sent
    code = workplace_of(card.connection).send_card(card.external_id, card_of(card))
    return {"state": CardState.SENT, "sent_at": clock.now(), "update_code": code}


def _close(card: ApprovalCard) -> dict[str, Any]:
    # pressed or not, the update code is read anew: a press brings a fresh one
    at = clock.now()
    if (
        card.sent_at is not None
        and at - card.sent_at < CHANGEABLE
        and (card.update_code or card.connection.card_template)
    ):
        workplace_of(card.connection).close_card(
            card.external_id, card_of(card), card.update_code, standing(card.task.approval, card.task)
        )
    return {"state": CardState.CLOSED, "closed_at": at}


def card_of(card: ApprovalCard) -> Card:
    """What the card says, in the language that is spoken now."""
    approval, site = card.task.approval, card.connection.site
    spoken = translation.get_language() or settings.LANGUAGE_CODE
    kind = f"{resource_named(approval.resource).label} · {transition_label(approval)}"
    facts = [(_("Asked by"), approval.requested_by.get_short_name()), (_("What"), kind)]
    if approval.facts.get("amount") is not None:
        amount = format_money(Decimal(str(approval.facts["amount"])), base_currency(), spoken)
        facts.insert(0, (_("Amount"), amount))
    if approval.facts.get("discount") is not None:
        facts.append((_("Discount"), f"{format_number(Decimal(str(approval.facts['discount'])))}%"))
    return Card(
        reference=card.reference,
        title=approval.subject_label or kind,
        text=approval.reason or _("Please decide."),
        url=f"{site}/{approval.resource}/{approval.record_id}",
        open_label=_("Open"),
        facts=tuple(facts),
        buttons=((_("Reject"), f"{site}/approvals/{approval.pk}"),),
        approve=_("Approve"),
    )


# --- clicks ----------------------------------------------------------------------------------------------------


def decide_by_click(connection: Connection, click: Click) -> str:
    """Approve as the person who pressed the button; what they are told about it, in their language.

    The same click twice, a late one, one of somebody who is not asked: all change nothing and are told how it stands.
    """
    card = ApprovalCard.objects.filter(connection=connection, reference=click.reference).first()
    user = user_of(connection.provider, click.person)
    if card is None or user is None:
        return _("This account is linked to nobody here.") if user is None else _("There is no such request.")
    with translation.override(user.language or settings.LANGUAGE_CODE):
        actor = actor_for(user, origin=f"workplace:{connection.provider}")
        approval_id = card.task.approval_id
        told = ""
        try:
            run_atomic(lambda: approve_request(approval_id, actor=actor))
        except Busy:
            raise
        except DomainError as refused:
            told = str(refused)
        if click.update_code and card.user_id == user.pk:
            # the press has brought a fresh code for this card; closed ones are to say again how it stands
            late = {"state": CardState.SENT, "due_at": clock.now(), "attempts": 0}
            ApprovalCard.objects.filter(pk=card.pk).update(update_code=click.update_code, **late)
        approval = Approval.objects.get(pk=approval_id)
        if not told:
            return _("Approved")
        mine = _decided(approval).filter(approver=user).first()
        if approval.state != ApprovalState.PENDING or mine is not None:
            return standing(approval, mine or card.task)
        return told


def _decided(approval: Approval) -> Any:
    return approval.tasks.filter(superseded=False).exclude(decided_at=None).order_by("-decided_at", "-id")


def standing(approval: Approval, task: ApprovalTask) -> str:
    """What came of somebody's part: what they decided themselves, or who was faster."""
    if task.decided_at is not None:
        return str(StepState(task.state).label)
    last = _decided(approval).select_related("approver").first()
    if last is not None:
        said = {"state": StepState(last.state).label, "who": last.approver.get_short_name()}
        return _("%(state)s already by %(who)s") % said
    if approval.state != ApprovalState.PENDING:
        return str(ApprovalState(approval.state).label)
    return _("Somebody else decides this now")


def has_card(provider: str, external_id: str, approval_id: int) -> bool:
    """Whether the person has, or is about to get, a card for their open part of an approval."""
    cards = ApprovalCard.objects.filter(_asked(), connection__provider=provider, external_id=external_id)
    return cards.filter(task__approval_id=approval_id).exclude(state=CardState.FAILED).exists()

"""Asking customers whether they are content."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, Draft, save_record, save_records
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.kernel.worktime import next_working_day
from saleswright.modules.customers.public import Customer
from saleswright.modules.service.events import CallbackCompleted
from saleswright.modules.service.models import Callback, CallbackPlan, Ticket
from saleswright.modules.service.states import CallbackStatus, TicketChannel, TicketKind

#: up to this score somebody must look after the customer
LOW_SCORE = 6


def prepare_callbacks(batch: Batch) -> None:
    """Order and ticket are the customer's own; a call-back without a subject is named after the customer."""
    for draft in batch.good:
        callback: Callback = draft.record
        for name in ("order", "ticket"):
            _check_customer(draft, name)
    unnamed = [draft.record for draft in batch.good if not draft.record.subject]
    names = (
        dict(Customer.objects.filter(pk__in={c.customer_id for c in unnamed}).values_list("pk", "name"))
        if unnamed
        else {}
    )
    for callback in unnamed:
        callback.subject = (_("Call-back: %s") % names.get(callback.customer_id, ""))[:200]


def _check_customer(draft: Draft, name: str) -> None:
    subject = getattr(draft.record, name) if getattr(draft.record, f"{name}_id") and draft.changed(name) else None
    if subject is not None and subject.customer_id != draft.record.customer_id:
        draft.error(name, "invalid", _("It belongs to another customer."))


@transition(
    "callbacks", "complete", label=gettext_lazy("Complete"), source=[CallbackStatus.OPEN], target=CallbackStatus.DONE,
    args=(
        Arg("result", gettext_lazy("Result"), "long"),
        Arg("score", gettext_lazy("Score"), "integer", required=False, help=gettext_lazy("From 0 to 10.")),
        Arg("open_ticket", gettext_lazy("Open a ticket"), "bool", required=False, default=False),
    ),
    event=CallbackCompleted, style="success", icon="check", may_make=("tickets",),
)  # fmt: skip
def complete_callback(
    callback: Callback, *, actor: Actor, at: datetime, result: str, score: int | None, open_ticket: bool
) -> None:
    """Note what the customer said. A low score is told to the customer's owner at once.

    With `open_ticket` what the customer wants becomes a ticket: a complaint after a low score.
    """
    if score is not None and not 0 <= score <= 10:
        raise ValidationFailed.of("score", "range", _("From 0 to 10."))
    callback.result, callback.score, callback.done_at = result, score, at
    low = score is not None and score <= LOW_SCORE
    if open_ticket:
        callback.opened_ticket_id = _open_ticket(callback, low, actor, at).pk
    if low:
        _warn_owner(callback, actor, at)


def _open_ticket(callback: Callback, low: bool, actor: Actor, at: datetime) -> Ticket:
    values = {
        "customer": callback.customer_id,
        "contact": callback.contact_id,
        "product": callback.ticket.product_id if callback.ticket else None,
        "serial": callback.ticket.serial if callback.ticket else "",
        "kind": TicketKind.COMPLAINT if low else TicketKind.CONSULTATION,
        "channel": TicketChannel.CALLBACK,
        "subject": callback.result.splitlines()[0][:200],
        "description": callback.result,
    }
    return save_record(Ticket, values, actor=actor, at=at)


def _warn_owner(callback: Callback, actor: Actor, at: datetime) -> None:
    owner_id = callback.customer.owner_id
    if owner_id is None or owner_id == actor.user_id:
        return
    text = gettext_lazy("%(customer)s gave only %(score)s of 10 when called back: %(result)s")
    words = said(text, customer=callback.customer.name, score=callback.score, result=callback.result[:100])
    ports.notification.notify(
        user_ids=[owner_id], text=words, resource="callbacks", record_id=callback.pk, at=at, kind="alert"
    )


@transition(
    "callbacks", "cancel", label=gettext_lazy("Cancel"), source=[CallbackStatus.OPEN], target=CallbackStatus.CANCELLED,
    args=(Arg("reason", gettext_lazy("Reason"), required=False),), style="danger", icon="x",
)  # fmt: skip
def cancel_callback(callback: Callback, *, actor: Actor, at: datetime, reason: str) -> None:
    """The customer shall not be called."""
    callback.result = reason or ""


def plan_callbacks(
    after: str,
    customer: Customer,
    *,
    at: datetime,
    about: str,
    owner_id: int | None,
    order_id: int | None = None,
    ticket_id: int | None = None,
    contact_id: int | None = None,
) -> None:
    """Make the call-backs that the plans want after something happened, due on a working day.

    A plan whose call-back about the same order or ticket is still open makes no second one.
    """
    plans = [
        plan
        for plan in CallbackPlan.objects.filter(after=after, archived_at=None)
        if plan.customer_level in {"", customer.level}
    ]
    subject: dict[str, Any] = {"order": order_id, "ticket": ticket_id}
    waiting = Callback.objects.filter(plan__in=plans, customer=customer, status=CallbackStatus.OPEN, **subject)
    planned = set(waiting.values_list("plan_id", flat=True)) if plans else set()
    drafts = [
        Draft(
            {
                **subject,
                "customer": customer.pk,
                "contact": contact_id,
                "plan": plan.pk,
                "owner": owner_id or customer.owner_id,
                "subject": f"{plan.name} · {about}"[:200],
                "due_on": next_working_day(clock.local_date(at) + timedelta(days=plan.days)),
            }
        )
        for plan in plans
        if plan.pk not in planned
    ]
    if drafts:
        save_records(Callback, drafts, actor=system("callback-plans"), at=at)

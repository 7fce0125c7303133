"""From a customer's question to the closed case."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.transitions import ASSIGN_ARGS, Arg, transition
from saleswright.kernel.words import said
from saleswright.kernel.worktime import add_working, working_between
from saleswright.modules.customers.public import Contact, give_to
from saleswright.modules.service import queries
from saleswright.modules.service.actions.callbacks import plan_callbacks
from saleswright.modules.service.events import TicketClosed, TicketResolved
from saleswright.modules.service.models import Ticket
from saleswright.modules.service.states import UNANSWERED, UNSOLVED, CallbackTrigger, TicketStatus

MINUTE = timedelta(minutes=1)


def prepare_tickets(batch: Batch) -> None:
    """Promise the time limits of kind and priority, and check that contacts belong to their customers."""
    kept = queries.limits()
    for draft in batch.good:
        ticket: Ticket = draft.record
        if draft.fresh:
            given = ticket.first_response_due, ticket.solution_due  # by an import of history
            _promise(ticket, draft.record.created_at or batch.at, kept)
            ticket.first_response_due = given[0] or ticket.first_response_due
            ticket.solution_due = given[1] or ticket.solution_due
        elif ticket.unsolved and (draft.changed("kind") or draft.changed("priority")):
            _promise(ticket, ticket.created_at, kept)
        elif draft.changed("kind") or draft.changed("priority"):
            draft.error("priority", "conflict", _("A solved ticket keeps its kind and priority."))
    check_contacts(batch)


def check_levels(batch: Batch) -> None:
    """Nothing is promised to be solved before it is answered."""
    for draft in batch.good:
        if draft.record.solution_minutes < draft.record.response_minutes:
            draft.error("solution_minutes", "order", _("The solution can't be due before the first response."))


def _promise(ticket: Ticket, since: datetime, kept: dict[tuple[str, str], tuple[int, int]]) -> None:
    response, solution = queries.limits_of(ticket.kind, ticket.priority, kept)
    if ticket.responded_at is None:
        ticket.first_response_due = add_working(since, response)
    ticket.solution_due = add_working(since, solution + ticket.paused_minutes)


def check_contacts(batch: Batch) -> None:
    """A contact works for the customer whom the record is about."""
    named: list[Draft] = [
        draft
        for draft in batch.good
        if draft.record.contact_id and (draft.changed("contact") or draft.changed("customer"))
    ]
    contacts = Contact.objects.filter(pk__in={draft.record.contact_id for draft in named}) if named else ()
    customers = {contact.pk: contact.customer_id for contact in contacts}
    for draft in named:
        contact_id = draft.record.contact_id
        if contact_id in customers and customers[contact_id] != draft.record.customer_id:
            draft.error("contact", "invalid", _("This contact belongs to another customer."))


@transition(
    "tickets", "assign", label=gettext_lazy("Assign"), source=UNANSWERED, target=TicketStatus.ASSIGNED,
    args=ASSIGN_ARGS, icon="user-share",
)  # fmt: skip
def assign_ticket(ticket: Ticket, *, actor: Actor, at: datetime, owner_id: int) -> None:
    """Give the ticket to whoever shall solve it, and tell them."""
    give_to(ticket, actor, owner_id, "tickets.assign")
    if owner_id != actor.user_id:
        text = gettext_lazy("Ticket %(number)s was assigned to you: %(subject)s")
        ports.notification.notify(
            kind="assignment",
            user_ids=[owner_id],
            text=said(text, number=ticket.number, subject=ticket.subject),
            resource="tickets",
            record_id=ticket.pk,
            at=at,
        )


@transition(
    "tickets", "respond", label=gettext_lazy("Respond"), source=UNSOLVED, icon="message", style="primary",
    args=(
        Arg("text", gettext_lazy("Answer"), "long", required=False),
        Arg("waiting_for_customer", gettext_lazy("Wait for the customer"), "bool", required=False, default=False),
    ),
)  # fmt: skip
def respond_to_ticket(ticket: Ticket, *, actor: Actor, at: datetime, text: str, waiting_for_customer: bool) -> None:
    """Answer the customer. The first answer meets the first limit; a new ticket becomes assigned."""
    ticket.responded_at = ticket.responded_at or at
    ticket.response = text or ticket.response
    if ticket.owner_id is None and actor.user_id is not None:
        give_to(ticket, actor, actor.user_id, "tickets.respond")
    if waiting_for_customer:
        _pause(ticket, at)
    elif ticket.status == TicketStatus.NEW:
        ticket.status = TicketStatus.ASSIGNED


@transition(
    "tickets", "wait", label=gettext_lazy("Wait for the customer"), source=[TicketStatus.ASSIGNED],
    target=TicketStatus.WAITING, icon="clock-pause",
)  # fmt: skip
def wait_for_customer(ticket: Ticket, *, actor: Actor, at: datetime) -> None:
    """The customer was asked something: that is a response, and the clock stands until they answer."""
    ticket.responded_at = ticket.responded_at or at
    _pause(ticket, at)


@transition(
    "tickets", "customer-answered", label=gettext_lazy("Customer answered"), source=[TicketStatus.WAITING],
    target=TicketStatus.ASSIGNED, icon="message-reply",
)  # fmt: skip
def customer_answered(ticket: Ticket, *, actor: Actor, at: datetime) -> None:
    """The clock runs again; the solution is due later by the working time that was waited."""
    _resume(ticket, at)


@transition(
    "tickets", "resolve", label=gettext_lazy("Resolve"), source=UNSOLVED, target=TicketStatus.RESOLVED,
    args=(Arg("solution", gettext_lazy("Solution"), "long"),), event=TicketResolved, style="success", icon="check",
)  # fmt: skip
def resolve_ticket(ticket: Ticket, *, actor: Actor, at: datetime, solution: str) -> None:
    """The customer has a solution; if nobody answered before, this is the first response too."""
    _resume(ticket, at)
    ticket.responded_at = ticket.responded_at or at
    ticket.resolved_at, ticket.solution = at, solution


@transition(
    "tickets", "close", label=gettext_lazy("Close"), source=[TicketStatus.RESOLVED], target=TicketStatus.CLOSED,
    event=TicketClosed, icon="lock",
)  # fmt: skip
def close_ticket(ticket: Ticket, *, actor: Actor, at: datetime) -> None:
    """The case is over; the customer is called back as planned."""
    ticket.closed_at = at
    about = _("Ticket %(number)s: %(subject)s") % {"number": ticket.number, "subject": ticket.subject}
    plan_callbacks(
        CallbackTrigger.TICKET, ticket.customer, at=at, about=about, owner_id=ticket.owner_id, ticket_id=ticket.pk
    )


@transition(
    "tickets", "reopen", label=gettext_lazy("Reopen"), source=[TicketStatus.RESOLVED, TicketStatus.CLOSED],
    target=TicketStatus.ASSIGNED, args=(Arg("reason", gettext_lazy("Reason")),), icon="rotate",
)  # fmt: skip
def reopen_ticket(ticket: Ticket, *, actor: Actor, at: datetime, reason: str) -> None:
    """The solution did not hold: the time to solve it starts anew."""
    _response, solution = queries.limits_of(ticket.kind, ticket.priority, queries.limits())
    ticket.solution_due = add_working(at, solution)
    ticket.resolved_at = ticket.closed_at = None
    ticket.reopened += 1
    ticket.reopen_reason = reason


def _pause(ticket: Ticket, at: datetime) -> None:
    """Stop the clock, unless it stands already."""
    if ticket.waiting_since is None:
        ticket.waiting_since = at
    ticket.status = TicketStatus.WAITING


def _resume(ticket: Ticket, at: datetime) -> None:
    """Run the clock on: the solution falls due later by the whole minutes of working time that it stood."""
    if ticket.waiting_since is None:
        return
    waited = working_between(ticket.waiting_since, at) // MINUTE
    ticket.paused_minutes += waited
    if ticket.solution_due is not None:
        ticket.solution_due = add_working(ticket.solution_due, waited)
    ticket.waiting_since = None


def closed_refusal(ticket: Ticket) -> Text | None:
    """A closed ticket stays as it is."""
    if ticket.status == TicketStatus.CLOSED:
        return _("The ticket is closed. Reopen it first.")
    return None


def escalate_tickets(at: datetime) -> int:
    """Tell the owner's manager of each ticket whose first response is overdue, once a ticket; answers how many.

    Without an owner or a manager, the heads of service are told.
    """
    late = list(
        queries.unanswered_past_due(at)
        .filter(escalated_at=None)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("owner")
        .order_by("pk")
    )
    heads = queries.heads_of_service() if late else []
    for ticket in late:
        manager = ticket.owner.manager_id if ticket.owner else None
        text = gettext_lazy("Ticket %(number)s has had no answer in time: %(subject)s")
        ports.notification.notify(
            kind="overdue",
            user_ids=[manager] if manager else heads,
            text=said(text, number=ticket.number, subject=ticket.subject),
            resource="tickets",
            record_id=ticket.pk,
            at=at,
        )
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in late]).update(escalated_at=at)
    return len(late)

"""Beside a chat with a customer: who they are here, and what can be noted in one tap. All under the person's rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.integrations.workplace.actions.accounts import addresses_of
from saleswright.integrations.workplace.adapter import OutsideContact, WorkplaceError
from saleswright.integrations.workplace.models import Connection, ExternalContact
from saleswright.integrations.workplace.registry import workplace_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, NotFound, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic
from saleswright.modules.customers.public import Contact
from saleswright.modules.leads.public import Lead
from saleswright.modules.pipeline.public import Activity, ActivityKind, Opportunity, OpportunityStatus
from saleswright.modules.work.public import Task

LATEST, FOUND = 5, 8
#: days from today until a task is due, by what the button says
DUE = {"today": 0, "tomorrow": 1, "week": 7}
EVENING = 18  # the hour of the company's day at which a task is due


@dataclass(slots=True)
class Partner:
    """Who the other side of a chat is: a contact with their customer, a lead, hidden from the person, or unknown."""

    contact: Contact | None = None
    lead: Lead | None = None
    hidden: bool = False
    opportunities: Sequence[Opportunity] = field(default_factory=list)
    activities: Sequence[Activity] = field(default_factory=list)

    @property
    def subject(self) -> tuple[str, int]:
        """Kind and id of the record that tasks are about."""
        if self.contact is not None:
            return "customers", self.contact.customer_id
        assert self.lead is not None
        return "leads", self.lead.pk


def partner(provider: str, external_id: str, actor: Actor) -> Partner:
    """Who somebody with whom the person chats is, as far as the person may see it."""
    row = ExternalContact.objects.filter(provider=provider, external_id=external_id).first()
    if row is None:
        return Partner()
    if row.contact_id:
        contact = visible(Contact.objects.filter(pk=row.contact_id), actor).select_related("customer__owner").first()
        if contact is None:
            return Partner(hidden=True)
        about = Q(customer_id=contact.customer_id)
        open_ones = Opportunity.objects.filter(about, status=OpportunityStatus.OPEN, archived_at=None)
        return Partner(
            contact,
            opportunities=list(visible(open_ones, actor).select_related("stage").order_by("-id")[:LATEST]),
            activities=_latest(about, actor),
        )
    lead = visible(Lead.objects.filter(pk=row.lead_id or 0), actor).first()
    if lead is None:
        return Partner(hidden=True)
    return Partner(lead=lead, activities=_latest(Q(lead=lead), actor))


def _latest(about: Q, actor: Actor) -> list[Activity]:
    rows = Activity.objects.filter(about, archived_at=None).exclude(done_at=None)
    return list(visible(rows, actor).select_related("owner").order_by("-done_at", "-id")[:LATEST])


def contacts_like(text: str, actor: Actor) -> list[Contact]:
    """Contacts that the person may change, by a part of their name, customer or number."""
    text = text.strip()
    if not text:
        return []
    rows = visible(Contact.objects.filter(archived_at=None), actor, "edit").select_related("customer")
    like = Q(name__icontains=text) | Q(customer__name__icontains=text)
    if actor.sees("phone"):
        like |= Q(mobile__contains=text) | Q(phone__contains=text)
    return list(rows.filter(like).order_by("name", "id")[:FOUND])


def who(connection: Connection, external_id: str, actor: Actor) -> OutsideContact | None:
    """What the program says of the other side; None where it does not tell. No transaction should be open.

    Raises Conflict for somebody whom the person does not have as a contact over there, or when it can't be asked.
    """
    try:
        found = workplace_of(connection).contact(external_id)
    except WorkplaceError as fault:
        raise Conflict(str(fault)) from fault
    if found is None:
        return None
    own = addresses_of(connection.provider, [actor.user_id or 0]).get(actor.user_id or 0)
    if own is None or own not in found.colleagues:
        raise Conflict(_("This person is not among your customers there."))
    return found


def link(connection: Connection, external_id: str, contact_id: int, *, actor: Actor, at: datetime) -> None:
    """Note which contact the other side is. Raises NotFound, NotAllowed, and Conflict where another is noted."""
    who(connection, external_id, actor)
    with atomic():
        contact = fetch(Contact, contact_id, actor=actor, action="edit")
        _note(connection.provider, external_id, {"contact": contact}, actor, at)
        changes = {connection.provider: [None, external_id]}
        record_audit([AuditLine("contacts", contact.pk, contact.name, "linked", changes)], actor=actor, at=at)


def make_lead(
    connection: Connection, external_id: str, name: str, company: str, phone: str, *, actor: Actor, at: datetime
) -> Lead:
    """Make a lead of the other side; what is left empty is taken from the program.

    Raises ValidationFailed, NotAllowed, Conflict.
    """
    found = who(connection, external_id, actor)
    values = {
        "contact_name": name.strip() or (found.name if found else ""),
        "company": company.strip() or (found.company if found else ""),
        "phone": phone.strip() or (found.mobile if found else ""),
        "owner": actor.user_id,
    }
    with atomic():
        lead: Lead = save_record(Lead, values, actor=actor, at=at)
        _note(connection.provider, external_id, {"lead": lead}, actor, at)
    return lead


def _note(provider: str, external_id: str, what: dict[str, Any], actor: Actor, at: datetime) -> None:
    if not external_id or len(external_id) > 128 or "\x00" in external_id:
        raise NotFound
    values = {**what, "linked_at": at, "linked_by_id": actor.user_id}
    _row, made = ExternalContact.objects.get_or_create(provider=provider, external_id=external_id, defaults=values)
    if not made:
        raise Conflict(_("Somebody has noted already who this is."))


def note_message(found: Partner, text: str, *, actor: Actor, at: datetime) -> Activity:
    """Log what was written as an activity that is done. Raises ValidationFailed, NotAllowed."""
    text = text.strip()
    if not text:
        raise ValidationFailed.of("text", "required", _("This field is required."))
    values = {
        "kind": ActivityKind.MESSAGE, "subject": text.splitlines()[0][:80], "outcome": text[:4000], "done_at": at,
        "owner": actor.user_id,
    }  # fmt: skip
    return save_record(Activity, {**values, **_about(found)}, actor=actor, at=at)


def add_task(found: Partner, title: str, due: str, *, actor: Actor, at: datetime) -> Task:
    """A task for the person about the customer or lead, due that evening. Raises ValidationFailed, NotAllowed."""
    if not title.strip():
        raise ValidationFailed.of("title", "required", _("This field is required."))
    evening = clock.local_time(at).replace(hour=EVENING, minute=0, second=0, microsecond=0)
    day = evening + timedelta(days=DUE.get(due, 1))
    resource, pk = found.subject
    values = {
        "title": title.strip()[:200], "due_at": max(day, at), "resource": resource, "record_id": pk,
        "owner": actor.user_id,
    }  # fmt: skip
    return save_record(Task, values, actor=actor, at=at)


def _about(found: Partner) -> dict[str, Any]:
    if found.contact is not None:
        return {"contact": found.contact.pk, "customer": found.contact.customer_id}
    assert found.lead is not None
    return {"lead": found.lead.pk}

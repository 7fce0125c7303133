"""Turning a lead into customer, contact and opportunity."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.text import company_key, phone_key
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads.public import Lead, LeadStatus
from saleswright.modules.pipeline.models import Activity, Opportunity


@transition(
    "leads", "convert", label=gettext_lazy("Convert"), source=[LeadStatus.QUALIFIED], target=LeadStatus.CONVERTED,
    icon="transform", style="success",
    args=(
        Arg("customer_id", gettext_lazy("Existing customer"), "reference", required=False, to="customers"),
        Arg("contact_id", gettext_lazy("Existing contact"), "reference", required=False, to="contacts"),
        Arg("opportunity", gettext_lazy("Open an opportunity"), "bool", required=False, default=True),
    ),
    result=(("customer_id", int), ("contact_id", int), ("opportunity_id", int)),
    may_make=("customers", "contacts", "opportunities"),
)  # fmt: skip
def convert_lead(
    lead: Lead, *, actor: Actor, at: datetime, customer_id: int | None, contact_id: int | None, opportunity: bool
) -> dict[str, int | None]:
    """Make customer, contact and opportunity of a lead, all or nothing (LEAD-08).

    Customer and contact are those given, or those of the same company and name that the actor sees, or new; source,
    campaign and activities are carried along. Custom fields that the new records need are asked for. An id in the
    answer is None when there is no such record.
    Raises ValidationFailed (a contact of another customer) and what saving the new records raises.
    """
    lead.customer_id = _customer(lead, customer_id, contact_id, actor, at)
    lead.contact_id = _contact(lead, lead.customer_id, contact_id, actor, at)
    lead.converted_at = at
    deal = _opportunity(lead, actor, at) if opportunity else None
    Activity.objects.filter(lead=lead, customer=None).update(customer_id=lead.customer_id)
    if deal is not None:
        Activity.objects.filter(lead=lead, opportunity=None).update(opportunity_id=deal)
    return {"customer_id": lead.customer_id, "contact_id": lead.contact_id, "opportunity_id": deal}


def _customer(lead: Lead, customer_id: int | None, contact_id: int | None, actor: Actor, at: datetime) -> int:
    if contact_id is not None:
        owner_of_contact = Contact.objects.values_list("customer_id", flat=True).get(pk=contact_id)
        if customer_id not in (None, owner_of_contact):
            raise ValidationFailed.of("contact_id", "invalid", _("This person belongs to another customer."))
        return owner_of_contact
    if customer_id is not None:
        return customer_id
    same = Customer.objects.filter(name_key=company_key(lead.title)[:200], archived_at=None)
    if (known := visible(same, actor).order_by("id").values_list("pk", flat=True).first()) and lead.company:
        return known
    values = {"name": lead.title, "industry": lead.industry, "source": lead.source, **_owned_as(lead)}
    return save_record(Customer, values, actor=actor, at=at).pk


def _contact(lead: Lead, customer_id: int, contact_id: int | None, actor: Actor, at: datetime) -> int | None:
    if contact_id is not None or not lead.contact_name:
        return contact_id
    people = Contact.objects.filter(customer_id=customer_id, archived_at=None)
    if same := people.filter(name=lead.contact_name).order_by("id").values_list("pk", flat=True).first():
        return same
    digits = phone_key(lead.phone)
    place = "mobile" if len(digits) == 11 and digits.startswith("1") else "phone"
    values = {
        "customer": customer_id,
        "name": lead.contact_name,
        place: lead.phone,
        "email": lead.email,
        "is_primary": not people.exists(),
    }
    return save_record(Contact, values, actor=actor, at=at).pk


def _opportunity(lead: Lead, actor: Actor, at: datetime) -> int:
    values = {
        "name": lead.title,
        "customer": lead.customer_id,
        "contact": lead.contact_id,
        "lead": lead.pk,
        "source": lead.source,
        "campaign": lead.campaign_id,
        "amount": lead.budget,
        "expected_close": lead.decision_date,
        "needs": [lead.need] if lead.need else [],
        **_owned_as(lead),
    }
    return save_record(Opportunity, values, actor=actor, at=at).pk


def _owned_as(lead: Lead) -> dict[str, int]:
    return {"owner": lead.owner_id} if lead.owner_id else {}

"""What is checked and filled in when leads are written, and how they move from new to qualified."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.matching import lookup_keys
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.text import company_key, phone_key
from saleswright.kernel.transitions import ASSIGN_ARGS, Arg, transition
from saleswright.modules.customers.public import heir_of, tell_new_owner
from saleswright.modules.leads.duplicates import refuse_known
from saleswright.modules.leads.flow import answering, assigning
from saleswright.modules.leads.flow.desks import OPEN
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.queries import known_sources
from saleswright.modules.leads.scoring.scorer import scorer
from saleswright.modules.leads.states import LeadStatus
from saleswright.modules.pool.public import given_out, prepare_pooled

#: the checklist of need, budget, authority and time: argument of `qualify` -> field and label
CHECKLIST: dict[str, tuple[str, Text]] = {
    "need": ("need_confirmed", gettext_lazy("Need")),
    "budget": ("budget_confirmed", gettext_lazy("Budget")),
    "authority": ("authority_confirmed", gettext_lazy("Authority to decide")),
    "time": ("time_confirmed", gettext_lazy("Time of purchase")),
}


def prepare_leads(batch: Batch) -> None:
    """Ask for a name and a way to reach it; keep the keys of the duplicate check, the source's code and the score."""
    prepare_pooled(batch)
    assigning.hold_back(batch)
    answering.note_history(batch)
    sources = known_sources() if any(draft.record.source for draft in batch.good) else {}
    for draft in batch.good:
        lead = draft.record
        _check_identity(draft)
        lead.title = (lead.company or lead.contact_name)[:200]
        lead.company_key = company_key(lead.company)[:200] if lead.company else ""
        if draft.changed("company"):
            lead.brand_key, lead.head_key, lead.tail_key = lookup_keys(lead.company) if lead.company else ("", "", "")
        lead.phone_key = phone_key(lead.phone)[:40]
        lead.email_key = lead.email.casefold()
        lead.source = sources.get(lead.source.casefold(), lead.source)
    rescore([draft.record for draft in batch.good])
    refuse_known(batch)


def _check_identity(draft: Draft) -> None:
    lead = draft.record
    if not lead.company and not lead.contact_name:
        draft.error("company", "required", _("Give a company or a contact person."))
    if not lead.phone and not lead.email:
        draft.error("phone", "required", _("Give a phone number or an e-mail address."))


def rescore(leads: Sequence[Lead]) -> None:
    """Score the leads anew: by the learned version in use, or by the rules."""
    scorer().apply(leads)


def is_free(lead: Lead) -> Text | None:
    """What is being worked on isn't taken away by rules."""
    return _("Somebody has answered it already.") if lead.owner_id and lead.responded_at else None


@transition("leads", "assign", label=gettext_lazy("Assign"), source=OPEN, args=ASSIGN_ARGS, icon="user-share")
def assign_lead(lead: Lead, *, actor: Actor, at: datetime, owner_id: int) -> None:
    """Give the lead to another owner, also out of a pool."""
    given_out(lead, "leads", heir_of(lead, actor, owner_id, "leads.assign"), at)
    assigning.give_by_hand(lead, actor, at)
    answering.restart(lead)
    tell_new_owner(lead, actor, at)


@transition(
    "leads", "assign-by-rules", label=gettext_lazy("Assign by rules"), source=OPEN, icon="route", guards=(is_free,)
)
def assign_by_rules(lead: Lead, *, actor: Actor, at: datetime) -> None:
    """Give the lead to whom the assignment rules name (LEAD-06).

    Raises Conflict when no rule fits it or nobody is free.
    """
    assigning.give_one(lead, actor=actor, at=at)
    answering.restart(lead)


@transition(
    "leads", "contact", label=gettext_lazy("Contacted"), source=[LeadStatus.NEW], target=LeadStatus.CONTACTED,
    icon="phone",
    style="primary",
)  # fmt: skip
def contact_lead(lead: Lead, *, actor: Actor, at: datetime) -> None:
    """Note that somebody spoke with the lead; the first time is kept."""
    lead.first_contact_at = lead.first_contact_at or at
    answering.answer(lead, at)
    rescore([lead])


@transition(
    "leads", "qualify", label=gettext_lazy("Qualify"), source=[LeadStatus.CONTACTED], target=LeadStatus.QUALIFIED,
    icon="user-check", style="primary",
    args=tuple(
        Arg(name, label, "bool", required=False, default=True, help=gettext_lazy("Confirmed by the customer."))
        for name, (_field, label) in CHECKLIST.items()
    ),
)  # fmt: skip
def qualify_lead(lead: Lead, *, actor: Actor, at: datetime, **confirmed: bool) -> None:
    """Confirm need, budget, authority and time (BANT, LEAD-05); what was confirmed before stays so.

    Raises Conflict naming the parts that are confirmed neither now nor before.
    """
    for name, (field, _label) in CHECKLIST.items():
        setattr(lead, field, getattr(lead, field) or confirmed[name])
    missing = [str(label) for field, label in CHECKLIST.values() if not getattr(lead, field)]
    if missing:
        raise Conflict(_("Not confirmed yet: %(parts)s.") % {"parts": ", ".join(missing)})
    rescore([lead])


@transition(
    "leads", "disqualify", label=gettext_lazy("Disqualify"), source=OPEN, target=LeadStatus.DISQUALIFIED, icon="user-x",
    style="danger", args=(Arg("reason", gettext_lazy("Reason")),),
)  # fmt: skip
def disqualify_lead(lead: Lead, *, actor: Actor, at: datetime, reason: str) -> None:
    """Put the lead aside and say why."""
    lead.disqualified_because = reason
    answering.stop(lead)


@transition("leads", "reopen", label=gettext_lazy("Reopen"), source=[LeadStatus.DISQUALIFIED], icon="rotate")
def reopen_lead(lead: Lead, *, actor: Actor, at: datetime) -> None:
    """Take the lead up again: contacted if somebody spoke with it before, otherwise new."""
    lead.status = LeadStatus.CONTACTED if lead.first_contact_at else LeadStatus.NEW
    lead.disqualified_because = ""
    answering.restart(lead)

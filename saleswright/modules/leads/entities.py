"""Leads and their sources as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Attached, Board, Entity, Exchange, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel import masks
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import Text
from saleswright.kernel.merging.action import merging
from saleswright.kernel.merging.declared import Merging
from saleswright.kernel.personal import Personal
from saleswright.kernel.resources import Lines, Masked, contribute
from saleswright.modules.leads import actions, queries
from saleswright.modules.leads.duplicates import alike_leads, similar_leads
from saleswright.modules.leads.flow import answering, assigning
from saleswright.modules.leads.flow import entities as flow
from saleswright.modules.leads.models import Lead, LeadSource, SourceCost
from saleswright.modules.leads.scoring import entities as scoring
from saleswright.modules.leads.scoring.words import score_lines_of
from saleswright.modules.leads.states import LeadStatus
from saleswright.modules.pool.public import (
    Kind,
    add_kind,
    may_be_assigned,
    may_be_claimed,
    pool_standing,
    pool_transitions,
)

__all__ = ["flow", "scoring"]


@register
class LeadSourceEntity(Entity):
    """Where leads come from."""

    name, model = "lead-sources", LeadSource
    icon = "affiliate"
    search = ("name", "code")
    columns = ("name", "code", "kind", "cost")
    sortable = ("name", "code")
    filters = ("kind", "code", "name")
    form = (Section(_("Source"), ("name", "code", "kind", "cost")),)
    lines = (
        Lines(
            "costs", SourceCost, "source", _("Costs"), fields=("starts_on", "ends_on", "amount", "note"),
            required=False,
        ),
    )  # fmt: skip
    exchange = Exchange(key="code")

    def prepare(self, batch: Batch) -> None:
        for draft in batch.good:
            for line in draft.line_drafts.get("costs", ()):
                one = line.record
                if one.starts_on and one.ends_on and one.ends_on < one.starts_on:
                    draft.error(f"costs.{line.index}.ends_on", "order", say("The end lies before the start."))


REACH = _("To reach the person about what they asked for")


@register
class LeadEntity(Entity):
    """Possible customers, from the first signal until they are converted or put aside."""

    name, model = "leads", Lead
    icon = "user-plus"
    number_field, state_field = "number", "status"
    search = ("title", "number", "company", "contact_name", "phone", "email")
    secret = {"phone": Masked("phone", masks.phone), "email": Masked("phone", masks.email)}
    personal_data = {
        "title": Personal("leads", _("To name the lead by its company, or by the person without one"), erased="name"),
        "contact_name": Personal("leads", _("To address the person"), erased="name"),
        "phone": Personal("leads", REACH),
        "phone_key": Personal("leads", _("To find the same person again")),
        "email": Personal("leads", REACH),
        "email_key": Personal("leads", _("To find the same person again")),
        "need": Personal("leads", _("To know what is asked for")),
        "duplicate_note": Personal("leads", _("To find the same person again")),
    }
    columns = (
        "title", "status", "score", "source", "contact_name", "phone", "owner", "response_state", "response_due_at",
    )  # fmt: skip
    sortable = (
        "title", "score", "created_at", "updated_at", "decision_date", "first_contact_at", "response_due_at",
        "responded_at",
    )  # fmt: skip
    filters = (
        "status", "source", "campaign", "region", "industry", "score", "customer", "title", "decision_date",
        "first_contact_at", "created_at", "updated_at", "number", "pool", "followed_up_at",
        "response_state", "response_due_at", "responded_at", "link",
    )  # fmt: skip
    form = (
        Section(_("Company and contact"), ("company", "contact_name", "phone", "email", "industry", "region")),
        Section(_("Where from"), ("source", "campaign", "owner")),
        Section(_("Need"), ("need", "budget", "decision_date")),
        Section(
            _("Checklist"),
            ("need_confirmed", "budget_confirmed", "authority_confirmed", "time_confirmed"),
            _("What has to be confirmed before a lead is qualified."),
        ),
    )
    detail = (
        *form,
        Section(
            pgettext_lazy("lead", "Answer"),
            (
                "response_state",
                "response_due_at",
                "response_limit",
                "responded_at",
                "response_minutes",
                "followed_up_at",
            ),
        ),
        Section(_("Capture"), ("link", "duplicate_note")),
    )
    shown = (Shown("source", names=queries.source_names),)
    path = (LeadStatus.NEW, LeadStatus.CONTACTED, LeadStatus.QUALIFIED, LeadStatus.CONVERTED)
    transitions = (
        actions.contact_lead, actions.qualify_lead, actions.assign_lead, actions.assign_by_rules,
        actions.disqualify_lead, actions.reopen_lead,
        merging("leads"),
        *pool_transitions("leads", source=actions.OPEN, reason_required=False),
    )  # fmt: skip
    merges = Merging(latest=("followed_up_at",), least=("first_contact_at",))
    api_write = ("pool",)
    held_since = "owned_since"
    reaches = {"claim": may_be_claimed, "assign": may_be_assigned, "assign-by-rules": may_be_assigned}
    derived = (
        "brand_key", "head_key", "tail_key", "score", "score_parts", "response_limit_id", "response_due_at",
        "response_state", "response_minutes", "assigned_at",
    )  # fmt: skip
    attached = (
        Attached(
            "score_reasons",
            _("Why this score"),
            score_lines_of,
            {"type": "array", "items": {"type": "string"}},
            on_page=False,  # there is a panel for it
        ),
        Attached("answer_overdue", _("Answer overdue"), answering.overdue_ones, {"type": "boolean"}, default=bool),
        pool_standing("leads"),
        Attached(
            "assignment", _("Why with this owner"), assigning.reasons_of, {"type": "string"}, default=str,
            detail_only=True,
        ),
    )  # fmt: skip
    board = Board(
        by="status", title="title", subtitle="contact_name", amount="budget", date="decision_date",
        open_states=actions.OPEN, flags=("answer_overdue",),
    )  # fmt: skip
    exchange = Exchange(
        key="number",
        fields=(
            "number", "company", "contact_name", "phone", "email", "status", "source", "campaign__code", "region__name",
            "industry", "need", "budget", "decision_date", "first_contact_at", "owner__username", "pool__name",
        ),
        extra_export=("score", "created_at"),
    )  # fmt: skip
    history_fields = ("first_contact_at", "disqualified_because", "converted_at", "customer", "contact")
    private = (
        "company_key", "phone_key", "email_key", "score_parts", "brand_key", "head_key", "tail_key", "assigned_because",
        "assigned_at", "response_from",
    )  # fmt: skip
    panels = ("/leads/{pk}/score/panel",)
    duplicates = staticmethod(similar_leads)
    alike = staticmethod(alike_leads)
    empty_text = _("No leads yet. Enter the first one, or import a list.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_leads(batch)

    def saved(self, batch: Any) -> None:
        assigning.assign_new(batch)
        answering.start_new(batch)

    def forgotten(self, record: Lead, values: dict[str, Any]) -> dict[str, Any]:
        if record.company:  # then the title is the company's name
            values.pop("title", None)
        return values

    def edit_refusal(self, record: Lead) -> Text | None:
        if record.status == LeadStatus.CONVERTED:
            return _("A converted lead can't be changed.")
        return None


contribute("customers", shown=(Shown("source", names=queries.source_names),))
choose_from("industries", "leads", "industry")
add_kind(
    Kind(
        "leads", ("title", "status", "score", "source", "industry"), queries.phones_of,
        taking_part=Q(status__in=actions.OPEN), followed_up=answering.followed,
    ),
    _("Days without follow-up"),
)  # fmt: skip

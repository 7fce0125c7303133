"""Leads: possible customers before anybody knows whether they are."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import Record
from saleswright.modules.leads.flow.answer_models import Answered
from saleswright.modules.leads.flow.capture_models import (
    LeadCapture,
    LeadForm,
    LeadFormField,
    LeadLink,
    LeadLinkDay,
    SourceCost,
)
from saleswright.modules.leads.flow.rule_models import AssignmentMember, AssignmentRule, AssignmentTurn, ResponseLimit
from saleswright.modules.leads.scoring.models import ScoreContent, ScoreRule, ScoreSetup, ScoreVersion
from saleswright.modules.leads.states import LeadStatus, SourceKind

__all__ = [
    "AssignmentMember",
    "AssignmentRule",
    "AssignmentTurn",
    "Lead",
    "LeadCapture",
    "LeadForm",
    "LeadFormField",
    "LeadLink",
    "LeadLinkDay",
    "LeadSource",
    "ResponseLimit",
    "ScoreContent",
    "ScoreRule",
    "ScoreSetup",
    "ScoreVersion",
    "SourceCost",
]


class LeadSource(Record):
    """Where leads come from; leads, customers and opportunities name it by its code."""

    code = models.CharField(_("Code"), max_length=50, unique=True)
    name = models.CharField(_("Name"), max_length=100)
    kind = models.CharField(_("Kind"), max_length=10, choices=SourceKind.choices, default=SourceKind.OWN)
    cost = MoneyField(_("Yearly cost"), null=True, blank=True, minimum=0, help_text=_("In base currency."))

    class Meta:
        verbose_name, verbose_name_plural = _("Lead source"), _("Lead sources")
        indexes = sort_indexes("lead_source", "name", "kind")


class Lead(Answered):
    """Somebody who might buy: a company, a person in it or both, and a way to reach them."""

    title_field = "title"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    title = models.CharField(_("Lead"), max_length=200, blank=True, editable=False)
    company = models.CharField(_("Company"), max_length=200, blank=True)
    contact_name = models.CharField(_("Contact person"), max_length=100, blank=True)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    company_key = models.CharField(max_length=200, editable=False, blank=True, db_index=True)
    #: by which a database finds names that may be the same with a slip, see `kernel.matching.lookup_keys`
    brand_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    head_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    tail_key = models.CharField(max_length=100, editable=False, blank=True, default="")
    phone_key = models.CharField(max_length=40, editable=False, blank=True, db_index=True)
    email_key = models.CharField(max_length=254, editable=False, blank=True, db_index=True)
    status = models.CharField(
        _("Status"), max_length=12, choices=LeadStatus.choices, default=LeadStatus.NEW, editable=False, db_index=True
    )
    source = models.CharField(_("Source"), max_length=50, blank=True, db_index=True)
    campaign = models.ForeignKey(
        "market.Campaign", models.PROTECT, verbose_name=_("Campaign"), null=True, blank=True, related_name="leads"
    )
    region = models.ForeignKey(
        "kernel.Region", models.PROTECT, verbose_name=_("Region"), null=True, blank=True, related_name="+"
    )
    industry = models.CharField(_("Industry"), max_length=100, blank=True, db_index=True)
    need = models.TextField(_("Need"), blank=True)
    budget = MoneyField(_("Budget"), null=True, blank=True, minimum=0, help_text=_("In base currency."))
    need_confirmed = models.BooleanField(_("Need confirmed"), default=False)
    budget_confirmed = models.BooleanField(_("Budget confirmed"), default=False)
    authority_confirmed = models.BooleanField(_("Speaks with who decides"), default=False)
    time_confirmed = models.BooleanField(_("Time of purchase confirmed"), default=False)
    decision_date = models.DateField(_("Decision expected on"), null=True, blank=True)
    score = models.PositiveSmallIntegerField(_("Score"), default=0, editable=False)
    score_parts = models.JSONField(default=list, editable=False)
    first_contact_at = models.DateTimeField(_("First contacted"), null=True, blank=True, editable=False)
    disqualified_because = models.CharField(_("Why disqualified"), max_length=200, blank=True, editable=False)
    converted_at = models.DateTimeField(_("Converted at"), null=True, blank=True, editable=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), null=True, blank=True, editable=False,
        related_name="leads",
    )  # fmt: skip
    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, editable=False,
        related_name="leads",
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Lead"), _("Leads")
        indexes = (
            *sort_indexes(
                "lead",
                "title",
                "score",
                "created_at",
                "updated_at",
                "decision_date",
                "first_contact_at",
                "response_due_at",
                "responded_at",
            ),
            models.Index(fields=("brand_key",), name="lead_brand_key"),
            models.Index(fields=("head_key",), name="lead_head_key"),
            models.Index(fields=("tail_key",), name="lead_tail_key"),
        )

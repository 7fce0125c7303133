"""Public forms and tracked links by which leads come in, and what sources cost."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.models import OwnedRecord, Record
from saleswright.modules.leads.states import CaptureVerdict


class SourceCost(models.Model):
    """What a source of leads costs over a period, both days included; in base currency, spread evenly by day."""

    source = models.ForeignKey("leads.LeadSource", models.CASCADE, related_name="costs")
    position = models.PositiveIntegerField(default=0, editable=False)
    starts_on = models.DateField(_("From"))
    ends_on = models.DateField(_("To"))
    amount = MoneyField(_("Cost"), minimum=0)
    note = models.CharField(_("Remark"), max_length=200, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="source_cost_ends_after_it_begins"),
        )


class LeadForm(Record):
    """A public form whose answers become leads (LEAD-02); texts of one's own in Chinese and, if wanted, English.

    `consent_version` rises with each change of what people consent to.
    """

    name = models.CharField(_("Name"), max_length=100, unique=True)
    code = models.CharField(_("Code"), max_length=20, unique=True, editable=False)
    active = models.BooleanField(_("Takes answers"), default=True)
    title = models.CharField(_("Title"), max_length=100)
    title_en = models.CharField(_("Title in English"), max_length=100, blank=True)
    intro = models.TextField(pgettext_lazy("form", "Introduction"), blank=True, max_length=2000)
    intro_en = models.TextField(_("Introduction in English"), blank=True, max_length=2000)
    consent_text = models.TextField(
        _("Consent"), max_length=2000,
        help_text=_("What people agree to when they send the form; the text is kept with each answer."),
    )  # fmt: skip
    consent_text_en = models.TextField(_("Consent in English"), blank=True, max_length=2000)
    consent_version = models.PositiveIntegerField(_("Version of the consent"), default=1, editable=False)
    thanks = models.TextField(_("Thanks"), blank=True, max_length=1000, help_text=_("Shown once the form was sent."))
    thanks_en = models.TextField(_("Thanks in English"), blank=True, max_length=1000)
    source = models.ForeignKey(
        "leads.LeadSource", models.PROTECT, verbose_name=_("Source"), null=True, blank=True, related_name="+"
    )
    campaign = models.ForeignKey(
        "market.Campaign", models.PROTECT, verbose_name=_("Campaign"), null=True, blank=True, related_name="+"
    )
    sites = models.TextField(
        _("Sites that may show it"), blank=True, max_length=2000,
        help_text=_("One address a line, such as https://www.example.com. Left empty: it can't be embedded."),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("Public form"), _("Public forms")


class LeadFormField(models.Model):
    """A question of a public form: a field of leads, a custom one included, by its name."""

    form = models.ForeignKey(LeadForm, models.CASCADE, related_name="questions")
    position = models.PositiveIntegerField(default=0, editable=False)
    field = models.CharField(_("Field"), max_length=60)
    label = models.CharField(_("Question"), max_length=100, blank=True)
    label_en = models.CharField(_("Question in English"), max_length=100, blank=True)
    required = models.BooleanField(_("Required"), default=False)


class LeadLink(OwnedRecord):
    """A short address (and QR code 渠道活码) of a public form for one channel, campaign and person (LEAD-01)."""

    name = models.CharField(_("Name"), max_length=100)
    code = models.CharField(_("Code"), max_length=20, unique=True, editable=False)
    form = models.ForeignKey(LeadForm, models.PROTECT, verbose_name=_("Public form"), related_name="links")
    source = models.ForeignKey(
        "leads.LeadSource", models.PROTECT, verbose_name=_("Source"), null=True, blank=True, related_name="+",
        help_text=_("Left empty: that of the form."),
    )  # fmt: skip
    campaign = models.ForeignKey(
        "market.Campaign", models.PROTECT, verbose_name=_("Campaign"), null=True, blank=True, related_name="+"
    )
    to_owner = models.BooleanField(
        _("Leads go to the owner"), default=False, help_text=_("Otherwise the assignment rules say who gets them.")
    )
    visits = models.PositiveIntegerField(_("Page visits"), default=0, editable=False)
    visited_at = models.DateTimeField(_("Last followed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Tracked link"), _("Tracked links")
        indexes = sort_indexes("lead_link", "name", "visits", "created_at")


class LeadLinkDay(models.Model):
    """How often a tracked link was followed on a day."""

    link = models.ForeignKey(LeadLink, models.CASCADE, related_name="days")
    day = models.DateField()
    visits = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("link", "day"), name="lead_link_once_a_day"),)


class LeadCapture(Record):
    """What was sent by a public form: the lead, and to which text somebody agreed when. Spam leaves only its mark.

    `ticket` names the page on which it was typed, so that one page is taken once.
    """

    title_field = "ticket"
    form = models.ForeignKey(LeadForm, models.PROTECT, verbose_name=_("Public form"), related_name="captures")
    link = models.ForeignKey(
        LeadLink, models.PROTECT, verbose_name=_("Tracked link"), null=True, blank=True, related_name="captures"
    )
    lead = models.ForeignKey(
        "leads.Lead", models.SET_NULL, verbose_name=_("Lead"), null=True, blank=True, related_name="captures"
    )
    verdict = models.CharField(_("Verdict"), max_length=4, choices=CaptureVerdict.choices, db_index=True)
    why = models.CharField(_("Why"), max_length=100, blank=True)
    ticket = models.CharField(max_length=40, unique=True)
    consent_text = models.TextField(_("Agreed to"), blank=True)
    consent_version = models.PositiveIntegerField(_("Version of the consent"), null=True, blank=True)
    consented_at = models.DateTimeField(_("Agreed at"), null=True, blank=True)
    page = models.CharField(_("Page"), max_length=500, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("Form answer"), _("Form answers")
        indexes = sort_indexes("lead_capture", "created_at")

"""Rules of assignment, limits of answers, public forms and tracked links as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Attached, Entity, Exchange, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.drafts import Batch
from saleswright.kernel.resources import Lines
from saleswright.modules.leads.flow import answering, assigning, capturing
from saleswright.modules.leads.models import (
    AssignmentMember,
    AssignmentRule,
    LeadCapture,
    LeadForm,
    LeadFormField,
    LeadLink,
    ResponseLimit,
)


@register
class AssignmentRuleEntity(Entity):
    """Who gets leads that nobody has."""

    name, model = "assignment-rules", AssignmentRule
    icon = "route"
    search = ("name",)
    columns = ("name", "active", "conditions", "way", "most_open", "position")
    sortable = ("position", "name")
    filters = ("active", "name")
    ordering = "position"
    form = (
        Section(_("Assignment rule"), ("name", "position", "active")),
        Section(
            _("Which leads"), ("conditions", "on_form", "on_api", "on_import", "by_hand"),
            _("Rules are asked in their order; where nobody is free the next one that fits is asked, then the pool."),
        ),
        Section(
            _("Who gets them"), ("way", "most_open"),
            _("Whoever is away, on leave or on trial is passed over. A share of 2 gets twice as many as one of 1."),
        ),
    )  # fmt: skip
    lines = (
        Lines(
            "members", AssignmentMember, "rule", _("Members"),
            fields=("member", "post", "department", "weight", "most_open"),
        ),
    )  # fmt: skip
    panels = ("/assignment-rules/{pk}/people/panel",)
    exchange = Exchange(key="name")
    private = ("turn",)
    empty_text = _("No rules yet: leads stay with whoever enters them, those of public forms go to the pool.")

    def prepare(self, batch: Batch) -> None:
        assigning.prepare_rules(batch)


@register
class ResponseLimitEntity(Entity):
    """How soon leads must be answered."""

    name, model = "response-limits", ResponseLimit
    icon = "stopwatch"
    search = ("name",)
    columns = (
        "name", "active", "conditions", "first_minutes", "follow_up_minutes", "manager_minutes", "pool_minutes",
        "position",
    )  # fmt: skip
    sortable = ("position",)
    filters = ("name",)
    ordering = "position"
    form = (
        Section(_("Response limit"), ("name", "position", "active")),
        Section(
            _("For which leads"), ("conditions",),
            _("It holds for leads that are assigned or followed up from when it is in force."),
        ),
        Section(_("Time limits"), ("first_minutes", "follow_up_minutes")),
        Section(
            _("When it is overdue"), ("manager_minutes", "pool_minutes", "pool"),
            _("The owner is reminded at once. Protected leads stay with their owner."),
        ),
    )  # fmt: skip
    detail = (*form, Section(_("State"), ("in_force_since",)))
    exchange = Exchange(key="name")
    empty_text = _("No limits yet: nobody is reminded of leads.")

    def prepare(self, batch: Batch) -> None:
        answering.prepare_limits(batch)

    def saved(self, batch: Batch) -> None:
        answering.look_again(batch)


def _form_url(ids: list[int], actor: Actor) -> dict[int, str]:
    return {pk: f"/f/{code}" for pk, code in LeadForm.objects.filter(pk__in=ids).values_list("pk", "code")}


def _link_url(ids: list[int], actor: Actor) -> dict[int, str]:
    return {pk: f"/l/{code}" for pk, code in LeadLink.objects.filter(pk__in=ids).values_list("pk", "code")}


@register
class LeadFormEntity(Entity):
    """Public forms whose answers become leads."""

    name, model = "lead-forms", LeadForm
    icon = "forms"
    search = ("name", "title")
    columns = ("name", "active", "source", "campaign", "consent_version", "updated_at")
    filters = ("name", "code")
    form = (
        Section(_("Public form"), ("name", "active", "source", "campaign")),
        Section(
            _("Texts"), ("title", "title_en", "intro", "intro_en", "thanks", "thanks_en"),
            _("Visitors read it in their language, Chinese or English."),
        ),
        Section(_("Consent"), ("consent_text", "consent_text_en")),
        Section(_("Embedding"), ("sites",)),
    )  # fmt: skip
    detail = (*form, Section(_("State"), ("consent_version",)))
    shown = (Shown("questions.field", names=capturing.question_names),)
    lines = (
        Lines(
            "questions", LeadFormField, "form", _("Questions"), fields=("field", "label", "label_en", "required"),
        ),
    )  # fmt: skip
    attached = (Attached("path", _("Address"), _form_url, {"type": "string"}, default=str),)
    panels = ("/lead-forms/{pk}/embed/panel",)
    related = (Related("lead-links", "form"), Related("lead-captures", "form", create=False))
    exchange = Exchange(key="name")
    empty_text = _("No public forms yet. Make one and put it on the company's site.")

    def prepare(self, batch: Batch) -> None:
        capturing.prepare_forms(batch)


@register
class LeadLinkEntity(Entity):
    """Short addresses and QR codes that say where a lead comes from."""

    name, model = "lead-links", LeadLink
    icon = "qrcode"
    search = ("name", "code")
    columns = ("name", "form", "source", "campaign", "owner", "visits", "visited_at")
    sortable = ("name", "visits", "created_at")
    filters = ("form", "source", "campaign", "name", "code", "created_at")
    form = (Section(_("Tracked link"), ("name", "form", "source", "campaign", "owner", "to_owner")),)
    detail = (*form, Section(_("Use"), ("visits", "visited_at")))
    attached = (Attached("path", _("Address"), _link_url, {"type": "string"}, default=str),)
    panels = ("/lead-links/{pk}/code/panel",)
    related = (Related("leads", "link", create=False),)
    exchange = Exchange(key="name")
    empty_text = _("No links yet. Make one for each channel, campaign or person, and see what it brings.")

    def prepare(self, batch: Batch) -> None:
        capturing.prepare_links(batch)


@register
class LeadCaptureEntity(Entity):
    """What was sent by public forms, with what people agreed to."""

    name, model = "lead-captures", LeadCapture
    icon = "inbox"
    columns = ("created_at", "form", "verdict", "lead", "link", "consent_version", "page")
    sortable = ("created_at",)
    filters = ("form", "link", "lead", "verdict", "created_at")
    detail = (
        Section(_("Form answer"), ("form", "verdict", "why", "lead", "link", "page")),
        Section(_("Consent"), ("consented_at", "consent_version", "consent_text")),
    )
    private = ("ticket",)
    creatable = editable = deletable = archivable = False
    empty_text = _("Nothing was sent by a public form yet.")

    def label_of(self, record: Any) -> str:
        return f"{record.form.name} #{record.pk}"


add_setting(
    "process",
    Setting("assignment-rules", _("Who gets new leads, and how many")),
    Setting("response-limits", _("How soon leads are answered, and what happens otherwise")),
    Setting("lead-forms", _("Forms for the company's site whose answers become leads")),
)

"""Requests about personal data, and data past its retention, as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Attached, Entity, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel import masks
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict
from saleswright.kernel.personal import GROUPS, VIEW, Basis, Personal
from saleswright.kernel.resources import Masked
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import requests, retention
from saleswright.modules.privacy.models import RetentionItem, SubjectRequest
from saleswright.modules.privacy.states import RequestState

WHY = _("To answer the person and to prove that it was done")
REFERENCE = {
    "type": "array",
    "items": {"type": "object", "properties": {"resource": {"type": "string"}, "id": {"type": "integer"}}},
}


@register
class SubjectRequestEntity(Entity):
    """What people ask about their data."""

    name, model = "subject-requests", SubjectRequest
    icon = "user-x"
    number_field, state_field = "number", "status"
    search = ("number", "subject_name")
    secret = {"phone": Masked("phone", masks.phone), "email": Masked("phone", masks.email)}
    personal_data = {
        "subject_name": Personal("contacts", WHY, Basis.DUTY, "name"),
        "phone": Personal("contacts", WHY, Basis.DUTY),
        "email": Personal("contacts", WHY, Basis.DUTY),
        "details": Personal("contacts", WHY, Basis.DUTY),
        "identity": Personal("contacts", WHY, Basis.DUTY),
    }
    columns = ("number", "subject_name", "kind", "status", "received_on", "due_on", "owner")
    sortable = ("received_on", "due_on", "created_at")
    filters = ("kind", "status", "received_on", "due_on", "created_at")
    form = (
        Section(_("Request"), ("kind", "received_on", "owner", "details")),
        Section(_("Who asks"), ("subject_name", "phone", "email"), _("Their records are found by these.")),
    )
    detail = (
        Section(_("Request"), ("kind", "received_on", "due_on", "details")),
        Section(_("Who asks"), ("subject_name", "phone", "email", "identity")),
        Section(_("Answer"), ("outcome", "done_on", "asked_by", "confirmed_by")),
    )
    path = (RequestState.RECEIVED, RequestState.WAITING, RequestState.DONE)
    draft_states = (RequestState.RECEIVED,)
    private = ("targets",)
    extra = (requests.TARGETS,)
    attached = (
        Attached("targets", _("Records of the person"), queries.targets_of, REFERENCE, detail_only=True),
    )  # fmt: skip
    transitions = (
        requests.check_identity, requests.propose_erasure, requests.erase_data, requests.complete_request,
        requests.withdraw_erasure, requests.refuse_request,
    )  # fmt: skip
    panels = ("/subject-requests/{pk}/findings",)
    deletable = False
    empty_text = _("Nobody has asked yet.")

    def prepare(self, batch: Any) -> None:
        requests.prepare_requests(batch)


@register
class RetentionItemEntity(Entity):
    """What is past its retention; the daily check finds it, people decide."""

    name, model = "retention-items", RetentionItem
    icon = "hourglass"
    state_field = "status"
    columns = ("resource", "record_id", "group", "since", "status", "reason", "request")
    sortable = ("since", "status")
    ordering = "since"
    filters = ("status", "group", "resource")
    detail = (Section(_("Data past its retention"), ("resource", "record_id", "group", "since", "reason", "request")),)
    shown = (
        Shown("resource", names=queries.entity_names),
        Shown("group", names=lambda: {code: group.label for code, group in GROUPS.items()}),
    )
    transitions = (retention.keep_on, retention.request_erasure)
    creatable = editable = deletable = archivable = False
    empty_text = _("Nothing is past its retention.")

    def put_away(self, record: Any, actor: Actor) -> None:
        raise Conflict(str(_("Decide about it instead.")))

    def label_of(self, record: RetentionItem) -> str:
        return f"{queries.entity_names().get(record.resource, record.resource)} #{record.record_id}"


add_setting(
    "technical",
    Setting(
        "personal-data", _("Every field about people: why, on which ground, how long, who reads it"),
        _("Personal data"), "shield-check", "/settings/personal-data", VIEW,
    ),
    Setting("data-groups", _("Which personal data is masked, and how long it is kept")),
    Setting("subject-requests", _("What people ask about their data: copy, correction, erasure")),
    Setting(
        "retention-items", _("What is past its retention, proposed for erasure"), permission="retention-items.view"
    ),
)  # fmt: skip

"""Targets as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Attached, Board, Entity, Exchange, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.errors import Text
from saleswright.modules.targets import queries
from saleswright.modules.targets.actions import division, plain
from saleswright.modules.targets.models import Target
from saleswright.modules.targets.scopes import visible_targets
from saleswright.modules.targets.states import ScopeKind, TargetStatus
from saleswright.modules.visits.public import goal_sources

NUMBER = {"type": ["string", "null"]}


@register
class TargetEntity(Entity):
    """What is to be reached, and how far it is."""

    name, model = "targets", Target
    icon = "target"
    state_field = "status"
    path = (TargetStatus.DRAFT, TargetStatus.AGREED)
    search = ("name",)
    columns = ("name", "metric", "year", "period", "value", "status", "owner", "ends_on")
    sortable = ("metric", "year", "period", "starts_on", "ends_on", "value", "status", "created_at", "updated_at")
    filters = (
        "metric", "year", "period", "status", "scope_kind", "scope_department", "scope_region", "scope_person",
        "scope_category", "parent", "value", "starts_on", "ends_on", "code", "created_at", "updated_at",
    )  # fmt: skip
    form = (
        Section(_("Target"), ("metric", "year", "period", "value", "goal", "parent")),
        Section(
            _("Target of"),
            ("scope_kind", "scope_department", "scope_region", "scope_person", "scope_category"),
            help=_("Choose the kind, and then the one whose target it is; nothing for the company."),
        ),
    )
    detail = (
        Section(_("Target"), ("metric", "year", "period", "starts_on", "ends_on", "value", "goal", "parent")),
        Section(_("Target of"), ("scope_kind", "scope_department", "scope_region", "scope_person", "scope_category")),
        Section(_("Agreement"), ("agreed_on", "revision", "reason")),
    )
    history_fields = ("status", "agreed_on")
    extra = (plain.SCOPE,)
    attached = (
        Attached(
            "scope", _("Scope"), queries.scopes_of,
            {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": ScopeKind.values},
                    "id": {"type": ["integer", "null"]},
                    "label": {"type": "string"},
                },
            },
        ),
        Attached("gap", _("Not given to parts"), queries.gaps_of, NUMBER, default=lambda: None),
        Attached("progress", _("Attainment"), queries.progress_of, NUMBER, default=lambda: None, detail_only=True),
        Attached(
            "attainment", _("Figures of the attainment"), queries.attained_by,
            {
                "type": "object",
                "properties": dict.fromkeys(queries.FIGURES, NUMBER),
            },
            default=dict, detail_only=True,
        ),
    )  # fmt: skip
    shown = (Shown("value", money=("metric", queries.is_money)),)
    transitions = (division.decompose_target, division.agree_on_target, division.change_target)
    related = (Related("targets", "parent", label=_("Parts")),)
    board = Board(by="status", title="name", subtitle="metric", date="ends_on")
    exchange = Exchange(
        key="code",
        fields=(
            "code", "metric", "year", "period", "scope_kind", "scope_department__name", "scope_region__name",
            "scope_person__username", "scope_category__name", "value", "goal", "parent__code", "status",
        ),
    )  # fmt: skip
    empty_text = _("No targets yet. Set the company's target of the year, then decompose it.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        return visible_targets(self, queryset, actor, scopes)

    def prepare(self, batch: Any) -> None:
        plain.prepare_targets(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        if record.status == TargetStatus.AGREED:
            return _("The target is agreed: its value is changed by “Change”, with a reason.")
        return None

    def label_of(self, record: Any) -> str:
        return f"{queries.metric_label(record.metric)} · {record.name}"


goal_sources.append(queries.goals_at)

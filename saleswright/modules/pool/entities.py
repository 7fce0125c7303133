"""Pools, rules, limits and protections as people and programs meet them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Entity, Exchange, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.resources import Lines
from saleswright.modules.pool import queries
from saleswright.modules.pool.actions import protecting, recycling
from saleswright.modules.pool.kinds import kind_names, kinds
from saleswright.modules.pool.models import ClaimLimit, Pool, PoolMember, Protection, RecycleRule


def check_kind(batch: Batch) -> None:
    """Refuse kinds of record that know no pools."""
    for draft in batch.good:
        if draft.record.resource not in kinds:
            draft.error("resource", "choice", _("There is no such kind of record."))


@register
class PoolEntity(Entity):
    """Public pools, for those who belong to them."""

    name, model = "pools", Pool
    icon = "ripple"
    search = ("name",)
    columns = ("name", "resource", "region", "cool_down_days", "position")
    sortable = ("resource", "position")
    filters = ("resource", "region")
    ordering = "position"
    shown = (Shown("resource", names=kind_names),)
    form = (Section(gettext_lazy("Public pool"), ("name", "resource", "region", "position", "cool_down_days", "note")),)
    lines = (
        Lines(
            "members", PoolMember, "pool", gettext_lazy("Members"), fields=("member", "department", "manages"),
            required=False,
        ),
    )  # fmt: skip
    panels = ("/pools/{pk}/stock/panel",)
    related = (Related("recycle-rules", "pool"),)
    exchange = Exchange(key="name")
    empty_text = gettext_lazy("No pools yet.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        return queryset if Scope.ALL in scopes else queries.pools_of(actor, queryset)

    def prepare(self, batch: Batch) -> None:
        check_kind(batch)
        for draft in batch.good:
            if not draft.fresh and draft.changed("resource"):
                draft.error("resource", "read_only", _("A pool stays one of the same records."))
            for line in draft.line_drafts.get("members", ()):
                if (line.record.member_id is None) == (line.record.department_id is None):
                    draft.error(f"members.{line.index}.member", "required", _("Name a person or a department."))

    def put_away(self, record: Pool, actor: Actor) -> None:
        if record.archived_at is not None and queries.stock_counts([record]).get(record.pk):
            raise Conflict(_("There is still something in the pool."))


@register
class RecycleRuleEntity(Entity):
    """When records go into a pool by themselves."""

    name, model = "recycle-rules", RecycleRule
    icon = "recycle"
    state_field = "status"
    search = ("name",)
    columns = ("name", "status", "pool", "conditions", "position")
    sortable = ("position", "name")
    filters = ("status", "pool", "resource", "name")
    ordering = "position"
    shown = (Shown("resource", names=kind_names),)
    form = (
        Section(gettext_lazy("Recycle rule"), ("name", "pool", "position")),
        Section(
            gettext_lazy("Goes to the pool when"), ("conditions",),
            gettext_lazy("The clocks count days since the last follow-up or deal, and since the owner has it."),
        ),
        Section(
            gettext_lazy("Stays in any case"), ("spare_levels", "spare_tags", "spare_contracts", "spare_won"),
            gettext_lazy("What has an open order, a balance or an open opportunity never goes."),
        ),
    )  # fmt: skip
    transitions = (recycling.go_live, recycling.pause)
    panels = ("/recycle-rules/{pk}/preview/panel",)
    exchange = Exchange(key="name")
    empty_text = gettext_lazy("No rules yet: nothing goes into a pool by itself.")

    def prepare(self, batch: Batch) -> None:
        recycling.prepare_rules(batch)

    def edit_refusal(self, record: RecycleRule) -> Text | None:
        return recycling.edit_refusal(record)

    def term_of(self, name: str, typed: Mapping[str, Any], actor: Actor) -> str:
        given = str(typed.get("pool") or "")
        pool = Pool.objects.filter(pk=int(given)).first() if given.isascii() and given.isdigit() else None
        return pool.resource if pool is not None and pool.resource in kinds else "customers"


@register
class ClaimLimitEntity(Entity):
    """How much may be taken out of pools."""

    name, model = "claim-limits", ClaimLimit
    icon = "gauge"
    columns = ("resource", "post", "claims_a_day", "most_held", "won_exempt", "assigned_count")
    filters = ("resource", "post")
    shown = (Shown("resource", names=kind_names),)
    form = (
        Section(
            gettext_lazy("Claim limit"),
            ("resource", "post", "claims_a_day", "most_held", "won_exempt", "assigned_count"),
        ),
    )
    exchange = Exchange(key="id")
    empty_text = gettext_lazy("No limits: everybody may claim as much as they like.")

    def prepare(self, batch: Batch) -> None:
        check_kind(batch)

    def label_of(self, record: ClaimLimit) -> str:
        kind = str(kind_names().get(record.resource, record.resource))
        return f"{kind} · {record.post}" if record.post_id else kind


@register
class ProtectionEntity(Entity):
    """Wishes to keep a record out of the pool for a time."""

    name, model = "protections", Protection
    icon = "shield-check"
    state_field, draft_states = "status", (protecting.DRAFT,)
    columns = ("label", "resource", "until", "reason", "status", "owner")
    sortable = ("until", "created_at")
    filters = ("status", "until", "record_id", "created_at")
    shown = (Shown("resource", names=kind_names),)
    form = (Section(gettext_lazy("Protection"), ("resource", "record_id", "until", "reason")),)
    path = (protecting.DRAFT, protecting.IN_APPROVAL, protecting.GRANTED)
    transitions = (protecting.submit_protection,)
    empty_text = gettext_lazy("Nothing is protected. Ask for it on the page of a customer or lead.")

    def prepare(self, batch: Batch) -> None:
        protecting.prepare_protections(batch)


add_setting(
    "process",
    Setting("pools", gettext_lazy("Public pools of leads and customers, their members and managers")),
    Setting("recycle-rules", gettext_lazy("What goes into a pool by itself, and what stays")),
    Setting("claim-limits", gettext_lazy("How much may be taken out of pools, a day and in all")),
)

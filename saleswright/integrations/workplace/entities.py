"""Connections, linked accounts and runs of the staff sync as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.integrations.workplace.actions import accounts, connections
from saleswright.integrations.workplace.models import Connection, ExternalAccount, SyncRun
from saleswright.interface.administration import Setting, add_setting
from saleswright.interface.entity import Entity, Related, Section, register
from saleswright.kernel.access.actors import Actor


@register
class ConnectionEntity(Entity):
    """WeCom and DingTalk: there from the start, changed only."""

    name, model = "workplaces", Connection
    icon = "messages"
    columns = ("provider", "active", "signs_in", "cards", "daily", "updated_at")
    form = (
        Section(_("Program"), ("active", "site", "corp_id", "agent_id", "client_id", "secret", "contacts_secret")),
        Section(_("What the program tells us"), ("callback_token", "callback_key")),
        Section(_("Sign-in"), ("signs_in", "match_by")),
        Section(_("Staff and departments"), ("departments", "daily", "missing")),
        Section(_("Approvals"), ("cards", "card_template", "robot_code")),
    )
    detail = (
        Section(_("Program"), ("provider", "active", "site", "corp_id", "agent_id", "client_id")),
        Section(_("Sign-in"), ("signs_in", "match_by")),
        Section(_("Staff and departments"), ("departments", "daily", "missing")),
        Section(_("Approvals"), ("cards", "card_template", "robot_code")),
    )
    private = ("secret", "contacts_secret", "callback_token", "callback_key")
    extra = connections.SECRETS
    panels = ("/workplaces/{pk}/set-up",)
    related = (Related("staff-syncs", "connection", create=False),)
    creatable = deletable = archivable = False

    def prepare(self, batch: Any) -> None:
        connections.check_connections(batch)

    def saved(self, batch: Any) -> None:
        connections.follow_connections(batch)

    def put_away(self, record: Any, actor: Actor) -> None:
        connections.refuse_putting_away()

    def label_of(self, record: Connection) -> str:
        return str(record)


@register
class ExternalAccountEntity(Entity):
    """Who a colleague is there; a wrong link is deleted and made anew."""

    name, model = "linked-accounts", ExternalAccount
    icon = "link"
    search = ("external_id",)
    columns = ("user", "provider", "external_id", "created_at")
    filters = ("provider", "user", "external_id")
    form = (Section(_("Account"), ("provider", "external_id", "user")),)
    archivable = False
    empty_text = _("Nobody is linked yet. The staff sync and the first sign-in link people.")

    def prepare(self, batch: Any) -> None:
        accounts.check_accounts(batch)

    def label_of(self, record: ExternalAccount) -> str:
        return record.external_id


@register
class SyncRunEntity(Entity):
    """The log of the staff sync: what each run changed, and what somebody has to decide."""

    name, model, via = "staff-syncs", SyncRun, "connection"
    icon = "refresh"
    state_field = "state"
    columns = ("created_at", "connection", "kind", "state", "finished_at", "problem")
    sortable = ("created_at",)
    filters = ("connection", "created_at")
    ordering = "-created_at"
    detail = (Section(_("Run"), ("connection", "kind", "state", "created_at", "finished_at", "problem")),)
    private = ("counts", "lines")
    panels = ("/staff-syncs/{pk}/lines",)
    creatable = editable = deletable = archivable = False


add_setting(
    "people",
    Setting("workplaces", _("Sign-in, staff, approvals and side bar in WeCom and DingTalk")),
    Setting("linked-accounts", _("Who a colleague is in WeCom and DingTalk")),
    Setting("staff-syncs", _("What the staff sync changed, and what is to be decided"), permission="workplaces.edit"),
)

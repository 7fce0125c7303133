"""Intelligence as people and programs meet it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Entity, Exchange, Related, Section, register
from saleswright.kernel.errors import Text
from saleswright.kernel.resources import contribute
from saleswright.modules.market.intelligence import actions
from saleswright.modules.market.intelligence.models import Intelligence
from saleswright.modules.market.intelligence.states import IntelligenceStatus


@register
class IntelligenceEntity(Entity):
    """What was learned of the market."""

    name, model = "intelligence", Intelligence
    icon = "bulb"
    state_field = "status"
    path = (IntelligenceStatus.NEW, IntelligenceStatus.VERIFIED)
    search = ("title", "content", "source")
    columns = ("title", "topic", "competitor", "product", "source_kind", "status", "observed_on", "owner")
    sortable = ("title", "observed_on", "checked_at", "created_at")
    filters = (
        "topic", "status", "competitor", "product", "market", "industry", "customer", "source_kind", "observed_on",
        "checked_by", "checked_at", "digested_on", "visit_id", "created_at", "title",
    )  # fmt: skip
    form = (
        Section(_("Intelligence"), ("title", "content", "observed_on", "owner")),
        Section(
            _("What it is about"), ("topic", "competitor", "product", "market", "industry"),
            _("Name at least the one that you chose."),
        ),
        Section(_("Where it comes from"), ("source_kind", "source", "customer")),
    )  # fmt: skip
    detail = (
        Section(_("Intelligence"), ("content", "topic", "competitor", "product", "market", "industry", "observed_on")),
        Section(_("Where it comes from"), ("source_kind", "source", "customer")),
        Section(_("Verification"), ("checked_by", "checked_at", "checked_how", "digested_on")),
    )
    transitions = (actions.verify_intelligence, actions.refute_intelligence, actions.reopen_intelligence)
    reaches = {"verify": actions.may_be_checked, "refute": actions.may_be_checked}
    exchange = Exchange(
        key="id",
        fields=(
            "title", "content", "topic", "competitor__name", "product__name", "market__name", "industry",
            "customer__name", "source_kind", "source", "observed_on", "owner__username",
        ),
        extra_export=("status", "checked_at", "checked_how"),
    )  # fmt: skip
    empty_text = _("Nothing noted yet. Write down what you hear of the market; somebody else checks it.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_intelligence(batch)

    def edit_refusal(self, record: Any) -> Text | None:
        return actions.edit_refusal(record)


choose_from("industries", "intelligence", "industry")
for _name, _field in (("competitors", "competitor"), ("products", "product"), ("target-markets", "market")):
    contribute(_name, related=(Related("intelligence", _field),))

"""Customer profiles and their criteria as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Entity, Exchange, Related, Section, register
from saleswright.modules.market.profiles.models import CustomerProfile, ProfileCriterion
from saleswright.modules.market.profiles.scoring import prepare_criteria


@register
class CustomerProfileEntity(Entity):
    """What customers that suit us look like."""

    name, model = "customer-profiles", CustomerProfile
    icon = "target-arrow"
    search = ("name",)
    columns = ("name", "threshold", "active", "description")
    sortable = ("name", "threshold", "created_at")
    filters = ("name", "threshold", "created_at")
    ordering = "name"
    form = (Section(_("Customer profile"), ("name", "description", "threshold", "active")),)
    panels = ("/customer-profiles/{pk}/match/panel",)
    related = (Related("profile-criteria", "profile"),)
    exchange = Exchange(key="name")
    empty_text = _("No profiles yet. Say what a customer that suits you looks like; the others are held against it.")


@register
class ProfileCriterionEntity(Entity):
    """The criteria of customer profiles; seen by whoever sees the profile."""

    name, model, via = "profile-criteria", ProfileCriterion, "profile"
    icon = "list-numbers"
    search = ("label",)
    columns = ("label", "profile", "weight", "required", "conditions", "position")
    sortable = ("position", "weight", "label")
    filters = ("profile", "weight", "label")
    ordering = "position"
    form = (
        Section(_("Criterion"), ("profile", "label", "weight", "required", "position")),
        Section(_("Is met when"), ("conditions",)),
    )
    panels = ("/profile-criteria/{pk}/match/panel",)
    exchange = Exchange(key="id", fields=("profile__name", "label", "weight", "required", "position", "conditions"))

    def prepare(self, batch: Any) -> None:
        prepare_criteria(batch)

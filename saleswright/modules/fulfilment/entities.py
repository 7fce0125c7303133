"""Deliveries as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Board, Calendar, Entity, Exchange, Related, Section, register
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.fulfilment import actions
from saleswright.modules.fulfilment.models import Delivery, DeliveryLine
from saleswright.modules.fulfilment.states import DeliveryStatus


@register
class DeliveryEntity(Entity):
    """What is on its way to customers."""

    name, model = "deliveries", Delivery
    icon = "truck-delivery"
    number_field, state_field = "number", "status"
    draft_states = (DeliveryStatus.DRAFT,)
    history_fields = ("accepted_at",)
    search = ("number", "tracking_number")
    columns = ("number", "order", "customer", "status", "carrier", "tracking_number", "shipped_at", "accepted_at")
    sortable = ("number", "status", "shipped_at", "accepted_at", "created_at", "updated_at")
    filters = (
        "number", "order", "customer", "status", "tracking_number", "shipped_at", "accepted_at", "created_at",
        "updated_at",
    )  # fmt: skip
    form = (Section(_("Delivery"), ("order", "carrier", "tracking_number", "shipped_at")),)
    detail = (
        Section(_("Delivery"), ("order", "customer", "owner", "department")),
        Section(_("Course"), ("carrier", "tracking_number", "shipped_at", "accepted_at", "on_time_in_full")),
    )
    path = (DeliveryStatus.DRAFT, DeliveryStatus.SHIPPED, DeliveryStatus.ACCEPTED)
    lines = (
        Lines(
            "lines", DeliveryLine, "delivery", _("Lines"), ("order_line", "quantity"),
            ("accepted_quantity", "refused_quantity"),
        ),
    )  # fmt: skip
    transitions = (actions.ship_delivery, actions.accept_delivery)
    board = Board(by="status", title="number", subtitle="customer", date="shipped_at")
    calendar = Calendar(by="shipped_at", title="number")
    exchange = Exchange(
        key="number",
        fields=(
            "number", "order__number", "status", "carrier", "tracking_number", "shipped_at", "accepted_at",
            "lines.order_line", "lines.quantity",
        ),
    )  # fmt: skip
    empty_text = _("No deliveries yet. Make one from a confirmed order.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_deliveries(batch)


contribute("orders", related=(Related("deliveries", "order", create=False),), transitions=(actions.create_delivery,))
contribute("customers", related=(Related("deliveries", "customer", create=False),))

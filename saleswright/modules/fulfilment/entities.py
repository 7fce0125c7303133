"""Deliveries as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import Board, Calendar, Entity, Exchange, Limit, Related, Section, register
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.resources import Lines, contribute
from saleswright.modules.fulfilment import actions
from saleswright.modules.fulfilment.models import Delivery, DeliveryLine
from saleswright.modules.fulfilment.queries import open_quantities
from saleswright.modules.fulfilment.states import DeliveryStatus
from saleswright.modules.sales.public import Order


def lines_to_deliver(order: Order, actor: Actor) -> list[tuple[int, str]]:
    """The lines of an order with what was ordered and what has not left yet."""
    label = gettext("%(product)s: %(ordered)s ordered, %(left)s still to be delivered")
    found = []
    for line in order.lines.select_related("product").order_by("position", "id"):
        left = line.quantity - line.delivered_quantity
        words = {"product": line.product.name, "ordered": actions.plain(line.quantity), "left": actions.plain(left)}
        found.append((line.pk, label % words))
    return found


def everything_open(order: Order, actor: Actor) -> list[dict[str, Any]]:
    """Lines over all that stands on no delivery yet."""
    return [{"order_line": pk, "quantity": quantity} for pk, quantity in open_quantities(order.pk).items()]


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
    limits = {"lines.order_line": Limit("order", lines_to_deliver)}
    line_fills = {"order": ("lines", everything_open)}
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

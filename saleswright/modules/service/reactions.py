"""What after-sales service does when goods have arrived."""

from __future__ import annotations

from django.utils.translation import gettext as _

from saleswright.kernel.events import Occasion, reacts
from saleswright.modules.fulfilment.events import DeliveryAccepted
from saleswright.modules.fulfilment.public import Delivery
from saleswright.modules.service.actions.callbacks import plan_callbacks
from saleswright.modules.service.states import CallbackTrigger


@reacts(DeliveryAccepted)
def plan_callbacks_after_delivery(event: DeliveryAccepted, occasion: Occasion) -> None:
    """Ask the customer some days later; the call-back belongs to whoever owns the customer.

    Further deliveries of an order that is still to be asked about add none.
    """
    delivery = Delivery.objects.select_related("customer", "order").get(pk=event.record_id)
    plan_callbacks(
        CallbackTrigger.DELIVERY,
        delivery.customer,
        at=occasion.at,
        about=_("Order %s") % delivery.order.number,
        owner_id=delivery.customer.owner_id,
        order_id=delivery.order_id,
        contact_id=delivery.order.contact_id,
    )

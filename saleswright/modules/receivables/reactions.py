"""What receivables make of the events of contracts, orders and deliveries."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from saleswright.kernel.events import Occasion, reacts
from saleswright.modules.fulfilment.events import DeliveryAccepted, DeliveryShipped
from saleswright.modules.fulfilment.public import Delivery
from saleswright.modules.receivables.actions.collecting import complete_orders
from saleswright.modules.receivables.actions.ledger import Moment
from saleswright.modules.receivables.actions.plans import date_plans
from saleswright.modules.receivables.models import CollectionPlan
from saleswright.modules.sales.events import ContractSigned, OrderConfirmed
from saleswright.modules.sales.public import Order


def _date(condition: Q, occasion: Occasion) -> None:
    plans = CollectionPlan.objects.filter(condition, archived_at=None).select_related("contract")
    date_plans(list(plans), Moment(occasion.actor, occasion.at))


def _of_order(order_id: int) -> Q:
    contract = Order.objects.filter(pk=order_id).exclude(contract=None).values("contract_id")
    return Q(order=order_id) | Q(order=None, contract__in=contract)


@reacts(ContractSigned)
def date_on_signing(event: ContractSigned, occasion: Occasion) -> None:
    """Instalments that wait for the signature are due from now on."""
    _date(Q(contract=event.record_id) | Q(order__contract=event.record_id), occasion)


@reacts(OrderConfirmed)
def date_on_confirmation(event: OrderConfirmed, occasion: Occasion) -> None:
    """An order without a contract is signed when it is confirmed."""
    _date(_of_order(event.record_id), occasion)


@reacts(DeliveryShipped)
@reacts(DeliveryAccepted)
def date_on_delivery(event: Any, occasion: Occasion) -> None:
    """Instalments that wait for delivery, acceptance or the end of warranty may have their date now."""
    _date(_of_order(Delivery.objects.values_list("order_id", flat=True).get(pk=event.record_id)), occasion)


@reacts(DeliveryAccepted)
def complete_on_acceptance(event: DeliveryAccepted, occasion: Occasion) -> None:
    """The last acceptance may complete an order that is paid already."""
    order_id = Delivery.objects.values_list("order_id", flat=True).get(pk=event.record_id)
    complete_orders([order_id], Moment(occasion.actor, occasion.at))

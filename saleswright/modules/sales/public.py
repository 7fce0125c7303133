"""What other modules may use of quotes, contracts and orders."""

from saleswright.modules.sales.actions.orders import (
    complete_if_done,
    record_accepted,
    record_delivered,
    record_invoiced,
)
from saleswright.modules.sales.models import Contract, Order, OrderLine, Quote
from saleswright.modules.sales.states import BINDING, OPEN_ORDERS, ORDERED, ContractStatus, OrderStatus, QuoteStatus

__all__ = [
    "BINDING",
    "OPEN_ORDERS",
    "ORDERED",
    "Contract",
    "ContractStatus",
    "Order",
    "OrderLine",
    "OrderStatus",
    "Quote",
    "QuoteStatus",
    "complete_if_done",
    "record_accepted",
    "record_delivered",
    "record_invoiced",
]

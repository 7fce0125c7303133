"""Measures of what was ordered and contracted."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.sales.models import Contract, Order, OrderLine
from saleswright.modules.sales.states import ORDERED

ORDER_DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "customer": "customer_id",
    "channel": "channel",
    "source": "customer__source",
}
LINE_DIMENSIONS = {name: f"order__{path}" for name, path in ORDER_DIMENSIONS.items()} | {
    "product": "product_id",
    "category": "product__category_id",
}
CONTRACT_DIMENSIONS = {name: path for name, path in ORDER_DIMENSIONS.items() if name != "channel"}


def ordered_lines() -> QuerySet[Any]:
    """The lines of orders that count as sold."""
    return OrderLine.objects.filter(order__status__in=ORDERED, order__archived_at=None)


def ordered_orders() -> QuerySet[Any]:
    """Orders that count as sold."""
    return Order.objects.filter(status__in=ORDERED, archived_at=None)


def signed_contracts() -> QuerySet[Any]:
    """Contracts and amendments that were signed, whatever became of them."""
    return Contract.objects.filter(signed_on__isnull=False, archived_at=None)


def first_contracts() -> QuerySet[Any]:
    """Signed contracts without their amendments."""
    return signed_contracts().filter(amends=None)


ordered = add_metric(
    Metric(
        name="ordered",
        label=_("Orders taken"),
        unit="money",
        formula=_("Untaxed amount of the lines of confirmed orders, by date of confirmation, in base currency"),
        resource="orders",
        rows=ordered_lines,
        value=Sum("base_net"),
        day="order__confirmed_on",
        scope="order",
        dimensions=LINE_DIMENSIONS,
    )
)
ordered_quantity = add_metric(
    Metric(
        name="ordered_quantity",
        label=_("Quantity ordered"),
        unit="quantity",
        formula=_("Quantity on the lines of confirmed orders, by date of confirmation"),
        resource="orders",
        rows=ordered_lines,
        value=Sum("quantity"),
        day="order__confirmed_on",
        scope="order",
        dimensions=LINE_DIMENSIONS,
    )
)
orders_confirmed = add_metric(
    Metric(
        name="orders_confirmed",
        label=_("Number of orders"),
        unit="count",
        formula=_("Orders by date of confirmation, without cancelled ones"),
        resource="orders",
        rows=ordered_orders,
        value=Count("pk"),
        day="confirmed_on",
        dimensions=ORDER_DIMENSIONS,
    )
)
contracted = add_metric(
    Metric(
        name="contracted",
        label=_("Contracted"),
        unit="money",
        formula=_(
            "Amount with tax of signed contracts and what amendments add, by date of signature, in base currency"
        ),
        resource="contracts",
        rows=signed_contracts,
        value=Sum("base_added"),
        day="signed_on",
        dimensions=CONTRACT_DIMENSIONS,
    )
)
contracts_signed = add_metric(
    Metric(
        name="contracts_signed",
        label=_("Number of contracts"),
        unit="count",
        formula=_("Contracts by date of signature, amendments not counted"),
        resource="contracts",
        rows=first_contracts,
        value=Count("pk"),
        day="signed_on",
        dimensions=CONTRACT_DIMENSIONS,
    )
)

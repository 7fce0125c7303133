"""Reads about quotes, contracts and orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import exchange_rate
from saleswright.kernel.money import round_half_up
from saleswright.modules.pricing.public import PriceBook
from saleswright.modules.sales.models import Contract, Order, Quote, QuoteLine
from saleswright.modules.sales.states import BINDING, OPEN_ORDERS, ORDERED, OrderStatus


def price_flags(ids: list[int], actor: Actor) -> dict[int, list[dict[str, Any]]]:
    """Lines of quotes below the floor of their price list or below cost, for those who may see cost (QUO-02)."""
    if not actor.sees("cost"):
        return {}
    rows = QuoteLine.objects.filter(quote__in=ids).select_related("quote__customer__owner", "product")
    lines = list(rows.order_by("quote_id", "position", "id"))
    book = PriceBook.load({line.product_id for line in lines}, {line.quote.quoted_on for line in lines})
    found: dict[int, list[dict[str, Any]]] = {}
    for line in lines:
        for code, message in _flags(line, book):
            flag = {"line_id": line.pk, "code": code, "label": f"{line.product.name}: {message}"}
            found.setdefault(line.quote_id, []).append(flag)
    return found


def margin_of(quote: Quote) -> Decimal | None:
    """What is left of the untaxed total after the standard cost, in percent of it; None while a cost is unknown."""
    sold, cost = Decimal(0), Decimal(0)
    lines = QuoteLine.objects.filter(quote=quote).values_list(
        "base_net", "quantity", "product__cost", "product__currency"
    )
    for net, quantity, unit_cost, currency in lines:
        if unit_cost is None:
            return None
        sold += net
        cost += unit_cost * quantity * exchange_rate(currency, quote.quoted_on)
    return round_half_up((sold - cost) / sold * 100) if sold else None


def _flags(line: QuoteLine, book: PriceBook) -> list[tuple[str, str]]:
    quote, product, flags = line.quote, line.product, []
    owner = quote.customer.owner
    price = book.price(
        product.pk,
        line.quantity,
        on=quote.quoted_on,
        currency=quote.currency,
        level=quote.customer.level,
        region=owner.region_id if owner else None,
    )
    if price.floor is not None and line.net < round_half_up(price.floor * line.quantity):
        flags.append(("below_floor", _("below the floor of the %(list)s") % {"list": price.explanation}))
    if product.cost is not None:
        cost = product.cost * line.quantity * book.rate(product.currency, quote.quoted_on)
        if line.base_net < round_half_up(cost):
            flags.append(("below_cost", _("below cost")))
    return flags


def open_orders() -> QuerySet[Order]:
    """Orders that are being entered or carried out."""
    return Order.objects.filter(status__in=(OrderStatus.DRAFT, *OPEN_ORDERS), archived_at=None)


def sold_orders() -> QuerySet[Order]:
    """Orders that count as sold."""
    return Order.objects.filter(status__in=ORDERED)


def open_contracts() -> QuerySet[Contract]:
    """Contracts that bind both sides."""
    return Contract.objects.filter(status__in=BINDING, archived_at=None)

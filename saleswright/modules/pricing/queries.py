"""What a product costs a customer on a day, and why; who may give how much off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.kernel.company import company, exchange_rate
from saleswright.kernel.models import Region, User
from saleswright.kernel.money import HUNDRED, round_half_up
from saleswright.kernel.reading import read_records
from saleswright.modules.catalog.public import Product
from saleswright.modules.org.public import managers_upward
from saleswright.modules.pricing.models import DiscountAuthority, PriceList, PriceListLine

ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price without tax, where it comes from, and the lowest one that may be given (None: any)."""

    unit_price: Decimal
    explanation: str
    price_list_id: int | None = None
    floor: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A price from a quantity on."""

    min_quantity: Decimal
    price: Decimal


@dataclass(slots=True)
class PriceBook:
    """The price lists and list prices of some products, read once and asked for many lines."""

    products: Mapping[int, Product]
    lists: list[PriceList]
    breaks: Mapping[tuple[int, int], list[Break]]  # (price list, product) -> by rising quantity
    parents: Mapping[int, int | None]
    _rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)

    @classmethod
    def load(cls, product_ids: Collection[int], days: Collection[date]) -> PriceBook:
        """Read what is needed to price these products on these days: at most four statements."""
        products = {product.pk: product for product in read_records(Product, set(product_ids))}
        if not products or not days:
            return cls(products, [], {}, {})
        valid = PriceList.objects.filter(Q(valid_to=None) | Q(valid_to__gte=min(days)), valid_from__lte=max(days))
        lists = list(valid.filter(archived_at=None))
        breaks: dict[tuple[int, int], list[Break]] = defaultdict(list)
        lines = PriceListLine.objects.filter(price_list__in=[pl.pk for pl in lists], product_id__in=products)
        for line in lines.order_by("min_quantity"):
            breaks[line.price_list_id, line.product_id].append(Break(line.min_quantity, line.price))
        some = any(price_list.regions for price_list in lists)
        parents = dict(Region.objects.values_list("id", "parent_id")) if some else {}
        return cls(products, lists, breaks, parents)

    def price(
        self, product_id: int, quantity: Decimal, *, on: date, currency: str, level: str = "", region: int | None = None
    ) -> Price:
        """The price of one unit for a customer of that level in that region.

        The most specific price list that has the product in the currency decides (a region counts for more the
        nearer it is, a later start more than an earlier one), by its highest quantity break that is reached;
        without any it is the product's list price, exchanged at the day's rate. Raises KeyError for an unknown
        product and ValidationFailed (`currency`) when there is no exchange rate.
        """
        product = self.products[product_id]
        best: tuple[tuple[Any, ...], PriceList, Break] | None = None
        for price_list in self.lists:
            reached = [b for b in self.breaks.get((price_list.pk, product_id), ()) if b.min_quantity <= quantity]
            if not reached or price_list.currency != currency or not price_list.holds_on(on):
                continue
            rank = self._rank(price_list, level, region)
            if rank is not None and (best is None or rank > best[0]):
                best = rank, price_list, reached[-1]
        if best is not None:
            return _from_list(best[1], best[2], product)
        return Price(self._list_price(product, currency, on), _("list price"))

    def _rank(self, price_list: PriceList, level: str, region: int | None) -> tuple[Any, ...] | None:
        """How well the price list fits the customer, higher is more specific; None if it isn't for them."""
        if price_list.customer_levels and level not in price_list.customer_levels:
            return None
        steps = self._steps_to(price_list.regions, region) if price_list.regions else None
        if price_list.regions and steps is None:
            return None
        restrictions = bool(price_list.customer_levels) + bool(price_list.regions)
        return restrictions, -(steps or 0), price_list.valid_from, price_list.pk

    def _steps_to(self, regions: Iterable[int], region: int | None) -> int | None:
        wanted, steps, seen = set(regions), 0, set()
        while region is not None and region not in seen:
            if region in wanted:
                return steps
            seen.add(region)
            region, steps = self.parents.get(region), steps + 1
        return None

    def _list_price(self, product: Product, currency: str, on: date) -> Decimal:
        if product.currency == currency:
            return product.list_price
        return round_half_up(product.list_price * self.rate(product.currency, on) / self.rate(currency, on), 6)

    def rate(self, currency: str, on: date) -> Decimal:
        """Units of base currency for one unit of `currency` on `on`. Raises ValidationFailed (`currency`)."""
        if (currency, on) not in self._rates:
            self._rates[currency, on] = exchange_rate(currency, on)
        return self._rates[currency, on]


def _from_list(price_list: PriceList, found: Break, product: Product) -> Price:
    parts = [_("price list %(name)s") % {"name": price_list.name}]
    if found.min_quantity:
        quantity = f"{found.min_quantity.normalize():f}"
        parts.append(_("from %(quantity)s %(unit)s on") % {"quantity": quantity, "unit": product.unit})
    if price_list.valid_to is not None:
        parts.append(_("valid to %(date)s") % {"date": price_list.valid_to.isoformat()})
    floor = None
    if price_list.floor_percent is not None:
        floor = round_half_up(found.price * price_list.floor_percent / HUNDRED, 6)
    return Price(found.price, ", ".join(parts), price_list.pk, floor)


def prices_for(
    lines: Collection[tuple[int, Decimal]], customer: Any, on: date, currency: str
) -> dict[tuple[int, Decimal], Price]:
    """The prices of (product id, quantity) for a customer on a day; the owner's region is the customer's.

    A constant number of statements. Raises KeyError for an unknown product.
    """
    book = PriceBook.load({product_id for product_id, _quantity in lines}, [on])
    region = customer.owner.region_id if customer.owner_id else None
    return {
        (product_id, quantity): book.price(
            product_id, quantity, on=on, currency=currency, level=customer.level, region=region
        )
        for product_id, quantity in lines
    }


def authorities_of(user_ids: Collection[int]) -> dict[int, Decimal]:
    """The discount in percent that each person may give: the highest of their roles (QUO-02).

    The approver of last resort, named in the company's settings, may give any.
    """
    found = dict.fromkeys(user_ids, Decimal(0))
    rows = DiscountAuthority.objects.filter(archived_at=None, role__archived_at=None, role__people__in=list(user_ids))
    for user_id, percent in rows.values_list("role__people", "percent"):
        if user_id in found:
            found[user_id] = max(found[user_id], percent)
    named = company().approver_of_last_resort_id
    if named is not None and named in found:
        found[named] = HUNDRED
    return found


def authority_of(user_id: int) -> Decimal:
    """The discount in percent that a person may give without asking."""
    return authorities_of([user_id])[user_id]


def first_with_authority(managers: Collection[User], facts: Mapping[str, Any]) -> User | None:
    """The nearest of the managers who works here and may give the discount that the facts name, or None."""
    discount = Decimal(facts.get("discount") or 0)
    present = [manager for manager in managers if manager.is_active]
    authority = authorities_of([manager.pk for manager in present])
    return next((manager for manager in present if authority[manager.pk] >= discount), None)


def approver_for(submitter: User, discount: Decimal) -> User | None:
    """Who may approve a discount above the submitter's authority.

    The first manager upward who has the authority; else the approver of last resort; else an administrator who
    works here. Never the submitter; None when there is nobody.
    """
    able = first_with_authority(managers_upward(submitter), {"discount": discount})
    if able is not None:
        return able
    others = [user for user in _of_last_resort() if user.is_active and user.pk != submitter.pk]
    return others[0] if others else None


def _of_last_resort() -> list[User]:
    named = User.objects.filter(pk=company().approver_of_last_resort_id)
    administrators = User.objects.filter(roles__code=ADMINISTRATOR).order_by("pk")
    return [*named, *administrators]

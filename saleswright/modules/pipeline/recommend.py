"""Products that may answer the needs of a deal, each with the reason (OPP-08).

Two plain rules: the words of a product (its name or category) stand in a need, or it was sold in won deals together
with a product that is chosen already. What is chosen, no longer offered or archived isn't recommended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.modules.catalog.public import LifeCycle, Product
from saleswright.modules.pipeline.models import OpportunityLine
from saleswright.modules.pipeline.states import OpportunityStatus

SHOWN, LEAST_DEALS = 6, 2


@dataclass(slots=True)
class Recommended:
    """A product and why; `weight` orders them: a need that names it counts as ten deals."""

    product_id: int
    name: str
    reasons: list[str] = field(default_factory=list)
    weight: int = 0


def recommended(needs: Sequence[str], chosen: Iterable[int], actor: Actor) -> list[Recommended]:
    """The products to think of, the likeliest first."""
    taken = set(chosen)
    rows = visible(Product.objects.filter(archived_at=None), actor).exclude(life_cycle=LifeCycle.DISCONTINUED)
    products = {
        pk: (name, category or "") for pk, name, category in rows.values_list("pk", "name", "category__name")
    }  # fmt: skip
    found: dict[int, Recommended] = {}

    def note(pk: int, reason: str, weight: int) -> None:
        one = found.setdefault(pk, Recommended(pk, products[pk][0]))
        one.reasons.append(reason)
        one.weight += weight

    for pk, (name, category) in products.items():
        if pk in taken:
            continue
        for need in needs:
            word = next((word for word in (name, category) if len(word) > 1 and word.casefold() in need.casefold()), "")
            if word:
                note(pk, _("The need “%(need)s” names “%(word)s”.") % {"need": need, "word": word}, 10)
    for pk, (other, count) in _together(taken).items():
        if pk in products and other in products and count >= LEAST_DEALS:
            values = {"product": products[other][0], "count": count}
            note(pk, _("Sold together with “%(product)s” in %(count)d won deals.") % values, count)
    return sorted(found.values(), key=lambda one: (-one.weight, one.name))[:SHOWN]


def _together(taken: set[int]) -> dict[int, tuple[int, int]]:
    """Other products in won deals with one of these: the one it went with most often, and in how many deals."""
    won = OpportunityLine.objects.filter(opportunity__status=OpportunityStatus.WON, opportunity__archived_at=None)
    pairs: dict[int, Counter[int]] = {}
    mine = won.filter(product__in=taken).order_by().values_list("product_id", "opportunity_id").distinct()
    deals: dict[int, list[int]] = {}
    for product, deal in mine:
        deals.setdefault(product, []).append(deal)
    for product, some in deals.items():
        others = won.filter(opportunity__in=some).exclude(product__in=taken).order_by().values("product_id")
        counted = others.annotate(n=Count("opportunity_id", distinct=True)).values_list("product_id", "n")
        for other, count in counted:
            pairs.setdefault(other, Counter())[product] = count
    return {other: counts.most_common(1)[0] for other, counts in pairs.items()}

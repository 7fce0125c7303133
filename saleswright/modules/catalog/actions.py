"""What is checked when products and categories are written, and the end of a product's life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.records import Batch
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.catalog.models import Product, ProductCategory
from saleswright.modules.catalog.states import LifeCycle


def check_category_tree(batch: Batch) -> None:
    """A category can't lie below itself."""
    parents = dict(ProductCategory.objects.values_list("id", "parent_id"))
    parents |= {draft.pk: draft.record.parent_id for draft in batch.good if draft.pk is not None}
    for draft in batch.good:
        seen, current = {draft.pk} - {None}, draft.record.parent_id
        while current is not None and current not in seen:
            seen.add(current)
            current = parents.get(current)
        if current is not None:
            draft.error("parent", "invalid", _("A category can't lie below itself."))


def clean_specifications(value: Any) -> list[str]:
    """A list of “name: value” with each name once. Raises ValidationError."""
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValidationError(_("Give a list of “name: value”."), code="invalid")
    pairs = [item.replace("：", ":").partition(":") for item in value]
    if any(not name.strip() or not text.strip() for name, _colon, text in pairs):
        raise ValidationError(_("Write each specification as “name: value”."), code="invalid")
    names = [name.strip() for name, _colon, _text in pairs]
    if len(set(names)) < len(names):
        raise ValidationError(_("A specification is named twice."), code="invalid")
    return [f"{name.strip()}: {text.strip()}" for name, _colon, text in pairs]


def prepare_products(batch: Batch) -> None:
    """Currencies are written in capitals; a product doesn't succeed itself, nor does one that has ended."""
    for draft in batch.good:
        product = draft.record
        product.currency = product.currency.upper()
        if len(product.currency) != 3 or not product.currency.isascii() or not product.currency.isalpha():
            draft.error("currency", "invalid", _("A currency has three letters, such as CNY."))
    changed = [draft for draft in batch.good if draft.record.successor_id and draft.changed("successor")]
    ids = {draft.record.successor_id for draft in changed}
    ended = set(Product.objects.filter(pk__in=ids, life_cycle=LifeCycle.DISCONTINUED).values_list("pk", flat=True))
    for draft in changed:
        if draft.record.successor_id == draft.pk:
            draft.error("successor", "invalid", _("A product can't succeed itself."))
        elif draft.record.successor_id in ended:
            draft.error("successor", "invalid", _("The successor is discontinued itself."))


def is_offered(product: Product) -> Text | None:
    """What has ended can't end again."""
    return None if product.life_cycle != LifeCycle.DISCONTINUED else _("The product is discontinued already.")


def is_discontinued(product: Product) -> Text | None:
    """Only what has ended can come back."""
    return None if product.life_cycle == LifeCycle.DISCONTINUED else _("The product is not discontinued.")


@transition(
    "products", "discontinue", label=gettext_lazy("Discontinue"), guards=(is_offered,), style="danger",
    icon="circle-off",
    args=(Arg("successor_id", gettext_lazy("Successor"), "reference", required=False, to="products"),),
)  # fmt: skip
def discontinue_product(product: Product, *, actor: Actor, at: datetime, successor_id: int | None) -> None:
    """Take the product off new quotes, and name the one that takes its place. Raises ValidationFailed."""
    if successor_id is not None:
        if successor_id == product.pk:
            raise ValidationFailed.of("successor_id", "invalid", _("A product can't succeed itself."))
        if Product.objects.get(pk=successor_id).life_cycle == LifeCycle.DISCONTINUED:
            raise ValidationFailed.of("successor_id", "invalid", _("The successor is discontinued itself."))
        product.successor_id = successor_id
    product.life_cycle = LifeCycle.DISCONTINUED


@transition(
    "products", "reintroduce", label=gettext_lazy("Offer again"), guards=(is_discontinued,), icon="refresh",
)  # fmt: skip
def reintroduce_product(product: Product, *, actor: Actor, at: datetime) -> None:
    """Offer a discontinued product again."""
    product.life_cycle, product.successor_id = LifeCycle.MATURITY, None

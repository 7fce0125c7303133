"""What is checked when price lists and discount authorities are written."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from saleswright.kernel.models import Region
from saleswright.kernel.records import Batch, Draft

LEVELS = ("A", "B", "C", "D")


def clean_levels(value: Any) -> list[str]:
    """Levels of customers, A to D, each once. Raises ValidationError."""
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(level, str) for level in value):
        raise ValidationError(_("Give a list of levels."), code="invalid")
    levels = {level.strip().upper() for level in value}
    if unknown := sorted(levels - set(LEVELS)):
        raise ValidationError(_("“%(value)s” is no level; levels are A to D.") % {"value": unknown[0]}, code="invalid")
    return sorted(levels)


def clean_regions(value: Any) -> list[int]:
    """Ids of regions out of ids or names. Raises ValidationError for one that doesn't exist."""
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(r, int | str) and not isinstance(r, bool) for r in value):
        raise ValidationError(_("Give a list of regions."), code="invalid")
    regions = dict(Region.objects.filter(archived_at=None).values_list("id", "name"))
    by_text = {name: pk for pk, name in regions.items()} | {str(pk): pk for pk in regions}
    found: dict[int, None] = {}
    for region in value:
        pk = by_text.get(str(region).strip())
        if pk is None:
            message = _("There is no region “%(value)s”.") % {"value": region}
            raise ValidationError(message, code="invalid")
        found[pk] = None
    return list(found)


def prepare_price_lists(batch: Batch) -> None:
    """The end lies after the start, and a product has one price from a quantity on."""
    for draft in batch.good:
        price_list = draft.record
        price_list.currency = price_list.currency.upper()
        if price_list.valid_to is not None and price_list.valid_to < price_list.valid_from:
            draft.error("valid_to", "order", _("The end lies before the start."))
        _refuse_double_prices(draft)


def _refuse_double_prices(draft: Draft) -> None:
    seen = set()
    for line in draft.line_drafts.get("lines", ()):
        key = (line.record.product_id, line.record.min_quantity)
        if key in seen:
            text = _("The product has a price from this quantity on already.")
            draft.error(f"lines.{line.index}.min_quantity", "duplicate", text)
        seen.add(key)

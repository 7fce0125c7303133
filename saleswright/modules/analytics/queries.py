"""Figures over what was sold and over every measure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from saleswright.interface.report_dimensions import KEY, NOTHING, Chosen
from saleswright.kernel import clock
from saleswright.kernel.access.actors import EVERYTHING, Actor, below
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.company import base_currency
from saleswright.kernel.holdings import held_by, holder_then
from saleswright.kernel.metrics import Metric, facts, measure_by
from saleswright.kernel.models import Department, Region
from saleswright.kernel.money import allocate
from saleswright.modules.sales.public import ORDERED, Order, OrderLine

SOLD = tuple(str(status) for status in ORDERED)
ZERO = Decimal("0.00")

#: where a sold line has the order that changes hands, and its date
HELD = ("orders", "order", "order__confirmed_on")
#: groups that follow the date of the order -> dimension or name of a past holding, column of the present one
THEN = {
    "owner_then": ("owner", "order__owner_id"),
    "owner_name_then": ("owner_name", "order__owner__name"),
    "region_then": ("region", "order__owner__region_id"),
    "region_name_then": ("region_name", "order__owner__region__name"),
}


@dataclass(slots=True)
class Sold:
    """What one group sold, in base currency."""

    key: Any
    name: str
    orders: int = 0
    quantity: Decimal = ZERO
    untaxed: Decimal = ZERO
    total: Decimal = ZERO


def sold_lines(actor: Actor, parameters: dict[str, Any]) -> QuerySet[OrderLine]:
    """The lines of confirmed orders that the actor may see, cut by the parameters of the report.

    Departments and regions include those below them; they and the owner are those of the date.
    """
    rows = OrderLine.objects.filter(order__status__in=SOLD, order__archived_at=None, order__confirmed_on__isnull=False)
    if actor.scopes("orders.view") != EVERYTHING:
        rows = rows.filter(order__in=visible(Order.objects.all(), actor).order_by().values("pk"))
    if parameters["from"]:
        rows = rows.filter(order__confirmed_on__gte=parameters["from"])
    if parameters["to"]:
        rows = rows.filter(order__confirmed_on__lte=parameters["to"])
    for name, column in (
        ("customer_id", "order__customer_id"),
        ("product_id", "product_id"),
        ("channel", "order__channel"),
    ):
        if parameters[name] not in (None, ""):
            rows = rows.filter(**{column: parameters[name]})
    if parameters["owner_id"] is not None:
        rows = held_by(rows, [parameters["owner_id"]], "owner", "order__owner_id", *HELD)
    for dimension, column, model in (
        ("department", "order__department_id", Department),
        ("region", "order__owner__region_id", Region),
    ):
        if (top := parameters[f"{dimension}_id"]) is not None:
            tree: dict[int, int | None] = dict(model.objects.values_list("id", "parent_id"))
            rows = held_by(rows, below(tree, top), dimension, column, *HELD)
    return rows.annotate(month=TruncMonth("order__confirmed_on")).order_by()


def sales_by(lines: QuerySet[OrderLine], key: str, name: str) -> list[Sold]:
    """Sold lines by group. Totals in base currency add up to those of the orders to the cent."""
    lines = lines.annotate(**{one: holder_then(*THEN[one], *HELD) for one in (key, name) if one in THEN})
    rows = lines.values(*dict.fromkeys((key, name))).annotate(
        n=Count("order_id", distinct=True), pieces=Sum("quantity"), amount=Sum("base_net")
    )
    found = {
        row[key]: Sold(row[key], str(row[name] or ""), row["n"], row["pieces"], row["amount"], ZERO) for row in rows
    }
    base = base_currency()
    for row in lines.filter(order__currency=base).values(key).annotate(amount=Sum("gross")):
        found[row[key]].total += row["amount"]
    for group, amount in _foreign_totals(lines.exclude(order__currency=base), key):
        found[group].total += amount
    return list(found.values())


def _foreign_totals(lines: QuerySet[OrderLine], key: str) -> list[tuple[Any, Decimal]]:
    """Each line's share, with tax, of its order's total in base currency."""
    wanted = dict(lines.values_list("pk", key))
    orders = OrderLine.objects.filter(order__in=lines.values("order_id")) if wanted else OrderLine.objects.none()
    by_order: dict[int, tuple[Decimal, list[tuple[int, Decimal]]]] = {}
    for pk, order_id, gross, whole in orders.order_by("pk").values_list("pk", "order_id", "gross", "order__base_total"):
        by_order.setdefault(order_id, (whole, []))[1].append((pk, gross))
    found = []
    for whole, shares in by_order.values():
        parts = allocate(whole, [gross for _pk, gross in shares])
        found += [(wanted[pk], part) for (pk, _gross), part in zip(shares, parts, strict=True) if pk in wanted]
    return found


def metric_by(
    metric: Metric, by: str, actor: Actor, period: Period, chosen: Chosen = NOTHING
) -> list[tuple[str, Decimal]]:
    """A measure by month in time, or by a dimension with the names of its members, the largest first."""
    if by == "month":
        return [(f"{month:%Y-%m}", value) for month, value in monthly(metric, actor, period, chosen.where).items()]
    if chosen.by is not None:
        rows = chosen.cut(facts(metric, actor, period).order_by()).values(KEY).annotate(value=metric.value)
        found = {row[KEY]: row["value"] or ZERO for row in rows}
        names = chosen.by.told(found)
    else:
        found = measure_by(metric, by, actor, period, chosen.where)
        names = _names(metric, by, list(found))
    return sorted(
        ((names.get(key, str(key or "")), value) for key, value in found.items()), key=lambda p: (-p[1], p[0])
    )


def monthly(metric: Metric, actor: Actor, period: Period, where: Q | None = None, **filters: Any) -> dict[Any, Decimal]:
    """A measure by the first day of each month in which there is anything, in their order."""
    zone: dict[str, Any] = {"tzinfo": clock.zone()} if metric.moment else {}
    rows = facts(metric, actor, period, where, **filters).order_by()
    rows = rows.annotate(month_=TruncMonth(metric.day, **zone)).values("month_").annotate(value=metric.value)
    return {row["month_"]: row["value"] or ZERO for row in rows.order_by("month_")}


def _names(metric: Metric, dimension: str, keys: list[Any]) -> dict[Any, str]:
    """The names of the members of a dimension that are records; of choices their labels."""
    field = _field_at(metric.model, metric.dimensions[dimension])
    if field is None:
        return {}
    if isinstance(field, models.ForeignKey):
        target: Any = field.related_model
        title = getattr(target, "title_field", "name") if target._meta.label != "kernel.User" else "name"
        return dict(target._default_manager.filter(pk__in=[k for k in keys if k]).values_list("pk", title))
    return {key: str(label) for key, label in field.flatchoices}


def _field_at(model: Any, path: str) -> models.Field | None:
    """The field at the end of a path such as `order__owner__region_id`; None for an annotation."""
    field = None
    for part in path.split("__"):
        known = {f.name: f for f in model._meta.concrete_fields} | {f.attname: f for f in model._meta.concrete_fields}
        field = known.get(part)
        if field is None:
            return None
        model = field.related_model or model
    return field

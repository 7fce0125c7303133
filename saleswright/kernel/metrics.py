"""The metric layer: each measure defined once and used by reports, targets, tiles and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from django.db.models import Aggregate, Q, QuerySet

from saleswright.kernel import clock
from saleswright.kernel.access.actors import EVERYTHING, Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import NotFound, Text
from saleswright.kernel.holdings import DIMENSIONS as HELD
from saleswright.kernel.holdings import changed_hands, held_by, held_once_by, holder_then
from saleswright.kernel.resources import resource_named

Unit = Literal["money", "count", "quantity", "percent", "days"]


@dataclass(frozen=True)
class Metric:
    """A measure: what is added up, over which rows, dated by which column, cut by whose rights.

    `rows()` are the facts; `scope` is the path from a fact to the record whose visibility decides ("" for the
    fact itself), a record of `resource`. `dimensions` name the columns by which it can be grouped and filtered:
    owner, department, region, customer, product, channel … Money is in base currency. Owner, department, region and
    manager are those of the fact's date, whoever got the record since.
    """

    name: str
    label: Text
    unit: Unit
    formula: Text
    resource: str
    rows: Callable[[], QuerySet[Any]]
    value: Aggregate
    day: str
    scope: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    moment: bool = False  # `day` is a time, not a date
    present: bool = False  # it is of what stands open: that counts for who has it now, whatever its date

    @property
    def model(self) -> Any:
        """The model of the facts, found without asking the database (which `rows` may do for the day)."""
        return self.rows().model if self.scope else resource_named(self.resource).model


_metrics: dict[str, Metric] = {}


def add_metric(metric: Metric) -> Metric:
    """Make a measure known. Raises ValueError if its name is taken."""
    if metric.name in _metrics:
        raise ValueError(f"metric {metric.name} is defined twice")
    _metrics[metric.name] = metric
    return metric


def metric_named(name: str) -> Metric:
    """The measure of that name. Raises NotFound."""
    try:
        return _metrics[name]
    except KeyError:
        raise NotFound from None


def all_metrics() -> list[Metric]:
    """Every measure."""
    return list(_metrics.values())


def facts(
    metric: Metric, actor: Actor, period: Period | None = None, where: Q | None = None, **filters: Any
) -> QuerySet[Any]:
    """The rows behind a measure that the actor may see, in a period, filtered by dimensions (value or list).

    `where` is a further condition on them.

    Of what the actor has handed over, the facts of their time are theirs to count.
    """
    rows = metric.rows()
    if where is not None:
        rows = rows.filter(where)
    model = resource_named(metric.resource).model
    if actor.scopes(f"{metric.resource}.view") != EVERYTHING:
        path = f"{metric.scope}__in" if metric.scope else "pk__in"
        seen = Q(**{path: visible(model._default_manager.all(), actor).order_by().values("pk")})
        if _follows_the_date(metric, "owner"):
            seen |= held_once_by(actor.user_id, *_fact(metric), moment=metric.moment)
        rows = rows.filter(seen)
    if period is not None and metric.moment:
        rows = rows.filter(**{f"{metric.day}__gte": clock.day_start(period.start)})
        rows = rows.filter(**{f"{metric.day}__lt": clock.day_start(period.end + timedelta(days=1))})
    elif period is not None:
        rows = rows.filter(**{f"{metric.day}__gte": period.start, f"{metric.day}__lte": period.end})
    for dimension, value in filters.items():
        column, members = metric.dimensions[dimension], value if isinstance(value, (list, set, tuple)) else [value]
        if _follows_the_date(metric, dimension):
            rows = held_by(rows, members, dimension, column, *_fact(metric), moment=metric.moment)
        else:
            rows = rows.filter(**{f"{column}__in" if isinstance(value, (list, set, tuple)) else column: value})
    return rows


def _follows_the_date(metric: Metric, dimension: str) -> bool:
    """Whether facts count for who held the record at their date."""
    return dimension in HELD and not metric.present


def _fact(metric: Metric) -> tuple[str, str, str]:
    """The kind of the record that is held, where a fact has its id, and the fact's date."""
    return metric.resource, metric.scope or "pk", metric.day


def measure(metric: Metric, actor: Actor, period: Period | None = None, **filters: Any) -> Decimal:
    """The value of a measure; zero when there are no facts."""
    return facts(metric, actor, period, **filters).aggregate(value=metric.value)["value"] or Decimal(0)


def measure_by(
    metric: Metric, dimension: str, actor: Actor, period: Period | None = None, where: Q | None = None, **filters: Any
) -> dict[Any, Decimal]:
    """The value of a measure for each member of a dimension. Raises KeyError for an unknown dimension."""
    column, rows = metric.dimensions[dimension], facts(metric, actor, period, where, **filters).order_by()
    if _follows_the_date(metric, dimension) and metric.resource in changed_hands():
        rows = rows.annotate(member=holder_then(dimension, column, *_fact(metric), moment=metric.moment))
        column = "member"
    return {row[column]: row["value"] or Decimal(0) for row in rows.values(column).annotate(value=metric.value)}

"""The pipeline as it stood on past days: a row for each open opportunity and night, never changed again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.transactions import atomic
from saleswright.modules.pipeline.models import Opportunity, PipelineNight
from saleswright.modules.pipeline.states import OpportunityStatus

_TAKE = """
INSERT INTO pipeline_pipelinenight (
    night, opportunity_id, pipeline_id, stage_id, owner_id, department_id, base_amount, probability, expected_close
)
SELECT %s, id, pipeline_id, stage_id, owner_id, department_id, base_amount, probability, expected_close
FROM pipeline_opportunity WHERE status = %s AND archived_at IS NULL
ON CONFLICT (night, opportunity_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Stood:
    """How an open opportunity stood on a day; the amount is in base currency."""

    opportunity_id: int
    stage_id: int
    owner_id: int | None
    amount: Decimal
    probability: int
    expected_close: date | None


def take_night(night: date) -> int:
    """Write how all open opportunities stand as the state at the end of `night`, with one statement.

    A night is taken once: asked again, nothing is written. Returns how many rows were.
    """
    with atomic():
        if PipelineNight.objects.filter(night=night).exists():
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [night, OpportunityStatus.OPEN.value])
            return int(cursor.rowcount)


def night_for(day: date) -> date | None:
    """The last night taken up to that day; None when there is none."""
    found: date | None = PipelineNight.objects.filter(night__lte=day).aggregate(last=Max("night"))["last"]
    return found


def stood(day: date, actor: Actor, **filters: Any) -> tuple[date | None, dict[int, Stood]]:
    """The open opportunities that the actor may see now as they stood at the end of `day`, by id, and of which night
    that is known: today and later are the present. Without any night up to then (None, {}).
    """
    cut = {name: value for name, value in filters.items() if value is not None}
    names: tuple[str, ...] = ("stage_id", "owner_id", "base_amount", "probability", "expected_close")
    today = clock.today()
    seen = visible(Opportunity.objects.all(), actor).order_by()
    if day >= today:
        rows: QuerySet[Any] = seen.filter(status=OpportunityStatus.OPEN, archived_at=None, **cut)
        return today, {row[0]: Stood(*row) for row in rows.values_list("pk", *names)}
    night = night_for(day)
    if night is None:
        return None, {}
    rows = PipelineNight.objects.filter(night=night, opportunity__in=seen.values("pk"), **cut)
    return night, {row[0]: Stood(*row) for row in rows.values_list("opportunity_id", *names)}

"""Until when opportunities may stay in their stage: kept with them, so that lists need no working-time arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from django.db.models import F, Q

from saleswright.kernel.worktime import add_working_days
from saleswright.modules.pipeline.models import Opportunity, Stage
from saleswright.modules.pipeline.states import OpportunityStatus


def due_on(since: date, stage: Stage) -> date | None:
    """The last day on which what came into the stage on `since` is not yet stuck; None without a limit."""
    return None if stage.time_limit_days is None else add_working_days(since, stage.time_limit_days)


def follow_time_limits(stages: Iterable[int] | None = None) -> int:
    """Work out the days anew where a stage's limit or the company's calendar may have changed; returns how many
    opportunities have another one now. A statement for each stage and day whose answer differs.
    """
    rows = Opportunity.objects.filter(status=OpportunityStatus.OPEN)
    if stages is not None:
        rows = rows.filter(stage__in=list(stages))
    days = lru_cache(maxsize=None)(add_working_days)
    changed = 0
    known = rows.order_by().values_list("stage_id", "stage__time_limit_days", "stage_since").distinct()
    for stage_id, limit, since in list(known):
        due = None if limit is None else days(since, limit)
        differing = Q(stage_due_on__isnull=False) if due is None else ~Q(stage_due_on=due) | Q(stage_due_on=None)
        here = rows.filter(differing, stage_id=stage_id, stage_since=since)
        changed += here.update(stage_due_on=due, version=F("version") + 1)
    return changed

"""Reads about stages and opportunities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from saleswright.interface.entity import BoardKey
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import standard_scope
from saleswright.kernel.resources import resource_named
from saleswright.modules.notices.public import Busy
from saleswright.modules.pipeline.models import (
    USUAL_LENGTH,
    Activity,
    ActivityParticipant,
    Opportunity,
    Pipeline,
    Stage,
    StageChange,
)
from saleswright.modules.pipeline.states import ActivityStatus, OpportunityStatus

#: of the stages of a pipeline, first to last; the last one is always the last stage's
COLOURS = ("azure", "teal", "indigo", "orange", "green")

#: so much longer than any planned activity that one which began before it can be left out
LONGEST = timedelta(days=31)


def planned_between(start: datetime, end: datetime) -> QuerySet[Activity]:
    """The activities whose planned time touches that time, whatever became of them."""
    within = Q(planned_until__gt=start) | Q(planned_until=None, planned_at__gt=start - USUAL_LENGTH)
    rows = Activity.objects.filter(archived_at=None, planned_at__lt=end, planned_at__gt=start - LONGEST)
    return rows.filter(within)


def visits_between(people: list[int], start: datetime, end: datetime) -> list[Busy]:
    """When these people have planned a visit or call in that time, of their own or as participants."""
    rows = planned_between(start, end).filter(status=ActivityStatus.PLANNED)
    own = rows.filter(owner__in=people).values_list("owner_id", "planned_at", "planned_until")
    others = rows.filter(participants__person__in=people)
    taking_part = others.values_list("participants__person_id", "planned_at", "planned_until")
    wanted = set(people)
    return [
        Busy(user_id, begins, until or begins + USUAL_LENGTH, _("planned activity"))
        for user_id, begins, until in {*own, *taking_part}
        if user_id in wanted and begins is not None
    ]


def takes_part(actor: Actor) -> Q:
    """The activities in which the actor takes part without owning them."""
    mine = ActivityParticipant.objects.filter(person_id=actor.user_id or 0)
    return Q(pk__in=mine.values("activity_id"))


def goes_there(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """The activities at which the actor is the one who arrives and leaves: their own."""
    return queryset if actor.kind == "system" else queryset.filter(owner_id=actor.user_id or 0)


def gives_place(queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
    """The activities whose place their customer could do with: they have one, the customer has none."""
    rows = standard_scope(resource_named("activities"), queryset, actor, scopes)
    return rows.filter(latitude__isnull=False, customer__isnull=False, customer__latitude=None)


def pipelines_in_order() -> QuerySet[Pipeline]:
    """The pipelines in use; the first is the one that new opportunities go into."""
    return Pipeline.objects.filter(archived_at=None).order_by("sequence", "id")


def stages_of(pipeline_id: int) -> list[Stage]:
    """The stages in use of a pipeline, first to last."""
    return list(Stage.objects.filter(pipeline_id=pipeline_id, archived_at=None).order_by("sequence", "id"))


def chosen_pipeline(pipeline_id: int | None) -> int:
    """The pipeline asked for, or else the one that new opportunities go into; 0 when there is none."""
    return pipeline_id or pipelines_in_order().values_list("pk", flat=True).first() or 0


def stage_columns(actor: Actor, parameters: Mapping[str, str]) -> list[BoardKey]:
    """The columns of the board: the stages of the pipeline asked for, or of the first one."""
    asked = parameters.get("pipeline_id") or parameters.get("pipeline") or ""
    pipeline_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    stages = stages_of(chosen_pipeline(pipeline_id))
    limited = [stage.pk for stage in stages if stage.most_deals is not None]
    taken = open_in(limited) if limited else {}
    return [_column(stage, stage_colour(place, len(stages)), taken) for place, stage in enumerate(stages)]


def _column(stage: Stage, colour: str, taken: Mapping[int, int]) -> BoardKey:
    """A stage as a column of the board, with how full it is; the limit is for all deals, not only those one sees."""
    percent = f"{stage.probability}%"
    if stage.most_deals is None:
        return BoardKey(str(stage.pk), stage.title, colour, percent)
    count = taken.get(stage.pk, 0)
    room = f"{count} / {stage.most_deals}"
    return BoardKey(str(stage.pk), stage.title, colour, percent, room, count >= stage.most_deals)


def open_in(stage_ids: Iterable[int]) -> dict[int, int]:
    """How many open opportunities stand in each of the stages, whoever has them."""
    rows = Opportunity.objects.filter(stage__in=list(stage_ids), status=OpportunityStatus.OPEN, archived_at=None)
    return dict(rows.order_by().values("stage_id").annotate(n=Count("pk")).values_list("stage_id", "n"))


def stage_colour(place: int, count: int) -> str:
    """The colour of a stage by its place (from 0) among `count`."""
    return COLOURS[-1] if place == count - 1 else COLOURS[place % (len(COLOURS) - 1)]


def stuck_ones(ids: list[int], actor: Actor) -> dict[int, bool]:
    """Which open opportunities have been in their stage for more working days than its time limit."""
    return dict.fromkeys(stuck(Opportunity.objects.filter(pk__in=ids)).values_list("pk", flat=True), True)


def stuck(rows: QuerySet[Opportunity]) -> QuerySet[Opportunity]:
    """Those of them that are stuck."""
    return rows.filter(status=OpportunityStatus.OPEN, stage_due_on__lt=clock.today())


def late_steps(ids: list[int], actor: Actor) -> dict[int, bool]:
    """Of which open opportunities the time of the next step is over."""
    rows = Opportunity.objects.filter(pk__in=ids, status=OpportunityStatus.OPEN, next_step_at__lt=clock.now())
    return dict.fromkeys(rows.values_list("pk", flat=True), True)


def stage_histories(ids: list[int], actor: Actor) -> dict[int, list[dict[str, Any]]]:
    """How opportunities went through the stages, oldest first; `days` were spent in the stage left."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = (
        StageChange.objects.filter(opportunity_id__in=ids)
        .order_by("opportunity_id", "at", "id")
        .values_list(
            "opportunity_id", "from_stage_id", "from_stage__title", "to_stage_id", "to_stage__title", "at", "days",
            "actor__name", "reason",
        )
    )  # fmt: skip
    for pk, from_id, from_title, to_id, to_title, at, days, name, reason in rows:
        found.setdefault(pk, []).append(
            {
                "from_stage": {"id": from_id, "label": from_title} if from_id else None,
                "to_stage": {"id": to_id, "label": to_title},
                "at": clock.local_time(at).isoformat(),
                "days": days,
                "by": name or "",
                "reason": reason,
            }
        )
    return found


def furthest_stages(pipeline_id: int) -> Any:
    """A subquery for the furthest sequence that an opportunity has reached in the pipeline."""
    reached = StageChange.objects.filter(opportunity=OuterRef("pk"), to_stage__pipeline_id=pipeline_id)
    furthest = reached.order_by("-to_stage__sequence").values("to_stage__sequence")[:1]
    return Coalesce(Subquery(furthest), F("stage__sequence"))


def open_opportunities() -> QuerySet[Opportunity]:
    """Deals that may still be had."""
    return Opportunity.objects.filter(status=OpportunityStatus.OPEN, archived_at=None)


def won_opportunities() -> QuerySet[Opportunity]:
    """Deals that were won."""
    return Opportunity.objects.filter(status=OpportunityStatus.WON)

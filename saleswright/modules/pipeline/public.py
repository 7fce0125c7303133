"""What other modules may use of opportunities and activities."""

from saleswright.modules.pipeline.actions.activities import not_checked_in
from saleswright.modules.pipeline.actions.opportunities import lose_opportunity, move_opportunity, win_opportunity
from saleswright.modules.pipeline.models import (
    USUAL_LENGTH,
    Activity,
    ActivityParticipant,
    CloseChange,
    LossReason,
    Opportunity,
    OpportunityLine,
    OpportunityNeed,
    Pipeline,
    PipelineNight,
    Solution,
    SolutionLine,
    Stage,
)
from saleswright.modules.pipeline.probability import probability_sources, refresh_learned
from saleswright.modules.pipeline.queries import planned_between
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    ForecastCategory,
    OpportunityStatus,
    PlaceState,
    SolutionStatus,
)
from saleswright.modules.pipeline.team import Coverage, coverage_sources
from saleswright.modules.pipeline.timing import follow_time_limits

__all__ = [
    "USUAL_LENGTH",
    "Activity",
    "ActivityKind",
    "ActivityParticipant",
    "ActivityStatus",
    "CloseChange",
    "Coverage",
    "ForecastCategory",
    "LossReason",
    "Opportunity",
    "OpportunityLine",
    "OpportunityNeed",
    "OpportunityStatus",
    "Pipeline",
    "PipelineNight",
    "PlaceState",
    "Solution",
    "SolutionLine",
    "SolutionStatus",
    "Stage",
    "coverage_sources",
    "follow_time_limits",
    "lose_opportunity",
    "move_opportunity",
    "not_checked_in",
    "planned_between",
    "probability_sources",
    "refresh_learned",
    "win_opportunity",
]

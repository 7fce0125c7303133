"""What other modules may use of opportunities and activities."""

from saleswright.modules.pipeline.actions.opportunities import lose_opportunity, move_opportunity, win_opportunity
from saleswright.modules.pipeline.models import (
    Activity,
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
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    ForecastCategory,
    OpportunityStatus,
    SolutionStatus,
)
from saleswright.modules.pipeline.team import Coverage, coverage_sources
from saleswright.modules.pipeline.timing import follow_time_limits

__all__ = [
    "Activity",
    "ActivityKind",
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
    "Solution",
    "SolutionLine",
    "SolutionStatus",
    "Stage",
    "coverage_sources",
    "follow_time_limits",
    "lose_opportunity",
    "move_opportunity",
    "probability_sources",
    "refresh_learned",
    "win_opportunity",
]

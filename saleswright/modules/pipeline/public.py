"""What other modules may use of opportunities and activities."""

from saleswright.modules.pipeline.actions.opportunities import lose_opportunity, move_opportunity, win_opportunity
from saleswright.modules.pipeline.models import Activity, LossReason, Opportunity, OpportunityLine, Pipeline, Stage
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    ForecastCategory,
    OpportunityStatus,
)

__all__ = [
    "Activity",
    "ActivityKind",
    "ActivityStatus",
    "ForecastCategory",
    "LossReason",
    "Opportunity",
    "OpportunityLine",
    "OpportunityStatus",
    "Pipeline",
    "Stage",
    "lose_opportunity",
    "move_opportunity",
    "win_opportunity",
]

"""What other modules may use of opportunities and activities."""

from saleswright.modules.pipeline.actions.activities import not_checked_in
from saleswright.modules.pipeline.actions.opportunities import lose_opportunity, move_opportunity, win_opportunity
from saleswright.modules.pipeline.models import (
    USUAL_LENGTH,
    Activity,
    ActivityParticipant,
    LossReason,
    Opportunity,
    OpportunityLine,
    Pipeline,
    Stage,
)
from saleswright.modules.pipeline.queries import planned_between
from saleswright.modules.pipeline.states import (
    ActivityKind,
    ActivityStatus,
    ForecastCategory,
    OpportunityStatus,
    PlaceState,
)

__all__ = [
    "USUAL_LENGTH",
    "Activity",
    "ActivityKind",
    "ActivityParticipant",
    "ActivityStatus",
    "ForecastCategory",
    "LossReason",
    "Opportunity",
    "OpportunityLine",
    "OpportunityStatus",
    "Pipeline",
    "PlaceState",
    "Stage",
    "lose_opportunity",
    "move_opportunity",
    "not_checked_in",
    "planned_between",
    "win_opportunity",
]

"""What other modules may use of the market."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from saleswright.modules.market.intelligence.states import Topic as IntelligenceTopic
from saleswright.modules.market.models import (
    Campaign,
    Competitor,
    Intelligence,
    MarketSize,
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    TargetMarket,
)
from saleswright.modules.market.surveys.answering import Door, take_answer
from saleswright.modules.market.targeting.rules import attractiveness
from saleswright.modules.market.targeting.states import MarketPeriod

__all__ = [
    "Campaign",
    "Competitor",
    "Intelligence",
    "IntelligenceTopic",
    "MarketPeriod",
    "MarketSize",
    "Survey",
    "SurveyAnswer",
    "SurveyInvitation",
    "TargetMarket",
    "answer_invitation",
    "attractiveness",
]


def answer_invitation(one: SurveyInvitation, given: Mapping[str, Sequence[str]], *, at: datetime) -> SurveyAnswer:
    """Answer for whoever was invited, what they typed by the code of the question."""
    return take_answer(Door(one.survey, one), given, "", at=at)

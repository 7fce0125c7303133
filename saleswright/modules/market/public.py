"""What other modules may use of the market."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from saleswright.modules.market.models import Campaign, Competitor, Survey, SurveyAnswer, SurveyInvitation
from saleswright.modules.market.surveys.answering import Door, take_answer

__all__ = ["Campaign", "Competitor", "Survey", "SurveyAnswer", "SurveyInvitation", "answer_invitation"]


def answer_invitation(one: SurveyInvitation, given: Mapping[str, Sequence[str]], *, at: datetime) -> SurveyAnswer:
    """Answer for whoever was invited, what they typed by the code of the question."""
    return take_answer(Door(one.survey, one), given, "", at=at)

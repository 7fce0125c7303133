"""What other modules may use of segments and the figures of customers."""

from saleswright.modules.insight.actions.care import care
from saleswright.modules.insight.actions.figures import refresh
from saleswright.modules.insight.actions.grading import grade
from saleswright.modules.insight.models import CustomerStanding, Segment
from saleswright.modules.insight.queries import in_segment, members

__all__ = ["CustomerStanding", "Segment", "care", "grade", "in_segment", "members", "refresh"]

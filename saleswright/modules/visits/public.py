"""What other modules may use of visits and reports."""

from saleswright.modules.visits.goals import Goal, GoalSource, goal_sources
from saleswright.modules.visits.models import CustomerExpense, VisitPlan, WorkReport
from saleswright.modules.visits.states import ExpenseStatus, PlanStatus, ReportKind, ReportStatus

__all__ = [
    "CustomerExpense",
    "ExpenseStatus",
    "Goal",
    "GoalSource",
    "PlanStatus",
    "ReportKind",
    "ReportStatus",
    "VisitPlan",
    "WorkReport",
    "goal_sources",
]

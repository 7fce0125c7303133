"""What other modules may use of targets."""

from saleswright.modules.targets.models import Target
from saleswright.modules.targets.queries import (
    Attainment,
    attainment,
    attainments,
    filters_of,
    foremost,
    metric_label,
    period_text,
    scope_label,
    targets_of,
)
from saleswright.modules.targets.states import Light, PeriodCode, ScopeKind, TargetStatus, months_of

__all__ = [
    "Attainment",
    "Light",
    "PeriodCode",
    "ScopeKind",
    "Target",
    "TargetStatus",
    "attainment",
    "attainments",
    "filters_of",
    "foremost",
    "metric_label",
    "months_of",
    "period_text",
    "scope_label",
    "targets_of",
]

"""The rules of a fresh installation."""

from saleswright.kernel import clock
from saleswright.modules.insight.models import CustomerRules, GradeRules


def ship() -> None:
    """Write the rules of life cycle, risk and grading where there are none."""
    for model in (CustomerRules, GradeRules):
        if not model.objects.exists():
            model.objects.create(created_at=clock.now(), updated_at=clock.now())

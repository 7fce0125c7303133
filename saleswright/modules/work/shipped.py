"""What a fresh installation holds: the flow of large contracts."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from saleswright.kernel.clock import now
from saleswright.modules.work.models import ApprovalFlow, ApprovalStep
from saleswright.modules.work.states import ApproverKind

DIRECTORS_FROM = Decimal("500000")


def ship() -> None:
    """Write the flow if there is none for contracts; one that was edited or archived is left as it is."""
    if not ApprovalFlow.objects.filter(resource="contracts", transition="submit").exists():
        at = now()
        flow = ApprovalFlow.objects.create(
            name=_("Large contracts"), resource="contracts", transition="submit", created_at=at, updated_at=at
        )
        ApprovalStep.objects.create(
            flow=flow, min_amount=DIRECTORS_FROM, approver=ApproverKind.ROLE, role="sales_director"
        )

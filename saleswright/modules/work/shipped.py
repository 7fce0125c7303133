"""What a fresh installation holds: the flow of large contracts."""

from __future__ import annotations

from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import system
from saleswright.kernel.clock import now
from saleswright.modules.work.actions.flows import note_versions
from saleswright.modules.work.models import ApprovalFlow, ApprovalStep
from saleswright.modules.work.states import ApproverKind

LARGE = {"and": [{"field": "facts.amount", "op": "gte", "value": "500000"}]}


def ship() -> None:
    """Write the flow if there is none for contracts; one that was edited or archived is left as it is."""
    if not ApprovalFlow.objects.filter(resource="contracts", transition="submit").exists():
        at = now()
        flow = ApprovalFlow.objects.create(
            name=_("Large contracts"), resource="contracts", transition="submit", created_at=at, updated_at=at
        )
        ApprovalStep.objects.create(flow=flow, condition=LARGE, approver=ApproverKind.ROLE, role="sales_director")
        note_versions([flow], actor=system("setup"), at=at)

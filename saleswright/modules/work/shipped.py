"""What a fresh installation holds: the flow of large contracts, the rules for files."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import system
from saleswright.kernel.clock import now
from saleswright.modules.work.actions.flows import note_versions
from saleswright.modules.work.files.kinds import FileGroup
from saleswright.modules.work.models import ApprovalFlow, ApprovalStep, FileRule
from saleswright.modules.work.states import ApproverKind

LARGE = {"and": [{"field": "facts.amount", "op": "gte", "value": "500000"}]}


def ship() -> None:
    """Write what is missing; what was edited or archived is left as it is."""
    ship_flow()
    ship_file_rules()


def ship_file_rules() -> None:
    """Write the rule of each group of files that has none: everything is taken but documents with macros."""
    at, present = now(), set(FileRule.objects.values_list("group", flat=True))
    FileRule.objects.bulk_create(
        FileRule(
            group=group, taken=group != FileGroup.MACRO, megabytes=settings.UPLOAD_LIMIT >> 20,
            created_at=at, updated_at=at,
        )
        for group in FileGroup
        if group not in present
    )  # fmt: skip


def ship_flow() -> None:
    """Write the flow of large contracts, if there is none for contracts."""
    if not ApprovalFlow.objects.filter(resource="contracts", transition="submit").exists():
        at = now()
        flow = ApprovalFlow.objects.create(
            name=_("Large contracts"), resource="contracts", transition="submit", created_at=at, updated_at=at
        )
        ApprovalStep.objects.create(flow=flow, condition=LARGE, approver=ApproverKind.ROLE, role="sales_director")
        note_versions([flow], actor=system("setup"), at=at)

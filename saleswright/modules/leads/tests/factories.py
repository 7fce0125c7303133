"""Leads for tests."""

from __future__ import annotations

import itertools
from typing import Any

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.leads.models import Lead

_serial = itertools.count(1)


def make_lead(status: str = "new", **values: Any) -> Lead:
    """A lead in a state, saved as the system."""
    given = {"company": f"Harbour {next(_serial)} Ltd", "contact_name": "Li Lei", "phone": "13800138000", **values}
    given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
    lead = save_record(Lead, given, actor=system("test"))
    if status != "new":
        Lead.objects.filter(pk=lead.pk).update(status=status)
        lead.refresh_from_db()
    return lead

"""The sources of leads that a fresh database holds (LEAD-01)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.modules.leads.models import LeadSource
from saleswright.modules.leads.states import SourceKind

SOURCES = (
    ("research", _("Market research"), SourceKind.OWN),
    ("web", _("Website"), SourceKind.INBOUND),
    ("campaign", _("Marketing campaign"), SourceKind.PAID),
    ("referral", _("Referral by a customer"), SourceKind.REFERRED),
    ("exhibition", _("Trade fair"), SourceKind.PAID),
    ("partner", _("Channel partner"), SourceKind.REFERRED),
    ("call-in", _("Call-in"), SourceKind.INBOUND),
    ("import", _("Imported list"), SourceKind.OWN),
)


def ship() -> None:
    """Write the shipped sources that are missing; those that were renamed are left as they are."""
    at = clock.now()
    present = set(LeadSource.objects.values_list("code", flat=True))
    LeadSource.objects.bulk_create(
        LeadSource(code=code, name=str(name), kind=kind, created_at=at, updated_at=at)
        for code, name, kind in SOURCES
        if code not in present
    )

"""The sources of leads and the rules of their score that a fresh database holds (LEAD-01, LEAD-04)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.modules.leads.models import LeadSource, ScoreRule, ScoreSetup
from saleswright.modules.leads.scoring.rules import shipped_rules
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
    """Write what is missing of the sources and of the score; what was changed is left as it is."""
    ship_sources()
    ship_score()


def ship_score() -> None:
    """Write the rules where there are none yet, and how the score is learned."""
    stamps = {"created_at": clock.now(), "updated_at": clock.now()}
    if not ScoreRule.objects.exists():
        ScoreRule.objects.bulk_create(
            ScoreRule(label=label, part=part, points=points, conditions=conditions, position=10 * place, **stamps)
            for place, (part, label, points, conditions) in enumerate(shipped_rules(), 1)
        )
    if not ScoreSetup.objects.exists():
        ScoreSetup.objects.create(**stamps)


def ship_sources() -> None:
    """Write the shipped sources that are missing; those that were renamed are left as they are."""
    at = clock.now()
    present = set(LeadSource.objects.values_list("code", flat=True))
    LeadSource.objects.bulk_create(
        LeadSource(code=code, name=str(name), kind=kind, created_at=at, updated_at=at)
        for code, name, kind in SOURCES
        if code not in present
    )

"""Reads about leads: their sources, their score with its reasons, and what looks the same."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.caching import kept
from saleswright.kernel.errors import Text
from saleswright.kernel.records import attname_of
from saleswright.modules.leads.models import Lead, LeadSource

#: points for what is known of a lead: field -> (points, reason)
KNOWN: dict[str, tuple[int, Text]] = {
    "company": (10, gettext_lazy("Company known")),
    "contact_name": (5, gettext_lazy("Contact person known")),
    "phone": (10, gettext_lazy("Phone known")),
    "email": (5, gettext_lazy("E-mail known")),
    "industry": (5, gettext_lazy("Industry known")),
    "region": (4, gettext_lazy("Region known")),
    "need": (10, gettext_lazy("Need described")),
    "need_confirmed": (4, gettext_lazy("Need confirmed")),
    "budget_confirmed": (4, gettext_lazy("Budget confirmed")),
    "authority_confirmed": (4, gettext_lazy("Speaks with who decides")),
    "time_confirmed": (4, gettext_lazy("Time of purchase confirmed")),
}
#: points for a budget of at least so much in base currency; the first that fits counts
BUDGETS: tuple[tuple[Decimal, int], ...] = ((Decimal(100_000), 20), (Decimal(10_000), 15), (Decimal("0.01"), 10))
#: points for where a lead came from; others have none
SOURCES = {"referral": 15, "partner": 12, "call-in": 12, "exhibition": 10, "campaign": 8, "web": 6, "research": 4}
REASONS: dict[str, Text] = {
    **{name: reason for name, (_points, reason) in KNOWN.items()},
    "budget": gettext_lazy("Budget named"),
    "source": gettext_lazy("Good source"),
}


@kept(seconds=30)
def source_names() -> dict[str, Text]:
    """What the sources in use are called, by the code under which records name them."""
    return dict(LeadSource.objects.filter(archived_at=None).order_by("name").values_list("code", "name"))


def score_parts(lead: Lead) -> list[tuple[str, int]]:
    """The parts of a lead's score, the greatest first: what is known (`KNOWN`, 65), the budget (`BUDGETS`, 20) and
    the source (`SOURCES`, 15). They add up to 100 at most (LEAD-04, by rules).
    """
    parts = [(name, points) for name, (points, _reason) in KNOWN.items() if getattr(lead, attname_of(Lead, name))]
    if lead.budget:
        parts.append(("budget", next((points for least, points in BUDGETS if lead.budget >= least), 0)))
    if points := SOURCES.get(lead.source, 0):
        parts.append(("source", points))
    return sorted(parts, key=lambda part: -part[1])


def score_reasons_of(ids: list[int], actor: Actor) -> dict[int, list[str]]:
    """Why leads have their score, in the reader's language: `["Budget named +20", …]`."""
    rows = Lead.objects.filter(pk__in=ids).values_list("pk", "score_parts")
    return {pk: [f"{REASONS.get(name, name)} +{points}" for name, points in parts] for pk, parts in rows}


def phones_of(ids: list[int]) -> dict[int, str]:
    """The phone numbers of leads that have one."""
    return dict(Lead.objects.filter(pk__in=ids).exclude(phone="").values_list("pk", "phone"))


def known_sources() -> dict[str, str]:
    """The codes of the sources, by code and by name in lower case."""
    found: dict[str, str] = {}
    for code, name in LeadSource.objects.filter(archived_at=None).order_by("-id").values_list("code", "name"):
        found |= {name.casefold(): code, code.casefold(): code}
    return found

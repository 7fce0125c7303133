"""Reads about leads: their sources, their phones, and what looks the same."""

from __future__ import annotations

from saleswright.kernel.caching import kept
from saleswright.kernel.errors import Text
from saleswright.modules.leads.models import Lead, LeadSource


@kept(seconds=30)
def source_names() -> dict[str, Text]:
    """What the sources in use are called, by the code under which records name them."""
    return dict(LeadSource.objects.filter(archived_at=None).order_by("name").values_list("code", "name"))


def phones_of(ids: list[int]) -> dict[int, str]:
    """The phone numbers of leads that have one."""
    return dict(Lead.objects.filter(pk__in=ids).exclude(phone="").values_list("pk", "phone"))


def known_sources() -> dict[str, str]:
    """The codes of the sources, by code and by name in lower case."""
    found: dict[str, str] = {}
    for code, name in LeadSource.objects.filter(archived_at=None).order_by("-id").values_list("code", "name"):
        found |= {name.casefold(): code, code.casefold(): code}
    return found

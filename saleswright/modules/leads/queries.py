"""Reads about leads: their sources, their phones, and what looks the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.caching import kept
from saleswright.kernel.errors import Text
from saleswright.kernel.text import company_key, phone_key
from saleswright.modules.customers.public import similar_customers
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


def similar_leads(values: Mapping[str, Any], actor: Actor) -> list[tuple[str, str]]:
    """Leads and customers that look like the lead being typed: (who it is and whose, address if one may see it)."""
    company, phone = str(values.get("company") or ""), str(values.get("phone") or "")
    wanted = {
        "company_key": company_key(company)[:200] if company else "",
        "phone_key": phone_key(phone)[:40],
        "email_key": str(values.get("email") or "").strip().casefold(),
    }
    condition = Q(pk__in=())
    for name, value in wanted.items():
        if value:
            condition |= Q(**{name: value})
    leads = Lead.objects.filter(condition, archived_at=None).select_related("owner").order_by("-id")
    if own := str(values.get("id") or ""):
        leads = leads.exclude(pk=own)
    found = list(leads[:10])
    mine = set(visible(Lead.objects.filter(pk__in=[lead.pk for lead in found]), actor).values_list("pk", flat=True))
    shown = [
        (
            f"{lead.title} · {lead.get_status_display()} · {lead.owner.name if lead.owner else _('no owner')}",
            f"/leads/{lead.pk}" if lead.pk in mine else "",
        )
        for lead in found
    ]
    return shown + similar_customers({"name": company, "phone": phone}, actor)

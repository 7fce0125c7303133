"""Whether a lead is there already among leads, customers and contacts (LEAD-03): the exact blocks, the likely warns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import Alike, Similar
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.caching import kept
from saleswright.kernel.errors import Text
from saleswright.kernel.matching import Row
from saleswright.kernel.matching.lookup import likely, likely_ones
from saleswright.kernel.records import Batch
from saleswright.kernel.resources import EXTRA_PERMISSIONS
from saleswright.kernel.text import company_key, phone_key
from saleswright.modules.customers.public import Customer, alike_records, similar, similar_customers
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.states import LeadStatus

MOST_SIMILAR = 10
#: whoever has it may enter a lead that is there already
ENTER_TWICE = "duplicates.enter"
EXTRA_PERMISSIONS.add(ENTER_TWICE)
#: leads that stand in nobody's way any more
OVER = (LeadStatus.DISQUALIFIED, LeadStatus.CONVERTED)


def similar_leads(values: Mapping[str, Any], actor: Actor) -> list[Similar]:
    """Leads and customers that look like the lead being typed, by number, e-mail, name, or a name with a slip.

    Of those out of sight only name and owner are shown, and where to ask to join.
    """
    company, phone = str(values.get("company") or ""), str(values.get("phone") or "")
    email = str(values.get("email") or "").strip()
    keys = _keys(company, phone, email)
    live = Lead.objects.filter(archived_at=None)
    ids = list(live.filter(_any_of(keys)).order_by("-id").values_list("pk", flat=True)[:MOST_SIMILAR])
    if keys["company_key"]:
        ids += likely(live, Row(0, company), name="company", among=_how_many())
    own = str(values.get("id") or "")
    wanted = [pk for pk in dict.fromkeys(ids) if str(pk) != own][:MOST_SIMILAR]
    found = Lead.objects.filter(pk__in=wanted).select_related("owner").in_bulk()
    mine = set(visible(Lead.objects.filter(pk__in=wanted), actor).values_list("pk", flat=True))
    shown = [
        similar(one, f"{one.title} · {one.get_status_display()}", one.pk in mine, actor)
        for one in (found[pk] for pk in wanted if pk in found)
    ]
    return shown + similar_customers({"name": company, "phone": phone, "email": email}, actor)


def _keys(company: str, phone: str, email: str) -> dict[str, str]:
    """What the columns of a lead that is exactly the same would hold."""
    return {
        "company_key": company_key(company)[:200] if company else "",
        "phone_key": phone_key(phone)[:40],
        "email_key": email.casefold(),
    }


def _any_of(keys: Mapping[str, str]) -> Q:
    condition = Q(pk__in=())
    for name, value in keys.items():
        if value:
            condition |= Q(**{name: value})
    return condition


@kept(seconds=60)
def _how_many() -> int:
    """How many leads there are, which hardly changes while somebody types."""
    return Lead.objects.count()


def alike_leads(rows: list[Mapping[str, Any]], actor: Actor) -> list[Alike | None]:
    """For each row of a file the lead that it likely is, by number, e-mail address or name."""
    live = Lead.objects.filter(archived_at=None)
    keys = [_keys(*(str(row.get(name) or "").strip() for name in ("company", "phone", "email"))) for row in rows]
    exact: dict[tuple[str, str], int] = {}
    for name in ("email_key", "phone_key"):
        wanted = {one[name] for one in keys} - {""}
        exact |= {(name, value): pk for value, pk in live.filter(**{f"{name}__in": wanted}).values_list(name, "pk")}
    typed = [Row(place, str(row.get("company") or "")) for place, row in enumerate(rows)]
    found: list[tuple[int, float] | None] = []
    for one, best in zip(keys, likely_ones(live, typed, name="company", among=_how_many()), strict=True):
        pk = exact.get(("phone_key", one["phone_key"])) or exact.get(("email_key", one["email_key"]))
        found.append((pk, 1.0) if pk else best)
    return alike_records(Lead, "title", found, actor)


# --- the exact -------------------------------------------------------------------------------------------------

#: what is the same -> (field that is refused, words)
REFUSED: dict[str, tuple[str, Text]] = {
    "company_key": ("company", gettext_lazy("This company is there already: %(what)s.")),
    "phone_key": ("phone", gettext_lazy("This number is there already: %(what)s.")),
    "email_key": ("email", gettext_lazy("This e-mail address is there already: %(what)s.")),
}


def refuse_known(batch: Batch) -> None:
    """Refuse new leads that people enter although an open lead, a customer or a contact is exactly the same.

    The same is what has the same normalised company name, number or e-mail address. What comes by a form, a job or an
    import of the past is taken, and so is what somebody enters who may (`duplicates.enter`). A constant number of
    queries however many leads there are.
    """
    actor = batch.actor
    fresh = [draft for draft in batch.good if draft.fresh]
    if not fresh or batch.history or actor.kind == "system" or actor.may(ENTER_TWICE):
        return
    known = {
        name: _known(name, {value for draft in fresh if (value := getattr(draft.record, name))}) for name in REFUSED
    }
    for draft in fresh:
        for name, (field, words) in REFUSED.items():
            value = getattr(draft.record, name)
            if value and value in known[name]:
                draft.error(field, "duplicate", words % {"what": known[name][value]})
                break
            if value:  # a second row of the same file
                known[name][value] = draft.record.title


def _known(name: str, values: set[str]) -> dict[str, str]:
    """For each value that is taken who has it: name and owner, which people are told even out of sight."""
    if not values:
        return {}
    found: dict[str, str] = {}
    customers = Customer.objects.filter(archived_at=None)
    match name:
        case "company_key":
            found |= _said(customers.filter(name_key__in=values).values_list("name_key", "name", "owner__name"))
        case "phone_key":
            for column in ("contacts__mobile", "contacts__phone"):
                rows = customers.filter(**{f"{column}__in": values})
                found |= _said(rows.values_list(column, "name", "owner__name"))
        case "email_key":
            rows = customers.filter(contacts__email__in=values)
            found |= _said(rows.values_list("contacts__email", "name", "owner__name"))
    leads = Lead.objects.filter(archived_at=None, **{f"{name}__in": values}).exclude(status__in=OVER)
    return found | _said(leads.values_list(name, "title", "owner__name"))


def _said(rows: Iterable[tuple[str, str, str | None]]) -> dict[str, str]:
    return {value: f"{title} · {owner or _('no owner')}" for value, title, owner in rows}

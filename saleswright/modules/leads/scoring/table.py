"""Leads as a table to learn from: which columns, with the values that were known when a lead was entered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from saleswright.interface.entity import entity_named
from saleswright.kernel.custom_column import PREFIX
from saleswright.kernel.custom_fields import CustomDefinition, fields_of
from saleswright.kernel.errors import Text
from saleswright.kernel.learning.past import put_back
from saleswright.kernel.learning.problem import Column, Examples, Kind
from saleswright.kernel.learning.values import kind_of
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.scoring.rules import rule_book
from saleswright.modules.leads.states import LeadStatus

AT_ONCE = 5000
#: what the model may use of a lead. Of what names a person or a firm only whether it is there; nothing of who has the
#: lead, of its status, or of what its conversion wrote.
OWN: dict[str, Kind] = {
    "source": "category", "industry": "category", "region_id": "category", "campaign_id": "category",
    "budget": "number", "decision_date": "date", "created_at": "date", "company": "filled",
    "contact_name": "filled", "phone": "filled", "email": "filled", "need": "text",
}  # fmt: skip
#: what follows only after the entry, by screening and work: neither learned from, nor known to the rules at entry. Of
#: imported leads nobody could say when it was filled in.
LATER = frozenset({
    "first_contact_at", "followed_up_at", "owned_since", "need_confirmed", "budget_confirmed", "authority_confirmed",
    "time_confirmed",
})  # fmt: skip
CUSTOM: dict[str, Kind] = {
    "long": "text", "integer": "number", "decimal": "number", "money": "number", "date": "date", "bool": "truth",
    "choice": "category", "multi": "many", "person": "category", "reference": "category",
}  # fmt: skip


def label_of(name: str) -> Text:
    """What a column is called, in the reader's language."""
    entity = entity_named("leads")
    spec = entity.specs.get(name.removesuffix("_id"))
    return spec.label if spec is not None else name.removeprefix(PREFIX)


def text_kind(cells: Sequence[Any]) -> Kind:
    """Of what kind a custom text is: words that come again and again, several of them, or free text."""
    found = kind_of(cells)
    return found if found in {"category", "many", "number", "date", "truth"} else "text"  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class LeadTable:
    """The leads with an outcome: their examples, and what the rules of the score gave them when they were entered."""

    columns: tuple[Column, ...]
    examples: Examples
    rule_scores: list[int]


def decided(lost_after_days: int | None, at: datetime) -> QuerySet[Lead]:
    """The leads of which the outcome counts as known: converted, disqualified, or open for longer than so many days."""
    known = Q(status__in=(LeadStatus.CONVERTED, LeadStatus.DISQUALIFIED))
    if lost_after_days:
        known |= Q(created_at__lt=at - timedelta(days=lost_after_days))
    return Lead.objects.filter(known)


def lead_table(lost_after_days: int | None, at: datetime) -> LeadTable:
    """The table of the decided leads in the order of their entry, each with the values that it was entered with."""
    custom = fields_of("leads")
    book = rule_book()
    cells: dict[str, list[Any]] = {name: [] for name in (*OWN, *(one.name for one in custom))}
    outcomes: list[bool] = []
    moments: list[datetime | None] = []
    scores: list[int] = []
    for leads in _pieces(decided(lost_after_days, at)):
        rows = {lead.pk: dict(_values(lead, custom)) for lead in leads}
        put_back("leads", rows, list(cells), {lead.pk: lead.created_at for lead in leads})
        for lead in leads:
            _as_entered(lead, rows[lead.pk], custom)
            scores.append(book.score(_reader(lead, rows[lead.pk])).score)
            outcomes.append(lead.status == LeadStatus.CONVERTED)
            moments.append(lead.created_at)
            for name, column in cells.items():
                column.append(rows[lead.pk].get(name))
    return LeadTable(columns_of(cells, custom), Examples(cells, outcomes, moments), scores)


def columns_of(cells: dict[str, list[Any]], custom: Sequence[CustomDefinition]) -> tuple[Column, ...]:
    """The columns with their kinds: own ones are known, those of custom texts are seen from the cells."""
    found = [Column(name, kind) for name, kind in OWN.items()]
    found += [Column(one.name, CUSTOM.get(one.kind) or text_kind(cells[one.name])) for one in custom]
    return tuple(found)


def cells_of(leads: Sequence[Lead]) -> tuple[dict[str, list[Any]], list[datetime | None]]:
    """The present values of leads, as a learned model reads them."""
    custom = fields_of("leads")
    rows = [dict(_values(lead, custom)) for lead in leads]
    names = (*OWN, *(one.name for one in custom))
    return {name: [row.get(name) for row in rows] for name in names}, [lead.created_at for lead in leads]


def _pieces(leads: QuerySet[Lead]) -> Iterator[list[Lead]]:
    """In the order of entry, some at a time."""
    ids = list(leads.order_by("created_at", "pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        found = Lead.objects.select_related("region", "campaign").in_bulk(part)
        yield [found[pk] for pk in part if pk in found]


def _values(lead: Lead, custom: Sequence[CustomDefinition]) -> Iterator[tuple[str, Any]]:
    for name in OWN:
        yield name, getattr(lead, name)
    held = lead.custom or {}
    for one in custom:
        yield one.name, one.load(held.get(one.code))


def _as_entered(lead: Lead, row: dict[str, Any], custom: Sequence[CustomDefinition]) -> None:
    """Values out of the audit are text: make them what the columns hold; what can't be read is empty."""
    for name in OWN:
        if row[name] != getattr(lead, name):
            row[name] = _read(Lead._meta.get_field(name.removesuffix("_id")), row[name])
    for one in custom:
        if row[one.name] != one.load((lead.custom or {}).get(one.code)) and one.kind != "multi":
            row[one.name] = _read(one.field, row[one.name])


def _read(field: Any, value: Any) -> Any:
    if value is None:
        return None
    try:
        return field.to_python(value)
    except (ValidationError, ValueError, TypeError):
        return None


def _reader(lead: Lead, row: dict[str, Any]) -> Any:
    """What the rules see of a lead as it was entered."""
    from saleswright.modules.leads.scoring.rules import PATH, value_of

    now = value_of(lead)

    def value(key: str) -> Any:
        name = PREFIX + key.removeprefix(PATH) if key.startswith(PATH) else key
        if name in row:
            return row[name]
        head = key.partition("__")[0]
        if head != key and row.get(f"{head}_id") != getattr(lead, f"{head}_id", None):
            return None  # of a region or campaign that it was moved from
        return None if head in LATER else now(key)

    return value

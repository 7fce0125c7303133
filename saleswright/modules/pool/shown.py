"""What a pool shows of its stock to those who may claim it: enough to choose, numbers only in part."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from saleswright.interface.entity import Entity, entity_named
from saleswright.interface.fields import FieldSpec
from saleswright.interface.labels import add_labels
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.models import PastHolding
from saleswright.modules.pool import queries
from saleswright.modules.pool.kinds import kinds
from saleswright.modules.pool.models import Pool

PAGE = 50
HIDDEN = "••••"


@dataclass(slots=True)
class Piece:
    """A record in a pool: the values of its columns, a number by which somebody is reached, who had it before."""

    id: int
    values: dict[str, Any]
    phone: str
    pooled_at: datetime
    reason: str
    last_owner: str


@dataclass(slots=True)
class Stock:
    """A page of a pool."""

    specs: list[FieldSpec]
    pieces: list[Piece] = field(default_factory=list)
    next: int | None = None


def masked(number: str) -> str:
    """A phone number of which one sees that it is there: `138****0000`."""
    return f"{number[:3]}****{number[-4:]}" if len(number) > 7 else HIDDEN


def stock_of(pool: Pool, actor: Actor, *, query: str = "", after: int | None = None) -> Stock:
    """The stock of a pool that the actor sees, newest first, from the id `after` down.

    Numbers are whole for managers of the pool who may see phone numbers; others see a part, or that there is one.
    """
    entity, kind = entity_named(pool.resource), kinds[pool.resource]
    readable = entity.specs_for(actor)
    specs = [readable[name] for name in kind.shown if name in readable]
    rows = queries.stock(pool).order_by("-pk")
    if query:
        rows = rows.filter(**{f"{_title(entity)}__icontains": query})
    if after is not None:
        rows = rows.filter(pk__lt=after)
    past = PastHolding.objects.filter(resource=pool.resource, record_id=OuterRef("pk")).order_by("-until", "-id")
    columns = {part for spec in specs for part in (spec.attname, *spec.beside)}
    found = list(
        rows.annotate(last_owner=Subquery(past.values("owner__name")[:1])).values(
            "id", "pooled_at", "pool_reason", "last_owner", *columns
        )[: PAGE + 1]
    )
    shown = found[:PAGE]
    add_labels(shown, specs)
    phones, show = kind.phones([row["id"] for row in shown]), _phone_as_seen(pool, actor)
    pieces = [
        Piece(
            row["id"], row, show(phones.get(row["id"], "")), row["pooled_at"], row["pool_reason"],
            row["last_owner"] or "",
        )
        for row in shown
    ]  # fmt: skip
    return Stock(specs, pieces, shown[-1]["id"] if len(found) > PAGE else None)


def _title(entity: Entity) -> str:
    return str(getattr(entity.model, "title_field", "name"))


def _phone_as_seen(pool: Pool, actor: Actor) -> Any:
    if not actor.sees("phone"):
        return lambda number: HIDDEN if number else ""
    if queries.managed_by(actor).filter(pk=pool.pk).exists():
        return lambda number: number
    return lambda number: masked(number) if number else ""

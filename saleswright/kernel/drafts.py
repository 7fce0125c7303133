"""Records about to be saved, alone or in batches, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import FieldError, Text
from saleswright.kernel.resources import Resource


@dataclass(slots=True)
class LineDraft:
    """A line about to be saved with its document."""

    values: dict[str, Any]
    index: int
    record: Any = None
    fresh: bool = True


@dataclass(slots=True)
class Draft:
    """A record about to be created (`pk` None) or changed.

    `values` are by field name, references as ids; `lines` replace all lines of that name, rows with an `id`
    keep it. `version` is the one that the caller read (If-Match). `row` is the line of an imported file.
    """

    values: dict[str, Any]
    pk: int | None = None
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    version: int | None = None
    row: int | None = None
    record: Any = None
    line_drafts: dict[str, list[LineDraft]] = field(default_factory=dict)
    removed_lines: dict[str, list[int]] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    lines_before: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def error(self, field_name: str, code: str, message: Text) -> None:
        """Refuse this draft because of one of its fields (`""`: the whole of it)."""
        self.errors.append(FieldError(field_name, code, message))

    @property
    def fresh(self) -> bool:
        return self.pk is None

    def changed(self, name: str) -> bool:
        """Whether the draft changes the field (always so for a new record)."""
        attname = self.record._meta.get_field(name).attname
        return self.fresh or self.before.get(attname) != getattr(self.record, attname)


@dataclass(slots=True)
class Batch:
    """Drafts that are saved together, with who saves them and when."""

    resource: Resource
    drafts: list[Draft]
    actor: Actor
    at: datetime
    history: bool = False

    @property
    def good(self) -> list[Draft]:
        return [draft for draft in self.drafts if not draft.errors]


@dataclass(slots=True)
class Saved:
    """What became of the drafts, in their order."""

    good: list[Draft]
    bad: list[Draft]

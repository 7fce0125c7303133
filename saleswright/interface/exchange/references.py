"""Finds the records that the cells of a column mean, a whole chunk with one query for each column searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from saleswright.interface.exchange.slots import Slot
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import FieldError
from saleswright.kernel.merging.names import survivors
from saleswright.kernel.models import User
from saleswright.kernel.records import Draft, save_records
from saleswright.kernel.resources import has_resource, resource_of

MAX_REMEMBERED = 50_000


class References:
    """Texts as ids of records that the actor may see; those found once are remembered.

    `made` counts the records made for texts that meant none, by model.
    """

    def __init__(self, actor: Actor, model: Any) -> None:
        self._actor, self._model = actor, model
        self._known: dict[str, dict[str, int]] = {}
        self.made: Counter[Any] = Counter()

    def find(self, slot: Slot, texts: Iterable[str]) -> dict[str, int | FieldError]:
        """For each text the id of the one record it means, or why there is none."""
        known = self._known.setdefault(slot.name, {})
        wanted = set(texts)
        found: dict[str, int | FieldError] = {text: known[text] for text in wanted if text in known}
        for column in slot.columns:
            if left := wanted - found.keys():
                found |= self._search(slot, column, left)
        for text in wanted - found.keys():
            message = _("There is no “%(value)s”.") % {"value": text}
            found[text] = FieldError(slot.field, "not_found", message)
        if self._stays(slot):
            if len(known) > MAX_REMEMBERED:
                known.clear()
            known.update({text: pk for text, pk in found.items() if isinstance(pk, int)})
        return found

    def make(self, slot: Slot, field: str, lines: Mapping[str, int], at: datetime) -> dict[str, int | FieldError]:
        """Make the records that texts mean, with the text in `field`, all at once; `lines` says where each stands.

        For each text the id, or why there can be none. Raises NotAllowed.
        """
        assert slot.spec is not None
        target = slot.spec.target
        drafts: dict[str, Draft] = {}
        for text, line in lines.items():
            drafts.setdefault(_comparable(target, text), Draft({field: text}, row=line))
        saved = save_records(target, list(drafts.values()), actor=self._actor, at=at, skip_bad=True)
        self.made[target] += len(saved.good)
        found: dict[str, int | FieldError] = {}
        for text in lines:
            draft = drafts[_comparable(target, text)]
            message = _("“%(value)s” can't be made: %(why)s")
            why = " ".join(str(error.message) for error in draft.errors)
            error = FieldError(slot.field, "invalid", message % {"value": text, "why": why})
            found[text] = error if draft.errors else draft.record.pk
        self._known.setdefault(slot.name, {}).update({text: pk for text, pk in found.items() if isinstance(pk, int)})
        return found

    def _stays(self, slot: Slot) -> bool:
        """Whether the import itself doesn't make records of that kind."""
        return slot.spec is not None and slot.spec.target is not self._model

    def _search(self, slot: Slot, column: str, texts: set[str]) -> dict[str, int | FieldError]:
        """Texts found in the column; a record in use goes before archived ones of the same name."""
        assert slot.spec is not None
        target = slot.spec.target
        rows = target._default_manager.all()
        if has_resource(target):
            rows = visible(rows, self._actor)
        ids: dict[str, dict[bool, list[int]]] = {}
        archived = "archived_at" in {f.name for f in target._meta.concrete_fields}
        fields = (column, "pk", *(("archived_at",) if archived else ()))
        for value, pk, *archived_at in _matching(rows, target, column, texts).values_list(*fields):
            in_use = not archived_at or archived_at[0] is None
            ids.setdefault(_comparable(target, str(value)), {}).setdefault(in_use, []).append(pk)
        if has_resource(target) and resource_of(target).merges is not None:
            _lead_on(resource_of(target).name, ids)
        found: dict[str, int | FieldError] = {}
        for text in texts:
            candidates = ids.get(_comparable(target, text))
            if not candidates:
                continue
            best = candidates.get(True) or candidates[False]
            message = _("“%(value)s” stands for several records.") % {"value": text}
            found[text] = best[0] if len(best) == 1 else FieldError(slot.field, "ambiguous", message)
        return found


def _lead_on(name: str, ids: Mapping[str, dict[bool, list[int]]]) -> None:
    """The number or name of a merged record means the one that it lives on in."""
    away = {pk for candidates in ids.values() for pk in candidates.get(False, ())}
    for candidates in ids.values() if (heirs := survivors(name, away) if away else {}) else ():
        candidates[False] = list(dict.fromkeys(heirs.get(pk, pk) for pk in candidates.get(False, ())))


def _comparable(target: Any, text: str) -> str:
    """People are found whatever the case of their names."""
    return text.lower() if target is User else text


def _matching(rows: Any, target: Any, column: str, texts: set[str]) -> Any:
    if column == "id":
        return rows.filter(pk__in=[int(t) for t in texts if t.isascii() and t.isdigit() and int(t) < 2**63])
    if target is User:
        return rows.annotate(_lower=Lower(column)).filter(_lower__in=[text.lower() for text in texts])
    return rows.filter(**{f"{column}__in": texts})

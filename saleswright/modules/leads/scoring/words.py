"""Scores in words: the reasons of the points, or the strongest factors of a learned version with their direction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_number
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.learning.values import as_moment, is_empty
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.scoring.scorer import LEARNED
from saleswright.modules.leads.scoring.table import OWN, label_of


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of a score: what it is about, and how far it moves the score; `share` is its size beside the strongest."""

    text: str
    effect: float
    said: str
    share: float


def reasons_of(ids: Sequence[int], actor: Actor) -> dict[int, list[Reason]]:
    """Why leads have their score, the strongest reason first. Columns that the actor may not know are left out."""
    entity = entity_named("leads")
    known = entity.known_to(actor)
    specs = [spec for name, spec in known.items() if name in entity.specs]
    columns = dict.fromkeys(spec.column for spec in specs)
    titles = {spec.name: spec.title for spec in specs if spec.kind == "reference" and f"{spec.name}_id" in OWN}
    rows = list(Lead.objects.filter(pk__in=list(ids)).values("pk", "score_parts", *columns, *titles.values()))
    for spec in specs:
        spec.unpack(rows)
    return {row["pk"]: _reasons(row, known, titles) for row in rows}


def _reasons(row: Mapping[str, Any], known: Mapping[str, Any], titles: Mapping[str, str]) -> list[Reason]:
    parts = row["score_parts"]
    if not isinstance(parts, dict):
        return []
    given = parts.get("parts", [])
    if parts.get("by") == LEARNED:
        given = [part for part in given if part[0].removesuffix("_id") in known]
        most = max((abs(effect) for _column, effect in given), default=1.0) or 1.0
        return [
            Reason(said_of(column, row, known, titles), effect, odds(effect), abs(effect) / most)
            for column, effect in given
        ]
    most = max((abs(points) for _pk, _label, points in given), default=1) or 1
    return [Reason(label, points, f"{points:+d}", abs(points) / most) for _pk, label, points in given]


def odds(effect: float) -> str:
    """By how much the odds of a conversion are multiplied."""
    return f"× {math.exp(effect):.1f}" if effect >= 0 else f"× {math.exp(effect):.2f}"


def said_of(column: str, row: Mapping[str, Any], known: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """A column with what the lead has there: `Source: Referral`, `Budget: nothing`."""
    label, spec = label_of(column), known[column.removesuffix("_id")]
    kind = OWN.get(column)
    value = row.get(spec.attname)
    if kind in {"filled", "text"} or spec.kind == "long":
        text = _("known") if not is_empty(value) else _("not known")
    elif is_empty(value):
        text = _("nothing")
    elif spec.name in titles:
        text = str(row.get(titles[spec.name]) or value)
    elif spec.kind == "reference":
        text = _("known")
    elif column == "created_at":
        text = _weekday(value)
    else:
        text = _plainly(spec, value)
    return _("%(field)s: %(value)s") % {"field": label, "value": text}


def _plainly(spec: Any, value: Any) -> str:
    if spec.kind == "bool":
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(str(spec.choices.get(one, one)) for one in value)
    if spec.kind in {"money", "integer", "decimal", "quantity", "price", "percent"}:
        return format_number(value)
    if spec.kind == "choice":
        return str(spec.choices.get(value, value))
    return str(spec.names.get(value, value))[:60]


def _weekday(value: Any) -> str:
    from saleswright.kernel.clock import local_date
    from saleswright.kernel.models import Weekday

    moment = as_moment(local_date(value))
    return str(Weekday(moment.isoweekday()).label) if moment else ""


def lines(reasons: Sequence[Reason], parts: Any) -> list[str]:
    """The reasons as lines of text."""
    if isinstance(parts, dict) and parts.get("by") == LEARNED:
        raises, lowers = _("%(reason)s raises the chance (odds %(odds)s)"), _("%(reason)s lowers it (odds %(odds)s)")
        return [(raises if one.effect >= 0 else lowers) % {"reason": one.text, "odds": one.said} for one in reasons]
    return [f"{one.text} {one.said}" for one in reasons]


def basis(parts: Any) -> Text:
    """What a score was worked out by."""
    if isinstance(parts, dict) and parts.get("by") == LEARNED:
        return _("Learned from our own leads, version %(number)s") % {"number": parts.get("version")}
    return _("By the score rules")


def score_lines_of(ids: list[int], actor: Actor) -> dict[int, list[str]]:
    """Why leads have their score, in words: `["Phone known +10", …]`."""
    parts = dict(Lead.objects.filter(pk__in=ids).values_list("pk", "score_parts"))
    return {pk: lines(found, parts.get(pk)) for pk, found in reasons_of(ids, actor).items()}

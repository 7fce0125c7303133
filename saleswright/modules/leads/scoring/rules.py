"""The rules of the score: what they may name, and the points that they give to leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from saleswright.interface.conditions import Vocabulary, say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.conditions import Figure, Group, Rule, holds, parsed
from saleswright.kernel.custom_column import PATH
from saleswright.kernel.custom_fields import stored_field, version
from saleswright.kernel.errors import NotFound, ValidationFailed
from saleswright.kernel.records import Batch
from saleswright.modules.leads.scoring.models import ScoreRule

#: what follows from the score or tells the outcome; and what is no trait of a lead
LEFT_OUT = frozenset({
    "score", "status", "converted_at", "disqualified_because", "customer", "contact", "number", "pool", "pooled_at",
    "pool_reason", "updated_at", "updated_by", "archived_at", "protected_until",
})  # fmt: skip


def score_terms(name: str, actor: Actor) -> Vocabulary:
    """The terms of rules: the lead's own fields and those of its region and campaign; no figures. Raises NotFound."""
    if name != "leads":
        raise NotFound
    return {
        term: column
        for term, column in terms_of(entity_named("leads"), actor).items()
        if not isinstance(column, Figure) and term.removesuffix("_id").partition(".")[0] not in LEFT_OUT
    }


@dataclass(frozen=True, slots=True)
class Scored:
    """The points of a lead with their reasons, the greatest first: `(rule, label, points)`."""

    score: int
    parts: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules in force, read."""

    rules: tuple[tuple[ScoreRule, Group | Rule], ...]

    def score(self, value: Callable[[str], Any]) -> Scored:
        """The score of a lead whose values `value` answers by their keys."""
        known = Values(value)
        parts = [(rule.pk or 0, rule.label, rule.points) for rule, tree in self.rules if holds(tree, known)]
        total = sum(points for _pk, _label, points in parts)
        return Scored(min(100, max(0, total)), tuple(sorted(parts, key=lambda part: -abs(part[2]))))


class Values(Mapping[str, Any]):
    """Values that are looked up when they are asked for."""

    def __init__(self, value: Callable[[str], Any]) -> None:
        self._value = value

    def __getitem__(self, key: str) -> Any:
        return self._value(key)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def rule_book(rules: Iterable[ScoreRule] | None = None) -> RuleBook:
    """The rules, as the system reads them; one whose conditions make no sense any more gives no points."""
    terms = _known_terms(version())
    if rules is None:
        rules = ScoreRule.objects.filter(active=True, archived_at=None).order_by("position", "id")
    read = []
    for rule in rules:
        if rule.conditions:
            try:
                read.append((rule, parsed(rule.conditions, terms)))
            except ValidationFailed:
                continue
    return RuleBook(tuple(read))


@lru_cache(maxsize=2)
def _known_terms(definitions: int) -> Vocabulary:
    """The terms as the system reads them, while the custom fields are those of this number."""
    return score_terms("leads", system("lead-score"))


def value_of(lead: Any) -> Callable[[str], Any]:
    """What a lead, also one that is not saved yet, holds under the key of a condition."""

    def value(key: str) -> Any:
        if key.startswith(PATH):
            code = key.removeprefix(PATH)
            definition = stored_field(type(lead), code)
            held = (lead.custom or {}).get(code)
            return held if definition is None else definition.load(held)
        found = lead
        for part in key.split("__"):
            found = getattr(found, part, None)
            if found is None:
                return None
        return found

    return value


def check_rules(batch: Batch) -> None:
    """Refuse conditions that make no sense for leads."""
    terms = None
    for draft in batch.good:
        if draft.record.conditions:
            terms = terms if terms is not None else score_terms("leads", batch.actor)
            try:
                say(draft.record.conditions, terms)
            except ValidationFailed as refused:
                draft.error("conditions", refused.errors[0].code, refused.errors[0].message)
        if draft.record.points == 0:
            draft.error("points", "range", _("A rule of no points says nothing."))


# --- what a fresh database holds ---------------------------------------------------------------------------------


def _filled(field: str) -> dict[str, Any]:
    return {"field": field, "op": "empty", "value": "false"}


def shipped_rules() -> list[tuple[str, str, int, dict[str, Any]]]:
    """Part, label, points and conditions of the rules that are shipped: 65 for what is known, 20 for the budget,
    15 for the source.
    """
    fit, behaviour = "fit", "behaviour"

    def source(*codes: str) -> dict[str, Any]:
        return {"or": [{"field": "source", "value": code} for code in codes]}

    def budget(least: str, below: str = "") -> dict[str, Any]:
        parts = [{"field": "budget", "op": "gte", "value": least}]
        return {"and": [*parts, {"field": "budget", "op": "lt", "value": below}] if below else parts}

    return [
        (fit, _("Company known"), 10, _filled("company")),
        (fit, _("Phone known"), 10, _filled("phone")),
        (fit, _("Contact person known"), 5, _filled("contact_name")),
        (fit, _("E-mail known"), 5, _filled("email")),
        (fit, _("Industry known"), 5, _filled("industry")),
        (fit, _("Region known"), 4, _filled("region")),
        (fit, _("Budget of 100,000 or more"), 20, budget("100000")),
        (fit, _("Budget of 10,000 or more"), 15, budget("10000", "100000")),
        (fit, _("Budget named"), 10, budget("0.01", "10000")),
        (fit, _("Recommended by a customer"), 15, source("referral")),
        (fit, _("From a partner, or called in"), 12, source("partner", "call-in")),
        (fit, _("Met at a trade fair"), 10, source("exhibition")),
        (fit, _("From a campaign"), 8, source("campaign")),
        (fit, _("From the website"), 6, source("web")),
        (fit, _("From market research"), 4, source("research")),
        (behaviour, _("Need described"), 10, _filled("need")),
        (behaviour, _("Need confirmed"), 4, {"field": "need_confirmed", "value": "true"}),
        (behaviour, _("Budget confirmed"), 4, {"field": "budget_confirmed", "value": "true"}),
        (behaviour, _("Speaks with who decides"), 4, {"field": "authority_confirmed", "value": "true"}),
        (behaviour, _("Time of purchase confirmed"), 4, {"field": "time_confirmed", "value": "true"}),
    ]

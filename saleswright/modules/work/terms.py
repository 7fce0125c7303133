"""What the conditions of approval steps may name: the record, what its request says of it, and who submits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface import conditions
from saleswright.interface.conditions import Vocabulary
from saleswright.interface.entity import entity_named
from saleswright.interface.fields import has_field, number_text, spec_of
from saleswright.interface.formatting import format_money, format_number
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.company import base_currency
from saleswright.kernel.conditions import Check, Column, Rule, build, holds, leaves, parsed
from saleswright.kernel.errors import Text
from saleswright.kernel.fields import MoneyField, PercentField, ScaledField
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_named

#: what requests say of their record (`ApprovalNeed.facts`), and which of its fields say the same
FACTS: dict[str, tuple[Text, ScaledField, tuple[str, ...]]] = {
    "amount": (gettext_lazy("Amount in base currency"), MoneyField(), ("base_total", "base_amount")),
    "discount": (gettext_lazy("Discount %"), PercentField(), ("effective_discount",)),
    "margin": (gettext_lazy("Margin %"), PercentField(), ("margin",)),
}
SUBMITTER = ("department", "region", "manager")


@dataclass(frozen=True)
class Subject:
    """What is to be approved, who asks for it, and what the request says of it.

    `pk` is the record's; without one it is only imagined: `values` are then all that is known of it.
    """

    resource: str
    submitter: User
    facts: Mapping[str, Any]
    pk: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def meets(self, condition: Any) -> bool:
        """Whether the condition of a step holds; without one a step is always asked."""
        if not condition:
            return True
        terms = _all_terms(self.resource)
        if self.pk is None:
            return holds(parsed(condition, terms), {**self.values, **self._known()})
        known = {
            name: Value(value, output_field=_FIELDS.get(name, models.BigIntegerField()))
            for name, value in self._known().items()
        }
        records = resource_named(self.resource).model._default_manager.filter(pk=self.pk).annotate(**known)
        return bool(records.filter(build(condition, terms)).exists())

    def _known(self) -> dict[str, Any]:
        facts = {f"fact_{name}": number(name, self.facts.get(name)) for name in FACTS}
        return facts | {f"submitter_{name}": getattr(self.submitter, f"{name}_id") for name in SUBMITTER}


_FIELDS: dict[str, models.Field] = {f"fact_{name}": kind for name, (_label, kind, _same) in FACTS.items()}


def _all_terms(resource: str) -> Vocabulary:
    """The vocabulary as rules read it: they hold for everybody alike, whoever may see what."""
    return approval_terms(resource, system("approval"))


def approval_terms(name: str, actor: Actor) -> Vocabulary:
    """What conditions over requests for a kind of record may name. `name` may end in the action: quotes.submit."""
    entity = entity_named(name.partition(".")[0])
    actor.require("approval-flows.view")
    found: Vocabulary = {f"facts.{one}": _fact(one) for one in FACTS}
    for one in SUBMITTER:
        spec = spec_of(User, one)
        label = _("%(record)s · %(field)s") % {"record": _("Submitter"), "field": spec.label}
        column = conditions.Term(f"submitter_{one}", spec, actor, label)
        found[f"submitter.{one}"] = column
    return found | conditions.terms_of(entity, actor)


@dataclass(frozen=True, slots=True)
class Question:
    """What a dry run of an imagined record must know; `name` is how pages and programs give it.

    That is `amount` for `facts.amount`, else the field as conditions name it, of figures with `@` and their period.
    """

    name: str
    field: str
    period: str
    column: Column

    @property
    def key(self) -> str:
        """Under which `holds` looks the value up."""
        return Rule(self.column, Check("empty", True), "empty", "1", self.period).key


def questions(trees: Iterable[Any], terms: Vocabulary) -> list[Question]:
    """What the conditions name, each once, but for what is known of the submitter; what can't be read is left out."""
    found: dict[str, Question] = {}
    for tree in trees:
        for name, period in leaves(tree):
            if name in terms and not name.startswith("submitter."):
                column = terms[name]
                called = name.removeprefix("facts.") if name.removeprefix("facts.") in FACTS else name
                called += f"@{period}" if period else ""
                if not any(one.column is column and one.period == period for one in found.values()):
                    found[called] = Question(called, name, period, column)
    return list(found.values())


def _fact(name: str) -> Column:
    label, kind, _same = FACTS[name]
    if isinstance(kind, MoneyField):
        return Column(f"fact_{name}", "money", lambda text: number(name, text), label, _say_amount)
    return Column(f"fact_{name}", "percent", lambda text: number(name, text), label, _say_percent)


def number(name: str, value: Any) -> Any:
    """A fact as its field has it; None for nothing. Raises Django's ValidationError."""
    text = "" if value is None else number_text(value)
    if not text:
        return None
    found = FACTS[name][1].to_python(text)
    if found is None or not found.is_finite():
        raise ValidationError(_("Enter a number."), code="invalid")
    return found


def _say_amount(value: Any) -> str:
    return format_money(value, base_currency(), short=True)


def _say_percent(value: Any) -> str:
    return f"{format_number(value)}%"


def imagined(resource: str, facts: Mapping[str, Any]) -> Any:
    """A record that is not kept, of which only the facts are known."""
    model = resource_named(resource).model
    return model(**{n: value for name, value in facts.items() for n in FACTS[name][2] if has_field(model, n)})


conditions.KINDS["approvals"] = approval_terms

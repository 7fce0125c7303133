"""Hands everything that a person owns over to others, whole or split by rules, in one transaction.

Kinds of records of higher modules are met by the names of their columns: `customer` leads to where and how important
a customer is, `resource` and `record_id` to what a task is about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.columns import attnames
from saleswright.kernel.errors import Conflict, FieldError, ValidationFailed
from saleswright.kernel.hand_over import give_records, pass_on_collaboration
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.resources import Resource, all_resources
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.modules.work.actions.duties import duties_of, pass_duties
from saleswright.modules.work.actions.notifications import Notice, tell
from saleswright.modules.work.states import DutyChoice

#: where a record or its customer lies; a region of the rules may name any of them
PLACES = ("province", "city", "region__name")
LEVEL = "level"
CUSTOMER = "customer"

Unit = tuple[str, int]
"""What goes to one person together: a customer with all that belongs to it, or a record of its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who gets the records of a kind, a region and a customer level; what is empty doesn't matter.

    Several people share evenly.
    """

    heirs: tuple[User, ...]
    resource: str = ""
    region: str = ""
    level: str = ""

    def fits(self, one: Piece) -> bool:
        """Whether it says who gets this record."""
        return (
            self.resource in {"", one.resource.name}
            and (not self.region or self.region.casefold() in one.places)
            and self.level in {"", one.level}
        )


@dataclass(slots=True)
class Piece:
    """A record to be given to somebody, with what the rules ask."""

    resource: Resource
    record: Any
    unit: Unit
    places: frozenset[str] = frozenset()
    level: str = ""


@dataclass(slots=True)
class Plan:
    """Who gets what: the heirs of owned records and of collaborations, by kind and id; what no rule fits is left."""

    giver: User
    heirs: dict[Resource, dict[int, User]] = field(default_factory=lambda: defaultdict(dict))
    shared: dict[Resource, dict[int, User]] = field(default_factory=lambda: defaultdict(dict))
    records: dict[Resource, list[Any]] = field(default_factory=dict)
    left: list[Piece] = field(default_factory=list)

    def counts(self) -> dict[User, dict[Resource, int]]:
        """How many records of each kind every heir gets."""
        found: dict[User, dict[Resource, int]] = defaultdict(dict)
        for resource, heirs in self.heirs.items():
            for heir, count in Counter(heirs.values()).items():
                found[heir][resource] = count
        return dict(found)


def owned_kinds() -> list[Resource]:
    """The kinds of records that are handed over; what refers to records of any kind comes last."""
    kinds = [one for one in all_resources() if one.owned and not one.personal]
    return sorted(kinds, key=lambda one: "record_id" in attnames(one.model))


def holdings_of(giver: User) -> dict[Resource, int]:
    """How many records of each kind a person owns, archived ones included."""
    counts = {one: one.model._default_manager.filter(owner_id=giver.pk).count() for one in owned_kinds()}
    return {one: count for one, count in counts.items() if count}


def conditions_of(giver: User) -> tuple[list[str], list[str]]:
    """The regions and the customer levels by which what a person owns can be split."""
    regions, levels = set[str](), set[str]()
    for resource in owned_kinds():
        rows = resource.model._default_manager.filter(owner_id=giver.pk).order_by()
        for paths, found in zip(_paths(resource), (regions, levels), strict=True):
            for path in paths:
                found |= set(rows.values_list(path, flat=True).distinct())
    return sorted(filter(None, regions)), sorted(filter(None, levels))


def plan(giver: User, rules: Sequence[Rule], *, lock: bool = False) -> Plan:
    """Who would get what. The first rule that fits a record decides; with `lock` the records stay as they are."""
    made, units = Plan(giver), dict[Unit, Unit]()
    owned: list[Piece] = []
    shared: list[Piece] = []
    for resource in owned_kinds():
        rows = resource.model._default_manager.order_by("pk")
        mine = rows.filter(owner_id=giver.pk)
        made.records[resource] = list(mine.select_for_update(of=("self",)) if lock else mine)
        owned += _pieces(resource, made.records[resource], mine, units)
        with_others = rows.filter(pk__in=_shared(resource, giver).values("record_id")).exclude(owner_id=giver.pk)
        shared += _pieces(resource, list(with_others), with_others, units)
    _deal(owned, rules, made.heirs, made.left)
    _deal(shared, rules, made.shared, [])
    return made


def _shared(resource: Resource, giver: User) -> QuerySet[Collaborator]:
    return Collaborator.objects.filter(resource=resource.name, user_id=giver.pk)


def _pieces(
    resource: Resource, records: Sequence[Any], rows: QuerySet[Any], units: dict[Unit, Unit]
) -> Iterator[Piece]:
    """The records with what the rules ask; `units` remembers what goes together, for what refers to them."""
    places, levels = _paths(resource)
    asked = {row[0]: row[1:] for row in rows.order_by().values_list("pk", *places, *levels)} if records else {}
    for record in records:
        own: Unit = (resource.name, record.pk)
        unit = units[own] = _unit(record, own, units)
        values = asked.get(record.pk, ())
        named = frozenset(str(value).casefold() for value in values[: len(places)] if value)
        yield Piece(resource, record, unit, named, next((str(v) for v in values[len(places) :] if v), ""))


def _unit(record: Any, own: Unit, units: Mapping[Unit, Unit]) -> Unit:
    if customer_id := getattr(record, f"{CUSTOMER}_id", None):
        return "customers", customer_id
    if record_id := getattr(record, "record_id", None):
        subject = (record.resource, record_id)
        return units.get(subject, subject)
    return own


def _paths(resource: Resource) -> tuple[list[str], list[str]]:
    """The columns of a kind, or of its customer, that say where a record lies and how important the customer is."""
    names = {one.name for one in resource.model._meta.concrete_fields}
    places = [path for path in PLACES if path.partition("__")[0] in names]
    levels = [LEVEL] if LEVEL in names else []
    if CUSTOMER in names:
        theirs = {one.name for one in resource.model._meta.get_field(CUSTOMER).related_model._meta.concrete_fields}
        places += [f"{CUSTOMER}__{path}" for path in PLACES if path.partition("__")[0] in theirs]
        levels += [f"{CUSTOMER}__{LEVEL}"] if LEVEL in theirs else []
    return places, levels


def _deal(
    pieces: Sequence[Piece], rules: Sequence[Rule], heirs: dict[Resource, dict[int, User]], left: list[Piece]
) -> None:
    """Give each piece to the heirs of the first rule that fits."""
    piles: dict[Rule, list[Piece]] = defaultdict(list)
    for one in pieces:
        rule = next((rule for rule in rules if rule.fits(one)), None)
        (left if rule is None else piles[rule]).append(one)
    for rule, pile in piles.items():
        chosen = _evenly(rule, pile)
        for one in pile:
            heirs[one.resource][one.record.pk] = chosen[one.unit]


def _evenly(rule: Rule, pile: Sequence[Piece]) -> dict[Unit, User]:
    """Who gets which unit: the largest are given first, each to the person with the fewest records so far."""
    sizes = Counter(one.unit for one in pile)
    burden = dict.fromkeys(rule.heirs, 0)
    chosen: dict[Unit, User] = {}
    for unit, size in sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0])):
        heir = min(burden, key=burden.__getitem__)  # of equals the first
        burden[heir] += size
        chosen[unit] = heir
    return chosen


# --- the action ------------------------------------------------------------------------------------------------


PART_ARGS = (
    Arg("to_id", gettext_lazy("New owner"), "reference", to="employees"),
    Arg("resource", gettext_lazy("Kind of record"), required=False),
    Arg("region", gettext_lazy("Region"), required=False),
    Arg("level", gettext_lazy("Customer level"), required=False),
)


def rules_of(giver: User, to_id: int | None, parts: Sequence[Mapping[str, Any]] | None) -> list[Rule]:
    """The rules that were given: parts in their order, those with the same conditions share evenly, then the rest.

    Raises ValidationFailed naming every bad one.
    """
    errors: list[FieldError] = []
    groups: dict[tuple[str, str, str], list[User]] = defaultdict(list)
    people = User.objects.in_bulk([part["to_id"] for part in parts or ()] + ([to_id] if to_id else []))
    kinds = {"", *(one.name for one in owned_kinds())}
    for place, part in enumerate(parts or ()):
        _check_heir(giver, people[part["to_id"]], f"parts.{place}.to_id", errors)
        if (part["resource"] or "") not in kinds:
            errors.append(FieldError(f"parts.{place}.resource", "choice", _("There is no such kind of record.")))
        groups[part["resource"] or "", part["region"] or "", part["level"] or ""].append(people[part["to_id"]])
    if to_id:
        _check_heir(giver, people[to_id], "to_id", errors)
    elif not parts:
        errors.append(FieldError("to_id", "required", _("This field is required.")))
    if errors:
        raise ValidationFailed(errors)
    rules = [Rule(tuple(dict.fromkeys(heirs)), *conditions) for conditions, heirs in groups.items()]
    return [*rules, *([Rule((people[to_id],))] if to_id else [])]


def _check_heir(giver: User, heir: User, place: str, errors: list[FieldError]) -> None:
    if heir.pk == giver.pk:
        errors.append(FieldError(place, "invalid", _("Choose somebody else.")))
    elif not heir.is_active:
        errors.append(FieldError(place, "not_allowed", _("This person has left.")))


@transition(
    "employees", "hand-over", label=gettext_lazy("Hand over"), icon="transfer",
    result=(("records", int), ("duties", int), ("kept", int)),
    args=(
        Arg(
            "to_id", gettext_lazy("New owner"), "reference", required=False, to="employees",
            help=gettext_lazy("Gets what no rule gives to somebody else."),
        ),
        Arg("parts", gettext_lazy("Rules"), "rows", required=False, rows=PART_ARGS),
        Arg(
            "duties", gettext_lazy("Open approvals and followed records"), "choice", required=False,
            choices=DutyChoice, default=DutyChoice.PASS.value,
        ),
    ),
)  # fmt: skip
def hand_over(
    giver: User, *, actor: Actor, at: datetime, to_id: int | None, parts: list[dict[str, Any]] | None, duties: str
) -> dict[str, int]:
    """Give everything that the person owns, and their part in the records of others, to their successors.

    So do the approval steps that wait for the person and the records that they follow, unless `duties` says "keep";
    `kept` is how many of these stay with the person.

    Raises ValidationFailed for people who can't take over, Conflict when the rules leave records to nobody.
    """
    made = plan(giver, rules_of(giver, to_id, parts), lock=True)
    if made.left:
        text = _("No rule says who gets %(count)d records (%(what)s). Name a successor for the rest.")
        raise Conflict(text % {"count": len(made.left), "what": made.left[0].resource.label_plural})
    for resource, heirs in made.heirs.items():
        give_records(resource, made.records[resource], heirs, giver=giver, actor=actor, at=at)
    for resource, heirs in made.shared.items():
        pass_on_collaboration(resource, heirs, giver=giver)
    theirs = duties_of(giver, made.heirs, User.objects.filter(pk=to_id).first() if to_id else None)
    kept = pass_duties(theirs, at=at) if duties == DutyChoice.PASS else theirs
    _record(made, actor, at)
    passed = len(theirs) - len(kept)
    return {"records": sum(map(len, made.heirs.values())), "duties": passed, "kept": len(kept)}


def _record(made: Plan, actor: Actor, at: datetime) -> None:
    """Note with every successor what they got, and tell them."""
    counts = made.counts()
    record_audit(
        [
            AuditLine(
                "employees", heir.pk, heir.get_short_name(), "take-over",
                {"from_id": [None, made.giver.pk], **{one.name: [None, n] for one, n in kinds.items()}},
            )
            for heir, kinds in counts.items()
        ],
        actor=actor,
        at=at,
    )  # fmt: skip
    text, name = gettext_lazy("%(name)s has handed %(count)s records over to you"), made.giver.get_short_name()
    tell(
        [
            Notice(heir.pk, said(text, name=name, count=sum(kinds.values())), "employees", made.giver.pk, "assignment")
            for heir, kinds in counts.items()
        ],
        at=at,
    )

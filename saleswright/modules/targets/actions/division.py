"""Dividing targets down time and organisation, agreeing on them, changing them (TGT-02)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.metrics import metric_named
from saleswright.kernel.models import Department, EmploymentState, Region, User
from saleswright.kernel.money import allocate
from saleswright.kernel.records import Draft, save_records, snapshot, stamp, write_changes
from saleswright.kernel.resources import resource_of
from saleswright.kernel.transitions import Arg, Table, transition
from saleswright.modules.catalog.public import ProductCategory
from saleswright.modules.targets.events import TargetAgreed, TargetChanged
from saleswright.modules.targets.models import SCOPE_FIELDS, Target
from saleswright.modules.targets.queries import Slice, actuals
from saleswright.modules.targets.scopes import Trees, measurable
from saleswright.modules.targets.states import (
    QUARTERS,
    SYNONYMS,
    DivideBy,
    Method,
    PeriodCode,
    ScopeKind,
    TargetStatus,
    months_of,
)

#: who has targets in sales: people whose role lets them open opportunities
SELLING = ("opportunities.*", "opportunities.create")


@dataclass(frozen=True, slots=True)
class Part:
    """What a child of a target is about."""

    period: str
    kind: str
    scope_id: int | None


class WayField(models.CharField):
    """A choice that also takes other usual words for it."""

    def to_python(self, value: Any) -> Any:
        return SYNONYMS.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class WayArg(Arg):
    """A choice among the ways of dividing."""

    def field(self) -> models.Field:
        assert self.choices is not None
        common: dict[str, Any] = {"verbose_name": self.label, "null": not self.required, "blank": not self.required}
        return WayField(choices=self.choices.choices, max_length=20, **common)


def undivided(target: Target) -> Text | None:
    """A target is divided once; afterwards its parts are changed."""
    if Target.objects.filter(parent=target, archived_at=None).exists():
        return _("It is divided already. Change its parts, or delete them first.")
    return None


@transition(
    "targets", "agree", label=gettext_lazy("Agree"), source=[TargetStatus.DRAFT], target=TargetStatus.AGREED,
    event=TargetAgreed, style="success", icon="signature",
)  # fmt: skip
def agree_on_target(target: Target, *, actor: Actor, at: datetime) -> None:
    """The responsibility sheet 目标责任书 is signed: from now on the value changes only with a reason."""
    target.agreed_on = clock.local_date(at)


@transition(
    "targets", "change", label=gettext_lazy("Change"), source=[TargetStatus.AGREED],
    args=(
        Arg("value", gettext_lazy("New value"), "money"),
        Arg("reason", gettext_lazy("Reason")),
        Arg("resplit", gettext_lazy("Divide anew in the present shares"), "bool", required=False, default=False),
    ),
    event=TargetChanged, icon="edit",
)  # fmt: skip
def change_target(target: Target, *, actor: Actor, at: datetime, value: Decimal, reason: str, resplit: bool) -> None:
    """Give an agreed target another value. With `resplit` all parts below follow in their present shares;
    without, what they leave over is shown as the gap."""
    if value < 0:
        raise ValidationFailed.of("value", "range", _("A target can't be negative."))
    target.value, target.reason = value, reason
    target.revision += 1
    if resplit:
        _resplit(target, reason, actor, at)


def _resplit(target: Target, reason: str, actor: Actor, at: datetime) -> None:
    children = list(Target.objects.select_for_update().filter(parent=target, archived_at=None).order_by("id"))
    if not children:
        return
    resource = resource_of(Target)
    values = allocate(target.value, [child.value for child in children], _places(target))
    for child, value in zip(children, values, strict=True):
        if child.value == value:
            continue
        before = snapshot(child)
        child.value, child.reason = value, reason
        child.revision += 1
        stamp(child, actor, at)
        _resplit(child, reason, actor, at)
        write_changes(resource, child, before, "change", actor=actor, at=at)


def weighable_parts(target: Target, actor: Actor, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts that weights may be given to, once it is said along what and that by weights the target is divided."""
    by = SYNONYMS.get(given.get("by", ""), given.get("by"))
    if by not in DivideBy.values or SYNONYMS.get(given.get("method", ""), given.get("method")) != Method.WEIGHTS:
        return []
    parts = parts_of(target, by)
    if parts and parts[0].period != target.period:
        return [{"period": part.period, "part": PeriodCode(part.period).label} for part in parts]
    ids = [part.scope_id for part in parts]
    names = dict(_MODEL_OF[parts[0].kind].objects.filter(pk__in=ids).values_list("pk", "name")) if parts else {}
    return [{"id": part.scope_id, "part": names[part.scope_id]} for part in parts]


@transition(
    "targets", "decompose", label=gettext_lazy("Decompose"), guards=(undivided,), style="primary", icon="sitemap",
    args=(
        WayArg("by", gettext_lazy("Divided along"), "choice", choices=DivideBy),
        WayArg("method", gettext_lazy("Way of dividing"), "choice", choices=Method, required=False,
               default=Method.EVEN),
        Arg(
            "weights", gettext_lazy("Weights"), "rows", required=False,
            rows=(
                Arg("period", gettext_lazy("Period"), required=False),
                Arg("id", gettext_lazy("Department, region, person or category"), "integer", required=False),
                Arg("weight", gettext_lazy("Weight"), "quantity"),
            ),
            help=gettext_lazy("Parts without a weight get nothing."),
            table=Table(
                weighable_parts, typed="weight", follows=("by", "method"), shown=(Arg("part", gettext_lazy("Part")),)
            ),
        ),
    ),
)  # fmt: skip
def decompose_target(
    target: Target, *, actor: Actor, at: datetime, by: str, method: str, weights: list[dict[str, Any]] | None
) -> None:
    """Make the parts of a target, which sum up to it to the cent (largest remainder).

    By `history` the shares are those that the measure had a year before; where there was nothing, they are even.
    """
    parts = parts_of(target, by)
    if len(parts) == 0:
        raise Conflict(_("There is nothing below it to divide among."))
    if not measurable(metric_named(target.metric), parts[0].kind):
        raise Conflict(_("This measure is not kept by “%(kind)s”.") % {"kind": ScopeKind(parts[0].kind).label})
    values = allocate(target.value, _weights(target, parts, method, weights or [], actor), _places(target))
    drafts = []
    for part, value in zip(parts, values, strict=True):
        scope = {SCOPE_FIELDS[ScopeKind(part.kind)]: part.scope_id} if part.scope_id else {}
        given = {"metric": target.metric, "year": target.year, "period": part.period, "scope_kind": part.kind, **scope}
        drafts.append(Draft({**given, "value": value, "parent": target.pk, "goal": target.goal}))
    save_records(Target, drafts, actor=actor, at=at)


def parts_of(target: Target, by: str) -> list[Part]:
    """What the parts of a target are about when it is divided this way; none when nothing lies below."""
    match by:
        case DivideBy.PERIODS:
            periods = QUARTERS if target.period == PeriodCode.YEAR else months_of(target.period)
        case DivideBy.QUARTERS:
            periods = QUARTERS if target.period == PeriodCode.YEAR else ()
        case DivideBy.MONTHS:
            periods = months_of(target.period)
        case DivideBy.CHILDREN:
            kinds = (DivideBy.DEPARTMENTS, DivideBy.PEOPLE)
            if target.scope_kind in {ScopeKind.REGION, ScopeKind.CATEGORY}:
                kinds = (DivideBy.REGIONS if target.scope_kind == ScopeKind.REGION else DivideBy.CATEGORIES, kinds[1])
            return next((parts for kind in kinds if (parts := parts_of(target, kind))), [])
        case _:
            kind = _KIND_OF[DivideBy(by)]
            return [Part(target.period, kind, pk) for pk in _below(target, kind)]
    whole = Part(target.period, target.scope_kind, target.scope_id)
    return [replace(whole, period=period) for period in periods if period != target.period]


_KIND_OF = {
    DivideBy.DEPARTMENTS: ScopeKind.DEPARTMENT,
    DivideBy.REGIONS: ScopeKind.REGION,
    DivideBy.PEOPLE: ScopeKind.PERSON,
    DivideBy.CATEGORIES: ScopeKind.CATEGORY,
}
_MODEL_OF: dict[str, Any] = {
    ScopeKind.PERSON: User,
    ScopeKind.DEPARTMENT: Department,
    ScopeKind.REGION: Region,
    ScopeKind.CATEGORY: ProductCategory,
}


def _below(target: Target, kind: str) -> list[int]:
    """The ids of the next level below the target's scope: from the company the roots, otherwise the children."""
    if kind == ScopeKind.PERSON:
        return _people_below(target)
    if target.scope_kind not in {ScopeKind.COMPANY, kind}:
        return []
    rows = _MODEL_OF[kind].objects.filter(parent_id=target.scope_id, archived_at=None)
    return list(rows.order_by("id").values_list("id", flat=True))


def _people_below(target: Target) -> list[int]:
    """The people who sell in the department, region or company; where nobody sells, everyone who works there."""
    if target.scope_kind in {ScopeKind.PERSON, ScopeKind.CATEGORY}:
        return []
    people = User.objects.filter(archived_at=None).exclude(state=EmploymentState.LEFT)
    if target.scope_id is not None:
        members = Trees().members(target.scope_kind, target.scope_id)
        in_scope = "department__in" if target.scope_kind == ScopeKind.DEPARTMENT else "region__in"
        people = people.filter(Q(**{in_scope: members}))
    selling = people.filter(roles__grants__permission__in=SELLING).distinct()
    rows = selling if selling.exists() else people
    return list(rows.order_by("id").values_list("id", flat=True))


def _weights(
    target: Target, parts: Sequence[Part], method: str, given: list[dict[str, Any]], actor: Actor
) -> list[Decimal]:
    match method:
        case Method.HISTORY:
            return _history(target, parts, actor)
        case Method.WEIGHTS:
            return _given(target, parts, given)
    return [Decimal(1)] * len(parts)


def _history(target: Target, parts: Sequence[Part], actor: Actor) -> list[Decimal]:
    """What the measure was for each part a year before; less than nothing counts as nothing."""
    year = target.year - 1
    slices = [Slice(target.metric, clock.fiscal_period(year, p.period), p.kind, p.scope_id) for p in parts]
    return [max(value, Decimal(0)) for value in actuals(slices, actor)]


def _given(target: Target, parts: Sequence[Part], given: list[dict[str, Any]]) -> list[Decimal]:
    """The given weights in the order of the parts; parts that are not named get nothing."""
    by_time = parts[0].period != target.period
    places = {(part.period if by_time else part.scope_id): place for place, part in enumerate(parts)}
    found = [Decimal(0)] * len(parts)
    for index, row in enumerate(given):
        name = "period" if by_time else "id"
        place = places.get(row[name])
        if place is None:
            raise ValidationFailed.of(f"weights.{index}.{name}", "choice", _("This is none of the parts."))
        if row["weight"] < 0:
            raise ValidationFailed.of(f"weights.{index}.weight", "range", _("Weights can't be negative."))
        found[place] += row["weight"]
    if not any(found):
        raise ValidationFailed.of("weights", "required", _("Give at least one weight above zero."))
    return found


def _places(target: Target) -> int:
    """Counts are divided into whole ones, everything else to the cent."""
    whole = target.value == target.value.to_integral_value()
    return 0 if whole and metric_named(target.metric).unit == "count" else 2

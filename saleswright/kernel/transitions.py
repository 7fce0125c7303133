"""State machines: one declaration draws the button, the API action and the history, and runs the change.

A transition does, in order: permission, row lock, source state and guards, approval, body, number, state, audit, event.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, Scope
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.bulk import update_row
from saleswright.kernel.cleaning import cleaner, error_code
from saleswright.kernel.custom_fields import CustomDefinition
from saleswright.kernel.custom_making import asked_fields, making, name_within
from saleswright.kernel.errors import Conflict, FieldError, Text, ValidationFailed
from saleswright.kernel.events import Event, Occasion, publish
from saleswright.kernel.fields import MoneyField, PercentField, PriceField, QuantityField
from saleswright.kernel.ports import ApprovalNeed, ports
from saleswright.kernel.records import announce, free_numbers, locked, snapshot, stamp, store_changes, touches_search
from saleswright.kernel.resources import Resource, resource_named
from saleswright.kernel.search import index_records
from saleswright.kernel.transactions import atomic

ArgKind = Literal[
    "text", "long", "date", "datetime", "integer", "money", "price", "quantity", "percent", "coordinate", "choice",
    "reference", "bool", "rows", "custom",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument of a transition. `to` names the resource of a reference, whose name ends in `_id`;
    `rows` are lists of objects with arguments of their own, which people fill in by `table`. Of a text `offer(record)`
    are the choices, as (value, label), that people get; programs may give whole numbers for it too. `custom` is a field
    of a record that the transition makes, checked when the record is written."""

    name: str
    label: Text
    kind: ArgKind = "text"
    required: bool = True
    choices: type[models.TextChoices] | None = None
    to: str = ""
    rows: tuple[Arg, ...] = ()
    default: Any = None
    help: Text = ""
    table: Table | None = None
    offer: Callable[[Any], Sequence[tuple[str, Text]]] | None = None
    custom: CustomDefinition | None = None

    def field(self) -> models.Field:
        """A model field that checks the value."""
        if self.custom is not None:
            return self.custom.field
        common: dict[str, Any] = {"null": not self.required, "blank": not self.required, "verbose_name": self.label}
        match self.kind:
            case "choice":
                return models.CharField(choices=self.choices.choices, max_length=50, **common)  # type: ignore[union-attr]
            case "text":
                return models.CharField(max_length=200, **common)
            case "long":
                return models.CharField(max_length=4000, **common)
        kinds = {
            "date": models.DateField,
            "datetime": models.DateTimeField,
            "integer": models.IntegerField,
            "reference": models.BigIntegerField,
            "bool": models.BooleanField,
            "money": MoneyField,
            "price": PriceField,
            "quantity": QuantityField,
            "percent": PercentField,
        }
        if self.kind == "coordinate":
            return models.DecimalField(max_digits=9, decimal_places=6, **common)
        return kinds[self.kind](**common)


Offer = Callable[[Any, Any, Mapping[str, Any]], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Table:
    """How people fill in rows: `offer(record, actor, given)` names those that they may mean, and they fill one column.

    An offered row is {name: value}: values of the columns `shown` are read, that of `typed` stands in the input at
    first, the others say which row it is. Rows left empty are not sent. `given` are the other arguments as far as
    they are typed; when one of `follows` changes, other rows may be offered. `most` names the shown column that
    limits a row, `total(record)` what all of them share, of which `left` is the label of the rest.
    """

    offer: Offer
    shown: tuple[Arg, ...]
    typed: str
    follows: tuple[str, ...] = ()
    most: str = ""
    total: Callable[[Any], Decimal] | None = None
    left: Text = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a button is shown, and if it is disabled why."""

    shown: bool
    enabled: bool = False
    reason: Text = ""


Guard = Callable[[Any], Text | None]
Reached = dict[tuple[frozenset[Scope], str], bool]
Body = Callable[..., Any]
Need = Callable[[Any, Actor, Mapping[str, Any]], ApprovalNeed | None]


@dataclass(eq=False)
class Transition:
    """A named change of state of one kind of record; call it with a record's id.

    Raises NotFound, NotAllowed, Conflict (state or guard), ValidationFailed (arguments, required fields), Stale.
    """

    resource_name: str
    name: str
    label: Text
    body: Body
    source: frozenset[str] | None = None
    target: str | None = None
    pending: str | None = None
    guards: tuple[Guard, ...] = ()
    args: tuple[Arg, ...] = ()
    required: tuple[str, ...] = ()
    approval: Need | None = None
    number: str = ""
    event: type[Event] | None = None
    style: Literal["primary", "success", "danger", "default"] = "default"
    icon: str = ""
    drop: bool = True
    result: tuple[tuple[str, type], ...] = ()
    #: the kinds of record that it makes, and those that it makes at times: their required custom fields are asked for
    makes: tuple[str, ...] = ()
    may_make: tuple[str, ...] = ()
    #: the resource of the record whose `id` the result names: the page goes there
    leads_to: str = ""
    #: the last part of the address of the page that asks for the arguments, where that isn't a dialog
    page: str = ""
    cleaners: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.body)
        self.cleaners = {arg.name: cleaner(arg.field()) for arg in self.args if arg.kind != "rows"}

    @property
    def resource(self) -> Resource:
        return resource_named(self.resource_name)

    @property
    def permission(self) -> str:
        return f"{self.resource_name}.{self.name}"

    def __call__(
        self,
        pk: int,
        *,
        actor: Actor,
        at: datetime | None = None,
        version: int | None = None,
        approved: bool = False,
        **arguments: Any,
    ) -> Any:
        """Run it and return what the body returns, or else the record."""
        at = at or clock.now()
        with atomic():
            record = locked(self.resource.model, pk, actor=actor, action=self.name, version=version)
            given = self.clean(arguments, actor)
            self._check(record, approved)
            before = snapshot(record)
            need = None if approved or self.approval is None else self.approval(record, actor, given)
            waits = need is not None and ports.approval.request(
                transition=self, record=record, arguments=given, need=need, actor=actor, at=at
            )
            made = {name: given.pop(name) for name in list(given) if name not in self.cleaners and "." in name}
            with making(frozenset({*self.makes, *self.may_make}), made) if self._makes_records else nullcontext():
                result = None if waits else self.body(record, actor=actor, at=at, **given)
            self._finish(record, before, waits, actor, at)
        return record if result is None else result

    def clean(self, arguments: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        """The arguments as Python values. Raises ValidationFailed naming every bad one."""
        errors: list[FieldError] = []
        made = {arg.name for arg in self.made_args(actor)}
        known = {arg.name for arg in self.args} | made
        errors += [FieldError(n, "unknown", _("There is no such field.")) for n in arguments if n not in known]
        values = {arg.name: _clean_arg(arg, arguments.get(arg.name), actor, "", errors) for arg in self.args}
        if errors:
            raise ValidationFailed(errors)
        return values | {name: arguments[name] for name in made if arguments.get(name) is not None}

    @property
    def _makes_records(self) -> bool:
        return bool(self.makes or self.may_make)

    def made_args(self, actor: Actor, record: Any = None) -> tuple[Arg, ...]:
        """Arguments for the custom fields that records need which it makes; of a copy what the record doesn't have."""
        found = []
        for kind in (*self.makes, *self.may_make):
            label = resource_named(kind).label
            held = record.custom if record is not None and kind == self.resource_name else {}
            for one in asked_fields(kind, actor):
                if one.code not in (held or {}):
                    sure = kind in self.makes and kind != self.resource_name and not one.right
                    help_ = one.help or ("" if sure else _("Needed when such a record is made."))
                    text = _("%(record)s · %(field)s") % {"record": label, "field": one.label}
                    found.append(Arg(name_within(one), text, "custom", sure, help=help_, custom=one))
        return tuple(found)

    def all_args(self, actor: Actor, record: Any = None) -> tuple[Arg, ...]:
        """The declared arguments, and those of `made_args`."""
        return self.args + self.made_args(actor, record) if self._makes_records else self.args

    def refusal(self, record: Any) -> Text | None:
        """Why the record's state or a guard forbids it now, or None."""
        if record.archived_at is not None:
            return _("The record is archived. Restore it first.")
        state = self.state_of(record)
        if self.source is not None and state not in self.source:
            return _("Not possible in the state “%(state)s”.") % {"state": self._state_label(state)}
        return next((reason for guard in self.guards if (reason := guard(record)) is not None), None)

    def availability(self, record: Any, actor: Actor, reached: Reached | None = None) -> Availability:
        """How the button appears to the actor. Buttons of other states are left out, guarded ones disabled.

        `reached` remembers over several transitions of one record which scopes reach it, by action where the kind
        of record has rules of its own for that.
        """
        if not actor.may(self.permission):
            return Availability(shown=False)
        if self.source is not None and self.state_of(record) not in self.source:
            return Availability(shown=False)
        reached = {} if reached is None else reached
        key = (actor.scopes(self.permission), self.name if self.name in self.resource.reaches else "")
        if key not in reached:
            reached[key] = visible(type(record)._default_manager.filter(pk=record.pk), actor, self.name).exists()
        if not reached[key]:
            return Availability(shown=False)
        reason = self.refusal(record)
        return Availability(shown=True, enabled=reason is None, reason=reason or "")

    def state_of(self, record: Any) -> str:
        name = self.resource.state_field
        return str(getattr(record, name)) if name else ""

    def _state_label(self, state: str) -> Text:
        choices = dict(self.resource.model._meta.get_field(self.resource.state_field).flatchoices)
        return choices.get(state, state)

    def _check(self, record: Any, approved: bool) -> None:
        granted = approved and self.pending is not None and self.state_of(record) == self.pending
        if record.archived_at is None and granted:
            reason = next((r for guard in self.guards if (r := guard(record)) is not None), None)
        else:
            reason = self.refusal(record)
        if reason is not None:
            raise Conflict(reason)
        missing = [name for name in self.required if getattr(record, name) in (None, "")]
        if missing:
            text = _("Needed for “%(action)s”.") % {"action": self.label}
            raise ValidationFailed([FieldError(name, "required", text) for name in missing])

    def _finish(self, record: Any, before: dict[str, Any], waits: bool, actor: Actor, at: datetime) -> None:
        state_field, resource = self.resource.state_field, self.resource
        target = self.pending if waits else self.target
        if target is not None and state_field:
            setattr(record, state_field, target)
        stamp(record, actor, at)
        number = bool(self.number) and not waits and not getattr(record, self.number)
        action = f"{self.name}.requested" if waits else self.name
        values = store_changes(resource, record, before, action, actor=actor, at=at)
        if self.event is not None and not waits:  # those who react find the record as it is now
            publish(self.event(record_id=record.pk), actor=actor, at=at)
        else:
            announce(resource, [(record.pk, action)], Occasion(actor, at))
        if number:
            setattr(record, self.number, free_numbers(resource, self.number, 1, clock.local_date(at))[0])
            update_row(record, {self.number: getattr(record, self.number)}, version=record.version)
        if number or touches_search(resource, values):
            index_records(resource, [record])


def _clean_arg(arg: Arg, value: Any, actor: Actor, prefix: str, errors: list[FieldError]) -> Any:
    from django.core.exceptions import ValidationError

    name = prefix + arg.name
    if value is None and arg.default is not None:
        return arg.default() if callable(arg.default) else arg.default
    if arg.kind == "rows":
        return _clean_rows(arg, value, actor, name, errors)
    if arg.offer is not None and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        clean = cleaner(arg.field())(_shortened(value) if arg.kind == "coordinate" else value)
    except ValidationError as problem:
        errors += [FieldError(name, error_code(one), " ".join(one.messages)) for one in problem.error_list]
        return None
    if arg.kind == "reference" and clean is not None and arg.to:
        target = resource_named(arg.to)
        live = target.model._default_manager.filter(pk=clean, archived_at=None)
        if not visible(live, actor).exists():
            errors.append(FieldError(name, "not_found", _("There is no such record.")))
    return clean


def _shortened(value: Any) -> Any:
    """A coordinate to six decimal places (about ten centimetres): phones send more."""
    try:
        return Decimal(str(value)).quantize(Decimal("0.000001"))
    except ArithmeticError:
        return value


def _clean_rows(arg: Arg, value: Any, actor: Actor, name: str, errors: list[FieldError]) -> list[dict[str, Any]] | None:
    if value is None:
        if arg.required:
            errors.append(FieldError(name, "required", _("This field is required.")))
        return None
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        errors.append(FieldError(name, "invalid", _("Give a list of objects.")))
        return None
    rows = []
    for index, row in enumerate(value):
        known = {one.name for one in arg.rows}
        prefix = f"{name}.{index}."
        errors += [FieldError(prefix + n, "unknown", _("There is no such field.")) for n in row if n not in known]
        rows.append({one.name: _clean_arg(one, row.get(one.name), actor, prefix, errors) for one in arg.rows})
    return rows


def transition(
    resource: str,
    name: str,
    *,
    label: Text,
    source: Iterable[str] | None = None,
    target: str | None = None,
    **options: Any,
) -> Callable[[Body], Transition]:
    """Declare the decorated function `body(record, *, actor, at, **args)` as the body of a transition.

    Options are the fields of `Transition`: `guards`, `args`, `required`, `approval` with `pending`, `number`
    (a field that gets the next number), `event`, `style`, `icon`, `result` ((name, type), …) of what it returns.
    """
    states = None if source is None else frozenset(str(state) for state in source)

    def declare(body: Body) -> Transition:
        return Transition(resource, name, label, body, states, target, **options)

    return declare


ASSIGN_ARGS = (Arg("owner_id", gettext_lazy("New owner"), "reference", to="employees"),)

"""Reports: named figures with parameters, as JSON, page and export. Modules register theirs.

A report that names its `subjects` can be grouped by the custom fields of those records and cut to their values: its
`compute` finds what was chosen as `Chosen` under the parameter `custom`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal

from django.utils.translation import gettext as _

from saleswright.interface.presentation import Chart
from saleswright.interface.report_dimensions import Dimensions, Filter, Subjects, dimensions_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.custom_fields import CHOOSING, REFERRING
from saleswright.kernel.errors import FieldError, NotFound, Text, ValidationFailed
from saleswright.kernel.resources import resource_of

ColumnKind = Literal["text", "integer", "money", "quantity", "percent", "days", "date"]


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of a report; money is text with two places in JSON, percentages are shares (0.25).

    People don't see columns of `code`s, which other columns put into words, and read the `names` of codes, which
    programs get as they are. `kind_in(row)` says what the values are where that differs from row to row.
    """

    name: str
    label: Text
    kind: ColumnKind = "text"
    total: bool = False
    code: bool = False
    names: Mapping[str, Text] = field(default_factory=dict)
    kind_in: Callable[[Sequence[Any]], ColumnKind] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a report: a date, a choice, a whole number, or the id of a record of `to`.

    `grouping`: its choices are what rows are grouped by, the custom fields of the report's subjects among them.
    """

    name: str
    label: Text
    kind: Literal["date", "choice", "integer", "reference", "text"] = "date"
    choices: tuple[tuple[str, Text], ...] = ()
    default: Any = None
    to: str = ""
    required: bool = False
    grouping: bool = False


@dataclass(slots=True)
class Result:
    """What a report says: rows of values in the order of the columns."""

    columns: list[ReportColumn]
    rows: list[list[Any]]
    as_of: datetime = field(default_factory=clock.now)
    chart: Chart | None = None
    drill: list[str] = field(default_factory=list)  # an address behind each row

    def for_people(self) -> tuple[list[ReportColumn], list[list[Any]]]:
        """The columns that people read, and the rows with names in the place of codes."""
        read = [place for place, column in enumerate(self.columns) if not column.code]
        rows = [[self._named(place, row[place]) for place in read] for row in self.rows]
        return [self.columns[place] for place in read], rows

    def _named(self, place: int, value: Any) -> Any:
        names = self.columns[place].names
        return str(names.get(value, value)) if names else value

    def kind(self, column: ReportColumn, row: int) -> ColumnKind:
        """What the value of the column is in that row."""
        return column.kind_in(self.rows[row]) if column.kind_in is not None else column.kind

    def as_json(self) -> dict[str, Any]:
        """The API's form: names of columns, rows as objects."""
        names = [column.name for column in self.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"columns": names, "rows": rows, "as_of": clock.local_time(self.as_of).isoformat()}


Compute = Callable[[dict[str, Any], Actor], Result]


def _no_subjects(_given: Mapping[str, str] | None) -> Subjects:
    return {}


@dataclass(frozen=True, slots=True)
class Report:
    """A named report; `subjects` answers for given parameters, or for None with all that there may be."""

    name: str
    title: Text
    parameters: tuple[Parameter, ...]
    compute: Compute
    icon: str = "chart-bar"
    internal: bool = False
    subjects: Callable[[Mapping[str, str] | None], Subjects] = _no_subjects

    def run(self, given: Mapping[str, str], actor: Actor) -> Result:
        """Compute it. Raises NotAllowed or ValidationFailed."""
        actor.require("reports.view")
        return self.compute(self.read(given, actor), actor)

    def parameters_for(self, actor: Actor, given: Mapping[str, str] | None = None) -> tuple[Parameter, ...]:
        """The parameters that the actor has, custom fields included."""
        return self._with(dimensions_of(self.subjects(given), actor))

    def _with(self, dimensions: Dimensions) -> tuple[Parameter, ...]:
        own = (
            replace(one, choices=(*one.choices, *dimensions.groupings)) if one.grouping else one
            for one in self.parameters
        )
        return (*own, *map(_parameter, dimensions.filters))

    def read(self, given: Mapping[str, str], actor: Actor) -> dict[str, Any]:
        """The parameters as values. Raises ValidationFailed naming every bad one."""
        dimensions = dimensions_of(self.subjects(given), actor)
        known = {p.name: p for p in self._with(dimensions)}
        custom = {one.name: one for one in dimensions.filters}
        errors = [FieldError(n, "unknown", _("There is no such parameter.")) for n in given if n not in known]
        values: dict[str, Any] = {}
        for name, parameter in known.items():
            text = given.get(name, "")
            if text == "":
                values[name] = parameter.default() if callable(parameter.default) else parameter.default
                if parameter.required and values[name] is None:
                    errors.append(FieldError(name, "required", _("This field is required.")))
                continue
            try:
                values[name] = _value(parameter, text)
            except (ValueError, OverflowError):
                errors.append(FieldError(name, "invalid", _("The value is not valid.")))
        if values.get("from") and values.get("to") and values["from"] > values["to"]:
            errors.append(FieldError("to", "order", _("The end lies before the start.")))
        if errors:
            raise ValidationFailed(errors)
        by = next((values[one.name] for one in self.parameters if one.grouping), None)
        made = [(one, given[name]) for name, one in custom.items() if given.get(name, "") != ""]
        return {name: value for name, value in values.items() if name not in custom} | {
            "custom": dimensions.chosen(by, made)
        }


def _parameter(one: Filter) -> Parameter:
    """A comparison with a custom field as a parameter."""
    kind, spec = one.dimension.kind, one.dimension.spec
    if kind in REFERRING:
        return Parameter(one.name, one.label, "reference", to=resource_of(spec.target).name)
    if kind == "bool":
        return Parameter(one.name, one.label, "choice", (("true", _("Yes")), ("false", _("No"))))
    if kind in CHOOSING:
        return Parameter(one.name, one.label, "choice", tuple(spec.choices.items()))
    return Parameter(one.name, one.label, "date" if kind == "date" else "text")


def _value(parameter: Parameter, text: str) -> Any:
    if parameter.kind == "date":
        return date.fromisoformat(text)
    if parameter.kind in {"integer", "reference"}:
        number = int(text)
        if not 0 <= number < 2**63:
            raise ValueError(text)
        return number
    if parameter.kind == "choice" and text not in dict(parameter.choices):
        raise ValueError(text)
    if "\x00" in text:
        raise ValueError(text)
    return text


_reports: dict[str, Report] = {}


def report(
    name: str,
    title: Text,
    *parameters: Parameter,
    icon: str = "chart-bar",
    internal: bool = False,
    subjects: Subjects | Callable[[Mapping[str, str] | None], Subjects] = MappingProxyType({}),
) -> Callable[[Compute], Compute]:
    """Register `compute(parameters, actor) -> Result` as a report; `internal` ones are about the system's own work."""
    found = subjects if callable(subjects) else lambda _given: subjects

    def declare(compute: Compute) -> Compute:
        _reports[name] = Report(name, title, parameters, compute, icon, internal, found)
        return compute

    return declare


def report_named(name: str) -> Report:
    """The report of that name. Raises NotFound."""
    try:
        return _reports[name]
    except KeyError:
        raise NotFound from None


def all_reports() -> list[Report]:
    """Every report: those of selling in the order of registration, then those of the system's own work."""
    return sorted(_reports.values(), key=lambda one: one.internal)

"""The Entity: everything that people and programs can see and do with one kind of record, said once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.interface.custom_specs import Shape, shape_of
from saleswright.interface.fields import AS_TYPED, FieldSpec, Shown, Veiled, has_field, spec_of
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.custom_fields import definitions
from saleswright.kernel.errors import NotFound, Text
from saleswright.kernel.models import OwnedRecord
from saleswright.kernel.personal import masked_by_default
from saleswright.kernel.resources import Lines, Resource, add_resource, all_resources, resource_named
from saleswright.kernel.states import States


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of fields in a form or on a page."""

    label: Text
    fields: tuple[str, ...]
    help: Text = ""


@dataclass(frozen=True, slots=True)
class Related:
    """A tab with the records of another resource that point here by `field`."""

    resource: str
    field: str
    label: Text = ""
    create: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """What a picker of a form offers: only what belongs to the record chosen in the field `by`.

    Those are the records whose reference of the same name is that one, and all while none is chosen; or what
    `options(record, actor)` answers as (id, label), nothing while none is chosen. That others are refused is the
    module's to see to, for all ways of writing.
    """

    by: str
    options: Callable[[Any, Actor], list[tuple[int, str]]] | None = None


#: what a chosen record fills: fields of the same name, or {field: value}
Fill = tuple[str, ...] | Callable[[Any, Actor], Mapping[str, Any]]
RowsOf = Callable[[Any, Actor], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Board:
    """A board over a state or reference field. A drop runs the transition that `moves` names for the column
    (state -> transition), or `move` with the column's id when the columns are records. `flags` name what is
    attached to records that need a look: their cards say its label."""

    by: str
    title: str
    subtitle: str = ""
    amount: str = ""
    date: str = ""
    person: str = "owner"
    open_states: tuple[str, ...] = ()
    columns: Callable[[Actor, Mapping[str, str]], list[BoardKey]] | None = None
    move: str = ""
    limit: int = 80
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardKey:
    """A column of a board; `room` says how many of how many places are taken, `full` that none is left."""

    key: str
    label: Text
    colour: str = "secondary"
    percent: str = ""
    room: str = ""
    full: bool = False


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar over a date or time field."""

    by: str
    title: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What import and export carry. `key` finds the record that a row means; several fields with commas do together.

    `groups` are gathered from the rows of one key like lines (`allocations.amount`) and given, as a list of
    {field: value}, to the entity's extra of the same name; their model says what the fields are.
    """

    key: str
    fields: tuple[str, ...] = ()
    extra_export: tuple[str, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[Lines, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields of the key."""
        return tuple(self.key.split(","))


@dataclass(frozen=True, slots=True)
class Attached:
    """A value that is read for many records at once from elsewhere: collaborators, roles, lines.

    `load(ids, actor)` answers {id: JSON value}; `schema` describes it; `default` stands for the others. `names()`
    answers what codes in a list are called, in the active language; programs get the codes. It stands among the facts
    of a record's page unless that has another place for it (`on_page`).
    """

    name: str
    label: Text
    load: Callable[[list[int], Actor], dict[int, Any]]
    schema: dict[str, Any]
    default: Callable[[], Any] = list
    detail_only: bool = False
    names: Callable[[], Mapping[str, Text]] | None = None
    on_page: bool = True


class Similar(NamedTuple):
    """A record that looks like the one being typed: `url` where one may see it, else where one may `ask` to join."""

    label: str
    url: str = ""
    ask: str = ""


@dataclass(frozen=True, slots=True)
class Alike:
    """The record that a row of a file is likely the same as, in percent; one that is not `seen` can't be changed."""

    record_id: int
    label: str
    percent: int
    seen: bool


@dataclass(frozen=True, slots=True)
class View:
    """Another page of a record, at `/{resource}/{id}/{suffix}`, beside the one that is made of its fields."""

    suffix: str
    label: Text
    icon: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file made from a record: `GET /{id}/document.pdf`."""

    suffix: str
    label: Text
    content_type: str
    render: Callable[[Any, Actor, str], bytes]


class Entity(Resource):
    """Declares lists, pages, forms, boards, calendars, exchange and API of one model.

    Everything has a default; override the one part that differs.
    """

    icon: ClassVar[str] = "file"
    #: columns of the list as first shown; the others can be chosen
    columns: ClassVar[tuple[str, ...]] = ()
    sortable: ClassVar[tuple[str, ...]] = ()
    filters: ClassVar[tuple[str, ...]] = ()
    ordering: ClassVar[str] = "-id"
    totals: ClassVar[tuple[str, ...]] = ()
    form: ClassVar[tuple[Section, ...]] = ()
    #: pickers of the form (`contact`, of lines `lines.order_line`) that follow another field of it
    limits: ClassVar[Mapping[str, Limit]] = {}
    #: reference of the form -> what choosing a record there puts into fields that are still open
    fills: ClassVar[Mapping[str, Fill]] = {}
    #: reference of the form -> (lines, the rows that choosing a record there puts into them)
    line_fills: ClassVar[Mapping[str, tuple[str, RowsOf]]] = {}
    detail: ClassVar[tuple[Section, ...]] = ()
    path: ClassVar[tuple[str, ...]] = ()
    related: ClassVar[tuple[Related, ...]] = ()
    panels: ClassVar[tuple[str, ...]] = ()
    #: panels that stand above the facts of a record's page
    first_panels: ClassVar[tuple[str, ...]] = ()
    board: ClassVar[Board | None] = None
    calendar: ClassVar[Calendar | None] = None
    exchange: ClassVar[Exchange | None] = None
    attached: ClassVar[tuple[Attached, ...]] = ()
    documents: ClassVar[tuple[Document, ...]] = ()
    #: other pages of a record that modules contribute
    views: ClassVar[tuple[View, ...]] = ()
    #: fields that people read otherwise than their type says: codes by their names, whole numbers as percentages
    shown: ClassVar[tuple[Shown, ...]] = ()
    #: fields that programs may write beside those of the form
    api_write: ClassVar[tuple[str, ...]] = ()
    #: model fields that never leave the system
    private: ClassVar[tuple[str, ...]] = ()
    creatable: ClassVar[bool] = True
    editable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    #: whether people are offered to put records away; that programs can't is the entity's `put_away` to say
    archivable: ClassVar[bool] = True
    #: asked while typing: values -> records that look the same
    duplicates: ClassVar[staticmethod[[Mapping[str, Any], Actor], list[Similar]] | None] = None
    #: asked by imports: values of new records -> for each the record that it likely is, or None
    alike: ClassVar[staticmethod[[list[Mapping[str, Any]], Actor], list[Alike | None]] | None] = None
    empty_text: ClassVar[Text] = ""
    list_template: ClassVar[str] = "interface/list.html"
    detail_template: ClassVar[str] = "interface/detail.html"
    form_template: ClassVar[str] = "interface/form.html"

    @property
    def specs(self) -> Mapping[str, FieldSpec]:
        """The spec of every column that may leave the system, by name; custom fields come last."""
        return self._shape.specs

    @property
    def _shape(self) -> Shape:
        """What the declaration and the custom fields make together, put together once for each state of those."""
        known = definitions()
        fields, retired = known.of(self.name), known.retired_of(self.name)
        found: Shape | None = self.__dict__.get("_shaped")
        if (
            found is None
            or found.fields is not fields
            or found.retired_fields is not retired
            or found.own is not self.own_specs
        ):
            found = self.__dict__["_shaped"] = shape_of(self.model, fields, retired, self.own_specs)
        return found

    @property
    def retired_specs(self) -> Mapping[str, FieldSpec]:
        """The custom fields that are retired. Nothing shows or offers them; kept views and rules may still ask."""
        return self._shape.retired

    def term_of(self, name: str, typed: Mapping[str, Any], actor: Actor) -> str:
        """What a column that names the vocabulary of conditions would hold in a new record; override for such."""
        raise NotImplementedError(name)

    @cached_property
    def own_specs(self) -> dict[str, FieldSpec]:
        """The specs of the columns that are declared."""
        hidden = {"version", "custom", "password", "last_login", *self.private}
        shown = {one.field: one for one in self.shown}
        return {
            f.name: spec_of(
                self.model, f.name, self.right_of(f.name), shown.get(f.name, AS_TYPED), self.mask_of(f.name)
            )
            for f in self.model._meta.concrete_fields
            if f.name not in hidden
        }

    def specs_for(self, actor: Actor) -> dict[str, FieldSpec]:
        """How the actor reads the fields: those that need a right are left out without it, or veiled by their mask.

        Personal data that is masked until asked for is veiled for people and programs with the right as well.
        """
        found: dict[str, FieldSpec] = {}
        for name, spec in self.specs.items():
            sees = not spec.secret or actor.sees(spec.secret)
            if spec.mask is not None and (not sees or (actor.kind != "system" and masked_by_default(self, name))):
                found[name] = self._veiled[name][sees]
            elif sees:
                found[name] = spec
        return found

    def known_to(self, actor: Actor) -> dict[str, FieldSpec]:
        """The fields whose values the actor may know and set, so that they may be asked for by value; none veiled."""
        return {name: spec for name, spec in self.specs.items() if not spec.secret or actor.sees(spec.secret)}

    def asked_by(self, actor: Actor) -> dict[str, FieldSpec]:
        """The fields that the actor's conditions may ask for: those known to them, and of the retired ones as well."""
        retired = {n: spec for n, spec in self.retired_specs.items() if not spec.secret or actor.sees(spec.secret)}
        return self.known_to(actor) | retired

    @cached_property
    def _veiled(self) -> dict[str, tuple[Veiled, Veiled]]:
        """The masked fields as those read them who may not ask for the value, and those who may."""
        return {
            name: (
                Veiled(name, self.model, spec.secret, spec.shown, spec.mask),
                Veiled(name, self.model, spec.secret, spec.shown, spec.mask, f"{self.url()}/{{id}}/reveal/{name}"),
            )
            for name, spec in self.own_specs.items()
            if spec.mask is not None
        }

    @property
    def masks(self) -> tuple[str, ...]:
        """The fields of which a mask may be all that is shown."""
        return tuple(name for name in self.secret if self.mask_of(name) is not None)

    @property
    def form_fields(self) -> tuple[str, ...]:
        """The fields of the form in their order."""
        return self._own_form_fields + self._shape.names

    @cached_property
    def _own_form_fields(self) -> tuple[str, ...]:
        return tuple(name for section in self.form for name in section.fields)

    @property
    def writable(self) -> tuple[str, ...]:
        """Fields that forms and programs may write."""
        return self._own_writable + self._shape.names

    @cached_property
    def _own_writable(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._own_form_fields, *self.api_write, *self.extras)))

    @property
    def sorts(self) -> tuple[str, ...]:
        """What lists can be sorted by."""
        return self.sortable + self._shape.sortable

    @property
    def filterable(self) -> tuple[str, ...]:
        """What lists can be filtered by."""
        return self.filters + self._shape.names

    @property
    def form_sections(self) -> tuple[Section, ...]:
        """The sections of the form."""
        return self.form + self._custom_section

    @property
    def detail_sections(self) -> tuple[Section, ...]:
        """The sections of a record's page."""
        return (self.detail or self.form) + self._custom_section

    @property
    def _custom_section(self) -> tuple[Section, ...]:
        names = self._shape.names
        return (Section(_("More details"), names),) if names else ()

    @cached_property
    def line_specs(self) -> dict[str, dict[str, FieldSpec]]:
        """For each kind of lines the specs of its fields."""
        shown = {one.field: one for one in self.shown}
        return {
            lines.name: {
                name: spec_of(lines.model, name, shown=shown.get(f"{lines.name}.{name}", AS_TYPED))
                for name in (*lines.fields, *lines.read)
            }
            for lines in self.lines
        }

    @cached_property
    def line_paths(self) -> set[str]:
        """The writable fields of the lines, as `lines.quantity`."""
        return {f"{lines.name}.{name}" for lines in self.lines for name in lines.fields}

    @cached_property
    def states(self) -> type[States] | None:
        """The states, if the record has any."""
        return self.specs[self.state_field].states if self.state_field else None

    @property
    def exchange_fields(self) -> tuple[str, ...]:
        """What an export writes and an import may fill."""
        return self._own_exchange_fields + self._shape.names if self.exchange is not None else ()

    @cached_property
    def _own_exchange_fields(self) -> tuple[str, ...]:
        assert self.exchange is not None
        return self.exchange.fields or tuple(dict.fromkeys((*self.exchange.keys, *self._own_form_fields)))

    def lines_named(self, name: str) -> Lines:
        """The lines of that name. Raises KeyError."""
        return {lines.name: lines for lines in self.lines}[name]

    def url(self, pk: int | None = None, *more: str) -> str:
        """The page of the list, or of a record."""
        parts = [self.name, *([str(pk)] if pk is not None else []), *more]
        return "/" + "/".join(parts)

    def check(self) -> list[str]:
        """What is wrong with the declaration, in words; run at start."""
        problems = [
            f"{self.name}: no field {name!r}"
            for name in (
                *self.columns,
                *self.sortable,
                *self.filters,
                *self.totals,
                *self.secret,
                *self.personal_data,
                *self.not_personal,
                *self.history_fields,
                *(one.field for one in self.shown),
            )
            if not has_field(self.model, name) and name not in self.line_paths
        ]
        problems += [
            f"{self.name}: no form field {name!r}"
            for name in (*self._own_form_fields, *self.api_write)
            if not has_field(self.model, name) and name not in self.extras
        ]
        problems += [f"{self.name}: no search field {n!r}" for n in self.search if not hasattr(self.model, n)]
        paths = self.line_paths
        problems += [
            f"{self.name}: no form field {name!r} to limit or fill by"
            for name in (*self.limits, *(limit.by for limit in self.limits.values()), *self.fills, *self.line_fills)
            if name not in self._own_form_fields and name not in paths
        ]
        problems += [
            f"{self.name}: no form field {name!r} to fill"
            for names in self.fills.values()
            for name in (() if callable(names) else names)
            if name not in self._own_form_fields
        ]
        if self.board:
            unknown = set(self.board.flags) - {one.name for one in self.attached}
            problems += [f"{self.name}: nothing attached is called {one!r}" for one in sorted(unknown)]
        if self.state_field in self._own_writable and self.state_field:
            problems.append(f"{self.name}: the state field is in the write list")
        indexed = indexed_columns(self.model)
        problems += [
            f"{self.name}: {name!r} is sortable or filterable without an index"
            for name in (*self.sortable, *self.filters)
            if name not in indexed and name != "id"
        ]
        return problems


def indexed_columns(model: type[models.Model]) -> set[str]:
    """Columns that begin an index."""
    found = {f.name for f in model._meta.concrete_fields if f.db_index or f.unique or f.primary_key}  # type: ignore[attr-defined]
    found |= {index.fields[0].lstrip("-") for index in model._meta.indexes if index.fields and not index.condition}
    found |= {c.fields[0] for c in model._meta.constraints if isinstance(c, models.UniqueConstraint) and c.fields}
    return found


def sort_indexes(prefix: str, *columns: str) -> tuple[models.Index, ...]:
    """The indexes (column, id) that sortable columns need; names begin with `prefix`."""
    return tuple(models.Index(fields=(column, "id"), name=f"{prefix}_{column}"[:30]) for column in columns)


def register(kind: type[Entity]) -> type[Entity]:
    """Make an entity known. Owned records show and filter their owner and department."""
    if issubclass(kind.model, OwnedRecord):
        kind.filters = tuple(dict.fromkeys((*kind.filters, "owner", "department")))
    kind.label = kind.label or kind.model._meta.verbose_name
    kind.label_plural = kind.label_plural or kind.model._meta.verbose_name_plural
    kind.empty_text = kind.empty_text or _("Nothing here yet.")
    add_resource(kind())
    return kind


def entity_named(name: str) -> Entity:
    """The entity of that name. Raises NotFound."""
    resource = resource_named(name)
    if not isinstance(resource, Entity):
        raise NotFound
    return resource


def all_entities() -> list[Entity]:
    """Every entity, lower modules first."""
    return [resource for resource in all_resources() if isinstance(resource, Entity)]

"""What the kernel knows of each kind of record; `interface.Entity` adds how it looks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from django.db import models
from django.db.models import Q

from saleswright.kernel.custom_fields import fields_of
from saleswright.kernel.errors import NotFound, Text
from saleswright.kernel.masks import Mask

if TYPE_CHECKING:
    from saleswright.kernel.access.actors import Actor, Scope
    from saleswright.kernel.merging.declared import Merging
    from saleswright.kernel.personal import Personal
    from saleswright.kernel.records import Batch
    from saleswright.kernel.transitions import Transition


@dataclass(frozen=True, slots=True)
class Masked:
    """A protected field of which those without the right see the mask: `Masked("phone", masks.phone)`."""

    right: str
    mask: Mask


@dataclass(frozen=True, slots=True)
class Extra:
    """Something written with a record that is no column of it: a password, roles, collaborators.

    `clean` checks the value (raising Django's ValidationError); `save({record: value}, batch)` stores it.
    """

    name: str
    label: Text
    clean: Callable[[Any], Any]
    save: Callable[[list[tuple[Any, Any]], Batch], None]
    schema: dict[str, Any]
    required: bool = False
    #: for forms: the resource whose ids it lists, or its choices; what records hold now {id: value}
    to: str = ""
    choices: Callable[[], list[tuple[str, Text]]] | None = None
    read: Callable[[list[int]], dict[int, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a document: rows of `model` that point to it by `parent` and are saved with it.

    `fields` may be written, `history_fields` by an import of history only; `read` are shown besides. A line's place
    is kept in its `position` column. Lines that are not `tabled` have a panel of their own on the page of the document.
    """

    name: str
    model: type[models.Model]
    parent: str
    label: Text
    fields: tuple[str, ...]
    read: tuple[str, ...] = ()
    required: bool = True
    history_fields: tuple[str, ...] = ()
    tabled: bool = True


class Resource:
    """One kind of record: its name in permissions, audit, search and addresses, and the rules of its writes."""

    name: ClassVar[str]
    model: ClassVar[Any]
    label: ClassVar[Text] = ""
    label_plural: ClassVar[Text] = ""
    #: the reference whose visibility decides over this record's ("customer" of a contact)
    via: ClassVar[str] = ""
    #: fields whose words find the record; the first is its label
    search: ClassVar[tuple[str, ...]] = ()
    #: field -> right (`fields.<right>`) without which it is neither settable nor shown: left out, or masked
    secret: ClassVar[Mapping[str, str | Masked]] = {}
    #: fields that say something of a person: why they are kept, and what becomes of them when the person is forgotten
    personal_data: ClassVar[Mapping[str, Personal]] = {}
    #: fields that look as if they did, but are of a company or of no living person
    not_personal: ClassVar[tuple[str, ...]] = ()
    #: field that gets the next number when it is empty on creation
    number_field: ClassVar[str] = ""
    lines: ClassVar[tuple[Lines, ...]] = ()
    transitions: ClassVar[tuple[Transition, ...]] = ()
    state_field: ClassVar[str] = ""
    #: states in which the record may be edited and deleted; empty: in every state
    draft_states: ClassVar[tuple[str, ...]] = ()
    #: fields that only an import of history may set (status, dates of what happened)
    history_fields: ClassVar[tuple[str, ...]] = ()
    #: field -> function that cleans it instead of the standard one (raising Django's ValidationError)
    cleaners: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    #: whether the records matter to their owner alone, so that nobody must take them over
    personal: ClassVar[bool] = False
    #: the field that notes since when the present owner has the record
    held_since: ClassVar[str] = ""
    #: whether its amounts of money only limit others, so that they don't tie the company to its base currency
    amounts_are_limits: ClassVar[bool] = False
    #: columns worked out of others, of which the audit says nothing
    derived: ClassVar[tuple[str, ...]] = ()
    #: action -> (queryset, actor, scopes) -> the records on which it may be done, where it isn't the scopes alone
    #: that say so
    reaches: ClassVar[dict[str, Callable[[Any, Actor, frozenset[Scope]], Any]]] = {}
    #: how several records are made one, where that is possible; `merging(name)` is the transition for it
    merges: ClassVar[Merging | None] = None
    #: what is written with the record besides its columns
    extra: ClassVar[tuple[Extra, ...]] = ()

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        """Cut the queryset to what the actor may reach with these scopes. Override for special rules."""
        from saleswright.kernel.access.scopes import standard_scope

        return standard_scope(self, queryset, actor, scopes)

    def shown_to(self, actor: Actor, action: str) -> Q | None:
        """Records on which the actor may do `action` whatever the scope of their roles, such as to read what was
        sent to them; None where nobody may. Override for special rules.
        """
        return None

    def remark_refusal(self, record: Any) -> Text | None:
        """Why nobody may comment on this record, or None; override."""
        return None

    def prepare(self, batch: Batch) -> None:
        """Fill derived fields and check rules over several fields before a batch is written; override."""

    def saved(self, batch: Batch) -> None:
        """Post entries of this module that follow from a plain edit, in its transaction; override."""

    def put_away(self, record: Any, actor: Actor) -> None:
        """Follow a record that was archived or restored, in its transaction, or refuse; override."""

    def before_delete(self, record: Any, actor: Actor) -> None:
        """Follow a record that is about to be deleted, or refuse: as one that is put away, unless overridden."""
        self.put_away(record, actor)

    def forgotten(self, record: Any, values: dict[str, Any]) -> dict[str, Any]:
        """What the record's fields hold once the person it is about is forgotten; override to keep or add some."""
        return values

    def contact_refusal(self, record: Any, name: str) -> Text | None:
        """Why the person must not be called or written to by this field, or None; override."""
        return None

    def edit_refusal(self, record: Any) -> Text | None:
        """Why this record can't be edited in its present state, or None."""
        from django.utils.translation import gettext_lazy as _

        if self.draft_states and getattr(record, self.state_field) not in self.draft_states:
            return _("Only drafts can be changed.")
        return None

    @property
    def secrets(self) -> dict[str, str]:
        """Field -> right without which its value is neither shown nor settable, custom fields included."""
        fields = fields_of(self.name)
        return {**self._rights, **{one.name: one.right for one in fields if one.right}} if fields else self._rights

    @property
    def _rights(self) -> dict[str, str]:
        return {name: self.right_of(name) for name in self.secret}

    def right_of(self, name: str) -> str:
        """The right that the declared field needs, or ""."""
        rule = self.secret.get(name, "")
        return rule.right if isinstance(rule, Masked) else rule

    def mask_of(self, name: str) -> Mask | None:
        """What those see of the field who may not read it; None for a field that is open or left out."""
        rule = self.secret.get(name)
        return rule.mask if isinstance(rule, Masked) else None

    @cached_property
    def extras(self) -> dict[str, Extra]:
        """What can be written besides the columns, by name."""
        from saleswright.kernel.access.collaborators import COLLABORATORS

        return {extra.name: extra for extra in (*self.extra, *((COLLABORATORS,) if self.owned else ()))}

    @cached_property
    def unaudited(self) -> frozenset[str]:
        """The columns of which an audit entry says nothing: what it says itself, and what follows from the rest."""
        from saleswright.kernel.columns import UNAUDITED

        return UNAUDITED | {self.held_since, *self.derived}

    @cached_property
    def owned(self) -> bool:
        """Whether the records have an owner and a department."""
        from saleswright.kernel.models import OwnedRecord

        return issubclass(self.model, OwnedRecord)

    def transition(self, name: str) -> Transition:
        """The transition of that name. Raises NotFound."""
        for found in self.transitions:
            if found.name == name:
                return found
        raise NotFound

    def label_of(self, record: Any) -> str:
        """The record's name for people."""
        return str(record)

    def content_hash(self, record: Any) -> str:
        """A fingerprint of what was written in the record and its lines, without its state."""
        skipped = {"version", "updated_at", "updated_by_id", "archived_at", self.state_field}
        content: dict[str, Any] = {
            f.attname: getattr(record, f.attname) for f in self.model._meta.concrete_fields if f.attname not in skipped
        }
        for lines in self.lines:
            rows = lines.model._default_manager.filter(**{lines.parent: record.pk}).order_by("position", "id")
            content[lines.name] = list(rows.values(*lines.fields))
        return hashlib.sha256(orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def permissions(self) -> list[str]:
        """Every permission code of this resource."""
        verbs = ["view", "create", "edit", "delete", "export", "import", "archive"]
        return [f"{self.name}.{verb}" for verb in [*verbs, *(t.name for t in self.transitions)]]


_by_name: dict[str, Resource] = {}
_by_model: dict[type[models.Model], Resource] = {}
#: rights over groups of fields, beside the permissions of resources
FIELD_RIGHTS: dict[str, Text] = {}


def add_resource(resource: Resource) -> None:
    """Make a resource known. Raises ValueError if its name or model is taken."""
    if resource.name in _by_name or resource.model in _by_model:
        raise ValueError(f"{resource.name} is registered twice")
    _by_name[resource.name] = resource
    _by_model[resource.model] = resource


def resource_named(name: str) -> Resource:
    """The resource of that name. Raises NotFound."""
    try:
        return _by_name[name]
    except KeyError:
        raise NotFound from None


def resource_of(model: type[models.Model]) -> Resource:
    """The resource whose records are rows of `model`. Raises LookupError if it has none."""
    try:
        return _by_model[model]
    except KeyError:
        raise LookupError(f"{model.__name__} is no resource") from None


def has_resource(model: Any) -> bool:
    """Whether rows of `model` are records of a resource."""
    return model in _by_model


def forgettable(name: str) -> frozenset[str]:
    """The fields of a kind of record that can be forgotten with a person; `@label` if its title is one of them."""
    resource = _by_name.get(name)
    if resource is None or not resource.personal_data:
        return frozenset()
    found = {field for field, personal in resource.personal_data.items() if personal.erased != "kept"}
    return frozenset(found | ({"@label"} if resource.model.title_field in found else set()))


def all_resources() -> list[Resource]:
    """Every resource, in the order of registration (lower modules first)."""
    return list(_by_name.values())


def all_permissions() -> list[str]:
    """The one list of permission codes."""
    codes = [code for resource in all_resources() for code in resource.permissions()]
    rights = sorted({right for resource in all_resources() for right in resource.secrets.values()})
    return codes + [f"fields.{right}" for right in rights] + sorted(EXTRA_PERMISSIONS)


#: permissions that belong to no resource: reports, administration
EXTRA_PERMISSIONS: set[str] = {"reports.view", "audit.view", "admin.manage", "jobs.view"}


def contribute(name: str, **additions: Sequence[Any]) -> None:
    """A higher module adds to a lower resource: `contribute("customers", related=(...,), transitions=(...,))`."""
    kind = type(resource_named(name))
    for attribute, items in additions.items():
        setattr(kind, attribute, (*getattr(kind, attribute), *items))

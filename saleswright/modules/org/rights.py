"""What roles and people may do, laid out for reading and changing: kinds of record by permission."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import all_entities
from saleswright.kernel.access.actors import Access, Actor, Scope, actor_for
from saleswright.kernel.access.scopes import owner_within, visible
from saleswright.kernel.errors import NotFound, Text
from saleswright.kernel.models import Collaborator, User
from saleswright.kernel.resources import EXTRA_PERMISSIONS, Resource, all_resources

VERBS: dict[str, Text] = {
    "view": gettext_lazy("See"), "create": gettext_lazy("Create"), "edit": gettext_lazy("Edit"),
    "delete": gettext_lazy("Delete"), "export": gettext_lazy("Export"), "import": gettext_lazy("Import"),
    "archive": gettext_lazy("Archive"),
}  # fmt: skip
SCOPES: dict[str, Text] = {
    Scope.OWN: gettext_lazy("Own"), Scope.DEPARTMENT: gettext_lazy("Department"),
    Scope.DEPARTMENT_TREE: gettext_lazy("Department and below"), Scope.REGION_TREE: gettext_lazy("Region and below"),
    Scope.ALL: gettext_lazy("All"),
}  # fmt: skip
TONES = {"": "secondary", Scope.OWN: "blue", Scope.ALL: "green"}
EXTRA_LABELS: dict[str, Text] = {
    "admin.manage": gettext_lazy("Administer"), "audit.view": gettext_lazy("Read the audit"),
    "jobs.view": gettext_lazy("See jobs"), "reports.view": gettext_lazy("Read reports"),
    "privacy.view": gettext_lazy("See what personal data is kept"),
    "privacy.export-unmasked": gettext_lazy("Export masked personal data in full"),
    "privacy.correct-texts": gettext_lazy("Change texts that name a person who asked for it"),
}  # fmt: skip
WIDEST = (Scope.ALL, Scope.REGION_TREE, Scope.DEPARTMENT_TREE, Scope.DEPARTMENT, Scope.OWN)
EVERYTHING, FIELDS, SYSTEM = "everything", "fields", "system"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a permission reaches, to be read."""

    label: Text
    tone: str


@dataclass(slots=True)
class Line:
    """A kind of record in the table of rights: the usual permissions and how many of its actions."""

    name: str
    label: Text
    marks: list[Mark]
    actions: str = ""


@dataclass(slots=True)
class Choice:
    """A permission to choose a scope for."""

    permission: str
    label: Text
    chosen: str
    options: list[tuple[str, Text]]
    note: Text = ""


@dataclass(slots=True)
class AreaOfRights:
    """Permissions that are changed together; `wildcard` stands for all of them."""

    name: str
    label: Text
    permissions: dict[str, Text]
    scoped: bool
    wildcard: str = ""


def area_named(name: str) -> AreaOfRights:
    """The permissions of a kind of record, of protected fields, of the system, or of everything. Raises NotFound."""
    if name == EVERYTHING:
        verbs = {f"*.{verb}": label for verb, label in VERBS.items()}
        return AreaOfRights(name, _("All kinds of record"), {"*": _("Everything"), **verbs}, scoped=True)
    if name == FIELDS:
        return AreaOfRights(name, _("Protected fields"), field_rights(), scoped=False, wildcard="fields.*")
    if name == SYSTEM:
        extra = {code: EXTRA_LABELS.get(code, code) for code in sorted(EXTRA_PERMISSIONS)}
        return AreaOfRights(name, _("System"), extra, scoped=False)
    for entity in all_entities():
        if entity.name == name:
            codes = {f"{name}.{verb}": label for verb, label in VERBS.items()}
            codes |= {transition.permission: transition.label for transition in entity.transitions}
            return AreaOfRights(name, entity.label_plural, codes, is_scoped(entity), f"{name}.*")
    raise NotFound


def field_rights() -> dict[str, Text]:
    """The rights over protected fields, by the labels of the fields."""
    found: dict[str, dict[str, None]] = {}
    for entity in all_entities():
        for name, right in entity.secrets.items():
            spec = entity.specs.get(name)
            label = spec.label if spec is not None else entity.model._meta.get_field(name).verbose_name
            found.setdefault(f"fields.{right}", {})[str(label)] = None
    return {right: _("Read: %(fields)s") % {"fields": _(", ").join(found[right])} for right in sorted(found)}


def is_scoped(resource: Resource) -> bool:
    """Whether scopes other than all make a difference to its records."""
    return resource.owned or bool(resource.via) or type(resource).scope is not Resource.scope


def widest(scopes: Iterable[str]) -> str:
    """The scope that reaches furthest; "" for none."""
    held = set(scopes)
    return next((scope.value for scope in WIDEST if scope in held), "")


def access_by(grants: dict[str, str]) -> Access:
    """The rights that grants amount to."""
    return Access(grants={permission: frozenset({Scope(scope)}) for permission, scope in grants.items()})


def table(access: Access, *, whole: bool = False) -> list[Line]:
    """The table of rights, one kind of record a line; with `whole` also what holds for all kinds."""
    lines = []
    if whole:
        held = access.grants
        marks = [_mark(widest(held.get(f"*.{verb}", frozenset()) | held.get("*", frozenset()))) for verb in VERBS]
        lines.append(Line(EVERYTHING, _("All kinds of record"), marks))
    for entity in sorted(all_entities(), key=lambda one: str(one.label_plural)):
        marks = [_mark(widest(access.scopes(f"{entity.name}.{verb}"))) for verb in VERBS]
        may = sum(bool(access.scopes(transition.permission)) for transition in entity.transitions)
        actions = f"{may} / {len(entity.transitions)}" if entity.transitions else ""
        lines.append(Line(entity.name, entity.label_plural, marks, actions))
    return lines


def _mark(scope: str) -> Mark:
    return Mark(SCOPES[Scope(scope)] if scope else "—", TONES.get(scope, "yellow"))


def extras(access: Access) -> list[Mark]:
    """The protected fields and parts of the system that are open."""
    labels = area_named(FIELDS).permissions | area_named(SYSTEM).permissions
    return [Mark(label, "green") for code, label in labels.items() if access.scopes(code)]


# --- changing ---------------------------------------------------------------------------------------------------


def choices(area: AreaOfRights, grants: dict[str, str]) -> list[Choice]:
    """What can be chosen for each permission of the area, with what the role has now."""
    found, everywhere = [], access_by({p: s for p, s in grants.items() if p == "*" or p.startswith("*.")})
    for permission, label in area.permissions.items():
        own = grants.get(permission, ""), grants.get(area.wildcard, "")
        chosen = Scope.ALL.value if Scope.ALL in own else own[0] or own[1]
        also = "" if area.name == EVERYTHING else widest(everywhere.scopes(permission))
        note = _("By all kinds of record: %(scope)s") % {"scope": SCOPES[Scope(also)]} if also else ""
        found.append(Choice(permission, label, chosen, _options(area, chosen), note))
    return found


def _options(area: AreaOfRights, chosen: str) -> list[tuple[str, Text]]:
    offered = [(scope.value, SCOPES[scope]) for scope in reversed(WIDEST) if area.scoped or scope == Scope.ALL]
    if chosen and chosen not in {value for value, _label in offered}:
        offered.insert(0, (chosen, SCOPES[Scope(chosen)]))
    return [("", "—"), *offered]


def wanted(area: AreaOfRights, sent: dict[str, str]) -> dict[str, str | None]:
    """The grants that say what was chosen; one scope for all permissions of a kind is one grant."""
    asked: dict[str, str | None] = {permission: sent.get(permission) or None for permission in area.permissions}
    if not area.wildcard:
        return asked
    scopes = set(asked.values())
    if len(scopes) == 1 and scopes != {None}:
        return {**dict.fromkeys(asked), area.wildcard: scopes.pop()}
    return {**asked, area.wildcard: None}


# --- explaining -------------------------------------------------------------------------------------------------


def answers(user: User, resource: Resource, pk: int) -> list[tuple[Text, bool, Text]]:
    """For one record, what the person may do with it and why: (action, whether, reason). Raises NotFound."""
    record = resource.model._default_manager.filter(pk=pk).first()
    if record is None:
        raise NotFound
    actor = actor_for(user, origin="page")
    labels = {verb: label for verb, label in VERBS.items() if verb in {"view", "edit", "delete", "archive"}}
    labels |= {transition.name: transition.label for transition in resource.transitions}
    return [(label, *_answer(actor, resource, record, verb)) for verb, label in labels.items()]


def _answer(actor: Actor, resource: Resource, record: Any, verb: str) -> tuple[bool, Text]:
    scopes = actor.scopes(f"{resource.name}.{verb}")
    if not scopes:
        return False, _("No role of this person gives the right.")
    reach = _(", ").join(str(SCOPES[scope]) for scope in WIDEST if scope in scopes)
    if not visible(resource.model._default_manager.filter(pk=record.pk), actor, verb).exists():
        return False, _("The roles reach: %(scopes)s. The record lies outside.") % {"scopes": reach}
    if resource.owned and record.owner_id == actor.user_id:
        return True, _("It is the person's own.")
    shared = Collaborator.objects.filter(resource=resource.name, record_id=record.pk, user_id=actor.user_id or 0)
    if resource.owned and not owner_within(actor, scopes, record.owner) and shared.exists():
        return True, _("It is shared with the person.")
    return True, _("The roles reach: %(scopes)s.") % {"scopes": reach}


def resource_choices() -> list[tuple[str, Text]]:
    """The kinds of record to ask about."""
    return sorted(((one.name, one.label_plural) for one in all_resources()), key=lambda pair: str(pair[1]))

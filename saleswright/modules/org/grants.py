"""What roles may do: written here only, so that it is audited, holds at once and leaves somebody in charge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor, Scope, access_changed
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.models import EmploymentState, Grant, Role, RoleMembership, User
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.resources import Extra, all_permissions
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.org import queries
from saleswright.modules.org.shipped import ROLES

Wanted = dict[str, Scope | None]
#: the grants that make an administrator
ADMINISTRATION = ("*", "admin.*", "*.manage", "admin.manage")
WILD = "*"


def known_permissions() -> set[str]:
    """Every permission that can be granted, wildcards included."""
    codes = {code for code in all_permissions() if "." in code}
    resources = {code.partition(".")[0] for code in codes}
    verbs = {code.partition(".")[2] for code in codes}
    return codes | {f"{name}.*" for name in resources} | {f"*.{verb}" for verb in verbs} | {WILD}


def clean_grants(value: Any) -> Wanted:
    """{permission: scope, or None to take it away}. Raises ValidationError naming the first that is wrong."""
    if not isinstance(value, Mapping):
        raise ValidationError(_("Give an object of permissions and scopes."), code="invalid")
    known, wanted = known_permissions(), Wanted()
    for permission, scope in value.items():
        if permission not in known:
            raise ValidationError(_("There is no permission “%s”.") % permission, code="not_found")
        if scope is not None and scope not in set(Scope):
            raise ValidationError(_("There is no scope “%s”.") % scope, code="choice")
        wanted[permission] = None if scope is None else Scope(scope)
    return wanted


def save_grants(given: list[tuple[Any, Wanted]], batch: Batch) -> None:
    """Write the grants named; others stay. What the audit gets is what really changed."""
    for role, wanted in given:
        changed = write_grants(role, wanted)
        wanted.clear()
        wanted.update(changed)


GRANTS = Extra(
    "grants", gettext_lazy("Rights"), clean_grants, save_grants,
    {"type": "object", "additionalProperties": {"type": ["string", "null"], "enum": [*Scope, None]}},
    read=queries.grants_of,
)  # fmt: skip


def write_grants(role: Role, wanted: Wanted) -> dict[str, Any]:
    """Set or take away the grants named and return those that changed, as {permission: [old, new]}.

    Raises Conflict when nobody would be left who may administer.
    """
    held = dict(Grant.objects.filter(role=role).values_list("permission", "scope"))
    changed = {name: [held.get(name), scope] for name, scope in wanted.items() if held.get(name) != scope}
    if not changed:
        return {}
    access_changed()  # first: it keeps others waiting who would take away the rest of the administrators
    before = administrators()
    Grant.objects.filter(role=role, permission__in=changed).delete()
    fresh = [(name, scope) for name, scope in wanted.items() if name in changed and scope is not None]
    Grant.objects.bulk_create(Grant(role=role, permission=name, scope=scope.value) for name, scope in fresh)
    refuse_nobody_in_charge(before)
    return changed


# --- administrators ---------------------------------------------------------------------------------------------


def administrators() -> set[int]:
    """The people who may administer: at work, by a role in use."""
    held = RoleMembership.objects.filter(
        role__grants__permission__in=ADMINISTRATION, role__archived_at=None, user__archived_at=None
    )
    return set(held.exclude(user__state=EmploymentState.LEFT).values_list("user_id", flat=True))


def administrating_roles() -> set[int]:
    """The roles that make administrators."""
    return set(Grant.objects.filter(permission__in=ADMINISTRATION).values_list("role_id", flat=True))


def refuse_nobody_in_charge(before: set[int]) -> None:
    """Raise Conflict when there were administrators and now there is none."""
    if before and not administrators():
        raise Conflict(_("Somebody must remain who may administer."))


def check_roles(batch: Batch) -> None:
    """Only administrators change roles; codes of shipped ones stay."""
    batch.actor.require("admin.manage")
    for draft in batch.good:
        if not draft.fresh and draft.record.shipped and draft.changed("code"):
            draft.error("code", "read_only", _("The code of a shipped role stays."))


def check_powers(batch: Batch) -> None:
    """Only administrators make or unmake administrators, or change how they sign in; the last one remains."""
    touched = [draft for draft in batch.good if {"roles", "password"} & set(draft.extras)]
    if not touched:
        return
    access_changed()  # first, so that two administrators don't unmake each other
    powerful, in_charge = administrating_roles(), administrators()
    may_administer = batch.actor.may("admin.manage")
    remaining = set(in_charge)
    for draft in touched:
        given = set(draft.extras.get("roles", ()))
        was, becomes = draft.record.pk in in_charge, bool(given & powerful)
        if not may_administer and "roles" in draft.extras and was != becomes:
            draft.error("roles", "not_allowed", _("Only an administrator may do this."))
        if not may_administer and draft.extras.get("password") and was:
            draft.error("password", "not_allowed", _("Only an administrator may do this."))
        if "roles" in draft.extras and was and not becomes:
            remaining.discard(draft.record.pk)
            if not remaining:
                draft.error("roles", "not_allowed", _("Somebody must remain who may administer."))


def is_not_the_last_administrator(user: User) -> Text | None:
    """A guard: the last administrator stays."""
    return _("Somebody must remain who may administer.") if administrators() == {user.pk} else None


def follow_role_put_away(role: Role, actor: Actor) -> None:
    """A role that is archived or restored changes rights at once."""
    actor.require("admin.manage")
    holders = set(RoleMembership.objects.filter(role=role).values_list("user_id", flat=True))
    if role.archived_at is not None and role.pk in administrating_roles():
        refuse_nobody_in_charge(holders)
    access_changed()


def before_role_delete(role: Role, actor: Actor) -> None:
    """Roles in use are kept by those who hold them, shipped ones stay for good. Raises Conflict."""
    actor.require("admin.manage")
    if role.shipped:
        raise Conflict(_("Shipped roles stay; take their rights away instead."))


def follow_person_put_away(user: User) -> None:
    """The last administrator is not archived."""
    held = Role.objects.filter(people=user, pk__in=administrating_roles())
    if user.archived_at is not None and held.exists():
        refuse_nobody_in_charge({user.pk})
    access_changed()


def before_person_delete(user: User) -> None:
    """Neither are they deleted. Raises Conflict."""
    if refusal := is_not_the_last_administrator(user):
        raise Conflict(refusal)
    access_changed()


# --- copying and resetting --------------------------------------------------------------------------------------


def shipped_grants(role: Role) -> dict[str, Scope]:
    """What the role may as shipped; nothing for the company's own."""
    return ROLES[role.code][1] if role.shipped and role.code in ROLES else {}


def differs(role: Role) -> Text | None:
    """A guard: only a shipped role that was changed can be reset."""
    if not shipped_grants(role):
        return _("Only shipped roles can be reset.")
    if queries.grants_of([role.pk])[role.pk] == shipped_grants(role):
        return _("It is as shipped.")
    return None


@transition("roles", "reset", label=gettext_lazy("Reset to shipped rights"), guards=(differs,), icon="history")
def reset_role(role: Role, *, actor: Actor, at: datetime) -> None:
    """Give a shipped role the rights that it was shipped with."""
    actor.require("admin.manage")
    held = queries.grants_of([role.pk]).get(role.pk, {})
    changed = write_grants(role, {**dict.fromkeys(held), **shipped_grants(role)})
    record_audit([AuditLine("roles", role.pk, str(role), "changed", {"grants": [None, changed]})], actor=actor, at=at)


@transition(
    "roles", "copy", label=gettext_lazy("Copy"), icon="copy", result=(("id", int),), leads_to="roles",
    args=(Arg("code", gettext_lazy("Code")), Arg("name", gettext_lazy("Name"))),
)  # fmt: skip
def copy_role(role: Role, *, actor: Actor, at: datetime, code: str, name: str) -> dict[str, int]:
    """A new role with the same rights."""
    held = queries.grants_of([role.pk]).get(role.pk, {})
    made = save_record(Role, {"code": code, "name": name, "grants": held}, actor=actor, at=at)
    return {"id": made.pk}

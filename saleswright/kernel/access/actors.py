"""Who acts: a person, a program with a person's token, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F

from saleswright.kernel.custom_fields import note_version
from saleswright.kernel.errors import NotAllowed

if TYPE_CHECKING:
    from saleswright.kernel.models import User


class Scope(StrEnum):
    """How far a grant reaches; a person's roles add up."""

    OWN = "own"
    DEPARTMENT = "department"
    DEPARTMENT_TREE = "department_tree"
    REGION_TREE = "region_tree"
    ALL = "all"


NOTHING: frozenset[Scope] = frozenset()
EVERYTHING: frozenset[Scope] = frozenset({Scope.ALL})
#: the scope of a token that may look at everything its person may look at, and the permissions it stands for
READ = "read"
READING = ("*.view", "fields.*")


@dataclass(frozen=True)
class Access:
    """A person's rights, resolved: scopes for each permission, ids of departments and regions below."""

    version: int = 0
    department_id: int | None = None
    departments: frozenset[int] = frozenset()
    regions: frozenset[int] = frozenset()
    roles: frozenset[str] = frozenset()
    grants: dict[str, frozenset[Scope]] = field(default_factory=dict)

    def scopes(self, permission: str) -> frozenset[Scope]:
        """The scopes in which `permission` (`quotes.view`) is granted, wildcards included."""
        resource, _, action = permission.partition(".")
        grants = self.grants
        found = (
            grants.get(permission, NOTHING)
            | grants.get(f"{resource}.*", NOTHING)
            | grants.get(f"*.{action}", NOTHING)
            | grants.get("*", NOTHING)
        )
        return EVERYTHING if Scope.ALL in found else found

    def within(self, limits: str) -> Access:
        """The same rights, as far as a token's scopes reach: permissions with spaces between, `read` or `*`."""
        allowed = [limit for name in limits.split() for limit in (READING if name == READ else (name,))]
        grants: dict[str, frozenset[Scope]] = {}
        for permission, scopes in self.grants.items():
            for limit in allowed:
                if common := common_part(permission, limit):
                    grants[common] = grants.get(common, NOTHING) | scopes
        return replace(self, grants=grants)


def common_part(one: str, other: str) -> str:
    """The permissions that two patterns have in common: `orders.*` and `*.view` meet in `orders.view`; "" for none."""
    parts = []
    for mine, theirs in zip(_parts(one), _parts(other), strict=True):
        if "*" not in (mine, theirs) and mine != theirs:
            return ""
        parts.append(theirs if mine == "*" else mine)
    return "*" if parts == ["*", "*"] else ".".join(parts)


def _parts(pattern: str) -> tuple[str, str]:
    if pattern == "*":
        return "*", "*"
    resource, _dot, action = pattern.partition(".")
    return resource, action


@dataclass(frozen=True)
class Actor:
    """Whoever does something: `kind` is person, token or system; `origin` says from where."""

    kind: str
    user_id: int | None
    name: str
    origin: str
    access: Access
    language: str = ""

    def scopes(self, permission: str) -> frozenset[Scope]:
        """The data scopes in which the actor may use the permission; empty for none."""
        return EVERYTHING if self.kind == "system" else self.access.scopes(permission)

    def may(self, permission: str) -> bool:
        """Whether the actor may use the permission at all."""
        return bool(self.scopes(permission))

    def require(self, permission: str) -> None:
        """Raise NotAllowed unless the actor may use the permission at all."""
        if not self.may(permission):
            raise NotAllowed(permission=permission)

    def sees(self, right: str) -> bool:
        """Whether the actor may read fields that need the right, such as `cost` or `phone`."""
        return self.may(f"fields.{right}")

    def trusted_with(self, permission: str) -> Actor:
        """The same actor with one permission more, for what follows from an action that they may do."""
        grants = self.access.grants | {permission: EVERYTHING}
        return replace(self, access=replace(self.access, grants=grants))

    def via(self, origin: str) -> Actor:
        """The same actor from another place, such as `import`."""
        return replace(self, origin=origin)


def system(origin: str) -> Actor:
    """The system itself, for jobs and commands: may do everything, is named in the audit as the system."""
    return Actor("system", None, "system", origin, Access())


_profiles: dict[tuple[int, str], Access] = {}


def actor_for(user: User, *, origin: str, kind: str = "person") -> Actor:
    """The actor that a signed-in person is, or a token that stands for them: cut to its scopes, here and only here.

    Rights are kept in this process until something of them changes.
    """
    key = user.pk, user.token_scopes
    access = _profiles.get(key)
    version = access_version()
    if access is None or access.version != version:
        access = resolve(user, version)
        if user.token_scopes != "*":
            access = access.within(user.token_scopes)
        _profiles[key] = access
    return Actor(kind, user.pk, user.get_short_name(), origin, access, user.language)


def access_version() -> int:
    """The number of the present state of people, trees, roles and grants; that of the custom fields comes along."""
    with connection.cursor() as cursor:  # plain, since every request asks
        cursor.execute("SELECT number, definitions FROM kernel_accessversion ORDER BY id LIMIT 1")
        row = cursor.fetchone() or (0, 0)
    note_version(row[1])
    return int(row[0])


def access_changed() -> None:
    """Say, within the transaction, that people, trees, roles or grants changed: profiles are read anew."""
    from saleswright.kernel.models import AccessVersion

    if not AccessVersion.objects.update(number=F("number") + 1):
        AccessVersion.objects.create(pk=1)


def resolve(user: User, version: int = 0) -> Access:
    """Read a person's rights from the database."""
    from saleswright.kernel.models import Department, Grant, Region

    roles = dict(user.roles.filter(archived_at=None).values_list("id", "code"))
    grants: dict[str, set[Scope]] = {}
    for permission, scope in Grant.objects.filter(role_id__in=roles).values_list("permission", "scope"):
        grants.setdefault(permission, set()).add(Scope(scope))
    return Access(
        version=version,
        department_id=user.department_id,
        departments=below(dict(Department.objects.values_list("id", "parent_id")), user.department_id),
        regions=below(dict(Region.objects.values_list("id", "parent_id")), user.region_id),
        roles=frozenset(roles.values()),
        grants={permission: frozenset(scopes) for permission, scopes in grants.items()},
    )


def below(parents: dict[int, int | None], top: int | None) -> frozenset[int]:
    """`top` and everything under it in a tree given as child -> parent."""
    if top is None:
        return frozenset()
    children: dict[int | None, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found, waiting = set(), [top]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(children.get(node, ()))
    return frozenset(found)

"""What a staff sync would do: the departments and people over there, laid beside those here. Writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from saleswright.integrations.workplace.actions.accounts import key_of, own_key
from saleswright.integrations.workplace.adapter import Final, OutsideDepartment, OutsidePerson, Unknown, Workplace
from saleswright.integrations.workplace.choices import Missing
from saleswright.integrations.workplace.models import Connection, ExternalAccount, ExternalDepartment
from saleswright.kernel.match_keys import phone_key
from saleswright.kernel.models import Department, User

DEPARTMENT, EMPLOYEE = "department", "employee"
CREATE, CHANGE, LINK, LEAVE, LEFT, CONFLICT = "create", "change", "link", "leave", "left", "conflict"


@dataclass(slots=True)
class Line:
    """One thing to do, or that somebody must decide. `id` is the id over there, `pk` the record here, if any.

    `values` are what will be written; departments and managers in them are still ids over there.
    """

    what: str
    action: str
    id: str
    label: str
    detail: str = ""
    pk: int | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def kept(self) -> dict[str, Any]:
        """What of it is kept with the run: no mobile numbers, no addresses."""
        return {"what": self.what, "action": self.action, "id": self.id, "label": self.label, "detail": self.detail,
                "pk": self.pk}  # fmt: skip


@dataclass(slots=True)
class Snapshot:
    """What was seen over there: chosen departments, parents first, the people in them, linked ones who are gone."""

    departments: list[OutsideDepartment]
    people: list[OutsidePerson]
    gone: list[str]
    whole: bool


def look(workplace: Workplace, only: Sequence[str] = ()) -> Snapshot:
    """Ask the program: for all, or for some people only. Raises WorkplaceError."""
    connection: Any = workplace.connection
    departments = _chosen(workplace.departments(), connection.chosen)
    ids = {department.id for department in departments}
    linked = set(
        ExternalAccount.objects.filter(provider=connection.provider, archived_at=None, user__archived_at=None)
        .exclude(user__state="left").values_list("external_id", flat=True)
    )  # fmt: skip
    if only:
        found = {person: _asked(workplace, person) for person in dict.fromkeys(only)}
        people = [person for person in found.values() if person is not None and not ids.isdisjoint(person.departments)]
        gone = [name for name, person in found.items() if name in linked and person is None]
        return Snapshot(departments, people, gone, whole=False)
    people = [person for person in workplace.people(list(ids)) if not person.left]
    if not people and linked:
        raise Final(_("The program shows nobody in these departments. Check what the application may see."))
    # who has only moved to a department that was not chosen is still there: each one is asked for
    missing = sorted(linked - {person.id for person in people})
    return Snapshot(departments, people, [one for one in missing if _asked(workplace, one) is None], whole=True)


def _asked(workplace: Workplace, person: str) -> OutsidePerson | None:
    try:
        found = workplace.person(person)
    except Unknown:
        return None
    return None if found.left else found


def _chosen(departments: list[OutsideDepartment], roots: Sequence[str]) -> list[OutsideDepartment]:
    """The chosen departments and what lies below them, parents before children. Raises Final."""
    if not roots:
        raise Final(_("No departments were chosen."))
    known = {department.id: department for department in departments}
    if unknown := [one for one in roots if one not in known]:
        raise Final(_("There is no department %(id)s, or the application may not see it.") % {"id": unknown[0]})
    children = defaultdict(list)
    for department in departments:
        children[department.parent].append(department)
    found: dict[str, OutsideDepartment] = {}
    # a chosen department below another chosen one comes with that one
    waiting = [known[root] for root in roots if not _lies_below(known, root, set(roots))]
    while waiting:
        one = waiting.pop(0)
        if one.id not in found:
            found[one.id] = one
            waiting += children[one.id]
    return list(found.values())


def _lies_below(known: dict[str, OutsideDepartment], start: str, roots: set[str]) -> bool:
    seen, parent = {start}, known[start].parent
    while parent in known and parent not in seen:
        if parent in roots:
            return True
        seen.add(parent)
        parent = known[parent].parent
    return False


class Planner:
    """Lays a snapshot beside what is here."""

    def __init__(self, connection: Connection, seen: Snapshot) -> None:
        self.connection, self.seen = connection, seen
        self.outside = {one.id: one for one in seen.departments}
        provider = connection.provider
        rows = ExternalDepartment.objects.filter(provider=provider).select_related("department")
        self.departments = {row.external_id: row.department for row in rows}
        accounts = ExternalAccount.objects.filter(provider=provider, archived_at=None).select_related("user")
        self.accounts = {row.external_id: row.user for row in accounts}

    def lines(self) -> list[Line]:
        """Everything there is to do, in the order in which it is done."""
        found = [line for one in self.seen.departments if (line := self._department(one))]
        return found + self._people() + self._gone()

    # --- departments -------------------------------------------------------------------------------------------

    def _department(self, one: OutsideDepartment) -> Line | None:
        named = Department.objects.filter(name=one.name).first()
        own = self.departments.get(one.id)
        values: dict[str, Any] = {"parent": one.parent} if one.parent in self.outside else {}
        twice = next(other.id for other in self.outside.values() if other.name == one.name) != one.id
        taken = named is not None and own != named and (own is not None or named in self.departments.values())
        if not one.name or twice or taken:
            text = _("There is another department of this name.") if one.name else _("It has no name.")
            return Line(DEPARTMENT, CONFLICT, one.id, one.name, text, named.pk if named else None)
        if own is None and named is None:
            return Line(DEPARTMENT, CREATE, one.id, one.name, values={"name": one.name, **values})
        if own is None and named is not None:
            self.departments[one.id] = named
            return Line(DEPARTMENT, LINK, one.id, one.name, pk=named.pk, values=self._moved(named, values))
        assert own is not None
        changes = self._moved(own, values) | ({"name": one.name} if own.name != one.name else {})
        if not changes:
            return None
        return Line(DEPARTMENT, CHANGE, one.id, one.name, _labels(Department, changes), own.pk, changes)

    def _moved(self, own: Department, values: dict[str, Any]) -> dict[str, Any]:
        parent = self.departments.get(values.get("parent", ""))
        if "parent" not in values or (parent is not None and own.parent_id == parent.pk):
            return {}
        return values

    # --- people ------------------------------------------------------------------------------------------------

    def _people(self) -> list[Line]:
        by, people = self.connection.match_by, self.seen.people
        keys = Counter(key_of(by, one) for one in people)
        linked = {user.pk for user in self.accounts.values()}
        own: dict[str, list[User]] = defaultdict(list)
        names: dict[str, list[User]] = defaultdict(list)
        for user in User.objects.filter(archived_at=None).exclude(pk__in=linked):
            own[own_key(by, user)].append(user)
            names[user.name].append(user)
        found = [self._employee(one, keys, own, names) for one in people]
        return [line for line in found if line]

    def _employee(
        self, one: OutsidePerson, keys: Counter[str], own: dict[str, list[User]], names: dict[str, list[User]]
    ) -> Line | None:
        user, key = self.accounts.get(one.id), key_of(self.connection.match_by, one)
        if user is not None:
            if not user.is_active:
                return Line(EMPLOYEE, CONFLICT, one.id, one.name, _("They have left here."), user.pk)
            changes = self._changes(one, user)
            return (
                Line(EMPLOYEE, CHANGE, one.id, one.name, _labels(User, changes), user.pk, changes) if changes else None
            )
        alike = own.get(key, []) if key else []
        if (key and keys[key] > 1) or len(alike) > 1:
            text = _("Several people have the same mobile, e-mail or name to be recognised by.")
            return Line(EMPLOYEE, CONFLICT, one.id, one.name, text, alike[0].pk if alike else None)
        if alike:
            if not alike[0].is_active:
                return Line(EMPLOYEE, CONFLICT, one.id, one.name, _("They have left here."), alike[0].pk)
            changes = self._changes(one, alike[0])
            return Line(EMPLOYEE, LINK, one.id, one.name, _labels(User, changes), alike[0].pk, changes)
        same = [user for user in names.get(one.name, []) if user.is_active]
        if same or not one.name:
            text = _("An employee has the same name: the same person?") if same else _("The name is not shown to us.")
            return Line(EMPLOYEE, CONFLICT, one.id, one.name or one.id, text, same[0].pk if same else None)
        return Line(EMPLOYEE, CREATE, one.id, one.name, values=self.values_of(one))

    def values_of(self, one: OutsidePerson) -> dict[str, Any]:
        """What a new employee is written with."""
        values = {"name": one.name, "phone": one.mobile, "email": one.email, "department": self.place_of(one)}
        values["manager"] = self.manager_of(one)
        return {name: value for name, value in values.items() if value}

    def _changes(self, one: OutsidePerson, user: User) -> dict[str, Any]:
        found = self.values_of(one)
        department = self.departments.get(found.get("department", ""))
        manager = self.accounts.get(found.get("manager", ""))
        same = {
            "name": found.get("name") == user.name,
            "phone": "phone" in found and phone_key(found["phone"]) == phone_key(user.phone),
            "email": found.get("email", "").casefold() == user.email.casefold(),
            "department": department is not None and department.pk == user.department_id,
            # somebody who is not known here, or has left, is nobody's manager
            "manager": manager is None or not manager.is_active or manager.pk in {user.manager_id, user.pk},
        }
        return {name: value for name, value in found.items() if not same[name]}

    def place_of(self, one: OutsidePerson) -> str:
        """The chosen department in which the person is, the main one first."""
        return next((part for part in (one.department, *one.departments) if part in self.outside), "")

    def manager_of(self, one: OutsidePerson) -> str:
        """The person's manager: as the program says, else who leads the department or the one above it."""
        if one.manager and one.manager != one.id:
            return one.manager
        place, seen = self.place_of(one), set[str]()
        while place in self.outside and place not in seen:
            seen.add(place)
            if other := next((who for who in self.outside[place].managers if who != one.id), ""):
                return other
            place = self.outside[place].parent
        return ""

    def _gone(self) -> list[Line]:
        if self.connection.missing == Missing.IGNORE:
            return []
        users = [(name, self.accounts[name]) for name in self.seen.gone if name in self.accounts]
        return [Line(EMPLOYEE, LEAVE, name, user.name, pk=user.pk) for name, user in users if user.is_active]


def _labels(model: Any, changes: dict[str, Any]) -> str:
    return _(", ").join(str(model._meta.get_field(name).verbose_name) for name in changes)

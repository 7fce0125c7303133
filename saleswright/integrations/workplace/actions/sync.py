"""Runs of the staff sync: what was planned is written through the actions that people's own changes take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain, count
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _

from saleswright.integrations.workplace.actions import plan as plans
from saleswright.integrations.workplace.actions.accounts import link
from saleswright.integrations.workplace.actions.plan import (
    CONFLICT,
    CREATE,
    DEPARTMENT,
    LEAVE,
    LEFT,
    Line,
    Planner,
    look,
)
from saleswright.integrations.workplace.adapter import Temporary, WorkplaceError
from saleswright.integrations.workplace.choices import MatchBy, Missing, RunKind, RunState
from saleswright.integrations.workplace.models import Connection, ExternalDepartment, SyncRun
from saleswright.integrations.workplace.registry import workplace_of
from saleswright.kernel import clock, jobs
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.errors import Busy, Conflict, DomainError, NotFound, ValidationFailed
from saleswright.kernel.models import Department, Job, JobState, User
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import atomic
from saleswright.modules.org.public import sign_in_name

JOB = "workplace.sync"
FORGOTTEN = timedelta(hours=1)  # after which a run that never ended is taken for dead
RIGHT = "workplaces.edit"


def ask_for_run(connection: Connection, kind: str, *, people: Sequence[str] = (), user_id: int | None = None) -> None:
    """Have a worker do a run; one that waits already with the same extent is enough."""
    arguments = {"connection_id": connection.pk, "kind": kind, "people": sorted(set(people))}
    waiting = Job.objects.filter(kind=JOB, state=JobState.QUEUED)
    if not any(job.arguments == arguments for job in waiting):
        jobs.enqueue(JOB, arguments=arguments, user=user_id)


def run(connection: Connection, kind: str, *, people: Sequence[str] = (), user_id: int | None = None) -> SyncRun:
    """Look, plan and, unless it is a preview, write. Every line is a transaction of its own.

    Raises Busy while another run is going or the program can't be reached now, Conflict for what it refuses.
    """
    made = _begin(connection, kind, user_id)
    try:
        with_lines = _work(connection, kind, people)
    except WorkplaceError as fault:
        _end(made, RunState.FAILED, [], str(fault))
        raise (Busy(str(fault)) if isinstance(fault, Temporary) else Conflict(str(fault))) from fault
    except BaseException as fault:
        _end(made, RunState.FAILED, [], type(fault).__name__)
        raise
    return _end(made, RunState.DONE, with_lines, "")


def _begin(connection: Connection, kind: str, user_id: int | None) -> SyncRun:
    at = clock.now()
    dead = SyncRun.objects.filter(connection=connection, state=RunState.RUNNING, created_at__lt=at - FORGOTTEN)
    dead.update(state=RunState.FAILED, finished_at=at)
    try:
        with atomic():
            return SyncRun.objects.create(
                connection=connection, kind=kind, created_at=at, updated_at=at, created_by_id=user_id
            )
    except IntegrityError:
        raise Busy(_("Another run is going on.")) from None


def _end(made: SyncRun, state: RunState, lines: list[Line], problem: str) -> SyncRun:
    at = clock.now()
    made.state, made.finished_at, made.updated_at, made.problem = state, at, at, problem[:500]
    made.lines, made.counts = [line.kept() for line in lines], dict(Counter(line.action for line in lines))
    made.save(update_fields=["state", "finished_at", "updated_at", "problem", "lines", "counts"])
    return made


def _work(connection: Connection, kind: str, people: Sequence[str]) -> list[Line]:
    seen = look(workplace_of(connection), people)
    planner = Planner(connection, seen)
    lines = planner.lines()
    if kind != RunKind.PREVIEW:
        actor = system(f"workplace:{connection.provider}")
        Writer(planner, actor).write(lines)
    return lines


class Writer:
    """Does what was planned, line by line; what is refused becomes a line for a person to decide."""

    def __init__(self, planner: Planner, actor: Actor) -> None:
        self.planner, self.connection, self.actor = planner, planner.connection, actor

    def write(self, lines: list[Line]) -> None:
        """Departments, people, managers (who may be new themselves), then those who are gone."""
        managers: list[tuple[Line, str]] = []
        for line in lines:
            if line.action == CONFLICT:
                continue
            if line.what != DEPARTMENT and line.action != LEAVE and (manager := line.values.pop("manager", "")):
                managers.append((line, manager))
            self._try(line, self._one)
        for line, manager in managers:
            own = self.planner.accounts.get(manager)
            if line.action != CONFLICT and line.pk and own is not None and own.is_active and own.pk != line.pk:
                line.values = {"manager": own.pk}
                self._try(line, self._change)

    def _try(self, line: Line, write: Any) -> None:
        try:
            with atomic():
                write(line)
        except (DomainError, IntegrityError) as refused:
            if isinstance(refused, Busy):
                raise
            line.detail = _said(refused)
            if line.action != LEAVE:
                line.action = CONFLICT

    def _one(self, line: Line) -> None:
        if line.action == LEAVE:
            self._leave(line)
        elif line.what == DEPARTMENT:
            self._department(line)
        else:
            self._employee(line)

    def _department(self, line: Line) -> None:
        values = dict(line.values)
        if "parent" in values:
            parent = self.planner.departments.get(values["parent"])
            values["parent"] = parent.pk if parent else None
            if parent is None:
                del values["parent"]
        saved = save_record(Department, values, pk=line.pk, actor=self.actor) if values or line.pk is None else (
            Department.objects.get(pk=line.pk)
        )  # fmt: skip
        if line.action != plans.CHANGE:
            provider = self.connection.provider
            ExternalDepartment.objects.create(provider=provider, external_id=line.id, department=saved)
        self.planner.departments[line.id] = saved
        line.pk = saved.pk

    def _employee(self, line: Line) -> None:
        if line.action == CREATE:
            line.values["username"] = self._username(line)
        self._change(line)
        if line.action != plans.CHANGE:
            user = User.objects.get(pk=line.pk)
            link(self.connection.provider, line.id, user, actor=self.actor)
            self.planner.accounts[line.id] = user

    def _change(self, line: Line) -> None:
        values = dict(line.values)
        if "department" in values:
            department = self.planner.departments.get(values.pop("department"))
            if department is not None:
                values["department"] = department.pk
        if values or line.pk is None:
            line.pk = save_record(User, values, pk=line.pk, actor=self.actor).pk

    def _username(self, line: Line) -> str:
        """A sign-in name: their id there where people are recognised by it, else one made of the name."""
        wanted = line.id if self.connection.match_by == MatchBy.USERNAME else sign_in_name(line.label)
        taken = {name.casefold() for name in User.objects.values_list("username", flat=True)}
        choices = (f"{wanted}{number}" if number else wanted for number in chain([0], count(2)))
        return next(choice for choice in choices if choice.casefold() not in taken)

    def _leave(self, line: Line) -> None:
        if self.connection.missing == Missing.LEAVE and line.pk:
            resource_named("employees").transition("leave")(line.pk, actor=self.actor)
            line.action = LEFT


def _said(refused: Exception) -> str:
    if isinstance(refused, ValidationFailed):
        return " ".join(str(error.message) for error in refused.errors)[:300]
    if isinstance(refused, DomainError):
        return str(refused)[:300]
    return _("Somebody else has made the same at the same time.")


def decide(connection: Connection, external_id: str, user_id: int | None, *, actor: Actor) -> User:
    """What somebody has decided about a person over there: they are this employee, or (None) a new one.

    Raises NotAllowed, NotFound, ValidationFailed, Conflict with what the program says. No transaction is open
    while it is asked.
    """
    actor.require(RIGHT)
    if user_id is not None:
        user = User.objects.filter(pk=user_id).first()
        if user is None or not user.is_active:
            raise NotFound
        link(connection.provider, external_id, user, actor=actor)
        return user
    try:
        seen = look(workplace_of(connection), [external_id])
    except WorkplaceError as fault:
        raise Conflict(str(fault)) from fault
    planner = Planner(connection, seen)
    person = next((one for one in seen.people if one.id == external_id), None)
    if person is None or external_id in planner.accounts or not person.name:
        raise Conflict(_("This person is not in the chosen departments, or is linked already."))
    line = Line(plans.EMPLOYEE, CREATE, person.id, person.name, values=planner.values_of(person))
    Writer(planner, actor).write([line])
    if line.action == CONFLICT or line.pk is None:
        raise Conflict(line.detail)
    return User.objects.get(pk=line.pk)

"""Dry runs: who would have to approve something, real or imagined, without anything being asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError

from saleswright.interface.conditions import say
from saleswright.kernel.access.actors import Actor, actor_for, system
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.conditions import value_for
from saleswright.kernel.errors import FieldError, NotFound, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.ports import ApprovalNeed
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transitions import Transition
from saleswright.modules.work.actions.planning import plan
from saleswright.modules.work.models import ApprovalFlow, ApprovalStep
from saleswright.modules.work.terms import FACTS, Question, Subject, approval_terms, imagined, number


@dataclass(frozen=True)
class Trial:
    """What somebody would submit: facts alone, or the record `record_id`.

    `values` are what else is imagined of it, by the keys of the conditions (see `read_values`).
    """

    resource: str
    transition: str
    submitter: User
    facts: Mapping[str, Any]
    record_id: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step and whom it would ask; nobody where its condition does not hold. `place` is its index in the flow."""

    name: str
    rule: str
    words: str
    approvers: tuple[int, ...]
    place: int | None = None


def read_facts(given: Mapping[str, str]) -> dict[str, Any]:
    """The facts as numbers. Raises ValidationFailed naming every bad one."""
    facts, errors = {}, []
    for name in FACTS:
        try:
            facts[name] = number(name, given.get(name, ""))
        except ValidationError as problem:
            errors.append(FieldError(name, "invalid", " ".join(problem.messages)))
    if errors:
        raise ValidationFailed(errors)
    return facts


def read_values(asked: Iterable[Question], given: Mapping[str, str]) -> dict[str, Any]:
    """What is said of an imagined record beside its facts, by key. Raises ValidationFailed naming every bad one."""
    values, errors = {}, []
    for one in asked:
        if one.name in FACTS:
            continue
        try:
            value = value_for(one.name, one.column, given.get(one.name, ""))
        except ValidationFailed as refused:
            errors += [
                FieldError(error.field, error.code, f"{one.column.label}: {error.message}") for error in refused.errors
            ]
            continue
        if value is not None:
            values[one.key] = [value] if one.column.kind == "json" and not isinstance(value, list) else value
    if errors:
        raise ValidationFailed(errors)
    return values


def foresee(trial: Trial, flow: ApprovalFlow | None, steps: Sequence[ApprovalStep], actor: Actor) -> list[Foreseen]:
    """The steps that the trial would take under the flow, those left out among them, for the actor's eyes.

    Raises NotFound for a record that the actor does not see, Conflict when nobody could approve.
    """
    need, subject = _need(trial, actor)
    if need is None:
        return []
    planned = plan(need, flow, steps, subject)
    found = [Foreseen("", one.rule, "", one.approvers) for one in planned if one.step is None]
    asked = {id(one.step): one for one in planned if one.step is not None}
    for place, step in enumerate(steps):
        one = asked.get(id(step))
        found.append(
            Foreseen(step.name, step.rule, words_of(step, trial.resource), one.approvers if one else (), place)
        )
    return found


def _need(trial: Trial, actor: Actor) -> tuple[ApprovalNeed | None, Subject]:
    transition = consent_to(trial.resource, trial.transition)
    facts = {name: value for name, value in trial.facts.items() if value is not None}
    if trial.record_id is not None:
        record = fetch(resource_named(trial.resource).model, trial.record_id, actor=actor)
    else:
        record = imagined(trial.resource, facts)
        for name in {f.attname for f in type(record)._meta.concrete_fields} & set(trial.values):
            setattr(record, name, trial.values[name])
    try:
        need = transition.approval(record, actor_for(trial.submitter, origin="trial"), {})  # type: ignore[misc]
    except ObjectDoesNotExist:  # an imagined record refers to nothing
        need = ApprovalNeed("", facts)
    said = {**(need.facts if need is not None else {}), **facts}
    known = {f.attname: getattr(record, f.attname) for f in type(record)._meta.concrete_fields}
    return need, Subject(trial.resource, trial.submitter, said, trial.record_id, known | dict(trial.values))


def consent_to(resource: str, name: str) -> Transition:
    """The transition of that name, which may need consent. Raises NotFound."""
    found = resource_named(resource).transition(name)
    if found.approval is None:
        raise NotFound
    return found


def words_of(step: ApprovalStep, resource: str) -> str:
    """The condition of a step in words; empty for none or one that can't be read any more."""
    try:
        return say(step.condition, approval_terms(resource, system("approval"))) if step.condition else ""
    except ValidationFailed:
        return ""


def names_of(ids: Iterable[int]) -> dict[int, str]:
    """The names of people."""
    return {user.pk: user.get_short_name() for user in User.objects.filter(pk__in=set(ids))}

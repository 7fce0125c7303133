"""Who gets a lead that nobody has: rules in their order, each choosing among its people (LEAD-06).

`plan` says who would get which lead and why; `carry_out` gives them. Both work on many leads with as many statements
as on one, and the page that foresees asks the same plan that is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from saleswright.interface.conditions import vocabulary
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.conditions import build
from saleswright.kernel.drafts import Batch, Draft
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.hand_over import give_records
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_of
from saleswright.kernel.transactions import atomic
from saleswright.kernel.words import said
from saleswright.modules.leads.flow.desks import OPEN, Desk, Load, fitting, terms
from saleswright.modules.leads.models import AssignmentRule, Lead
from saleswright.modules.leads.states import AssignmentWay
from saleswright.modules.pool.public import OUT, default_pool, given_out, note_assigned, put_into
from saleswright.modules.work.public import Notice, tell

#: so many leads are told of one by one
TOLD_SINGLY = 3
#: where leads come in -> the switch of the rules that take them
ENTRANCES = {"form": "on_form", "api": "on_api", "import": "on_import", "hand": "by_hand"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of a lead: its heir by a rule; without one, why, and whether it goes to the pool."""

    lead_id: int
    rule: AssignmentRule | None
    heir: User | None
    because: str

    @property
    def to_pool(self) -> bool:
        """Rules fit it, but nobody was free."""
        return self.rule is not None and self.heir is None


@dataclass(slots=True)
class Plan:
    """Who gets which lead, and the desks at which that was decided."""

    choices: list[Choice] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)


# --- planning --------------------------------------------------------------------------------------------------


def rules_for(entrance: str = "", *, lock: bool = False) -> list[AssignmentRule]:
    """The rules in force in their order, of an entrance those that take its leads.

    With `lock` all of them are locked, so that whatever is assigned by rules is assigned one after the other.
    """
    rows = AssignmentRule.objects.filter(active=True, archived_at=None)
    if entrance:
        rows = rows.filter(**{ENTRANCES[entrance]: True})
    if lock:
        rows = rows.select_for_update(of=("self",))
    return sorted(rows.order_by("pk"), key=lambda rule: (rule.position, rule.pk))


def plan(ids: Sequence[int], at: datetime, *, entrance: str = "", lock: bool = False) -> Plan:
    """Who gets which of these leads by the rules in force.

    A rule whose conditions name a field that is no more fits nothing. What no rule fits has neither rule nor heir.
    """
    ids = list(ids)
    found, known, load = Plan(), terms(), Load()
    scores = dict(Lead.objects.filter(pk__in=ids).order_by().values_list("pk", "score"))
    left, tried = sorted(scores), dict[int, AssignmentRule]()
    for rule in rules_for(entrance, lock=lock):
        try:
            here = fitting(rule.conditions, left, known) if left else set()
        except ValidationFailed:
            continue
        if not here:
            continue
        desk = Desk(rule, load, at, lock=lock)
        found.desks.append(desk)
        because = _("Rule “%(rule)s”: %(way)s") % {"rule": rule.name, "way": AssignmentWay(rule.way).label}
        order = sorted(here, key=lambda pk: (-scores[pk], pk) if rule.way == AssignmentWay.BY_SCORE else (0, pk))
        given: set[int] = set()
        for pk in order:
            tried.setdefault(pk, rule)
            heir = desk.take(scores[pk])
            if heir is None:
                break
            found.choices.append(Choice(pk, rule, heir, because))
            given.add(pk)
        for pk in here:
            tried.setdefault(pk, rule)
        left = [pk for pk in left if pk not in given]
    for pk in left:
        if (rule := tried.get(pk)) is not None:  # type: ignore[assignment]
            text = _("Nobody of the rule “%(rule)s”, nor of those after it, was free") % {"rule": rule.name}
            found.choices.append(Choice(pk, rule, None, text))
        else:
            found.choices.append(Choice(pk, None, None, _("No rule fits")))
    return found


# --- carrying out ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Done:
    """What became of leads: given to people, put into a pool, left as they were."""

    given: int = 0
    pooled: int = 0
    left: int = 0


def assign(
    ids: Sequence[int], *, actor: Actor, at: datetime, entrance: str = "", otherwise: User | None = None
) -> Done:
    """Give these leads to people by the rules, or to the pool when nobody is free; the caller has seen to the right.

    What no rule fits goes to `otherwise`, else stays as it is; so do leads that are decided or put away by now.
    """
    with atomic():
        rows = Lead.objects.filter(pk__in=list(ids), status__in=OPEN, archived_at=None).order_by("pk")
        records = {one.pk: one for one in rows.select_for_update(of=("self",))}
        with override(settings.LANGUAGE_CODE):  # the reason is kept in the language of the company
            made = plan(list(records), at, entrance=entrance, lock=True)
        done = carry_out(made, records, actor=actor, at=at, otherwise=otherwise)
    done.left += len(set(ids)) - len(records)
    return done


def carry_out(
    made: Plan, records: dict[int, Lead], *, actor: Actor, at: datetime, otherwise: User | None = None
) -> Done:
    """Do what was planned to the locked records."""
    done, resource = Done(), resource_of(Lead)
    for desk in made.desks:
        desk.keep()
    groups: dict[str, dict[int, User]] = {}
    for one in made.choices:
        heir = one.heir if one.rule is not None else otherwise
        if heir is not None:
            groups.setdefault(one.because, {})[one.lead_id] = heir
    for because, heirs in groups.items():
        some = [records[pk] for pk in sorted(heirs)]
        note_assigned("leads", some, heirs, at)
        values = OUT | {"assigned_because": because[:300], "assigned_at": at}
        give_records(resource, some, heirs, actor=actor, at=at, action="assign", values=values)
        done.given += len(some)
    told = [(one.heir, records[one.lead_id]) for one in made.choices if one.heir is not None]
    _tell(told, actor, at)
    for because in dict.fromkeys(one.because for one in made.choices if one.to_pool):
        some = [records[one.lead_id] for one in made.choices if one.to_pool and one.because == because]
        if (pool := default_pool("leads", actor)) is None:
            done.left += len(some)
            continue
        put_into(resource, some, pool, because, actor=actor, at=at)
        done.pooled += len(some)
    done.left += sum(one.rule is None for one in made.choices) if otherwise is None else 0
    return done


ONE = gettext_lazy("Assigned to you by rule: %(label)s")
SEVERAL = gettext_lazy("Leads assigned to you by rule: %(count)s")


def _tell(given: Sequence[tuple[User, Lead]], actor: Actor, at: datetime) -> None:
    """Tell people what they got, many leads in one notice."""
    by_heir: dict[int, list[Lead]] = {}
    for heir, lead in given:
        if heir.pk != actor.user_id:
            by_heir.setdefault(heir.pk, []).append(lead)
    notices: list[Notice] = []
    for user_id, leads in by_heir.items():
        if len(leads) <= TOLD_SINGLY:
            notices += [Notice(user_id, said(ONE, label=lead.title), "leads", lead.pk, "assignment") for lead in leads]
        else:
            path = f"/leads?owner_id={user_id}&status=new"
            notices.append(Notice(user_id, said(SEVERAL, count=len(leads)), "", 0, "assignment", path))
    tell(notices, at=at)


# --- on capture ------------------------------------------------------------------------------------------------


def entrance_of(batch: Batch) -> str:
    """By which way the leads of a batch come in; "" for history."""
    if batch.history:
        return ""
    origin = batch.actor.origin
    if origin.startswith("form"):
        return "form"
    if origin.startswith(("import", "job:import")):
        return "import"
    if batch.actor.kind == "token":
        return "api"
    return "hand" if batch.actor.kind == "person" else ""


def _is_named(draft: Draft, batch: Batch) -> bool:
    """Whether somebody is named to have the new lead; the form of people proposes themselves, which names nobody."""
    return bool(draft.values.get("owner")) and not (
        entrance_of(batch) == "hand" and draft.record.owner_id == batch.actor.user_id
    )


def hold_back(batch: Batch) -> None:
    """Before new leads are written: those for which nobody is named have no owner yet, where rules take them."""
    entrance = entrance_of(batch)
    fresh = [one for one in batch.good if one.fresh and one.record.pool_id is None and not _is_named(one, batch)]
    if not (entrance and fresh and rules_for(entrance)):
        return
    for draft in fresh:
        draft.record.owner_id = draft.record.department_id = draft.record.owned_since = None


def assign_new(batch: Batch) -> None:
    """After new leads are written: the rules of their entrance say who gets them; whoever entered the others has them.

    A form has nobody: what no rule fits goes into the pool.
    """
    entrance = entrance_of(batch)
    fresh = {
        one.record.pk: one.record
        for one in batch.drafts
        if one.fresh and one.record.owner_id is None and one.record.pool_id is None and one.record.status in OPEN
    }
    if not (entrance and fresh):
        return
    if rules_for(entrance):
        maker = User.objects.filter(pk=batch.actor.user_id).first()
        assign(list(fresh), actor=batch.actor, at=batch.at, entrance=entrance, otherwise=maker)
    if entrance == "form":
        _rest_to_pool(fresh, batch)
    _refresh(fresh)


def _rest_to_pool(fresh: dict[int, Lead], batch: Batch) -> None:
    rest = list(Lead.objects.filter(pk__in=fresh, owner=None, pool=None).order_by("pk"))
    pool = default_pool("leads", batch.actor) if rest else None
    if pool is not None:
        with override(settings.LANGUAGE_CODE):
            reason = _("From a public form; no rule says who gets it")
        put_into(resource_of(Lead), rest, pool, reason, actor=batch.actor, at=batch.at)


def _refresh(fresh: dict[int, Lead]) -> None:
    """What was written set-wise stands in the records too."""
    names = ("owner_id", "department_id", "owned_since", "version", "pool_id", "pooled_at", "pool_reason", "updated_at",
             "assigned_because", "assigned_at")  # fmt: skip
    for row in Lead.objects.filter(pk__in=fresh).values("pk", *names):
        for name in names:
            setattr(fresh[row["pk"]], name, row[name])


# --- rules -----------------------------------------------------------------------------------------------------


def prepare_rules(batch: Batch) -> None:
    """A rule has people, each line names one kind of them, and its conditions make sense."""
    for draft in batch.good:
        for line in draft.line_drafts.get("members", ()):
            one = line.record
            if sum(value is not None for value in (one.member_id, one.post_id, one.department_id)) != 1:
                text = _("Name a person, a post or a department, one of them in each line.")
                draft.error(f"members.{line.index}.member", "required", text)
        check_conditions(draft, batch.actor)


def check_conditions(draft: Any, actor: Actor) -> None:
    """Refuse conditions that make no sense, or name what the writer may not know."""
    if draft.record.conditions and draft.changed("conditions"):
        try:
            build(draft.record.conditions, vocabulary("leads", actor))
        except ValidationFailed as refused:
            draft.error("conditions", refused.errors[0].code, refused.errors[0].message)


def give_by_hand(lead: Lead, actor: Actor, at: datetime) -> None:
    """Note on the lead that is being changed who gave it to its owner."""
    with override(settings.LANGUAGE_CODE):
        names = {"who": actor.name if actor.kind != "system" else _("System")}
        lead.assigned_because, lead.assigned_at = _("Assigned by %(who)s") % names, at


def give_one(lead: Lead, *, actor: Actor, at: datetime) -> None:
    """Give the locked lead that is being changed to whom the rules name.

    Raises Conflict when no rule fits it or nobody is free.
    """
    with override(settings.LANGUAGE_CODE):
        made = plan([lead.pk], at, lock=True)
    one = made.choices[0]
    if one.heir is None:
        raise Conflict(_("No rule fits, or nobody is free."))
    for desk in made.desks:
        desk.keep()
    given_out(lead, "leads", one.heir, at)
    lead.assigned_because, lead.assigned_at = one.because[:300], at
    _tell([(one.heir, lead)], actor, at)


def reasons_of(ids: list[int], actor: Actor) -> dict[int, str]:
    """Why leads are with their present owner, as far as that was noted."""
    rows = Lead.objects.filter(pk__in=ids, assigned_at__isnull=False, assigned_at=F("owned_since"))
    return dict(rows.values_list("pk", "assigned_because"))

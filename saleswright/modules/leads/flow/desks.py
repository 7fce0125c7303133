"""The people of an assignment rule: who is free, and who of them gets the next lead (LEAD-06).

Turns are virtual time (stride scheduling): each lead takes a person `STRIDE / share` further, the next goes to whoever
is least far. Whoever was away or new joins at the present time of the round, so that nobody is flooded on return.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from saleswright.interface.conditions import Vocabulary, vocabulary
from saleswright.interface.formatting import format_date
from saleswright.kernel import clock
from saleswright.kernel.access.actors import below, system
from saleswright.kernel.conditions import build
from saleswright.kernel.models import Department, EmploymentState, Grant, User
from saleswright.modules.leads.models import AssignmentMember, AssignmentRule, AssignmentTurn, Lead
from saleswright.modules.leads.states import AssignmentWay, LeadStatus
from saleswright.modules.pool.public import most_assigned
from saleswright.modules.work.public import away_between

OPEN = (LeadStatus.NEW, LeadStatus.CONTACTED, LeadStatus.QUALIFIED)
#: divisible by every share from 1 to 10
STRIDE = 2520
#: how far back the results of people and the scores of leads are looked at
RESULTS, SCORES = timedelta(days=365), timedelta(days=90)
#: rights with which one can answer a lead
ANSWERING = ("leads.contact", "leads.*", "*.contact", "*")
AT_ONCE = 5000


def terms() -> Vocabulary:
    """What the conditions of rules and limits may name, as the system reads it."""
    return vocabulary("leads", system("lead rules"))


def fitting(tree: Any, ids: Sequence[int], known: Vocabulary) -> set[int]:
    """Which of the leads fulfil the conditions; all of them without any. Raises ValidationFailed."""
    if not tree:
        return set(ids)
    condition, found = build(tree, known), set[int]()
    for start in range(0, len(ids), AT_ONCE):
        rows = Lead.objects.filter(condition, pk__in=ids[start : start + AT_ONCE])
        found |= set(rows.order_by().values_list("pk", flat=True))
    return found


@dataclass(slots=True)
class Candidate:
    """Somebody who may get leads by a rule; `why_not` says what speaks against it now."""

    user: User
    place: int
    weight: int
    most: int | None
    why_not: str = ""
    passed: int = 0
    given: int = 0
    last_at: datetime | None = None


class Load:
    """How many open leads people have, counting what the plan gives them."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}

    def read(self, ids: Iterable[int]) -> None:
        """Count for those who are not counted yet."""
        wanted = set(ids) - set(self._open)
        if wanted:
            rows = Lead.objects.filter(owner_id__in=wanted, status__in=OPEN, archived_at=None).order_by()
            found = dict(rows.values("owner_id").annotate(n=Count("pk")).values_list("owner_id", "n"))
            self._open |= {pk: found.get(pk, 0) for pk in wanted}

    def of(self, user_id: int) -> int:
        return self._open[user_id]

    def add(self, user_id: int) -> None:
        self._open[user_id] += 1


class Desk:
    """A rule at work: its people with their standing, and the next of them."""

    def __init__(self, rule: AssignmentRule, load: Load, at: datetime, *, lock: bool) -> None:
        self.rule, self.load, self.at = rule, load, at
        self.people = _people_of(rule)
        if lock:  # claims and managers lock whom they give something, so what they hold is counted one by one
            rows = User.objects.select_for_update(no_key=True, of=("self",))
            list(rows.filter(pk__in=[one.user.pk for one in self.people]).order_by("pk").values_list("pk"))
        load.read(one.user.pk for one in self.people)
        _judge(self.people, at)
        self._read_turns()
        self.ranked: list[int] = []
        self.scores: Counter[int] = Counter()
        if rule.way == AssignmentWay.BY_SCORE:
            self._rank()

    def _read_turns(self) -> None:
        turns = {one.user_id: one for one in AssignmentTurn.objects.filter(rule=self.rule)}
        for one in self.people:
            if turn := turns.get(one.user.pk):
                one.passed, one.given, one.last_at = turn.passed, turn.given, turn.last_at

    def _rank(self) -> None:
        """Best first: by the share of their leads of a year that were converted, (converted + 1) / (decided + 2)."""
        ids = [one.user.pk for one in self.people]
        rows = Lead.objects.filter(owner_id__in=ids, updated_at__gte=self.at - RESULTS, archived_at=None).order_by()
        won, lost = LeadStatus.CONVERTED, LeadStatus.DISQUALIFIED
        counted = rows.values("owner_id").annotate(
            won=Count("pk", filter=Q(status=won)), lost=Count("pk", filter=Q(status=lost))
        )
        rates = {row["owner_id"]: Fraction(row["won"] + 1, row["won"] + row["lost"] + 2) for row in counted}
        self.ranked = sorted(ids, key=lambda pk: (-rates.get(pk, Fraction(1, 2)), self.load.of(pk), pk))
        seen = Lead.objects.filter(created_at__gte=self.at - SCORES, archived_at=None).order_by()
        if self.rule.conditions:
            seen = seen.filter(build(self.rule.conditions, terms()))
        self.scores = Counter(dict(seen.values_list("score").annotate(n=Count("pk"))))

    def refusal(self, one: Candidate) -> str:
        """What speaks against giving the candidate one more now, or ""."""
        if one.why_not:
            return one.why_not
        held = self.load.of(one.user.pk)
        if one.most is not None and held >= one.most:
            return _("has %(held)d of at most %(most)d open leads") % {"held": held, "most": one.most}
        return ""

    def take(self, score: int) -> User | None:
        """Who gets a lead of that score; it counts as given. None when nobody is free."""
        free = [one for one in self.people if not self.refusal(one)]
        if not free:
            return None
        chosen = min(free, key=lambda one: self._order(one, score))
        start = max(chosen.passed, self.rule.turn)
        self.rule.turn, chosen.passed = start, start + STRIDE // chosen.weight
        chosen.given, chosen.last_at = chosen.given + 1, self.at
        self.load.add(chosen.user.pk)
        return chosen.user

    def _order(self, one: Candidate, score: int) -> tuple[Any, ...]:
        turn = (max(one.passed, self.rule.turn), one.place, one.user.pk)
        match self.rule.way:
            case AssignmentWay.BY_LOAD:
                return (Fraction(self.load.of(one.user.pk), one.weight), *turn)
            case AssignmentWay.BY_SCORE:
                rank, (first, last) = self.ranked.index(one.user.pk), self._ranks_for(score)
                return (max(first - rank, rank - last, 0), *turn)
            case AssignmentWay.FIXED:
                return (one.place, one.user.pk)
        return turn

    def _ranks_for(self, score: int) -> tuple[int, int]:
        """The best tenth of the leads that the rule took of late goes to the best tenth of people, and so on; equal
        scores go to all whose part they fall into, in turn.
        """
        whole, last = sum(self.scores.values()), len(self.ranked) - 1
        if not whole:
            return 0, last
        better = sum(count for value, count in self.scores.items() if value > score)
        equal = max(self.scores[score], 1)
        first = min(better * len(self.ranked) // whole, last)
        return first, max(first, min((better + equal - 1) * len(self.ranked) // whole, last))

    def keep(self) -> None:
        """Write down how far the round has come."""
        turns = [
            AssignmentTurn(
                rule=self.rule,
                user=one.user,
                passed=one.passed,
                given=one.given,
                last_at=one.last_at,
            )
            for one in self.people
            if one.last_at is not None
        ]
        AssignmentTurn.objects.bulk_create(
            turns, update_conflicts=True, unique_fields=["rule", "user"], update_fields=["passed", "given", "last_at"]
        )
        AssignmentRule.objects.filter(pk=self.rule.pk).update(turn=self.rule.turn)


# --- the people of a rule --------------------------------------------------------------------------------------


def _people_of(rule: AssignmentRule) -> list[Candidate]:
    """Everybody whom the members of a rule mean, in their order; a person's own line goes before that of a post, and
    that before a department's.
    """
    lines = list(AssignmentMember.objects.filter(rule=rule).order_by("position", "id"))
    known = User.objects.exclude(state=EmploymentState.LEFT).filter(archived_at=None)
    parents: dict[int, int | None] = (
        dict(Department.objects.values_list("pk", "parent_id")) if any(x.department_id for x in lines) else {}
    )
    below_of = {one.pk: below(parents, one.department_id) for one in lines if one.department_id}
    departments = set().union(*below_of.values()) if below_of else set()
    posts = {one.post_id for one in lines if one.post_id}
    meant = Q(pk__in=[one.member_id for one in lines if one.member_id]) | Q(department_id__in=departments)
    held: dict[int, set[int]] = {}
    if posts:
        holders = known.filter(holdings__post_id__in=posts, holdings__until=None)
        for pk, post_id in holders.values_list("pk", "holdings__post_id"):
            held.setdefault(pk, set()).add(post_id)
        meant |= Q(pk__in=held)
    found: list[Candidate] = []
    for user in known.filter(meant).order_by("pk"):
        fitting = (
            [one for one in lines if one.member_id == user.pk]
            or [one for one in lines if one.post_id in held.get(user.pk, ())]
            or [one for one in lines if one.department_id and user.department_id in below_of[one.pk]]
        )
        line = fitting[0]
        most = line.most_open if line.most_open is not None else rule.most_open
        found.append(Candidate(user, lines.index(line), line.weight, most))
    return sorted(found, key=lambda one: (one.place, one.user.pk))


def _judge(people: Sequence[Candidate], at: datetime) -> None:
    """Say what speaks against each of them today: trial, leave, absence, missing rights, the limits of the pools."""
    ids, today = [one.user.pk for one in people], clock.local_date(at)
    away = {pk: end for pk, _start, end in away_between(ids, today, today)}
    grants = Grant.objects.filter(permission__in=ANSWERING, role__archived_at=None, role__people__in=ids)
    able = set(grants.values_list("role__people", flat=True))
    limits = most_assigned("leads", [one.user for one in people])
    for one in people:
        if one.user.state == EmploymentState.ON_TRIAL:
            one.why_not = _("is on trial")
        elif one.user.state == EmploymentState.ON_LEAVE:
            one.why_not = _("is on leave")
        elif one.user.pk in away:
            one.why_not = _("is away until %(day)s") % {"day": format_date(away[one.user.pk])}
        elif one.user.pk not in able:
            one.why_not = _("may not work on leads")
        elif (most := limits.get(one.user.pk)) is not None:
            one.most = most if one.most is None else min(one.most, most)

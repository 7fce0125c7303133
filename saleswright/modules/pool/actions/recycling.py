"""Rules that fill the pools: what would go, and the nightly run that lets it go, by the same statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from saleswright.interface.conditions import say
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.conditions import Column, Group, Rule, comparison, in_words, parsed
from saleswright.kernel.conditions import build as build_query
from saleswright.kernel.errors import Conflict, DomainError, Text, ValidationFailed
from saleswright.kernel.records import Batch
from saleswright.kernel.transitions import transition
from saleswright.kernel.words import said
from saleswright.modules.pool.actions.moving import put_into
from saleswright.modules.pool.kinds import Kind, holds, kinds
from saleswright.modules.pool.models import Pool, RecycleNotice, RecycleRule
from saleswright.modules.pool.states import RuleStatus
from saleswright.modules.pool.terms import pool_terms
from saleswright.modules.work.public import Notice, tell

AT_ONCE = 2000
#: so many days before a record goes its owner is told; each once
WARNED = (1, 3, 7)
DRAFT, LIVE, PAUSED = RuleStatus.DRAFT, RuleStatus.LIVE, RuleStatus.PAUSED
Columns = dict[str, Column]
FAILED = gettext_lazy("The recycle rule “%(rule)s” can't be carried out: %(problem)s")
WARNING = gettext_lazy(
    "%(label)s goes to the pool “%(pool)s” in %(days)s d (%(rule)s). Follow up, or ask for protection."
)


# --- what a rule takes -----------------------------------------------------------------------------------------


def terms_at(resource: str, at: datetime) -> Columns:
    """The terms of rules as the system reads them at a moment."""
    return dict(pool_terms(resource, system("recycle"), at))


def due(rule: RecycleRule, at: datetime) -> QuerySet[Any]:
    """The records that the rule takes at that moment. Raises ValidationFailed for conditions that make no sense."""
    kind = kinds[rule.resource]
    rows: QuerySet[Any] = kind.model._default_manager.filter(
        kind.taking_part, archived_at=None, pool=None, owner__isnull=False
    )
    if not rule.conditions:
        return rows.none()
    rows = rows.filter(build_query(rule.conditions, terms_at(rule.resource, at)))
    rows = rows.exclude(protected_until__gte=clock.local_date(at))
    if rule.spare_levels:
        rows = rows.exclude(**{f"{kind.level}__in": rule.spare_levels})
    for tag in rule.spare_tags:
        rows = rows.exclude(_has(kind.tags, tag))
    for hold in holds[rule.resource]:
        if not hold.unless or getattr(rule, hold.unless):
            rows = rows.filter(~Q(hold.holding()))
    return rows


def _has(name: str, tag: str) -> Q:
    return comparison(name, Column(name, "json", str), "has", tag)


def batches(rule: RecycleRule, at: datetime) -> Iterator[list[int]]:
    """The ids of what is due, some at a time; what is taken meanwhile is not seen twice."""
    last = 0
    while True:
        rows = due(rule, at).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        ids = list(rows[:AT_ONCE])
        if not ids:
            return
        yield ids
        last = ids[-1]


def reasons(rule: RecycleRule, ids: Sequence[int], at: datetime) -> dict[int, str]:
    """Why the rule takes each of these records: of parts joined by "or" only those that hold are named."""
    tree = parsed(rule.conditions, terms_at(rule.resource, at))
    rows = kinds[rule.resource].model._default_manager.all()
    return {pk: f"{rule.name}: {text}" for pk, text in _explained(tree, list(ids), rows).items()}


def _explained(part: Group | Rule, ids: list[int], rows: QuerySet[Any]) -> dict[int, str]:
    """What of the part holds for each of the records, for all of which the whole of it does."""
    if isinstance(part, Rule):
        return dict.fromkeys(ids, in_words(part))
    words: dict[int, list[str]] = {pk: [] for pk in ids}
    for one in part.parts:
        holding = ids
        if part.join == "or" and len(part.parts) > 1:
            holding = list(rows.filter(query_of(one), pk__in=ids).values_list("pk", flat=True))
        for pk, text in _explained(one, holding, rows).items():
            words[pk].append(text)
    joint = pgettext("list", ", ") if part.join == "or" else _(" and ")
    return {pk: joint.join(texts) for pk, texts in words.items()}


def query_of(part: Group | Rule) -> Q:
    """A part of a tree as a condition in SQL."""
    if isinstance(part, Rule):
        return part.query()
    found = [query_of(one) for one in part.parts]
    joined = found[0] if found else Q(pk__in=[])
    for one in found[1:]:
        joined = joined & one if part.join == "and" else joined | one
    return joined


def live_rules() -> list[RecycleRule]:
    """The rules that are carried out, in their order."""
    rules = RecycleRule.objects.filter(status=LIVE, archived_at=None, pool__archived_at=None).select_related("pool")
    return list(rules.order_by("position", "id"))


# --- the night -------------------------------------------------------------------------------------------------


class Chunks(Protocol):
    """A job's way to write in pieces."""

    def chunk(self, done: int, total: int | None = None) -> AbstractContextManager[None]: ...


@dataclass(slots=True)
class Night:
    """What a night did."""

    taken: int = 0
    warned: int = 0
    failed: int = 0


def run(chunks: Chunks, at: datetime, actor: Actor) -> Night:
    """Put everything that is due into the pools, then warn of what will be.

    A piece is one transaction. Whoever begins anew, after a crash or the same night, finds only what is left.
    """
    night = Night()
    for rule in live_rules():
        try:
            for ids in batches(rule, at):
                with chunks.chunk(night.taken):
                    night.taken += take(rule, ids, at, actor)
        except ValidationFailed as problem:  # a field that the rule names is no more: the others go on
            night.failed += 1
            with chunks.chunk(night.taken):
                _tell_of_failure(rule, problem, at)
    for rule in live_rules():
        try:
            for days in WARNED:
                night.warned += _warn(chunks, rule, days, at, night.taken)
        except ValidationFailed:
            continue  # said above
    return night


def take(rule: RecycleRule, ids: Sequence[int], at: datetime, actor: Actor) -> int:
    """Put those of the records that are due still, once they are locked, into the pool; returns how many."""
    kind = kinds[rule.resource]
    rows = kind.model._default_manager.filter(pk__in=list(ids))
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    records = list(due(rule, at).filter(pk__in=list(ids)).order_by("pk"))
    why = reasons(rule, [record.pk for record in records], at)
    by_reason: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        by_reason[why[record.pk]].append(record)
    for reason, some in by_reason.items():
        put_into(kind.of, some, rule.pool, reason, actor=actor, at=at)
    return len(records)


def _tell_of_failure(rule: RecycleRule, problem: DomainError, at: datetime) -> None:
    if rule.updated_by_id:
        why = problem.errors[0].message if isinstance(problem, ValidationFailed) and problem.errors else problem
        words = said(FAILED, rule=rule.name, problem=why)
        tell([Notice(rule.updated_by_id, words, "recycle-rules", rule.pk, "job")], at=at)


# --- warnings --------------------------------------------------------------------------------------------------


def base_of(record: Any) -> datetime:
    """What the clock of a record runs from: a follow-up, a new owner or the end of a protection begins it anew."""
    moments = [record.followed_up_at, record.owned_since, record.created_at]
    if record.protected_until is not None:
        moments.append(clock.day_start(record.protected_until + timedelta(days=1)))
    return max(filter(None, moments))


def _warn(chunks: Chunks, rule: RecycleRule, days: int, at: datetime, done: int) -> int:
    warned, last = 0, 0
    then = at + timedelta(days=days)
    while True:
        records = list(due(rule, then).filter(pk__gt=last).order_by("pk")[:AT_ONCE])
        if not records:
            return warned
        last = records[-1].pk
        told = _told(rule, [one.pk for one in records], days)
        fresh = [one for one in records if (one.pk, base_of(one)) not in told]
        if fresh:
            with chunks.chunk(done):
                _tell(rule, fresh, days, at)
            warned += len(fresh)


def _told(rule: RecycleRule, ids: Sequence[int], days: int) -> set[tuple[int, datetime]]:
    """Which of the records were told of at least as late a warning, and from which base on."""
    rows = RecycleNotice.objects.filter(rule=rule, record_id__in=list(ids), days__lte=days)
    return set(rows.values_list("record_id", "base"))


def _tell(rule: RecycleRule, records: Sequence[Any], days: int, at: datetime) -> None:
    names = ("rule_id", "record_id", "days", "base", "at")
    insert_many(RecycleNotice, names, [(rule.pk, one.pk, days, base_of(one), at) for one in records])
    kind = kinds[rule.resource]
    tell(
        [
            Notice(
                one.owner_id,
                said(WARNING, label=kind.of.label_of(one), pool=rule.pool.name, days=days, rule=rule.name),
                kind.resource,
                one.pk,
                "pool_warning",
            )
            for one in records
        ],
        at=at,
    )


# --- rules -----------------------------------------------------------------------------------------------------


def prepare_rules(batch: Batch) -> None:
    """The pool says of which records a rule is; its conditions must make sense for those."""
    named = {draft.record.pool_id for draft in batch.good}
    resources = dict(Pool.objects.filter(pk__in=named - {None}).values_list("pk", "resource"))
    for draft in batch.good:
        rule = draft.record
        if rule.pool_id not in resources:
            continue  # that there is none is said where references are checked
        kind = kinds.get(resources[rule.pool_id])
        if kind is None:
            draft.error("pool", "invalid", _("There is no such kind of record."))
            continue
        rule.resource = kind.resource
        _check_spared(draft, rule, kind)
        if rule.conditions:
            try:
                say(rule.conditions, pool_terms(rule.resource, batch.actor))
            except ValidationFailed as refused:
                draft.error("conditions", refused.errors[0].code, refused.errors[0].message)


def _check_spared(draft: Any, rule: RecycleRule, kind: Kind) -> None:
    for name, column in (("spare_levels", kind.level), ("spare_tags", kind.tags)):
        given = getattr(rule, name)
        if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
            draft.error(name, "invalid", _("Give texts, separated by commas."))
        elif given and not column:
            draft.error(name, "invalid", _("These records have none."))
        elif name == "spare_levels" and given:
            known = {str(value) for value, _label in kind.model._meta.get_field(column).flatchoices}
            if unknown := sorted(set(given) - known):
                draft.error(name, "choice", _("There is no level “%(level)s”.") % {"level": unknown[0]})


def edit_refusal(rule: RecycleRule) -> Text | None:
    """A rule in force is changed only after it was paused, so that what is live was seen before."""
    return _("Pause the rule before you change it.") if rule.status == LIVE else None


@transition(
    "recycle-rules", "go-live", label=gettext_lazy("Put into force"), source=[DRAFT, PAUSED], target=LIVE,
    icon="player-play", style="primary",
)  # fmt: skip
def go_live(rule: RecycleRule, *, actor: Actor, at: datetime) -> None:
    """Carry the rule out from tonight on. Raises Conflict without conditions, or with such as make no sense."""
    if not rule.conditions:
        raise Conflict(_("A rule without conditions matches nothing."))
    try:
        due(rule, at).exists()
    except ValidationFailed as refused:
        raise Conflict(refused.errors[0].message) from None


@transition("recycle-rules", "pause", label=gettext_lazy("Pause"), source=[LIVE], target=PAUSED, icon="player-pause")
def pause(rule: RecycleRule, *, actor: Actor, at: datetime) -> None:
    """Let nothing go by this rule for now."""

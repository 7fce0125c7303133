"""How near customers come to a profile, counted in the database for one customer as for all.

Points = 100 x weight of the criteria that hold / weight of all, rounded half up. A customer fits when it has the points
of the threshold and every required criterion holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from saleswright.interface.conditions import Vocabulary, say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.conditions import build
from saleswright.kernel.drafts import Batch
from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.customers.public import Customer, LifeCycle
from saleswright.modules.market.profiles.models import CustomerProfile, ProfileCriterion

#: more criteria than these make a query too large to plan
MOST_CRITERIA = 30
NOBODY = Q(pk__in=())


@dataclass(frozen=True, slots=True)
class Rung:
    """A criterion as the reader can judge it: the customers that meet it; None where the reader can't know."""

    criterion: ProfileCriterion
    met: Q | None
    words: str

    @property
    def column(self) -> str:
        """The column that says whether it holds."""
        return f"met_{self.criterion.pk}"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A profile read for one reader."""

    profile: CustomerProfile
    rungs: tuple[Rung, ...]

    @property
    def whole(self) -> int:
        """The weight of all criteria."""
        return sum(rung.criterion.weight for rung in self.rungs)

    @property
    def least(self) -> int:
        """The least weight that, rounded to points, reaches the threshold."""
        return -(-self.whole * (2 * self.profile.threshold - 1) // 200)

    def points(self, met: int) -> int:
        """Points of 100 for a weight that was met; none without criteria."""
        return (200 * met + self.whole) // (2 * self.whole) if self.whole else 0

    def judge(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Customers with a column for each criterion, and the weight that they meet as `met`."""
        flags = {rung.column: _flag(rung.met, 1) for rung in self.rungs}
        met: Any = Value(0)
        for rung in self.rungs:
            met = met + _flag(rung.met, rung.criterion.weight)
        return rows.annotate(**flags, met=met)

    @property
    def fits(self) -> Q:
        """Of judged customers those that fit."""
        if not self.rungs:
            return NOBODY
        required = {rung.column: 1 for rung in self.rungs if rung.criterion.required}
        return Q(met__gte=self.least, **required)


def _flag(met: Q | None, value: int) -> Case:
    given = [] if met is None else [When(met, then=Value(value))]
    return Case(*given, default=Value(0), output_field=IntegerField())


@dataclass(frozen=True, slots=True)
class Reason:
    """What a criterion did for one customer; `points` of the 100, `met` is None where the reader can't know."""

    label: str
    words: str
    points: int
    met: bool | None
    required: bool


@dataclass(frozen=True, slots=True)
class Match:
    """How near one customer comes to a profile."""

    profile: CustomerProfile
    score: int
    fits: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the customers that the reader may see fit a profile, and how many meet each criterion."""

    customers: int
    fitting: int
    prospects: int
    by_criterion: tuple[tuple[Rung, int], ...]


def yardsticks(profiles: Iterable[CustomerProfile], actor: Actor) -> list[Yardstick]:
    """Profiles read with the rights of the reader, their criteria with one query."""
    profiles = list(profiles)
    terms = terms_of(entity_named("customers"), actor)
    found: dict[int, list[Rung]] = {profile.pk: [] for profile in profiles}
    rows = ProfileCriterion.objects.filter(profile__in=found, archived_at=None).order_by("position", "id")
    for criterion in rows:
        found[criterion.profile_id].append(_rung(criterion, terms))
    return [Yardstick(profile, tuple(found[profile.pk])) for profile in profiles]


def _rung(criterion: ProfileCriterion, terms: Vocabulary) -> Rung:
    if not criterion.conditions:
        return Rung(criterion, NOBODY, _("A criterion without conditions is met by nobody."))
    try:
        return Rung(criterion, build(criterion.conditions, terms), say(criterion.conditions, terms))
    except ValidationFailed:  # a field is gone, or is none of the reader's business
        return Rung(criterion, None, "")


def in_use() -> QuerySet[CustomerProfile]:
    """The profiles that customers are held against."""
    return CustomerProfile.objects.filter(active=True, archived_at=None).order_by("name", "id")


def match_of(customer_id: int, profiles: Iterable[CustomerProfile], actor: Actor) -> list[Match]:
    """How near a customer comes to each profile, the nearest first, with the reasons."""
    found = []
    for stick in yardsticks(profiles, actor):
        names = ["met", *(rung.column for rung in stick.rungs)]
        row = stick.judge(Customer.objects.filter(pk=customer_id)).values(*names).first()
        if row is not None and stick.rungs:
            found.append(_match(stick, row))
    return sorted(found, key=lambda match: (-match.score, match.profile.name))


def _match(stick: Yardstick, row: dict[str, Any]) -> Match:
    reasons = tuple(
        Reason(
            rung.criterion.label, rung.words, stick.points(rung.criterion.weight),
            None if rung.met is None else bool(row[rung.column]), rung.criterion.required,
        )
        for rung in stick.rungs
    )  # fmt: skip
    required = all(row[rung.column] for rung in stick.rungs if rung.criterion.required)
    return Match(stick.profile, stick.points(row["met"]), row["met"] >= stick.least and required, reasons)


def customers_of(actor: Actor) -> QuerySet[Any]:
    """The customers that are counted: those that the reader may see."""
    return visible(Customer.objects.filter(archived_at=None), actor).order_by()


def tally(stick: Yardstick, actor: Actor) -> Tally:
    """Count the reader's customers against a profile, with one query."""
    counts: dict[str, Any] = {
        "customers": Count("pk"), "fitting": Count("pk", filter=stick.fits),
        "prospects": Count("pk", filter=stick.fits & Q(life_cycle=LifeCycle.PROSPECT)),
    }  # fmt: skip
    counts |= {f"n_{rung.criterion.pk}": Count("pk", filter=Q(**{rung.column: 1})) for rung in stick.rungs}
    row = stick.judge(customers_of(actor)).aggregate(**counts)
    by_criterion = tuple((rung, row[f"n_{rung.criterion.pk}"]) for rung in stick.rungs)
    return Tally(row["customers"], row["fitting"], row["prospects"], by_criterion)


def met_by(criterion: ProfileCriterion, actor: Actor) -> tuple[int | None, int]:
    """How many of the reader's customers meet a criterion, and how many there are; None where it can't be judged."""
    rung = _rung(criterion, terms_of(entity_named("customers"), actor))
    found = tally(Yardstick(criterion.profile, (rung,)), actor)
    return None if rung.met is None else found.by_criterion[0][1], found.customers


def best_prospects(stick: Yardstick, actor: Actor, count: int = 10) -> list[dict[str, Any]]:
    """The reader's prospects that come nearest: id, name, industry, city, points as `score`, and whether they fit."""
    rows = stick.judge(customers_of(actor).filter(life_cycle=LifeCycle.PROSPECT)).filter(met__gt=0)
    rows = rows.annotate(fit=Case(When(stick.fits, then=Value(1)), default=Value(0), output_field=IntegerField()))
    names = ("pk", "name", "industry", "city", "met", "fit")
    found = list(rows.order_by("-fit", "-met", "pk").values(*names)[:count])
    return [{**row, "score": stick.points(row["met"]), "fits": bool(row["fit"])} for row in found]


# --- writing ---------------------------------------------------------------------------------------------------


def prepare_criteria(batch: Batch) -> None:
    """Conditions make sense for customers, and a profile has no more criteria than can be counted at once."""
    terms: Vocabulary | None = None
    fresh: dict[int, int] = {}
    for draft in batch.good:
        criterion: ProfileCriterion = draft.record
        if criterion.conditions:
            terms = terms if terms is not None else terms_of(entity_named("customers"), batch.actor)
            try:
                say(criterion.conditions, terms)
            except ValidationFailed as refused:
                draft.error("conditions", refused.errors[0].code, refused.errors[0].message)
        if draft.fresh:
            fresh.setdefault(criterion.profile_id, 0)
    for profile_id in fresh:
        fresh[profile_id] = ProfileCriterion.objects.filter(profile_id=profile_id, archived_at=None).count()
    for draft in batch.good:
        if draft.fresh:
            fresh[draft.record.profile_id] += 1
            if fresh[draft.record.profile_id] > MOST_CRITERIA:
                draft.error("profile", "too_many", _("At most %(count)d criteria.") % {"count": MOST_CRITERIA})

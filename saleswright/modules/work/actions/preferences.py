"""How people want to be told: by which channel how soon, in which hours not at all, when of the whole day at once.

What a person has not said, the company says; what it has not said either, the kind of notice does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils.translation import gettext as _

from saleswright.kernel import clock, worktime
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.errors import FieldError, ValidationFailed
from saleswright.kernel.transactions import atomic
from saleswright.modules.work import kinds
from saleswright.modules.work.channels import all_channels
from saleswright.modules.work.models import NoticeHours, NoticePreference
from saleswright.modules.work.states import Pace

COMPANY = 0
"""Whose preferences the company's defaults are."""
RIGHT = "admin.manage"
DAY = timedelta(days=1)
HOUR = 3600

Paces = Mapping[tuple[str, str], Pace]
"""(kind, channel) -> pace"""


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is left in peace, and when the digest of the day comes, in company time."""

    quiet_from: time | None = time(21)
    quiet_to: time | None = time(8)
    days_off: bool = True
    digest_at: time = time(9)

    def is_quiet(self, at: datetime) -> bool:
        """Whether `at` lies in the quiet hours or on a day on which the company doesn't work."""
        local = clock.local_time(at)
        if self.days_off and not worktime.is_working_day(local.date()):
            return True
        if self.quiet_from is None or self.quiet_to is None or self.quiet_from == self.quiet_to:
            return False
        now = local.time()
        if self.quiet_from < self.quiet_to:
            return self.quiet_from <= now < self.quiet_to
        return now >= self.quiet_from or now < self.quiet_to

    def awake(self, at: datetime) -> datetime:
        """`at` itself, or the first moment after it that is not quiet."""
        while self.is_quiet(at):
            local = clock.local_time(at)
            ends = [clock.day_start(local.date() + DAY)]
            if self.quiet_to is not None:
                ends.append(_moment(local.date(), self.quiet_to))
            at = min(end for end in ends if end > at)
        return at

    def due(self, pace: Pace, at: datetime, *, urgent: bool = False) -> datetime:
        """When what happens at `at` goes out."""
        if pace == Pace.NOW:
            return at if urgent else self.awake(at)
        if pace == Pace.HOURLY:
            return self.awake(datetime.fromtimestamp((at.timestamp() // HOUR + 1) * HOUR, UTC))
        day = clock.local_date(at)
        if _moment(day, self.digest_at) <= at:
            day += DAY
        return _moment(worktime.next_working_day(day), self.digest_at)


def _moment(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, clock.zone()).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person wants, or the company by default."""

    paces: Paces
    hours: Hours

    def pace(self, kind: str, channel: str) -> Pace:
        """How soon they are told of the kind by the channel."""
        return self.paces.get((kind, channel)) or kinds.kind_named(kind).pace(channel)


def wishes_of(user_ids: Iterable[int]) -> dict[int, Wishes]:
    """What these people want, the company's defaults filled in: two queries."""
    wanted = set(user_ids)
    found: dict[int, dict[tuple[str, str], Pace]] = {}
    rows = NoticePreference.objects.filter(whose__in={COMPANY, *wanted})
    for whose, kind, channel, pace in rows.values_list("whose", "kind", "channel", "pace"):
        found.setdefault(whose, {})[kind, channel] = Pace(pace)
    hours = {
        one.whose: Hours(one.quiet_from, one.quiet_to, one.days_off, one.digest_at)
        for one in NoticeHours.objects.filter(whose__in={COMPANY, *wanted})
    }
    usual, usual_hours = found.get(COMPANY, {}), hours.get(COMPANY, Hours())
    return {one: Wishes(usual | found.get(one, {}), hours.get(one, usual_hours)) for one in wanted}


def set_paces(whose: int, given: Mapping[tuple[str, str], str], *, actor: Actor, at: datetime) -> None:
    """Take over how soon a person (0: by default anybody) is told; an empty pace goes back to the default.

    Raises NotAllowed, and ValidationFailed naming `kind.channel` for what there is not.
    """
    _require(whose, actor)
    known, channels = dict(kinds.choices()), {one.name for one in all_channels() if one.personal}
    problems = []
    for (kind, channel), pace in given.items():
        if kind not in known or channel not in channels:
            problems.append(FieldError(f"{kind}.{channel}", "unknown", _("There is no such field.")))
        elif pace and pace not in Pace.values:
            problems.append(FieldError(f"{kind}.{channel}", "choice", _("This is not one of the choices.")))
    if problems:
        raise ValidationFailed(problems)
    with atomic():
        for (kind, channel), pace in given.items():
            rows = NoticePreference.objects.filter(whose=whose, kind=kind, channel=channel)
            if not pace:
                rows.delete()
            else:
                NoticePreference.objects.update_or_create(
                    whose=whose, kind=kind, channel=channel, defaults={"pace": pace}
                )
        _note(whose, {f"{kind}.{channel}": [None, pace] for (kind, channel), pace in given.items()}, actor, at)


def set_hours(whose: int, hours: Hours | None, *, actor: Actor, at: datetime) -> None:
    """Take over a person's (0: by default anybody's) quiet hours and time of the digest; None goes back to the default.

    Raises NotAllowed, and ValidationFailed when only one end of the quiet hours is given.
    """
    _require(whose, actor)
    if hours is not None and (hours.quiet_from is None) != (hours.quiet_to is None):
        missing = "quiet_from" if hours.quiet_from is None else "quiet_to"
        raise ValidationFailed.of(missing, "required", _("Give both ends of the quiet hours, or neither."))
    with atomic():
        if hours is None:
            NoticeHours.objects.filter(whose=whose).delete()
        else:
            values = {name: getattr(hours, name) for name in ("quiet_from", "quiet_to", "days_off", "digest_at")}
            NoticeHours.objects.update_or_create(whose=whose, defaults=values)
        _note(whose, {"hours": [None, None if hours is None else _written(hours)]}, actor, at)


def _written(hours: Hours) -> str:
    quiet = f"{hours.quiet_from:%H:%M}-{hours.quiet_to:%H:%M}" if hours.quiet_from and hours.quiet_to else "-"
    return f"{quiet} {hours.digest_at:%H:%M} {hours.days_off}"


def _require(whose: int, actor: Actor) -> None:
    if whose != actor.user_id:
        actor.require(RIGHT)


def _note(whose: int, changes: dict[str, list[str | None]], actor: Actor, at: datetime) -> None:
    """The company's defaults are in the audit; how a person likes to be told is their own affair."""
    if whose == COMPANY and changes:
        record_audit([AuditLine("notice-defaults", None, "", "changed", changes)], actor=actor, at=at)

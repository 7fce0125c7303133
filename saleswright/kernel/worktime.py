"""Working time: what service levels and deadlines are counted in.

The company says when it works on each day of the week, which days are holidays and which week-ends are made up for
them (调休). All of it is in its own time zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from saleswright.kernel import clock
from saleswright.kernel.caching import kept

Span = tuple[int, int]
"""From when to when, in minutes since midnight; the end is not included."""
Moments = tuple[tuple[datetime, datetime], ...]

DAY, MIDNIGHT = timedelta(days=1), 24 * 60
OFFICE: tuple[Span, ...] = ((9 * 60, 18 * 60),)
#: Monday to Friday from 9:00 to 18:00: what holds until the company says otherwise
USUAL: dict[int, tuple[Span, ...]] = dict.fromkeys(range(1, 6), OFFICE)
SPAN = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–—~～至]\s*(\d{1,2})[:：](\d{2})")


def read_hours(text: str) -> tuple[Span, ...]:
    """The spans that a text such as `09:00-12:00, 13:30-18:00` means. Raises ValueError saying what is wrong."""
    spans: list[Span] = []
    for part in filter(None, (part.strip() for part in re.split("[,，、;；\n]", text))):
        found = SPAN.fullmatch(part)
        if found is None:
            raise ValueError(_("“%(text)s” is not a time span such as 09:00-12:00.") % {"text": part})
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = hour * 60 + minute, last_hour * 60 + last_minute
        if minute > 59 or last_minute > 59 or end > MIDNIGHT:
            raise ValueError(_("“%(text)s” is not a time span such as 09:00-12:00.") % {"text": part})
        if start >= end or (spans and start < spans[-1][1]):
            raise ValueError(_("Each span must end after it begins, and after the one before."))
        spans.append((start, end))
    return tuple(spans)


def written_hours(spans: tuple[Span, ...]) -> str:
    """The spans as people read them."""
    return ", ".join(f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in spans)


class Calendar:
    """The company's working time; what it finds out about a day it remembers."""

    def __init__(
        self, zone: ZoneInfo, week: dict[int, tuple[Span, ...]], special: dict[date, tuple[Span, ...]]
    ) -> None:
        self.zone, self.week, self.special = zone, week, special
        self._found: dict[date, Moments] = {}

    def spans(self, day: date) -> tuple[Span, ...]:
        """When the company works on that day."""
        found = self.special.get(day)
        return self.week.get(day.isoweekday(), ()) if found is None else found

    def moments(self, day: date) -> Moments:
        """The same as moments in UTC."""
        found = self._found.get(day)
        if found is None:
            found = tuple((self._moment(day, start), self._moment(day, end)) for start, end in self.spans(day))
            self._found[day] = found
        return found

    def _moment(self, day: date, minute: int) -> datetime:
        days, minute = divmod(minute, MIDNIGHT)
        at = time(minute // 60, minute % 60)
        return datetime.combine(day + days * DAY, at, self.zone).astimezone(UTC)


@kept(seconds=30)
def calendar() -> Calendar:
    """The working time as the company set it."""
    from saleswright.kernel.models import SpecialDay, WorkingDay

    said = WorkingDay.objects.values_list("weekday", "hours")
    week = {weekday: read_hours(hours) for weekday, hours in said} or USUAL
    differing = SpecialDay.objects.filter(archived_at=None).values_list("day", "works_like")
    return Calendar(clock.zone(), week, {day: week.get(like or 0, ()) for day, like in differing})


def is_working_day(day: date) -> bool:
    """Whether the company works on that day."""
    return bool(calendar().spans(day))


def next_working_day(day: date) -> date:
    """`day` itself, or the first working day after it."""
    working = calendar()
    while not working.spans(day):
        day += DAY
    return day


def add_working_days(day: date, count: int) -> date:
    """The day so many working days after this one, which does not count itself."""
    for _day in range(count):
        day = next_working_day(day + DAY)
    return day


def add_working(moment: datetime, minutes: int) -> datetime:
    """The first moment by which `minutes` of working time have passed since `moment`, in UTC.

    No minutes are over at once, even at night; a span that fills a day ends when that day closes, not the next
    morning. Raises ValueError for negative minutes.
    """
    if minutes < 0:
        raise ValueError("working time runs forward only")
    moment, left, working = moment.astimezone(UTC), timedelta(minutes=minutes), calendar()
    day = clock.local_date(moment)
    while left:
        for opens, closes in working.moments(day):
            start = max(opens, moment)
            if closes - start >= left:
                return start + left
            left -= max(closes - start, timedelta())
        day += DAY
    return moment


def take_working(moment: datetime, minutes: int) -> datetime:
    """The last moment since which `minutes` of working time have passed at `moment`, in UTC: the limits that began
    before it are over. Raises ValueError for negative minutes.
    """
    if minutes < 0:
        raise ValueError("working time runs forward only")
    moment, left, working = moment.astimezone(UTC), timedelta(minutes=minutes), calendar()
    day = clock.local_date(moment)
    while left:
        for opens, closes in reversed(working.moments(day)):
            end = min(closes, moment)
            if end - opens >= left:
                return end - left
            left -= max(end - opens, timedelta())
        day -= DAY
    return moment


def working_between(start: datetime, end: datetime) -> timedelta:
    """The working time from `start` to `end`; none if `end` is the earlier one."""
    total, working = timedelta(), calendar()
    day, last = clock.local_date(start), clock.local_date(end)
    while day <= last:
        for opens, closes in working.moments(day):
            total += max(min(closes, end) - max(opens, start), timedelta())
        day += DAY
    return total

"""Working time: what service levels and deadlines are counted in.

The company works from 9:00 to 18:00 on Mondays to Fridays, in its own time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from saleswright.kernel import clock

OPENS, CLOSES = time(9), time(18)
WORKING_DAYS = frozenset(range(5))  # Monday to Friday
DAY = timedelta(days=1)


def is_working_day(day: date) -> bool:
    """Whether the company works on that day."""
    return day.weekday() in WORKING_DAYS


def next_working_day(day: date) -> date:
    """`day` itself, or the first working day after it."""
    while not is_working_day(day):
        day += DAY
    return day


def add_working(moment: datetime, minutes: int) -> datetime:
    """The first moment by which `minutes` of working time have passed since `moment`, in UTC.

    No minutes are over at once, even at night; a span that fills a day ends when that day closes, not the next
    morning. Raises ValueError for negative minutes.
    """
    if minutes < 0:
        raise ValueError("working time runs forward only")
    moment, left = moment.astimezone(UTC), timedelta(minutes=minutes)
    day = clock.local_date(moment)
    while left:
        opens, closes = hours(day)
        start = max(opens, moment)
        if closes - start >= left:
            return start + left
        left -= max(closes - start, timedelta())
        day += DAY
    return moment


def working_between(start: datetime, end: datetime) -> timedelta:
    """The working time from `start` to `end`; none if `end` is the earlier one."""
    total = timedelta()
    day, last = clock.local_date(start), clock.local_date(end)
    while day <= last:
        opens, closes = hours(day)
        total += max(min(closes, end) - max(opens, start), timedelta())
        day += DAY
    return total


def hours(day: date) -> tuple[datetime, datetime]:
    """When the company opens and closes on that day, in UTC; twice the same moment on a day off."""
    zone = clock.zone()
    opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in (OPENS, CLOSES))
    return opens, closes if is_working_day(day) else opens

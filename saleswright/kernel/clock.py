"""The company clock: one present moment, one time zone, one fiscal year for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from saleswright.kernel.company import company


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return timezone.now()


def zone() -> ZoneInfo:
    """The company's time zone."""
    return ZoneInfo(company().time_zone or settings.TIME_ZONE)


def today() -> date:
    """The company's calendar day."""
    return local_date(now())


def local_date(moment: datetime) -> date:
    """The company's calendar day at `moment`."""
    return moment.astimezone(zone()).date()


def local_time(moment: datetime) -> datetime:
    """`moment` in the company's time zone."""
    return moment.astimezone(zone())


def day_start(day: date) -> datetime:
    """The first moment of the company's `day`, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone()).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included."""

    start: date
    end: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.start <= day <= self.end

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def elapsed(self, on: date) -> float:
        """The share of the period's days that have passed at the end of `on`, 0 to 1."""
        return min(max(((on - self.start).days + 1) / self.days, 0.0), 1.0)


def month_start(year: int, month: int) -> date:
    """First day of the month; months past 12 run into the next years."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def fiscal_year_of(day: date) -> int:
    """The fiscal year that holds `day`, named by the calendar year in which it starts."""
    return day.year if day.month >= company().fiscal_year_start else day.year - 1


def fiscal_period(year: int, period: str = "year") -> Period:
    """The days of a fiscal year, `q1` to `q4` or `m01` to `m12` of it.

    Raises ValueError for any other period.
    """
    first = company().fiscal_year_start
    if period == "year":
        offset, length = 0, 12
    elif period[:1] == "q" and period[1:] in {"1", "2", "3", "4"}:
        offset, length = (int(period[1:]) - 1) * 3, 3
    elif period[:1] == "m" and period[1:].isdigit() and 1 <= int(period[1:]) <= 12:
        offset, length = int(period[1:]) - 1, 1
    else:
        raise ValueError(f"unknown period {period!r}")
    start = month_start(year, first + offset)
    return Period(start, month_start(year, first + offset + length) - timedelta(days=1))


RELATIVE = (
    "today",
    "yesterday",
    "tomorrow",
    "this_week",
    "last_week",
    "next_week",
    "this_month",
    "last_month",
    "next_month",
    "this_quarter",
    "last_quarter",
    "next_quarter",
    "this_year",
    "last_year",
    "last_7_days",
    "last_30_days",
    "last_90_days",
    "last_180_days",
    "last_365_days",
    "next_7_days",
    "next_30_days",
    "past",
    "future",
)


def relative_period(name: str, on: date | None = None) -> Period:
    """The days that a relative date such as `this_quarter` means, seen from `on` (today).

    Weeks begin on Monday; quarters and years are the fiscal ones. Raises ValueError for an unknown name.
    """
    on = on or today()
    day = timedelta(days=1)
    if name in {"today", "yesterday", "tomorrow"}:
        at = on + {"today": 0, "yesterday": -1, "tomorrow": 1}[name] * day
        return Period(at, at)
    if name == "past":
        return Period(date.min, on - day)
    if name == "future":
        return Period(on + day, date.max)
    head, _, rest = name.partition("_")
    if head in {"last", "next"} and rest.endswith("_days") and rest[:-5].isdecimal() and int(rest[:-5]):
        span = int(rest[:-5]) * day
        return Period(on - span + day, on) if head == "last" else Period(on, on + span - day)
    step = {"last": -1, "this": 0, "next": 1}.get(head)
    if step is None or rest not in {"week", "month", "quarter", "year"}:
        raise ValueError(f"unknown relative date {name!r}")
    if rest == "week":
        start = on - on.weekday() * day + step * 7 * day
        return Period(start, start + 6 * day)
    if rest == "month":
        start = month_start(on.year, on.month + step)
        return Period(start, month_start(start.year, start.month + 1) - day)
    year = fiscal_year_of(on)
    if rest == "year":
        return fiscal_period(year + step)
    months = (on.year - year) * 12 + on.month - company().fiscal_year_start
    start = month_start(year, company().fiscal_year_start + (months // 3 + step) * 3)
    return Period(start, month_start(start.year, start.month + 3) - day)

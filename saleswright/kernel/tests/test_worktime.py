"""Working time, against a count minute by minute."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleswright.kernel import clock
from saleswright.kernel.worktime import add_working, next_working_day, working_between

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
MOMENTS = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def at_work(moment: datetime) -> bool:
    """Whether the minute that begins at `moment` is a working one, in Shanghai (UTC+8 all year)."""
    local = moment + timedelta(hours=8)
    return local.weekday() < 5 and 9 <= local.hour < 18


def added_slowly(moment: datetime, minutes: int) -> datetime:
    while minutes:
        minutes -= at_work(moment)
        moment += MINUTE
    return moment


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


@relaxed
@given(MOMENTS, st.integers(0, 3000))
def test_it_adds_as_a_count_by_minutes_does(moment, minutes):
    assert add_working(moment, minutes) == added_slowly(moment, minutes)


@relaxed
@given(MOMENTS, st.integers(0, 5000))
def test_it_measures_as_a_count_by_minutes_does(start, length):
    counted = sum(at_work(start + n * MINUTE) for n in range(length))
    assert working_between(start, start + length * MINUTE) == counted * MINUTE


@relaxed
@given(MOMENTS, st.integers(0, 20000))
def test_it_measures_what_it_added(moment, minutes):
    assert working_between(moment, add_working(moment, minutes)) == timedelta(minutes=minutes)


@relaxed
@given(MOMENTS, st.integers(0, 3000), st.integers(0, 3000))
def test_it_adds_in_two_steps_as_in_one(moment, first, second):
    assert add_working(add_working(moment, first), second) == add_working(moment, first + second)


@pytest.mark.parametrize(
    ("moment", "minutes", "due"),
    [
        ("2026-11-23T09:00", 540, "2026-11-23T18:00"),  # a whole Monday ends on Monday
        ("2026-11-23T09:00", 541, "2026-11-24T09:01"),
        ("2026-11-20T17:30", 60, "2026-11-23T09:30"),  # over the week-end
        ("2026-11-21T12:00", 30, "2026-11-23T09:30"),  # asked on Saturday
        ("2026-11-23T20:00", 0, "2026-11-23T20:00"),
        ("2026-11-23T17:59:30", 1, "2026-11-24T09:00:30"),
    ],
)
def test_it_counts_company_hours(moment, minutes, due):
    assert add_working(shanghai(moment), minutes) == shanghai(due)


def test_it_does_not_run_backwards():
    with pytest.raises(ValueError, match="forward"):
        add_working(clock.now(), -1)
    assert working_between(shanghai("2026-11-24T12:00"), shanghai("2026-11-23T12:00")) == timedelta()


def test_it_finds_the_next_working_day():
    assert next_working_day(date(2026, 11, 21)) == date(2026, 11, 23)
    assert next_working_day(date(2026, 11, 23)) == date(2026, 11, 23)

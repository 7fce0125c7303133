"""Working time, against a count minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saleswright.kernel import clock, worktime
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.models import Company, SpecialDay, WorkingDay
from saleswright.kernel.worktime import (
    Calendar,
    add_working,
    is_working_day,
    next_working_day,
    read_hours,
    take_working,
    working_between,
    written_hours,
)

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
    with pytest.raises(ValueError, match="forward"):
        take_working(clock.now(), -1)
    assert working_between(shanghai("2026-11-24T12:00"), shanghai("2026-11-23T12:00")) == timedelta()


def test_it_finds_the_next_working_day():
    assert next_working_day(date(2026, 11, 21)) == date(2026, 11, 23)
    assert next_working_day(date(2026, 11, 23)) == date(2026, 11, 23)


# --- any calendar, against a count by minutes -------------------------------------------------------------------

SPANS = st.lists(st.integers(0, 96).map(lambda quarter: quarter * 15), unique=True, max_size=6).map(
    lambda ends: tuple(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)
WEEKS = st.dictionaries(st.integers(1, 7), SPANS, min_size=7).filter(lambda week: any(week.values()))
SPECIAL = st.dictionaries(st.dates(date(2026, 10, 28), date(2026, 11, 10)), SPANS, max_size=4)
ZONES = st.sampled_from(["Asia/Shanghai", "Asia/Kathmandu", "America/New_York"])  # New York's clocks go back
NEAR = st.datetimes(datetime(2026, 10, 28), datetime(2026, 11, 6)).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)


@pytest.fixture
def set_calendar(monkeypatch):
    """Makes a calendar the company's, in its zone."""

    def use(zone, week, special):
        made = Calendar(ZoneInfo(zone), week, special)
        monkeypatch.setattr(worktime, "calendar", lambda: made)
        monkeypatch.setattr(clock, "zone", lambda: made.zone)
        return made

    return use


def works(calendar, moment):
    """Whether the minute that begins at `moment` lies in one of the day's spans, all of it in UTC."""
    day = moment.astimezone(calendar.zone).date()
    return any(start <= moment < end for start, end in calendar.moments(day))


@relaxed
@given(ZONES, WEEKS, SPECIAL, NEAR, st.integers(0, 7000))
def test_any_calendar_measures_as_a_count_by_minutes_does(set_calendar, zone, week, special, start, length):
    calendar = set_calendar(zone, week, special)
    counted = sum(works(calendar, start + n * MINUTE) for n in range(length))
    assert working_between(start, start + length * MINUTE) == counted * MINUTE


@relaxed
@given(ZONES, WEEKS, SPECIAL, NEAR, st.integers(1, 3000))
def test_any_calendar_adds_what_it_measures_and_no_minute_more(set_calendar, zone, week, special, moment, minutes):
    set_calendar(zone, week, special)
    due = add_working(moment, minutes)
    assert working_between(moment, due) == minutes * MINUTE
    assert working_between(moment, due - MINUTE) < minutes * MINUTE


@relaxed
@given(ZONES, WEEKS, SPECIAL, NEAR, st.integers(1, 3000))
def test_any_calendar_goes_back_as_far_as_it_measures_and_no_minute_less(
    set_calendar, zone, week, special, moment, minutes
):
    set_calendar(zone, week, special)
    since = take_working(moment, minutes)
    assert working_between(since, moment) == minutes * MINUTE
    assert working_between(since + MINUTE, moment) < minutes * MINUTE


@relaxed
@given(SPANS.map(lambda spans: tuple(span for span in spans if span[0] < span[1])))
def test_hours_are_read_as_they_are_written(spans):
    assert read_hours(written_hours(spans)) == spans


# --- what the company says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", ()),
        ("9:00-12:00", ((540, 720),)),
        ("09:00-12:00, 13:30-18:00", ((540, 720), (810, 1080))),
        ("９:00～12:00；13:30—24:00", ((540, 720), (810, 1440))),
    ],
)
def test_it_reads_hours_as_people_write_them(text, spans):
    assert read_hours(text) == spans


@pytest.mark.parametrize(
    "text", ["nine to five", "9-18", "09:00-25:00", "09:60-10:00", "10:00-09:00", "9:00-12:00,11:00-13:00"]
)
def test_it_refuses_hours_that_make_no_sense(text):
    with pytest.raises(ValueError, match="span"):
        read_hours(text)


def test_shipped_holidays_and_make_up_days_count():
    assert not is_working_day(date(2026, 10, 1))  # a Thursday
    assert is_working_day(date(2026, 10, 10))  # a Saturday made up for
    assert next_working_day(date(2026, 2, 15)) == date(2026, 2, 24)
    assert add_working(shanghai("2026-09-30T17:00"), 120) == shanghai("2026-10-08T10:00")
    assert add_working(shanghai("2026-10-09T17:00"), 120) == shanghai("2026-10-10T10:00")


def test_it_follows_the_hours_of_the_company():
    WorkingDay.objects.filter(weekday=1).update(hours="09:00-12:00, 13:30-18:00")
    forget_everything()
    assert add_working(shanghai("2026-11-23T11:00"), 120) == shanghai("2026-11-23T14:30")
    assert working_between(shanghai("2026-11-23T08:00"), shanghai("2026-11-23T13:00")) == timedelta(hours=3)


def test_a_make_up_day_has_the_hours_of_its_weekday():
    WorkingDay.objects.filter(weekday=5).update(hours="09:00-15:00")
    at = clock.now()
    SpecialDay.objects.create(day=date(2026, 11, 28), name="Made up", works_like=5, created_at=at, updated_at=at)
    forget_everything()
    assert working_between(shanghai("2026-11-28T00:00"), shanghai("2026-11-29T00:00")) == timedelta(hours=6)


def test_hours_are_of_the_company_s_time_zone():
    Company.objects.update(time_zone="Europe/Berlin")
    forget_everything()
    assert add_working(datetime(2026, 11, 23, 0, tzinfo=UTC), 60) == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_it_works_office_hours_until_the_company_has_said_anything():
    WorkingDay.objects.all().delete()
    forget_everything()
    assert add_working(shanghai("2026-11-23T17:30"), 60) == shanghai("2026-11-24T09:30")

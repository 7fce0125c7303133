"""The company's calendar: days, fiscal periods, relative dates."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import TestCase as DjangoTestCase
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel import clock
from saleswright.kernel.clock import RELATIVE, Period, fiscal_period, fiscal_year_of, relative_period
from saleswright.kernel.company import company
from saleswright.kernel.models import Company

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
MONTHS = st.integers(1, 12)
DAY = timedelta(days=1)


def year_starts_in(month: int) -> None:
    Company.objects.update(fiscal_year_start=month)
    company.forget()


class FiscalPeriods(TestCase):
    """Whatever the month in which the year begins."""

    @given(DAYS, MONTHS)
    def test_a_year_is_made_of_its_quarters_and_months_without_gap(self, day, first):
        year_starts_in(first)
        year = fiscal_year_of(day)
        whole = fiscal_period(year)
        assert day in whole
        for parts in ([f"q{n}" for n in range(1, 5)], [f"m{n:02}" for n in range(1, 13)]):
            periods = [fiscal_period(year, part) for part in parts]
            assert (periods[0].start, periods[-1].end) == (whole.start, whole.end)
            assert all(a.end + DAY == b.start for a, b in itertools.pairwise(periods))
            assert sum(period.days for period in periods) == whole.days
        assert fiscal_period(year + 1).start == whole.end + DAY

    @given(DAYS, MONTHS, st.sampled_from(["week", "month", "quarter", "year"]))
    def test_this_holds_the_day_and_its_neighbours_join_on(self, day, first, unit):
        year_starts_in(first)
        this = relative_period(f"this_{unit}", day)
        assert day in this
        assert relative_period(f"last_{unit}", day).end == this.start - DAY
        assert relative_period(f"next_{unit}", day).start == this.end + DAY
        assert relative_period(f"last_{unit}", day) == relative_period(f"this_{unit}", this.start - DAY)

    @given(DAYS, MONTHS)
    def test_this_quarter_is_a_quarter_of_the_fiscal_year(self, day, first):
        year_starts_in(first)
        quarters = [fiscal_period(fiscal_year_of(day), f"q{n}") for n in range(1, 5)]
        assert relative_period("this_quarter", day) in quarters

    @given(DAYS, st.integers(1, 400))
    def test_so_many_days_are_so_many(self, day, count):
        last, coming = relative_period(f"last_{count}_days", day), relative_period(f"next_{count}_days", day)
        assert (last.days, last.end) == (count, day)
        assert (coming.days, coming.start) == (count, day)

    @given(DAYS)
    def test_past_today_and_future_divide_all_days(self, day):
        past, future = relative_period("past", day), relative_period("future", day)
        assert past.end + DAY == day == future.start - DAY
        assert relative_period("today", day) == Period(day, day)

    @given(DAYS, st.integers(0, 800), DAYS)
    def test_the_elapsed_share_lies_between_none_and_all(self, start, length, on):
        share = Period(start, start + timedelta(days=length)).elapsed(on)
        assert 0 <= share <= 1
        assert (share == 0) == (on < start)


class Names(DjangoTestCase):
    """Every shipped name means something; others are refused."""

    def test_every_shipped_name_is_known(self):
        for name in RELATIVE:
            period = relative_period(name, date(2026, 11, 23))
            assert period.start <= period.end

    def test_weeks_begin_on_monday(self):
        assert relative_period("this_week", date(2026, 11, 29)) == Period(date(2026, 11, 23), date(2026, 11, 29))

    def test_a_fiscal_year_from_april_is_named_by_its_first_calendar_year(self):
        year_starts_in(4)
        assert fiscal_year_of(date(2026, 3, 31)) == 2025
        assert fiscal_period(2025, "q4") == Period(date(2026, 1, 1), date(2026, 3, 31))
        assert fiscal_period(2025, "m01") == Period(date(2025, 4, 1), date(2025, 4, 30))

    def test_other_names_are_refused(self):
        for name in (
            "",
            "someday",
            "this_decade",
            "last_x_days",
            "older_7_days",
            "last_0_days",
            "next_-1_days",
            "this_",
        ):
            with self.subTest(name), pytest.raises(ValueError, match="unknown relative date"):
                relative_period(name, date(2026, 11, 23))
        for period in ("", "q0", "q5", "q", "m00", "m13", "w01", "q11"):
            with self.subTest(period), pytest.raises(ValueError, match="unknown period"):
                fiscal_period(2026, period)


@pytest.mark.django_db
def test_the_day_is_the_companys_whatever_the_servers():
    assert clock.local_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)) == date(2026, 11, 23)
    assert clock.local_date(datetime(2026, 11, 22, 15, 59, tzinfo=UTC)) == date(2026, 11, 22)
    assert clock.day_start(date(2026, 11, 23)) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_a_day_in_a_zone_with_summer_time_begins_at_its_midnight():
    Company.objects.update(time_zone="Europe/Berlin")
    company.forget()
    assert clock.day_start(date(2026, 3, 29)) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert clock.day_start(date(2026, 3, 30)) == datetime(2026, 3, 29, 22, 0, tzinfo=UTC)

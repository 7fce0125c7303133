"""How values are written for people."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from saleswright.interface import formatting
from saleswright.interface.formatting import (
    compact,
    compact_money,
    format_date,
    format_datetime,
    format_money,
    format_number,
    format_percent,
    relative_date,
    relative_datetime,
)

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.fixture(autouse=True)
def in_shanghai(monkeypatch):
    monkeypatch.setattr(formatting.clock, "company", lambda: SimpleNamespace(time_zone="Asia/Shanghai"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1234.5"), "¥1,234.50"),
        (Decimal("0"), "¥0.00"),
        (Decimal("-3"), "-¥3.00"),
        (Decimal("0.005"), "¥0.01"),
        (Decimal("123456789012345.67"), "¥123,456,789,012,345.67"),
        (None, ""),
    ],
)
def test_it_writes_yuan_with_two_places(value, expected):
    assert format_money(value) == expected


def test_it_leaves_out_the_decimals_of_whole_amounts_when_asked():
    assert format_money(Decimal("1234.00"), short=True) == "¥1,234"


def test_it_keeps_the_decimals_of_broken_amounts_when_short():
    assert format_money(Decimal("1234.50"), short=True) == "¥1,234.50"


@pytest.mark.parametrize(
    ("currency", "language", "expected"),
    [
        ("CNY", "en", "¥1,234.50"),
        ("USD", "en", "$1,234.50"),
        ("USD", "zh-hans", "US$1,234.50"),
        ("JPY", "en", "¥1,235"),
        ("CHF", "en", "CHF 1,234.50"),
    ],
)
def test_it_follows_the_currency_and_the_language(currency, language, expected):
    assert format_money(Decimal("1234.50"), currency, language) == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (1234567, None, "1,234,567"),
        (Decimal("12.5000"), None, "12.5"),
        (Decimal("100"), None, "100"),
        (Decimal("1E+3"), None, "1,000"),
        (Decimal("2.345"), 2, "2.35"),
        (None, None, ""),
    ],
)
def test_it_groups_numbers_by_three_digits(value, places, expected):
    assert format_number(value, places) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(Decimal("0.125"), "12.5%"), (1, "100%"), (0.3, "30%"), (Decimal("0.33333"), "33.3%"), (None, "")],
)
def test_it_writes_shares_in_per_cent(share, expected):
    assert format_percent(share) == expected


def test_it_writes_iso_dates():
    assert format_date(date(2026, 3, 9)) == "2026-03-09"


def test_it_writes_moments_in_the_companys_time_zone():
    assert format_datetime(datetime(2026, 11, 22, 18, 5, 30, tzinfo=UTC)) == "2026-11-23 02:05"


def test_it_writes_seconds_when_asked():
    assert format_datetime(datetime(2026, 11, 22, 18, 5, 30, tzinfo=UTC), seconds=True) == "2026-11-23 02:05:30"


@pytest.mark.parametrize(
    ("days", "chinese", "english"),
    [
        (0, "今天", "Today"),
        (-1, "昨天", "Yesterday"),
        (1, "明天", "Tomorrow"),
        (-3, "3 天前", "3 days ago"),
        (5, "5 天后", "In 5 days"),
        (-14, "14 天前", "14 days ago"),
        (15, "2026-12-08", "2026-12-08"),
    ],
)
def test_it_says_how_far_a_day_is(days, chinese, english):
    day = TODAY + timedelta(days=days)
    assert (relative_date(day, "zh-hans", TODAY), relative_date(day, "en", TODAY)) == (chinese, english)


@pytest.mark.parametrize(
    ("ago", "chinese", "english"),
    [
        (timedelta(seconds=20), "刚刚", "Just now"),
        (timedelta(minutes=1), "1 分钟前", "1 minute ago"),
        (timedelta(hours=2, minutes=59), "2 小时前", "2 hours ago"),
        (timedelta(hours=13), "昨天", "Yesterday"),
        (timedelta(days=-1), "明天 12:00", "Tomorrow 12:00"),
        (timedelta(hours=-2), "今天 14:00", "Today 14:00"),
        (timedelta(days=-15), "2026-12-08 12:00", "2026-12-08 12:00"),
    ],
)
def test_it_says_how_long_ago_a_moment_was(ago, chinese, english):
    moment = NOON - ago
    assert (relative_datetime(moment, "zh-hans", NOON), relative_datetime(moment, "en", NOON)) == (chinese, english)


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (Decimal("12345"), "1.2万", "12.3K"),
        (340_000_000, "3.4亿", "340M"),
        (980, "980", "980"),
    ],
)
def test_it_shortens_large_figures(value, chinese, english):
    assert (compact(value, "zh-hans"), compact(value, "en")) == (chinese, english)


def test_it_shortens_amounts_with_their_sign():
    assert compact_money(Decimal("-864000")) == "-¥86.4万"

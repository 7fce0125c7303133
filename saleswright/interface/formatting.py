"""Values as people read them, in the person's language: money, numbers, shares, dates.

Pages format hundreds of values, so the everyday cases cost no more than a format string; what Babel knows about
currencies and languages is asked once and kept. Languages are Django's codes, `zh-hans` and `en`.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.core import Locale
from babel.numbers import format_compact_decimal, get_currency_precision, get_currency_symbol
from django.utils import translation
from django.utils.translation import gettext, ngettext
from pypinyin import lazy_pinyin

from saleswright.kernel import clock

#: regions in the language data that are no countries
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
#: dates further away than this many days are written out
RELATIVE_DAYS = 14


@lru_cache(maxsize=16)
def locale_of(language: str) -> Locale:
    """Babel's locale of a Django language code."""
    return Locale.parse("zh_Hans_CN" if language.lower().startswith("zh") else language.replace("-", "_"))


@lru_cache(maxsize=512)
def _currency(code: str, language: str) -> tuple[str, int]:
    """The sign of a currency and its decimal places; yuan are always `¥`."""
    sign = "¥" if code == "CNY" else get_currency_symbol(code, locale_of(language))
    return (f"{code} " if sign == code else sign), get_currency_precision(code)


def country_names() -> dict[str, str]:
    """ISO 3166 codes with the names of the countries in the active language, in the order of these names."""
    return _countries(translation.get_language() or "zh-hans")


@lru_cache(maxsize=16)
def _countries(language: str) -> dict[str, str]:
    names = locale_of(language).territories.items()
    found = [(code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return dict(sorted(found, key=lambda one: lazy_pinyin(one[1])))


@lru_cache(maxsize=16)
def _quantum(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def format_number(value: Decimal | int | None, places: int | None = None) -> str:
    """Digits in groups of three; `places` decimals, or as many as there are without trailing zeros.

    Halves are rounded away from zero. None gives the empty text.
    """
    if value is None:
        return ""
    if places is not None:
        return f"{Decimal(value).quantize(_quantum(places), ROUND_HALF_UP):,f}"
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_money(
    value: Decimal | int | None, currency: str = "CNY", language: str = "zh-hans", *, short: bool = False
) -> str:
    """An amount with the sign and the decimal places of its currency: `¥1,234.50`, `-¥3.00`.

    `short` leaves out the decimals of a whole amount. None gives the empty text.
    """
    if value is None:
        return ""
    sign, places = _currency(currency, language)
    if short and value == int(value):
        places = 0
    amount = format_number(abs(Decimal(value)), places)
    return f"-{sign}{amount}" if value < 0 else f"{sign}{amount}"


def format_percent(share: Decimal | float | None, places: int = 1) -> str:
    """A share (1 is the whole) in per cent without trailing zeros: `0.125` gives `12.5%`. None gives the empty text."""
    if share is None:
        return ""
    rounded = (Decimal(str(share)) * 100).quantize(_quantum(places), ROUND_HALF_UP)
    return f"{format_number(rounded)}%"


def format_date(day: date | None) -> str:
    """The ISO date; None gives the empty text."""
    return f"{day:%Y-%m-%d}" if day else ""


def format_datetime(moment: datetime | None, *, seconds: bool = False) -> str:
    """An aware moment in the company's time zone, to the minute; None gives the empty text."""
    if moment is None:
        return ""
    return f"{clock.local_time(moment):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


@lru_cache(maxsize=4 * (2 * RELATIVE_DAYS + 1))
def _days_away(days: int, language: str) -> str:
    with translation.override(language):
        if days == 0:
            return gettext("Today")
        if days == -1:
            return gettext("Yesterday")
        if days == 1:
            return gettext("Tomorrow")
        if days < 0:
            return ngettext("%(days)d day ago", "%(days)d days ago", -days) % {"days": -days}
        return ngettext("In %(days)d day", "In %(days)d days", days) % {"days": days}


def relative_date(day: date | None, language: str = "zh-hans", today: date | None = None) -> str:
    """How far `day` is from the company's today: 今天, 昨天, 3 天前, 明天; past two weeks the ISO date.

    None gives the empty text.
    """
    if day is None:
        return ""
    days = (day - (today or clock.today())).days
    return format_date(day) if abs(days) > RELATIVE_DAYS else _days_away(days, language)


@lru_cache(maxsize=256)
def _minutes_ago(minutes: int, language: str) -> str:
    with translation.override(language):
        if minutes < 1:
            return gettext("Just now")
        if minutes < 60:
            return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
        hours = minutes // 60
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}


def relative_datetime(moment: datetime | None, language: str = "zh-hans", now: datetime | None = None) -> str:
    """How long ago a moment was: minutes and hours of the same company day, else as `relative_date`.

    What is still to come is told with its time of the day: 明天 09:00.
    """
    if moment is None:
        return ""
    now = now or clock.now()
    day, today = clock.local_date(moment), clock.local_date(now)
    if day == today and moment <= now:
        return _minutes_ago(int((now - moment).total_seconds()) // 60, language)
    words = relative_date(day, language, today)
    return f"{words} {clock.local_time(moment):%H:%M}" if moment > now else words


@lru_cache(maxsize=1024)
def compact(value: Decimal | int, language: str = "zh-hans", places: int = 1) -> str:
    """A large figure in few signs: `1.2万` and `3.4亿` in Chinese, `12K` and `340M` in English."""
    return format_compact_decimal(value, locale=locale_of(language), fraction_digits=places)


def compact_money(value: Decimal | int | None, currency: str = "CNY", language: str = "zh-hans") -> str:
    """`compact` with the currency's sign: `¥1.2万`. None gives the empty text."""
    if value is None:
        return ""
    sign = _currency(currency, language)[0]
    return f"-{sign}{compact(-value, language)}" if value < 0 else f"{sign}{compact(value, language)}"

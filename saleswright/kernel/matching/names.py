"""Company names taken apart: place, brand, trade; the legal form says nothing and is left out.

深圳市华强电子有限公司 is place 深圳, brand 华强, trade 电子. Chinese company names are made of these four parts by the
Provisions on the Administration of Enterprise Name Registration 企业名称登记管理规定, article 6.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from opencc import OpenCC

from saleswright.kernel.match_keys import CHINESE_FORM, ENGLISH_FORM, NOT_LETTERS
from saleswright.kernel.matching.words import LONGEST_PLACE, LONGEST_TRADE, PLACES, PROVINCE_OF, TRADES

LEGAL_FORM = re.compile(rf"(?:{CHINESE_FORM.pattern[:-1]}|股份)$")
HAN = re.compile("[一-鿿]")
BLANKS = re.compile(r"\s+")
RANK = re.compile("(?:维吾尔|壮族|回族)?自治区|特别行政区|省|市(?![场政民值容])")
SHORTEST_BRAND = 2


@dataclass(frozen=True, slots=True)
class Name:
    """A company name in parts. `stem` is the name without blanks, marks and legal form, in simplified characters;
    `place_at` and `trade_at` say where in it the place lies and the trade begins.
    """

    stem: str
    place: str
    brand: str
    trade: str
    place_at: tuple[int, int]
    trade_at: int


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Traditional characters and their simplified form, one for one."""
    characters = [chr(code) for code in range(0x4E00, 0xA000)]
    simple = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {ord(old): new for old, new in zip(characters, simple, strict=True) if old != new and len(new) == 1}


def normal(text: str) -> str:
    """The text in one width, case and script, with single blanks."""
    if text.isascii():
        return " ".join(text.casefold().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_simplified()).split())


@lru_cache(maxsize=4096)
def parse(name: str) -> Name:
    """The parts of a company name; a part that isn't there, or isn't known, is empty and belongs to the brand."""
    text = normal(name)
    if HAN.search(text):
        text = _without(LEGAL_FORM, BLANKS.sub("", text))
    text = _without(ENGLISH_FORM, text)
    stem, place, at = _bracketed_place(text)
    if not place:
        place, at = _leading_place(stem)
    trade_at = _trade_start(stem, max(at[1], SHORTEST_BRAND) if at[0] else at[1] + SHORTEST_BRAND)
    brand = stem[: at[0]] + stem[at[1] : trade_at]
    if not brand:
        return Name(stem, "", stem, "", (0, 0), len(stem))
    return Name(stem, place, brand, stem[trade_at:], at, trade_at)


def _without(pattern: re.Pattern[str], text: str) -> str:
    while (match := pattern.search(text)) and match.start() > 0:
        text = text[: match.start()]
    return text


def _bracketed_place(text: str) -> tuple[str, str, tuple[int, int]]:
    """The stem, and the place beside a bracket: 华强(深圳)电子. Half a pair of brackets is enough."""
    for mark, after in (("(", True), (")", False)):
        at = text.find(mark)
        if at <= 0:
            continue
        for length in range(LONGEST_PLACE, 1, -1):
            start = at + 1 if after else at - length
            if start > 0 and (place := text[start : start + length]) in PLACES:
                end = start + length
                rank = RANK.match(text, end)
                before, inside = NOT_LETTERS.sub("", text[:start]), text[start : rank.end() if rank else end]
                rest = NOT_LETTERS.sub("", text[start + len(inside) :])
                if before and not rest:  # 华强电子(深圳) as if it were 深圳华强电子
                    return inside + before, place, (0, len(inside))
                if before:
                    return before + inside + rest, place, (len(before), len(before) + len(inside))
    return NOT_LETTERS.sub("", text), "", (0, 0)


def _leading_place(stem: str) -> tuple[str, tuple[int, int]]:
    """The place at the beginning; of a province and its city the city."""
    place, end = _place_at(stem, 0)
    if place:
        city, city_end = _place_at(stem, end)
        if city and PROVINCE_OF.get(city) == place:
            return city, (0, city_end)
    return place, (0, end)


def _place_at(stem: str, start: int) -> tuple[str, int]:
    for length in range(LONGEST_PLACE, 1, -1):
        place = stem[start : start + length]
        if place in PLACES:
            rank = RANK.match(stem, start + length)
            for end in (rank.end() if rank else 0, start + length):
                if end and len(stem) - end >= SHORTEST_BRAND:
                    return place, end
    return "", start


def _trade_start(stem: str, first: int) -> int:
    """Where the trade begins, not before `first`; the end of the stem when there is none."""
    at = len(stem)
    while True:
        for length in range(min(LONGEST_TRADE, at - first), 0, -1):
            if stem[at - length : at] in TRADES:
                at -= length
                break
        else:
            return at


def shortened(text: str) -> Iterator[str]:
    """The text less each one of its characters: two texts one slip apart have one of these, or themselves, in common.

    Source: the symmetric delete of Wolf Garbe's SymSpell (2012).
    """
    for at in range(len(text)):
        if at == 0 or text[at] != text[at - 1]:
            yield text[:at] + text[at + 1 :]


def slip(a: str, b: str) -> tuple[int, int, int] | None:
    """Where two different texts are one slip apart: (start, end in a, end in b) of what differs; None when they aren't.

    A slip is a character replaced, left out or put in, or two neighbours exchanged (Damerau 1964).
    """
    if abs(len(a) - len(b)) > 1 or a == b:
        return None
    start, shorter = 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    left, right = a[start : len(a) - end], b[start : len(b) - end]
    if len(left) <= 1 and len(right) <= 1:
        return start, len(a) - end, len(b) - end
    if len(left) == len(right) == 2 and left == right[::-1]:
        return start, len(a) - end, len(b) - end
    return None

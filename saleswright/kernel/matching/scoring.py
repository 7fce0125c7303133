"""How likely two rows are the same company.

The score is a sum of logarithms of likelihood ratios, one for each thing compared: how often it comes out so for two
entries of one company (m), over how often by chance for two companies (u), upon the odds that any two rows are the
same at all. Source: I. P. Fellegi and A. B. Sunter, A Theory for Record Linkage, JASA 64 (1969); that agreement on a
rare value weighs more than on a frequent one: W. E. Winkler, Frequency-Based Matching (2000). The chances u are
counted from the rows themselves, the m are estimates that hold for hand-kept lists.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp, log

from rapidfuzz.fuzz import ratio

from saleswright.kernel.match_keys import phone_key
from saleswright.kernel.matching.names import Name, normal, parse, shortened, slip
from saleswright.kernel.matching.words import PLACES, PROVINCE_OF, TRADES

#: pairs that are the same company, for each row, over the rows: so many pairs among N²/2
PRIOR = 0.12
#: what "no other row" counts for: the next row may well be the first to share it
UNSEEN = 0.3
FEWEST = 1000
LEAST_SHARE = 0.5

PLACE_MISSING, PLACE_WITHIN, PLACE_CONFLICT = log(0.08 / 0.18), log(0.3), -10.0
TRADE_MISSING, TRADE_CONFLICT, NUMERAL_CONFLICT = log(0.03 / 0.1), -7.0, -10.0
M_REPLACED, M_LEFT_OUT, M_DOUBLED, M_EXCHANGED = 0.04, 0.02, 0.02, 0.01
SLIP_IN_PLACE, SLIP_IN_TRADE = log(0.03 / 0.001), log(0.03 / 0.001)
NAMES_SIMILAR, NAMES_RATHER, NAMES_DIFFER = log(20), log(3), log(0.02)
SIMILAR, RATHER = 80, 60
M_SHARED, PHONE_DIFFERS, ADDRESS_DIFFERS, EMAIL_DIFFERS = 0.7, log(0.3), log(0.4), log(0.6)
CODE_SAME, CODE_DIFFERS = 20.0, -12.0
SAME_STEM = log(0.95 / 0.05)

NUMERALS = re.compile("[0-9一二三四五六七八九十]+")


@dataclass(frozen=True, slots=True)
class Row:
    """What is compared of a company; `id` is whatever the caller knows it by. All but the name may be empty."""

    id: int | str
    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    address: str = ""
    credit_code: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in the form in which it is compared."""

    id: int | str
    name: Name
    phones: frozenset[str]
    emails: frozenset[str]
    address: str
    credit_code: str


def entry_of(row: Row) -> Entry:
    """The row made ready for comparing."""
    return Entry(
        row.id,
        parse(row.name),
        frozenset(key for phone in row.phones if len(key := phone_key(phone)) > 6) if row.phones else frozenset(),
        frozenset(email.strip().casefold() for email in row.emails if "@" in email) if row.emails else frozenset(),
        normal(row.address).replace(" ", "") if row.address else "",
        row.credit_code.strip().upper(),
    )


@dataclass(slots=True)
class Counts:
    """How many rows have each value: by this chance agreement is weighed."""

    rows: int = 0
    brands: Counter[str] = field(default_factory=Counter)
    #: brands less one character, and brands
    gaps: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    trades: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)

    def add(self, entries: Iterable[Entry]) -> None:
        """Count these entries in."""
        for one in entries:
            self.rows += 1
            name = one.name
            self.brands[name.brand] += 1
            self.gaps[name.brand] += 1
            self.gaps.update(shortened(name.brand))
            self.places[name.place] += 1
            self.trades[name.trade] += 1
            self.shared.update(one.phones)
            self.shared.update(one.emails)
            if one.address:
                self.shared[one.address] += 1

    @property
    def effective(self) -> int:
        """The rows, but no fewer than make a share of them mean something."""
        return max(self.rows, FEWEST)

    def chance(self, others: float) -> float:
        """The chance of agreeing on something that so many other rows share."""
        return (max(others, 0) + UNSEEN) / self.effective

    def share(self, counter: Counter[str], value: str, usual: float) -> float:
        """The share of rows with the value, drawn to the usual share while there are few rows.

        Never below a part of the usual share: what looks rare is mostly a brand and a trade run together.
        """
        return max((counter[value] + 100 * usual) / (self.rows + 100), usual * LEAST_SHARE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How likely two rows are one company, and the codes of what speaks for it, the strongest first."""

    probability: float
    reasons: tuple[str, ...]


def compare(a: Entry, b: Entry, counts: Counts) -> Verdict:
    """How likely `a` and `b` are one company.

    Reasons: same_code, same_phone, same_email, same_address, same_name, same_brand, place_missing, place_within,
    trade_missing, slip_in_brand, slip_in_place, slip_in_trade, similar_name.
    """
    weight, reasons = _of_names(a.name, b.name, counts)
    weight += log(PRIOR / counts.effective)
    others: list[str] = []
    if a.credit_code and b.credit_code:
        same = a.credit_code == b.credit_code
        weight += CODE_SAME if same else CODE_DIFFERS
        others += ["same_code"] if same else []
    for left, right, reason, differs in (
        (a.phones, b.phones, "same_phone", PHONE_DIFFERS),
        (a.emails, b.emails, "same_email", EMAIL_DIFFERS),
    ):
        if left and right:
            common = left & right
            weight += (
                max(log(M_SHARED / counts.chance(counts.shared[key] - 2)) for key in common) if common else differs
            )
            others += [reason] if common else []
    if a.address and b.address:
        same = a.address == b.address
        weight += log(M_SHARED / counts.chance(counts.shared[a.address] - 2)) if same else ADDRESS_DIFFERS
        others += ["same_address"] if same else []
    return Verdict(1 / (1 + exp(-max(min(weight, 30.0), -30.0))), (*others, *reasons))


def _of_names(a: Name, b: Name, counts: Counts) -> tuple[float, list[str]]:
    if a.brand == b.brand:
        weight = -log(counts.chance(counts.brands[a.brand] - 2))
        place, place_reason = _of_places(a.place, b.place, counts)
        trade, trade_reason = _of_trades(a.trade, b.trade, counts)
        weight += place + trade
        if a.stem == b.stem:
            return max(weight, SAME_STEM - log(PRIOR / counts.effective)), ["same_name"]
        same = place_reason == trade_reason == ""
        return weight, ["same_name" if same else "same_brand", *filter(None, (place_reason, trade_reason))]
    if found := slip(a.stem, b.stem):
        return _of_slip(a, b, found, counts)
    likeness = ratio(a.stem, b.stem)
    if likeness >= SIMILAR or (min(len(a.brand), len(b.brand)) > 1 and (a.brand in b.brand or b.brand in a.brand)):
        return NAMES_SIMILAR, ["similar_name"]
    return (NAMES_RATHER, ["similar_name"]) if likeness >= RATHER else (NAMES_DIFFER, [])


def _of_places(a: str, b: str, counts: Counts) -> tuple[float, str]:
    if a == b:
        return -log(counts.share(counts.places, a, 0.01)), ""
    if not a or not b:
        return PLACE_MISSING, "place_missing"
    within = PROVINCE_OF.get(a) == b or PROVINCE_OF.get(b) == a
    return (PLACE_WITHIN, "place_within") if within else (PLACE_CONFLICT, "")


def _of_trades(a: str, b: str, counts: Counts) -> tuple[float, str]:
    if a == b:
        return -log(counts.share(counts.trades, a, 0.03)), ""
    return (TRADE_MISSING, "trade_missing") if not a or not b else (TRADE_CONFLICT, "")


def _of_slip(a: Name, b: Name, found: tuple[int, int, int], counts: Counts) -> tuple[float, list[str]]:
    """Names that are the same but for one slip: what the rest says, and how likely the slip is."""
    start, end_a, end_b = found
    if NUMERALS.fullmatch(a.stem[start:end_a]) and NUMERALS.fullmatch(b.stem[start:end_b]):
        return NUMERAL_CONFLICT, []
    if _known_differ(a, b.stem) or _known_differ(b, a.stem):
        return TRADE_CONFLICT, []
    return max(_seen_from(a, b, (start, end_a), counts), _seen_from(b, a, (start, end_b), counts))


def _known_differ(a: Name, other: str) -> bool:
    """Whether the other name has, where this one has its place or trade, another place or trade."""
    left, right = a.place_at
    if a.place and left == 0:
        head, rest = a.stem[:right], a.stem[right:]
        if other.endswith(rest) and (instead := other[: len(other) - len(rest)]) != head and instead in PLACES:
            return instead != a.place
    if a.trade and other.startswith(a.stem[: a.trade_at]):
        instead = other[a.trade_at :]
        return instead != a.trade and instead in TRADES
    return False


def _seen_from(a: Name, b: Name, span: tuple[int, int], counts: Counts) -> tuple[float, list[str]]:
    """The weight when `a` is taken for the right spelling."""
    start, end = span
    place = -log(counts.share(counts.places, a.place, 0.01))
    trade = -log(counts.share(counts.trades, a.trade, 0.03))
    left, right = a.place_at
    if a.place and left <= start < right and end <= right:
        return trade - log(counts.chance(counts.brands[a.brand] - 1)) + SLIP_IN_PLACE, ["slip_in_place"]
    before_trade = start == end == a.trade_at and b.stem.endswith(a.trade)
    if a.trade and end >= a.trade_at and (start >= a.trade_at or end > a.trade_at) and not before_trade:
        return place - log(counts.chance(counts.brands[a.brand] - 1)) + SLIP_IN_TRADE, ["slip_in_trade"]
    return place + trade + _of_brand_slip(a.brand, b.brand, counts), ["slip_in_brand"]


def _of_brand_slip(a: str, b: str, counts: Counts) -> float:
    """Log m/u of two brands one slip apart; u from the rows that share what is left without the slip."""
    found = slip(a, b)
    if found is None:
        return log(M_REPLACED / counts.chance(counts.effective * 0.01))
    start, end_a, _ = found
    if len(a) == len(b) and end_a - start > 1:
        return log(M_EXCHANGED / counts.chance(counts.brands[a] + counts.brands[b] - 2))
    if len(a) == len(b):
        return log(M_REPLACED / counts.chance(counts.gaps[a[:start] + a[start + 1 :]] - 2))
    shorter, longer = sorted((a, b), key=len)
    doubled = any(
        longer[at] == longer[at + 1] and longer[:at] + longer[at + 1 :] == shorter for at in range(len(shorter))
    )
    if doubled:
        return log(M_DOUBLED / counts.chance(counts.brands[a] + counts.brands[b] - 2))
    return log(M_LEFT_OUT / counts.chance(counts.gaps[shorter] - 2))

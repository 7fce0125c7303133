"""Amounts of money: rounding, the sums of a document's line, dividing without loss, amounts in words and in short.

Everything is Decimal; floats are refused with TypeError, since they can't hold cents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
HUNDRED = Decimal(100)

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
LARGEST_IN_WORDS = Decimal(10) ** 16

UNITS_ZH = ((Decimal(10) ** 12, "万亿"), (Decimal(10) ** 8, "亿"), (Decimal(10) ** 4, "万"), (Decimal(1), ""))
UNITS_EN = (
    (Decimal(10) ** 12, "T"),
    (Decimal(10) ** 9, "B"),
    (Decimal(10) ** 6, "M"),
    (Decimal(10) ** 3, "k"),
    (Decimal(1), ""),
)


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """Amounts of one line, to the cent: gross = net + tax."""

    net: Decimal
    tax: Decimal
    gross: Decimal


def round_half_up(value: Decimal, places: int = 2) -> Decimal:
    """To `places` decimals; halves away from zero, as on a Chinese VAT invoice."""
    return _exact(value).quantize(Decimal(1).scaleb(-places), context=EXACT)


def line_amounts(
    quantity: Decimal,
    unit_price: Decimal,
    discount_percent: Decimal,
    tax_rate: Decimal,
    price_includes_tax: bool = False,
) -> LineAmounts:
    """Net, tax and gross of a line (QUO-01). `tax_rate` and `discount_percent` are percent: 13 is 13 %.

    With `price_includes_tax` the gross is exact and net = gross / (1 + rate); else the net is, and tax = net x rate.
    """
    rate = EXACT.divide(_exact(tax_rate), HUNDRED)
    paid_share = EXACT.divide(HUNDRED - _exact(discount_percent), HUNDRED)
    amount = EXACT.multiply(EXACT.multiply(_exact(quantity), _exact(unit_price)), paid_share)
    amount = round_half_up(amount)
    if price_includes_tax:
        net = round_half_up(EXACT.divide(amount, 1 + rate))
        return LineAmounts(net=net, tax=amount - net, gross=amount)
    tax = round_half_up(EXACT.multiply(amount, rate))
    return LineAmounts(net=amount, tax=tax, gross=amount + tax)


def allocate(total: Decimal, weights: Sequence[Decimal | int], places: int = 2) -> list[Decimal]:
    """Divide by weight into parts whose sum is exactly the total; leftover units go to the largest remainders,
    the first among equals. If all weights are zero the parts are even.

    Raises ValueError: a negative weight, no weights for a total, a total finer than `places`.
    """
    unit = Decimal(1).scaleb(-places)
    exact_weights = [_exact(weight) for weight in weights]
    if any(weight < 0 for weight in exact_weights):
        raise ValueError("weights must not be negative")
    if round_half_up(total, places) != total:
        raise ValueError(f"{total} has more than {places} decimals")
    if not exact_weights:
        if total:
            raise ValueError("nothing to divide the total among")
        return []
    if not any(exact_weights):
        exact_weights = [Decimal(1)] * len(exact_weights)
    units = _largest_remainder(int(abs(total) / unit), exact_weights)
    sign = -1 if total < 0 else 1
    return [sign * count * unit for count in units]


def _largest_remainder(units: int, weights: list[Decimal]) -> list[int]:
    whole = sum(map(Fraction, weights))
    shares = [units * Fraction(weight) / whole for weight in weights]
    counts = [floor(share) for share in shares]
    by_remainder = sorted(range(len(weights)), key=lambda i: (counts[i] - shares[i], i))
    for index in by_remainder[: units - sum(counts)]:
        counts[index] += 1
    return counts


def amount_in_words(amount: Decimal) -> str:
    """人民币大写, by 正确填写票据和结算凭证的基本规定 (中国人民银行《支付结算办法》附一), without the word 人民币.

    Rounded half up to 分. 整 follows 元; after 角 and 分 nothing does. One 零 stands for zeros between digits.
    Raises ValueError from ten thousand billion yuan (10^16) on.
    """
    cents = int(abs(round_half_up(amount)) * 100)
    if cents >= LARGEST_IN_WORDS * 100:
        raise ValueError(f"{amount} is too large to be written in words")
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    words = _integer_in_words(yuan) + "元" if yuan or not cents else ""
    if not jiao and not fen:
        words += "整"
    if jiao:
        words += DIGITS[jiao] + "角"
    elif fen and yuan:
        words += "零"
    if fen:
        words += DIGITS[fen] + "分"
    return ("负" if amount < 0 and cents else "") + words


def _integer_in_words(number: int) -> str:
    """Sections of eight digits by 亿, of four by 万; zeros between digits as one 零."""
    if number == 0:
        return DIGITS[0]
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            high, low = divmod(number, size)
            gap = DIGITS[0] if low and (low < size // 10 or high % 10 == 0) else ""
            return _integer_in_words(high) + name + gap + (_integer_in_words(low) if low else "")
    return _section_in_words(number)


def _section_in_words(number: int) -> str:
    """1 to 9999."""
    places = [place for place in (3, 2, 1, 0) if number // 10**place % 10]
    words = [DIGITS[number // 10**place % 10] + PLACES[place] for place in places]
    gaps = [DIGITS[0] if upper - lower > 1 else "" for upper, lower in pairwise(places)]
    return "".join(gap + word for gap, word in zip(["", *gaps], words, strict=True))


def compact(amount: Decimal, language: str) -> str:
    """Three digits and a unit, for charts and cards: 1.2万, 3.45亿 in Chinese, 12.3k, 1.2M otherwise."""
    units = UNITS_ZH if language.lower().startswith("zh") else UNITS_EN
    value = _exact(amount)
    index = next((i for i, (size, _name) in enumerate(units) if abs(value) >= size), len(units) - 1)
    shown = _three_digits(value / units[index][0])
    if index > 0 and abs(shown) * units[index][0] >= units[index - 1][0]:
        index -= 1
        shown = _three_digits(value / units[index][0])
    return f"{shown.normalize():f}{units[index][1]}" if shown else "0"


def _three_digits(value: Decimal) -> Decimal:
    """Rounded to three digits, but never before the decimal point."""
    return round_half_up(value, max(0, min(2, 2 - value.adjusted())))


def _exact(value: Decimal | int) -> Decimal:
    """The value as Decimal; floats and booleans are no amounts."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"an amount is a Decimal, not {type(value).__name__}")
    return Decimal(value)

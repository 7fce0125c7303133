"""Rounding, line amounts, dividing without loss and amounts in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleswright.kernel.money import allocate, amount_in_words, compact, line_amounts, round_half_up

D = Decimal
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("2.675", 2, "2.68"),
        ("1.2345645", 6, "1.234565"),
        ("7", 2, "7.00"),
    ],
)
def test_it_rounds_halves_away_from_zero(value, places, rounded):
    assert str(round_half_up(D(value), places)) == rounded


@pytest.mark.parametrize(
    "call",
    [
        lambda: round_half_up(0.1),
        lambda: line_amounts(1.0, D(1), D(0), D(13)),
        lambda: line_amounts(D(1), D(1), D(0), 0.13),
        lambda: allocate(1.0, [1]),
        lambda: allocate(D(1), [0.5, 0.5]),
        lambda: amount_in_words(1.5),
        lambda: compact(12000.0, "zh-hans"),
        lambda: round_half_up(True),
    ],
)
def test_it_refuses_floats_and_booleans(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "rate", "amounts"),
    [
        ("3", "0.1", "0", "13", ("0.30", "0.04", "0.34")),
        ("7", "33.333333", "12.5", "6", ("204.17", "12.25", "216.42")),
        ("-2", "10.125", "0", "13", ("-20.25", "-2.63", "-22.88")),
        ("1", "100", "100", "13", ("0.00", "0.00", "0.00")),
    ],
)
def test_it_adds_tax_to_the_rounded_net(quantity, price, discount, rate, amounts):
    line = line_amounts(D(quantity), D(price), D(discount), D(rate))
    assert (str(line.net), str(line.tax), str(line.gross)) == amounts


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "rate", "amounts"),
    [
        ("1", "113", "0", "13", ("100.00", "13.00", "113.00")),
        ("3", "9.99", "0", "13", ("26.52", "3.45", "29.97")),
        ("1", "100", "10", "6", ("84.91", "5.09", "90.00")),
    ],
)
def test_it_takes_tax_out_of_an_exact_gross(quantity, price, discount, rate, amounts):
    line = line_amounts(D(quantity), D(price), D(discount), D(rate), price_includes_tax=True)
    assert (str(line.net), str(line.tax), str(line.gross)) == amounts


@given(
    quantity=st.decimals(min_value=-(10**6), max_value=10**6, places=4),
    price=st.decimals(min_value=0, max_value=10**7, places=6),
    discount=st.decimals(min_value=0, max_value=100, places=2),
    rate=st.sampled_from([D(0), D(1), D(3), D(6), D(9), D(13)]),
    inclusive=st.booleans(),
)
def test_it_keeps_net_and_tax_adding_up_to_gross(quantity, price, discount, rate, inclusive):
    line = line_amounts(quantity, price, discount, rate, inclusive)
    assert line.net + line.tax == line.gross
    assert all(amount.as_tuple().exponent == -2 for amount in (line.net, line.tax, line.gross))
    assert abs(line.tax - line.net * rate / 100) <= D("0.01")


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("100", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("-100", [1, 1, 1], ["-33.34", "-33.33", "-33.33"]),
        ("0.05", [3, 7], ["0.02", "0.03"]),
        ("10", [0, 0, 0, 0], ["2.50", "2.50", "2.50", "2.50"]),
        ("1", [0, D("2.5")], ["0.00", "1.00"]),
        ("0", [1, 2], ["0.00", "0.00"]),
    ],
)
def test_it_allocates_by_largest_remainder(total, weights, parts):
    assert [str(part) for part in allocate(D(total), weights)] == parts


@given(total=AMOUNTS, weights=st.lists(st.decimals(min_value=0, max_value=10**6, places=4), min_size=1, max_size=20))
def test_it_allocates_without_loss_and_within_a_cent_of_the_share(total, weights):
    parts = allocate(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        share = total * weight / whole if whole else total / len(weights)
        assert abs(part - share) < D("0.01") + D("1e-12")


@pytest.mark.parametrize(("total", "weights"), [(D(1), []), (D(1), [1, -1]), (D("0.001"), [1])])
def test_it_refuses_what_cannot_be_allocated(total, weights):
    with pytest.raises(ValueError, match=r".+"):
        allocate(total, weights)


def test_it_allocates_nothing_among_nobody():
    assert allocate(D(0), []) == []


# The examples of 正确填写票据和结算凭证的基本规定 first, where it leaves a choice one of its forms.
@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1409.50", "壹仟肆佰零玖元伍角"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("107000.53", "壹拾万零柒仟元伍角叁分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角"),
        ("0.004", "零元整"),
        ("-0.004", "零元整"),
        ("10", "壹拾元整"),
        ("110.10", "壹佰壹拾元壹角"),
        ("1001", "壹仟零壹元整"),
        ("10001", "壹万零壹元整"),
        ("100000", "壹拾万元整"),
        ("1000000.01", "壹佰万元零壹分"),
        ("100000000", "壹亿元整"),
        ("100000001", "壹亿零壹元整"),
        ("100010000", "壹亿零壹万元整"),
        ("120000000", "壹亿贰仟万元整"),
        ("1234567890.12", "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分"),
        ("2000000000000", "贰万亿元整"),
        ("-88.80", "负捌拾捌元捌角"),
        ("99.995", "壹佰元整"),
    ],
)
def test_it_writes_amounts_in_words(amount, words):
    assert amount_in_words(D(amount)) == words


def _number_of(words: str) -> Decimal:
    """Reads the words back, independently of how they were written."""
    total = section = digit = D(0)
    for character in words.removeprefix("负"):
        if character in "零壹贰叁肆伍陆柒捌玖":
            digit = D("零壹贰叁肆伍陆柒捌玖".index(character))
        elif character in "拾佰仟":
            section, digit = section + digit * 10 ** ("拾佰仟".index(character) + 1), D(0)
        elif character == "万":
            section, digit = (section + digit) * 10**4, D(0)
            total, section = total + section, D(0)
        elif character == "亿":
            total, section, digit = (total + section + digit) * 10**8, D(0), D(0)
        elif character == "元":
            total, section, digit = total + section + digit, D(0), D(0)
        elif character in "角分":
            total, digit = total + digit / (10 if character == "角" else 100), D(0)
    return -total if words.startswith("负") else total


@given(st.decimals(min_value=-(10**12) + 1, max_value=10**12 - 1, places=2))
def test_it_writes_words_that_read_back_as_the_amount(amount):
    words = amount_in_words(amount)
    assert _number_of(words) == amount
    assert "零零" not in words


def test_it_refuses_amounts_too_large_for_words():
    with pytest.raises(ValueError, match="too large"):
        amount_in_words(D(10) ** 16)


@pytest.mark.parametrize(
    ("amount", "language", "shown"),
    [
        ("12000", "zh-hans", "1.2万"),
        ("345000000", "zh-Hans", "3.45亿"),
        ("9999", "zh-hans", "9999"),
        ("9999.6", "zh-hans", "1万"),
        ("99999999", "zh-hans", "1亿"),
        ("12345678", "zh-cn", "1235万"),
        ("-12000", "zh-hans", "-1.2万"),
        ("1200000000000", "zh-hans", "1.2万亿"),
        ("0", "zh-hans", "0"),
        ("12.5", "zh-hans", "12.5"),
        ("12300", "en", "12.3k"),
        ("1200000", "en", "1.2M"),
        ("999950", "en", "1M"),
        ("-3450000000", "en", "-3.45B"),
        ("123.456", "en", "123"),
    ],
)
def test_it_shortens_amounts(amount, language, shown):
    assert compact(D(amount), language) == shown

"""What is shown of numbers, addresses and accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleswright.kernel import masks


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("138 1234 5678", "138 **** 5678"),
        ("+86 138 1234 5678", "+86 138 **** 5678"),
        ("021-58881234", "021-****1234"),
        ("0571-88886666", "0571-****6666"),
        ("58881234", "****1234"),
        ("95588", "***88"),
        ("110", "****"),
        ("", "****"),
    ],
)
def test_it_shows_the_network_and_the_last_digits_of_a_phone_number(number, shown):
    assert masks.phone(number) == shown


@pytest.mark.parametrize(
    ("address", "shown"), [("zhang@example.com", "z***@example.com"), ("@a.cn", "***"), ("nonsense", "***")]
)
def test_it_shows_the_first_letter_and_the_domain_of_an_address(address, shown):
    assert masks.email(address) == shown


@pytest.mark.parametrize(
    ("account", "shown"), [("6222 0200 1234 5678", "****5678"), ("310101199001011234", "****1234"), ("1234567", "****")]
)
def test_it_shows_the_last_four_of_an_account(account, shown):
    assert masks.last_four(account) == shown


@given(st.text(alphabet="0123456789 +-()", min_size=1, max_size=30))
def test_what_is_shown_of_a_number_never_is_the_number(number):
    shown = masks.phone(number)
    assert shown != number
    assert masks.is_masked(shown)
    assert sum(character.isdigit() for character in shown) <= 9

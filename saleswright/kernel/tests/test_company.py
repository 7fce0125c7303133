"""The company and its currencies."""

from datetime import date
from decimal import Decimal as D

import pytest

from saleswright.kernel import clock
from saleswright.kernel.company import base_currency, company, exchange_rate, to_base
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import Company, ExchangeRate

pytestmark = pytest.mark.django_db


@pytest.fixture
def rates():
    at = clock.now()
    for day, rate in ((1, "7.10"), (15, "7.123456")):
        ExchangeRate.objects.create(
            currency="USD", valid_from=date(2026, 11, day), rate=D(rate), created_at=at, updated_at=at
        )


def test_the_base_currency_is_worth_itself():
    assert exchange_rate(base_currency(), date(2026, 11, 23)) == 1
    assert to_base(D("12.34"), base_currency(), date(1990, 1, 1)) == D("12.34")


@pytest.mark.parametrize(("day", "rate"), [(1, "7.10"), (14, "7.10"), (15, "7.123456"), (30, "7.123456")])
def test_the_last_rate_known_by_the_day_counts(rates, day, rate):
    assert exchange_rate("USD", date(2026, 11, day)) == D(rate)


@pytest.mark.parametrize(("currency", "day"), [("USD", date(2026, 10, 31)), ("EUR", date(2026, 11, 23))])
def test_without_a_rate_it_is_refused(rates, currency, day):
    with pytest.raises(ValidationFailed) as failure:
        exchange_rate(currency, day)
    assert [error.field for error in failure.value.errors] == ["currency"]


@pytest.mark.parametrize(("amount", "base"), [("100.00", "712.35"), ("0.01", "0.07"), ("-100.00", "-712.35")])
def test_an_amount_is_rounded_half_up_to_two_places(rates, amount, base):
    assert to_base(D(amount), "USD", date(2026, 11, 23)) == D(base)


def test_the_company_is_kept_until_it_is_forgotten():
    assert company().name == Company.objects.get().name
    Company.objects.update(name="Renamed")
    assert company().name != "Renamed"
    company.forget()
    assert company().name == "Renamed"

"""Scaled numbers: exact in Python and in both databases."""

from datetime import date
from decimal import Decimal as D

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Avg, F, Max, Sum, Value
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from saleswright.kernel.fields import LIMITS, MoneyField, PercentField, PriceField, QuantityField, ScaledField
from saleswright.kernel.models import ExchangeRate

FIELDS = (MoneyField, PriceField, QuantityField, PercentField)


def rate(value: object, day: int = 1) -> ExchangeRate:
    at = timezone.now()
    return ExchangeRate.objects.create(
        currency="USD", valid_from=date(2026, 1, day), rate=value, created_at=at, updated_at=at
    )


@given(st.sampled_from(FIELDS), st.data())
def test_it_keeps_every_value_that_fits(kind, data):
    limit = int(LIMITS[kind.places].scaleb(kind.places))
    value = D(data.draw(st.integers(-limit, limit))).scaleb(-kind.places)
    field: ScaledField = kind()
    stored = field.get_prep_value(field.clean(str(value), None))
    assert -(2**63) <= stored < 2**63
    assert field.from_db_value(stored, None, connection) == value


@pytest.mark.parametrize(
    ("kind", "typed"),
    [(MoneyField, "1.005"), (PriceField, "0.0000001"), (QuantityField, "1.00001"), (PercentField, "12.34567")],
)
def test_it_refuses_more_places_instead_of_rounding(kind, typed):
    with pytest.raises(ValidationError):
        kind().clean(typed, None)
    with pytest.raises(ValueError, match="decimal places"):
        kind().get_prep_value(D(typed))


@pytest.mark.parametrize(("typed", "value"), [("1.50", "1.50"), (" 7 ", "7.00"), ("1E+2", "100.00"), ("-0.00", "0.00")])
def test_it_reads_what_people_type(typed, value):
    assert str(MoneyField().clean(typed, None)) == value


@pytest.mark.parametrize("value", [0.1, True, float("nan")])
def test_it_refuses_floats(value):
    with pytest.raises(ValidationError):
        MoneyField().to_python(value)


def test_it_refuses_a_float_on_the_way_to_the_database():
    with pytest.raises(TypeError):
        MoneyField().get_prep_value(0.1)


@pytest.mark.parametrize("typed", ["NaN", "Infinity", "-Infinity", "sNaN", "twelve", "1,5", "--1"])
def test_it_refuses_what_is_no_number(typed):
    with pytest.raises(ValidationError):
        MoneyField().clean(typed, None)


@pytest.mark.parametrize("kind", FIELDS)
def test_it_takes_the_limit_and_refuses_the_next_value(kind):
    limit, step = LIMITS[kind.places], D(1).scaleb(-kind.places)
    assert kind().clean(limit, None) == limit
    assert kind().clean(-limit, None) == -limit
    for beyond in (limit + step, -limit - step, D("1e30")):
        with pytest.raises(ValidationError):
            kind().clean(beyond, None)


def test_its_own_range_is_inclusive():
    field = PercentField(minimum=0, maximum=100)
    assert field.clean("0", None) == 0
    assert field.clean("100", None) == 100
    for typed in ("-0.0001", "100.0001"):
        with pytest.raises(ValidationError):
            field.clean(typed, None)


def test_a_migration_keeps_its_range():
    _name, _path, args, kwargs = PercentField(minimum=0, maximum=D("99.5")).deconstruct()
    assert (args, kwargs) == ([], {"minimum": 0, "maximum": D("99.5")})


@pytest.mark.django_db
def test_it_adds_up_exactly_in_the_database():
    for day in range(1, 31):
        rate(D("0.1"), day)
    figures = ExchangeRate.objects.aggregate(sum=Sum("rate"), mean=Avg("rate"), most=Max("rate"))
    assert figures == {"sum": D("3.0"), "mean": D("0.1"), "most": D("0.1")}


@pytest.mark.django_db
def test_it_changes_exactly_in_the_database():
    rate(D("0.3"))
    for _ in range(2):
        ExchangeRate.objects.update(rate=F("rate") - Value(D("0.1"), PriceField()))
    assert ExchangeRate.objects.get().rate == D("0.1")
    ExchangeRate.objects.update(rate=F("rate") * 3)
    assert ExchangeRate.objects.filter(rate=D("0.3")).count() == 1


@pytest.mark.django_db
def test_it_is_compared_as_a_number():
    rate(D("9.5"), 1)
    rate(D("10.25"), 2)
    assert list(ExchangeRate.objects.filter(rate__gt=D("9.5")).values_list("rate", flat=True)) == [D("10.25")]
    assert list(ExchangeRate.objects.order_by("rate").values_list("rate", flat=True)) == [D("9.5"), D("10.25")]
    assert ExchangeRate.objects.filter(rate__gte=F("rate")).count() == 2

"""Field specs: how values are read, shown, exported and described."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils import translation

from saleswright.interface.fields import FieldSpec, has_field, kind_of, plain, spec_of
from saleswright.kernel.fields import MoneyField, PriceField, QuantityField
from saleswright.kernel.models import ExchangeRate, User
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.customers.states import Level

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "name", "kind"),
    [
        (Customer, "name", "text"), (Customer, "level", "choice"), (Customer, "owner", "reference"),
        (Customer, "tags", "json"), (Customer, "created_at", "datetime"), (Contact, "birthday", "date"),
        (Contact, "is_primary", "bool"), (ExchangeRate, "rate", "price"), (Customer, "version", "integer"),
    ],
)  # fmt: skip
def test_it_knows_the_kind(model, name, kind):
    assert spec_of(model, name).kind == kind


def test_a_field_without_a_kind_or_a_wrong_name_fails_early():
    with pytest.raises(TypeError):
        kind_of(models.BinaryField())
    with pytest.raises(FieldDoesNotExist):
        spec_of(Customer, "colour")
    assert (has_field(Customer, "name"), has_field(Customer, "colour")) == (True, False)


@pytest.mark.parametrize(
    ("value", "least", "text"),
    [(D("12.500000"), 2, "12.50"), (D("0.000001"), 2, "0.000001"), (D("100"), 2, "100.00"), (D("3.0000"), 0, "3"),
     (D("0"), 0, "0"), (D("-7.10"), 2, "-7.10"), (D("1E+3"), 0, "1000")],
)  # fmt: skip
def test_decimals_are_written_without_needless_zeros(value, least, text):
    assert plain(value, least) == text


def test_a_reference_is_read_with_its_label():
    spec = spec_of(Customer, "owner")
    assert spec.select == ("owner_id", "owner__name")
    assert spec.api_name == "owner_id"
    assert spec.to_json({"owner_id": 3, "owner__name": "Li"}) == {"id": 3, "label": "Li"}
    assert spec.to_json({"owner_id": None, "owner__name": None}) is None


def test_states_are_badges_in_their_colour():
    with translation.override("en"):
        cell = spec_of(Customer, "level").cell({"level": "A"}, "en")
    assert (cell.text, cell.kind, cell.colour) == ("A key", "badge", Level.A.colour)


def test_a_reference_to_a_record_is_a_link_and_to_a_person_a_name():
    link = spec_of(Contact, "customer").cell({"customer_id": 4, "customer__name": "A"}, "en")
    name = spec_of(Customer, "owner").cell({"owner_id": 3, "owner__name": "Li"}, "en")
    assert (link.kind, link.url) == ("link", "/customers/4")
    assert (name.kind, name.url) == ("person", "")


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("birthday", "2026-11-23", date(2026, 11, 23)), ("birthday", "2026年11月3日", date(2026, 11, 3)),
        ("birthday", "2026/11/3", date(2026, 11, 3)), ("birthday", "20261103", date(2026, 11, 3)),
        ("birthday", datetime(2026, 11, 3, 5, tzinfo=UTC), date(2026, 11, 3)),
        ("is_primary", "是", True), ("is_primary", "否", False), ("is_primary", True, True),
        ("decision_role", "decides", "decides"), ("decision_role", "DECIDES", "decides"), ("name", " W ", "W"),
        ("name", "", None),
    ],
)  # fmt: skip
def test_it_reads_what_stands_in_files(name, typed, value):
    assert spec_of(Contact, name).parse(typed) == value


@pytest.mark.parametrize(
    ("name", "typed"),
    [("birthday", "2026-02-30"), ("birthday", "soon"), ("is_primary", "perhaps"), ("decision_role", "dreams")],
)
def test_it_refuses_what_it_can_not_read(name, typed):
    with pytest.raises(ValidationError):
        spec_of(Contact, name).parse(typed)


@pytest.mark.parametrize(
    ("typed", "value"), [("1,234.5", "1234.500000"), ("¥12", "12.000000"), (0.1, "0.100000"), ("12%", "12.000000")]
)
def test_it_reads_numbers_as_people_write_them(typed, value):
    assert str(spec_of(ExchangeRate, "rate").parse(typed)) == value


@pytest.mark.parametrize("typed", ["1.2.3", "NaN", "x", True, "0.0000001"])
def test_it_refuses_what_is_no_number(typed):
    with pytest.raises(ValidationError):
        spec_of(ExchangeRate, "rate").parse(typed)


def test_an_export_keeps_numbers_and_dates_and_names_the_rest():
    row = {"level": "A", "tags": ["x", "y"], "created_at": datetime(2026, 11, 23, 6, 30, tzinfo=UTC), "owner_id": 1}
    with translation.override("en"):
        assert spec_of(Customer, "level").export(row) == "A key"
    assert spec_of(Customer, "tags").export(row) == "x, y"
    assert spec_of(Customer, "created_at").export(row) == datetime(2026, 11, 23, 14, 30)
    assert spec_of(Customer, "owner").export({**row, "owner__name": "Li"}) == "Li"
    assert spec_of(ExchangeRate, "rate").export({"rate": D("7.1")}) == D("7.1")


def test_money_is_json_text_with_two_places():
    class Amounts(models.Model):
        """A model for this test alone."""

        amount, price, quantity = MoneyField(), PriceField(), QuantityField()

        class Meta:
            app_label, managed = "interface_tests", False

    row = {"amount": D("1234.50"), "price": D("1.500000"), "quantity": D("2.0000")}
    found = {name: FieldSpec(name, Amounts).to_json(row) for name in row}
    assert found == {"amount": "1234.50", "price": "1.50", "quantity": "2"}


def test_required_is_what_has_no_default_and_may_not_be_blank():
    assert {n for n in ("name", "life_cycle", "country", "owner") if spec_of(Customer, n).required} == {"name"}
    assert spec_of(User, "username").required

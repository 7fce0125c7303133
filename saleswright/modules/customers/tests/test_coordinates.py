"""Where customers are."""

from __future__ import annotations

from decimal import Decimal

import pytest

from saleswright.interface.exchange.exporter import run_export
from saleswright.interface.exchange.importer import run_import
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"latitude": "31.2"}, [("longitude", "required")]),
        ({"longitude": "121.4"}, [("latitude", "required")]),
        ({"latitude": "90.000001", "longitude": "0"}, [("latitude", "range")]),
        ({"latitude": "0", "longitude": "-180.000001"}, [("longitude", "range")]),
        ({"latitude": "north", "longitude": "0"}, [("latitude", "invalid")]),
    ],
)
def test_it_refuses_half_a_place_and_places_that_do_not_exist(api, values, problem):
    answer = api().post("customers", {"name": "Quay", **values})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == problem
    assert not Customer.objects.exists()


def test_it_takes_the_pole_and_exports_what_an_import_takes_back(root, tmp_path):
    save_record(Customer, {"name": "Pole", "code": "P1", "latitude": "-90", "longitude": "180"}, actor=root)
    path = tmp_path / "customers.csv"
    run_export("customers", path, actor=root)
    Customer.objects.update(latitude=None, longitude=None)
    report = run_import("customers", path, actor=root)
    assert (report.updated, report.failed) == (1, 0), report.errors
    found = Customer.objects.get()
    assert (found.latitude, found.longitude) == (Decimal("-90"), Decimal("180"))

"""Keys of several fields, by which an import tells records apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saleswright.interface.exchange.errors import MappingError
from saleswright.interface.exchange.importer import run_import
from saleswright.interface.exchange.mapping import FileOptions, Mapping, load_mapping
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db
File = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Makes a csv file of lines."""

    def make(*lines: str) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


@pytest.fixture
def acme(root: Actor) -> Customer:
    return save_record(Customer, {"code": "A1", "name": "Acme"}, actor=root)


@pytest.fixture
def other(root: Actor) -> Customer:
    return save_record(Customer, {"code": "A2", "name": "Other"}, actor=root)


def counts(outcome: Any) -> tuple[int, int, int, int]:
    return outcome.rows, outcome.created, outcome.updated, outcome.failed


def titles() -> list[tuple[str, str, str]]:
    return list(Contact.objects.order_by("customer__code", "name").values_list("customer__code", "name", "title"))


def test_it_finds_records_by_all_fields_of_the_key(root: Actor, file: File, acme: Customer, other: Customer) -> None:
    save_record(Contact, {"customer": acme.pk, "name": "Anna", "title": "Buyer"}, actor=root)
    path = file("customer__code,name,title", "A1,Anna,Head", "A2,Anna,Clerk")
    assert counts(run_import("contacts", path, actor=root, key="name, customer")) == (2, 1, 1, 0)
    assert titles() == [("A1", "Anna", "Head"), ("A2", "Anna", "Clerk")]


def test_it_takes_the_key_from_the_mapping(root: Actor, file: File, acme: Customer) -> None:
    mapping = load_mapping('[file]\nkey = ["name", "customer__code"]')
    path = file("customer__code,name,title", "A1,Anna,Buyer")
    assert counts(run_import("contacts", path, actor=root, mapping=mapping)) == (1, 1, 0, 0)
    assert counts(run_import("contacts", path, actor=root, mapping=mapping)) == (1, 0, 1, 0)
    assert titles() == [("A1", "Anna", "Buyer")]


def test_it_prefers_the_key_that_is_asked_for(root: Actor, file: File, acme: Customer, other: Customer) -> None:
    save_record(Contact, {"customer": acme.pk, "name": "Anna"}, actor=root)
    mapping = Mapping(file=FileOptions(key=("name", "customer")))
    path = file("customer__code,name", "A2,Anna")
    assert counts(run_import("contacts", path, actor=root, mapping=mapping, key="name")) == (1, 0, 1, 0)
    assert titles() == [("A2", "Anna", "")]


def test_it_knows_a_record_again_under_another_name_of_its_reference(root: Actor, file: File, acme: Customer) -> None:
    path = file("customer,name,title", "A1,Anna,Buyer", "Acme,Anna,Head")
    assert counts(run_import("contacts", path, actor=root, key="name,customer")) == (2, 1, 1, 0)
    assert titles() == [("A1", "Anna", "Head")]


def test_it_tells_records_apart_by_what_other_rows_make(root: Actor, file: File, acme: Customer) -> None:
    path = file("name,parent__name,city", "Branch,Acme,Bonn", "Branch,Late,Kiel", "Branch,Acme,Ulm", "Late,Acme,Jena")
    assert counts(run_import("customers", path, actor=root, key="name,parent")) == (4, 3, 1, 0)
    found = Customer.objects.exclude(parent=None).order_by("city").values_list("city", "name", "parent__name")
    assert list(found) == [("Jena", "Late", "Acme"), ("Kiel", "Branch", "Late"), ("Ulm", "Branch", "Acme")]


def test_it_refuses_a_key_that_several_records_share(root: Actor, file: File, acme: Customer) -> None:
    for _number in range(2):
        save_record(Contact, {"customer": acme.pk, "name": "Anna"}, actor=root)
    outcome = run_import("contacts", file("customer__code,name,title", "A1,Anna,Head"), actor=root, key="name,customer")
    assert counts(outcome) == (1, 0, 0, 1)
    assert [(error.line, error.field) for error in outcome.errors] == [(2, "name")]
    assert "Anna, A1" in outcome.errors[0].message
    assert titles() == [("A1", "Anna", ""), ("A1", "Anna", "")]


def test_it_refuses_known_keys_when_only_creating(root: Actor, file: File, acme: Customer) -> None:
    save_record(Contact, {"customer": acme.pk, "name": "Anna"}, actor=root)
    path = file("customer__code,name,title", "A1,Anna,Head")
    outcome = run_import("contacts", path, actor=root, key="name,customer", mode="create")
    assert [(error.line, error.field) for error in outcome.errors] == [(2, "name")]
    assert titles() == [("A1", "Anna", "")]


def test_it_refuses_unknown_keys_when_only_updating(root: Actor, file: File, acme: Customer, other: Customer) -> None:
    save_record(Contact, {"customer": acme.pk, "name": "Anna"}, actor=root)
    path = file("customer__code,name,title", "A2,Anna,Head", ",,Head")
    outcome = run_import("contacts", path, actor=root, key="name,customer", mode="update")
    assert [(error.line, error.field) for error in outcome.errors] == [(2, "name"), (3, "name")]
    assert titles() == [("A1", "Anna", "")]


@pytest.mark.parametrize(("row", "field"), [("A1,,Head", "name"), (",Anna,Head", "customer__code")])
def test_it_refuses_a_key_with_a_gap(root: Actor, file: File, acme: Customer, row: str, field: str) -> None:
    outcome = run_import("contacts", file("customer__code,name,title", row), actor=root, key="name,customer")
    assert counts(outcome) == (1, 0, 0, 1)
    assert [error.field for error in outcome.errors] == [field]
    assert not Contact.objects.exists()


def test_it_names_the_cell_of_a_key_that_cannot_be_read(root: Actor, file: File, acme: Customer) -> None:
    path = file("customer__code,name,birthday", "A1,Anna,soon")
    outcome = run_import("contacts", path, actor=root, key="name,birthday")
    assert [error.field for error in outcome.errors] == ["birthday"]
    assert not Contact.objects.exists()


@pytest.mark.parametrize("key", ["name,email", "name,nothing", "name,tags"])
def test_it_refuses_keys_that_tell_nothing_apart(root: Actor, file: File, key: str) -> None:
    with pytest.raises(MappingError) as refused:
        run_import("customers", file("name,tags", "Acme,x"), actor=root, key=key)
    assert refused.value.code == "unknown_key"
    assert key.partition(",")[2] in str(refused.value)
    assert not Customer.objects.exists()


def test_it_changes_no_record_out_of_sight(root: Actor, file: File, acting: Any) -> None:
    save_record(Customer, {"name": "Acme", "city": "Bonn"}, actor=root)
    actor = acting("sales_representative")
    outcome = run_import("customers", file("name,city,address", "Acme,Bonn,Rhine 1"), actor=actor, key="name,city")
    assert counts(outcome) == (1, 1, 0, 0)
    assert sorted(Customer.objects.values_list("address", flat=True)) == ["", "Rhine 1"]


# --- merged records


def test_it_takes_the_key_of_a_merged_record_for_the_one_that_stayed(root: Actor, tmp_path: Path) -> None:
    kept, other = (save_record(Customer, {"name": f"N{n}", "code": f"K{n}"}, actor=root) for n in (1, 2))
    resource_named("customers").transition("merge")(kept.pk, actor=root, others=[{"record_id": other.pk}])
    customers, contacts = tmp_path / "customers.csv", tmp_path / "contacts.csv"
    customers.write_text("code,city\nK2,上海\nK1,苏州\n", encoding="utf-8")
    contacts.write_text("customer__name,name\nN2,Wang\n", encoding="utf-8")
    outcome = run_import("customers", customers, actor=root)
    assert (outcome.updated, outcome.created, outcome.failed) == (2, 0, 0)
    assert run_import("contacts", contacts, actor=root).created == 1
    kept.refresh_from_db()
    assert (kept.code, kept.city) == ("K1", "苏州")
    assert Contact.objects.get().customer_id == kept.pk

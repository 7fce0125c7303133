"""Import of customers, contacts, employees and departments."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from saleswright.interface.exchange.errors import MappingError
from saleswright.interface.exchange.importer import ImportCancelled, run_import
from saleswright.interface.exchange.mapping import Mapping, load_mapping
from saleswright.interface.exchange.readers import open_table
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.kernel.models import AuditEntry, Department, User
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db
DATA = Path(os.environ.get("SALESWRIGHT_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
MALFORMED = DATA / "northwind_malformed" / "customers.csv"
NORTHWIND = """
[columns]
"customerID" = "code"
"companyName" = "name"
"""
File = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Makes a csv file of lines."""

    def make(*lines: str, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


def customer(root: Actor, **values: Any) -> Customer:
    return save_record(Customer, values, actor=root)


def counts(outcome: Any) -> tuple[int, int, int, int]:
    return outcome.rows, outcome.created, outcome.updated, outcome.failed


# --- modes and keys


def test_it_creates_new_and_updates_known_records_by_their_key(root: Actor, file: File) -> None:
    customer(root, code="A1", name="Old", city="Berlin")
    outcome = run_import("customers", file("code,name", "A1,New", "A2,Other"), actor=root)
    assert counts(outcome) == (2, 1, 1, 0)
    assert list(Customer.objects.order_by("code").values_list("code", "name", "city")) == [
        ("A1", "New", "Berlin"),
        ("A2", "Other", ""),
    ]


def test_it_refuses_known_keys_when_only_creating(root: Actor, file: File) -> None:
    customer(root, code="A1", name="Old")
    outcome = run_import("customers", file("code,name", "A1,New", "A2,X"), actor=root, mode="create", on_error="skip")
    assert counts(outcome) == (2, 1, 0, 1)
    assert [(e.line, e.field) for e in outcome.errors] == [(2, "code")]
    assert Customer.objects.get(code="A1").name == "Old"


def test_it_refuses_unknown_and_missing_keys_when_only_updating(root: Actor, file: File) -> None:
    customer(root, code="A1", name="Old")
    path = file("code,name", "A1,New", "A2,X", ",Y")
    outcome = run_import("customers", path, actor=root, mode="update", on_error="skip")
    assert counts(outcome) == (3, 0, 1, 2)
    assert [e.line for e in outcome.errors] == [3, 4]
    assert Customer.objects.count() == 1


def test_it_takes_rows_of_the_same_key_one_after_the_other(root: Actor, file: File) -> None:
    outcome = run_import("customers", file("code,name", "A1,First", "A1,Second", "A1,Third"), actor=root)
    assert counts(outcome) == (3, 1, 2, 0)
    assert Customer.objects.get().name == "Third"


def test_it_refuses_a_key_that_comes_twice_when_only_creating(root: Actor, file: File) -> None:
    path = file("code,name", "A1,First", "A1,Second")
    outcome = run_import("customers", path, actor=root, mode="create", on_error="skip")
    assert counts(outcome) == (2, 1, 0, 1)
    assert Customer.objects.get().name == "First"


def test_it_finds_records_by_another_field(root: Actor, file: File) -> None:
    customer(root, code="A1", name="Acme")
    outcome = run_import("customers", file("name,city", "Acme,Bonn"), actor=root, key="name")
    assert counts(outcome) == (1, 0, 1, 0)
    assert Customer.objects.get().city == "Bonn"


def test_it_refuses_a_key_that_several_records_share(root: Actor, file: File) -> None:
    customer(root, name="Acme")
    customer(root, name="Acme")
    outcome = run_import("customers", file("name,city", "Acme,Bonn"), actor=root, key="name")
    assert counts(outcome) == (1, 0, 0, 1)
    assert not Customer.objects.filter(city="Bonn").exists()


def test_it_refuses_a_key_without_a_column(root: Actor, file: File) -> None:
    with pytest.raises(MappingError) as refused:
        run_import("customers", file("name", "Acme"), actor=root, key="code")
    assert refused.value.code == "unknown_key"


def test_it_refuses_a_file_without_any_known_column(root: Actor, file: File) -> None:
    with pytest.raises(MappingError) as refused:
        run_import("customers", file("foo,bar", "1,2"), actor=root)
    assert refused.value.code == "nothing_matched"


# --- values


def test_it_leaves_fields_alone_whose_cell_is_empty(root: Actor, file: File) -> None:
    customer(root, code="A1", name="Acme", city="Bonn", source="fair")
    mapping = Mapping(defaults={"source": "import"})
    run_import("customers", file("code,city", "A1,"), actor=root, mapping=mapping)
    assert Customer.objects.values_list("city", "source").get() == ("Bonn", "fair")


def test_it_fills_defaults_into_new_records(root: Actor, file: File, person: Any) -> None:
    owner = person("sales_representative", username="anna")
    mapping = Mapping(defaults={"source": "import", "owner__username": "anna"})
    run_import("customers", file("code,name,source", "A1,Acme,", "A2,Other,fair"), actor=root, mapping=mapping)
    assert list(Customer.objects.order_by("code").values_list("source", "owner_id")) == [
        ("import", owner.pk),
        ("fair", owner.pk),
    ]


def test_it_refuses_defaults_that_mean_nothing(root: Actor, file: File) -> None:
    mapping = Mapping(defaults={"owner__username": "nobody"})
    with pytest.raises(MappingError) as refused:
        run_import("customers", file("name", "Acme"), actor=root, mapping=mapping)
    assert refused.value.code == "bad_default"


def test_it_replaces_values_and_reads_choices_and_lists(root: Actor, file: File) -> None:
    mapping = load_mapping('[values.industry]\n"technolgy" = "technology"\n[values.city]\n"NULL" = ""')
    path = file("code,name,industry,city,life_cycle,level,tags", 'A1,Acme,technolgy,NULL,ACTIVE,a,"x, y"')
    assert counts(run_import("customers", path, actor=root, mapping=mapping)) == (1, 1, 0, 0)
    found = Customer.objects.get()
    assert (found.industry, found.city, found.life_cycle, found.level) == ("technology", "", "active", "A")
    assert found.tags == ["x", "y"]


def test_it_names_every_dirty_cell_with_its_line(root: Actor, file: File) -> None:
    path = file("code,name,level,country", "A1,Acme,Z,DE", "A2,,A,DE", "A3,Acme,A,Atlantis", f"{'x' * 41},B,A,DE")
    outcome = run_import("customers", path, actor=root)
    assert counts(outcome) == (4, 0, 0, 4)
    assert [(e.line, e.field) for e in outcome.errors] == [(2, "level"), (3, "name"), (4, "country"), (5, "code")]
    assert not Customer.objects.exists()


# --- all, some or none


def test_it_takes_nothing_when_a_row_is_bad(root: Actor, file: File) -> None:
    outcome = run_import("customers", file("code,name", "A1,Acme", "A2,", "A3,"), actor=root, on_error="stop")
    assert counts(outcome) == (3, 0, 0, 2)
    assert not Customer.objects.exists()
    assert not AuditEntry.objects.filter(resource="customers").exists()


def test_it_leaves_bad_rows_out(root: Actor, file: File) -> None:
    outcome = run_import("customers", file("code,name", "A1,Acme", "A2,"), actor=root, on_error="skip")
    assert counts(outcome) == (2, 1, 0, 1)
    assert Customer.objects.get().code == "A1"


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_it_writes_nothing_on_trial(root: Actor, file: File, on_error: Any) -> None:
    path = file("code,name", "A1,Acme")
    outcome = run_import("customers", path, actor=root, on_error=on_error, dry_run=True)
    assert counts(outcome) == (1, 1, 0, 0)
    assert not Customer.objects.exists()


def test_it_takes_the_corrected_errors_file(root: Actor, file: File, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    path = file("code,name,level", "A1,Acme,A", "A2,Other,Z")
    run_import("customers", path, actor=root, on_error="skip", errors_path=errors)
    table = open_table(errors)
    row = next(table.rows)
    assert table.headers == ["line", "error", "code", "name", "level"]
    assert row.cells[0] == "3"
    assert row.cells[1].startswith("level: ")
    assert row.cells[2:] == ["A2", "Other", "Z"]
    errors.write_text(errors.read_text(encoding="utf-8").replace(",Z", ",B"), encoding="utf-8")
    assert counts(run_import("customers", errors, actor=root)) == (1, 1, 0, 0)
    assert Customer.objects.get(code="A2").level == "B"


def test_it_writes_no_errors_file_without_errors(root: Actor, file: File, tmp_path: Path) -> None:
    run_import("customers", file("name", "Acme"), actor=root, errors_path=tmp_path / "errors.csv")
    assert not (tmp_path / "errors.csv").exists()


@pytest.mark.skipif(not MALFORMED.exists(), reason="the Northwind data are not here")
def test_it_takes_the_good_rows_of_a_malformed_file_and_names_the_others(root: Actor) -> None:
    mapping = load_mapping(NORTHWIND)
    stopped = run_import("customers", MALFORMED, actor=root, mapping=mapping, on_error="stop")
    assert counts(stopped) == (91, 0, 0, 24)
    assert not Customer.objects.exists()
    outcome = run_import("customers", MALFORMED, actor=root, mapping=mapping, on_error="skip")
    assert counts(outcome) == (91, 67, 0, 24)
    assert len({error.line for error in outcome.errors}) == 24
    assert Customer.objects.count() == 67


def test_it_stops_when_cancelled(root: Actor, file: File) -> None:
    with pytest.raises(ImportCancelled):
        run_import("customers", file("name", "Acme"), actor=root, cancelled=lambda: True)
    assert not Customer.objects.exists()


def test_it_reports_progress(root: Actor, file: File) -> None:
    seen: list[Any] = []
    run_import("customers", file("name", "Acme"), actor=root, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1, 1)


# --- references


def test_it_finds_references_by_column_code_name_and_id(root: Actor, file: File) -> None:
    first, second = customer(root, code="A1", name="Acme"), customer(root, code="A2", name="Other")
    path = file("customer,name", "A1,By code", "Other,By name", f"{first.pk},By id")
    assert counts(run_import("contacts", path, actor=root)) == (3, 3, 0, 0)
    assert dict(Contact.objects.values_list("name", "customer_id")) == {
        "By code": first.pk,
        "By name": second.pk,
        "By id": first.pk,
    }


def test_it_names_unknown_and_ambiguous_references(root: Actor, file: File) -> None:
    customer(root, name="Twin")
    customer(root, name="Twin")
    path = file("customer__name,name", "Nobody,Anna", "Twin,Bert")
    outcome = run_import("contacts", path, actor=root)
    assert counts(outcome) == (2, 0, 0, 2)
    assert [(e.line, e.field) for e in outcome.errors] == [(2, "customer__name"), (3, "customer__name")]
    assert "Nobody" in outcome.errors[0].message
    assert not Contact.objects.exists()


def test_it_finds_only_what_the_person_may_see(root: Actor, file: File, acting: Any) -> None:
    customer(root, code="A1", name="Hidden")
    outcome = run_import("contacts", file("customer__name,name", "Hidden,Anna"), actor=acting("sales_representative"))
    assert counts(outcome) == (1, 0, 0, 1)
    assert not Contact.objects.exists()


def test_it_makes_records_that_refer_to_later_rows(root: Actor, file: File) -> None:
    path = file("code,name,parent__name", "A3,Grandchild,Child", "A2,Child,Top", "A1,Top,")
    assert counts(run_import("customers", path, actor=root)) == (3, 3, 0, 0)
    assert Customer.objects.get(code="A3").parent.parent.code == "A1"


def test_it_refuses_new_rows_that_refer_to_each_other_in_a_ring(root: Actor, file: File) -> None:
    path = file("code,name,parent__name", "A1,One,Two", "A2,Two,One", "A3,Three,")
    outcome = run_import("customers", path, actor=root, on_error="skip")
    assert counts(outcome) == (3, 1, 0, 2)
    assert [(e.line, e.field) for e in outcome.errors] == [(2, "parent__name"), (3, "parent__name")]
    assert Customer.objects.get().code == "A3"


def test_it_refuses_changes_that_make_a_ring_together(root: Actor, file: File, person: Any) -> None:
    person(username="anna")
    person(username="bert")
    outcome = run_import("employees", file("username,manager__username", "anna,bert", "bert,anna"), actor=root)
    assert counts(outcome) == (2, 0, 0, 2)
    assert not User.objects.filter(username__in=["anna", "bert"]).exclude(manager=None).exists()


def test_it_leaves_out_rows_below_a_bad_row(root: Actor, file: File) -> None:
    path = file("code,name,level,parent__name", "A1,Child,A,Top", "A2,Top,Z,")
    outcome = run_import("customers", path, actor=root, on_error="skip")
    assert counts(outcome) == (2, 0, 0, 2)
    assert not Customer.objects.exists()


# --- references that are made when they are missing

MADE = Mapping(create={"department__name": "name", "manager__name": "name"})


def test_it_makes_missing_references_once_and_says_so(root: Actor, file: File) -> None:
    save_record(Department, {"name": "East"}, actor=root)
    path = file("name,department__name", "Anna,East", "Bert,West", "Carl,West")
    outcome = run_import("employees", path, actor=root, mapping=MADE)
    assert counts(outcome) == (3, 3, 0, 0)
    assert sorted(Department.objects.values_list("name", flat=True)) == ["East", "West"]
    assert AuditEntry.objects.filter(resource="departments", label="West", action="created").count() == 1
    assert outcome.notes[-1].endswith(" 1")


def test_it_makes_people_only_when_no_row_is_that_person(root: Actor, file: File) -> None:
    path = file("name,manager__name,email", "Anna,Bert,", "Bert,Carl,bert@example.com")
    assert counts(run_import("employees", path, actor=root, mapping=MADE, key="name")) == (2, 2, 0, 0)
    found = User.objects.filter(name__in=["Anna", "Bert", "Carl"]).order_by("name")
    assert list(found.values_list("name", "manager__name", "email")) == [
        ("Anna", "Bert", ""),
        ("Bert", "Carl", "bert@example.com"),
        ("Carl", None, ""),
    ]


def test_it_makes_nothing_for_bad_rows(root: Actor, file: File) -> None:
    path = file("name,department__name,hired_on", "Anna,West,soon")
    outcome = run_import("employees", path, actor=root, mapping=MADE, on_error="skip")
    assert counts(outcome) == (1, 0, 0, 1)
    assert not Department.objects.exists()


def test_it_leaves_nothing_made_behind_when_it_stops(root: Actor, file: File) -> None:
    path = file("name,department__name,hired_on", "Bert,West,", "Anna,West,soon")
    outcome = run_import("employees", path, actor=root, mapping=MADE, on_error="stop")
    assert counts(outcome) == (2, 0, 0, 1)
    assert not Department.objects.exists()
    assert all("1" not in note for note in outcome.notes)


def test_it_makes_references_only_with_the_right_to(file: File, acting: Any) -> None:
    mapping = Mapping(create={"owner__name": "name"})
    with pytest.raises(NotAllowed):
        run_import("customers", file("name,owner__name", "Acme,Anna"), actor=acting("sales_manager"), mapping=mapping)
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("create", "code"),
    [
        ({"name": "name"}, "bad_create"),
        ({"department__name": "id"}, "bad_create"),
        ({"nobody": "name"}, "unknown_field"),
    ],
)
def test_it_refuses_to_make_what_cannot_be_found_again(root: Actor, file: File, create: Any, code: str) -> None:
    with pytest.raises(MappingError) as refused:
        run_import("employees", file("name", "Anna"), actor=root, mapping=Mapping(create=create))
    assert refused.value.code == code


# --- people, history, rights


def test_it_makes_sign_in_names_of_names(root: Actor, file: File, person: Any) -> None:
    person(username="Moses.Frase")
    path = file("name", "Moses Frase", "moses  frase", "José O'Neil", "李雷", "…")
    assert counts(run_import("employees", path, actor=root)) == (5, 5, 0, 0)
    found = User.objects.order_by("-pk")[:5].values_list("username", flat=True)
    assert list(found)[::-1] == ["moses.frase2", "moses.frase3", "jose.oneil", "lilei", "user"]
    assert not User.objects.get(username="lilei").has_usable_password()


def test_it_asks_for_a_sign_in_name_outside_of_imports(root: Actor) -> None:
    with pytest.raises(ValidationFailed) as refused:
        save_record(User, {"name": "Anna"}, actor=root)
    assert [(error.field, error.code) for error in refused.value.errors] == [("username", "required")]
    assert not User.objects.filter(name="Anna").exists()


def test_it_takes_employees_with_roles_department_and_manager(root: Actor, file: File) -> None:
    save_record(Department, {"name": "East"}, actor=root)
    path = file(
        "username,name,department__name,manager__username,roles,hired_on",
        'anna,Anna,East,BERT,"sales_representative, finance",2020/2/1',
        "bert,Bert,East,,sales_manager,2019-01-31",
    )
    assert counts(run_import("employees", path, actor=root)) == (2, 2, 0, 0)
    anna = User.objects.get(username="anna")
    assert anna.manager.username == "bert"
    assert sorted(anna.roles.values_list("code", flat=True)) == ["finance", "sales_representative"]
    assert anna.hired_on.isoformat() == "2020-02-01"


def test_it_keeps_states_authors_and_dates_of_history(root: Actor, file: File, person: Any) -> None:
    author = person("administrator", username="boss")
    path = file(
        "username,name,state,created_at,created_by__username",
        "anna,Anna,left,2019-03-01 10:00,boss",
        "bert,Bert,active,,",
    )
    assert counts(run_import("employees", path, actor=root)) == (2, 2, 0, 0)
    anna = User.objects.get(username="anna")
    assert (anna.state, anna.created_by_id) == ("left", author.pk)
    assert anna.created_at.astimezone(UTC) == datetime(2019, 3, 1, 2, 0, tzinfo=UTC)
    actions = AuditEntry.objects.filter(resource="employees", label__in=["Anna", "Bert"]).order_by("label")
    assert list(actions.values_list("action", flat=True)) == ["imported", "created"]


def test_it_changes_no_state_of_known_records(root: Actor, file: File, person: Any) -> None:
    person(username="anna")
    outcome = run_import("employees", file("username,state,email", "anna,left,a@b.cn"), actor=root)
    assert counts(outcome) == (1, 0, 0, 1)
    assert outcome.errors[0].field == "state"
    assert User.objects.values_list("state", "email").get(username="anna") == ("active", "")
    again = run_import("employees", file("username,state,email", "anna,active,a@b.cn"), actor=root)
    assert counts(again) == (1, 0, 1, 0)


def test_it_refuses_dates_of_making_that_lie_ahead(root: Actor, file: File) -> None:
    outcome = run_import("customers", file("name,created_at", "Acme,2999-01-01"), actor=root)
    assert [(e.line, e.field) for e in outcome.errors] == [(2, "created_at")]
    assert not Customer.objects.exists()


def test_it_needs_the_right_to_import(root: Actor, file: File, acting: Any) -> None:
    with pytest.raises(NotAllowed):
        run_import("customers", file("name", "Acme"), actor=acting("warehouse"))
    assert not Customer.objects.exists()


def test_it_gives_a_representative_only_records_of_their_own(file: File, acting: Any, person: Any) -> None:
    person("sales_representative", username="other")
    actor = acting("sales_representative")
    path = file("code,name,owner__username", "A1,Mine,", "A2,Theirs,other")
    outcome = run_import("customers", path, actor=actor, on_error="skip")
    assert counts(outcome) == (2, 1, 0, 1)
    assert Customer.objects.values_list("code", "owner_id").get() == ("A1", actor.user_id)


def test_it_changes_no_record_out_of_scope(root: Actor, file: File, acting: Any) -> None:
    customer(root, code="A1", name="Hidden")
    outcome = run_import("customers", file("code,name", "A1,Mine"), actor=acting("sales_representative"))
    assert counts(outcome) == (1, 0, 0, 1)
    assert Customer.objects.get().name == "Hidden"


def test_it_reports_archived_records_as_errors(root: Actor, file: File) -> None:
    from saleswright.kernel.records import archive_record

    archive_record(Customer, customer(root, code="A1", name="Gone").pk, actor=root)
    outcome = run_import("customers", file("code,name", "A1,Back", "A2,New"), actor=root, on_error="skip")
    assert counts(outcome) == (2, 1, 0, 1)
    assert Customer.objects.get(code="A1").name == "Gone"


def test_it_is_recorded_in_the_audit(root: Actor, file: File) -> None:
    run_import("customers", file("name", "Acme"), actor=root, name="mine.csv")
    entry = AuditEntry.objects.get(resource="customers", action="import")
    assert entry.label == "mine.csv"
    assert entry.changes["created"] == [None, 1]

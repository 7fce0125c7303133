"""Custom fields on customers: writes, reads, lists, forms, files and rights."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from saleswright.interface.entity import entity_named
from saleswright.kernel.access.actors import system
from saleswright.kernel.custom_fields import KINDS, definitions, fields_of, index_name
from saleswright.kernel.custom_indexes import JOB, index_now
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.models import AuditEntry, CustomField, Job
from saleswright.kernel.records import archive_record, delete_record, save_record
from saleswright.kernel.worker import Worker
from saleswright.modules.customers.models import Customer

CHOICES = [{"code": "a", "label_zh": "甲", "label_en": "First"}, {"code": "b", "label_zh": "乙", "label_en": "Second"}]
VALUES = {
    "text": ("hello", "hello"),
    "long": ("two\nlines", "two\nlines"),
    "integer": (7, 7),
    "decimal": ("1.2500", "1.25"),
    "money": ("12.50", "12.50"),
    "date": ("2026-03-01", "2026-03-01"),
    "bool": (True, True),
    "choice": ("a", "a"),
    "multi": (["a", "b"], ["a", "b"]),
}
STORED = {"decimal": 12500, "money": 1250, "date": "2026-03-01", "multi": ["a", "b"], "bool": True}


@pytest.fixture
def add(root):
    """Adds a custom field, by default to customers."""

    def add(code, kind="text", resource="customers", sort=True, **values):
        lines = {"choices": CHOICES} if kind in {"choice", "multi"} else {}
        given = {
            "resource": resource,
            "code": code,
            "kind": kind,
            "label_zh": f"字段{code}",
            "label_en": f"Field {code}",
        }
        row = save_record(CustomField, given | values, lines=lines, actor=root)
        if sort and kind in {"text", "integer", "decimal", "money", "date"}:
            index_now(next(one for one in definitions().by_code.values() if one.pk == row.pk))
        return row

    return add


@pytest.fixture
def made(root):
    def made(name="A", **custom):
        return save_record(Customer, {"name": name, **{f"custom.{k}": v for k, v in custom.items()}}, actor=root)

    return made


def refused(response):
    assert response.status_code == 422, response.content
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VALUES)
def test_it_writes_and_reads_a_value_of_every_kind(api, add, kind):
    add("x", kind)
    given, read = VALUES[kind]
    client = api()
    body = client.post("customers", {"name": "A", "custom": {"x": given}})
    assert body.status_code == 201, body.content
    assert body.json()["custom"] == {"x": read}
    pk = body.json()["id"]
    assert Customer.objects.get(pk=pk).custom == {"x": STORED.get(kind, given)}
    assert client.get("customers?fields=custom").json()["items"] == [{"id": pk, "custom": {"x": read}}]
    # what is read is accepted back, and null takes it away
    assert client.patch(f"customers/{pk}", {"custom": body.json()["custom"]}).status_code == 200
    assert client.patch(f"customers/{pk}", {"custom": {"x": None}}).json()["custom"] == {"x": None}
    assert Customer.objects.get(pk=pk).custom == {}


@pytest.mark.parametrize(("kind", "more"), [("person", {}), ("reference", {"target": "customers"})])
def test_it_refers_to_records_that_there_are(api, add, made, person, kind, more):
    add("x", kind, **more)
    target = person("sales_manager") if kind == "person" else made("Target")
    client = api()
    answer = client.post("customers", {"name": "B", "custom": {"x": target.pk}}).json()
    assert answer["custom"] == {"x": {"id": target.pk, "label": target.name}}
    assert client.patch(f"customers/{answer['id']}", {"custom": answer["custom"]}).status_code == 200
    refusal = client.post("customers", {"name": "C", "custom": {"x": 987654}})
    assert refused(refusal) == [("custom.x", "not_found")]
    assert not Customer.objects.filter(name="C").exists()


@pytest.mark.parametrize(
    ("kind", "value", "more"),
    [
        ("integer", "x", {}),
        ("integer", 11, {"maximum": 10}), ("integer", -1, {"minimum": 0}), ("integer", 2**63, {}),
        ("money", "1.234", {}), ("money", "9", {"minimum": "10"}), ("decimal", "1.23456", {}), ("date", "1.2.", {}),
        ("date", "0999-01-01", {}), ("bool", "maybe", {}), ("choice", "c", {}), ("multi", ["c"], {}),
        ("multi", "a", {}),
        ("text", "x" * 201, {}), ("text", 5, {}), ("long", "x" * 5001, {}), ("text", "a\x00b", {}),
    ],
)  # fmt: skip
def test_it_refuses_what_is_no_value_of_its_kind(api, add, kind, value, more):
    add("x", kind, **more)
    answer = api().post("customers", {"name": "A", "custom": {"x": value}})
    assert [field for field, _code in refused(answer)] == ["custom.x"]
    assert Customer.objects.count() == 0


def test_it_refuses_unknown_codes_and_what_is_no_object(api, add):
    add("x")
    client = api()
    assert refused(client.post("customers", {"name": "A", "custom": {"y": 1}})) == [("custom.y", "unknown")]
    assert refused(client.post("customers", {"name": "A", "custom": [1]})) == [("custom", "invalid")]


def test_a_change_leaves_the_other_values_and_the_audit_says_what_changed(api, add, made, root):
    add("budget", "money"), add("note")
    pk = made(budget="10.00", note="n").pk
    client = api()
    client.patch(f"customers/{pk}", {"custom": {"budget": "12.5"}})
    assert Customer.objects.get(pk=pk).custom == {"budget": 1250, "note": "n"}
    last = AuditEntry.objects.filter(resource="customers", record_id=pk).latest("id")
    assert last.changes == {"custom.budget": ["10.00", "12.50"]}
    first = AuditEntry.objects.filter(resource="customers", record_id=pk).earliest("id")
    assert (first.changes["custom.budget"], first.changes["custom.note"]) == ([None, "10.00"], [None, "n"])
    shown = client.get(f"customers/{pk}/history").json()["items"][0]["changes"]
    assert shown == {"custom.budget": ["10.00", "12.50"]}


def test_the_timeline_shows_changes_with_labels(browse, add, made, root):
    add("budget", "money")
    record = made(budget="1000.00")
    save_record(Customer, {"custom.budget": "2000"}, pk=record.pk, actor=root)
    page = browse().get(f"/customers/{record.pk}/timeline").content.decode()
    assert "Field budget" in page or "字段budget" in page
    assert "2,000.00" in page


def test_new_records_get_defaults_and_need_what_is_required(api, add, root):
    add("note", default="open"), add("ready", "bool", default="yes"), add("need", "integer", required=True)
    client = api()
    assert refused(client.post("customers", {"name": "A"})) == [("custom.need", "required")]
    answer = client.post("customers", {"name": "A", "custom": {"need": 1}}).json()
    assert answer["custom"] == {"note": "open", "ready": True, "need": 1}
    assert refused(client.patch(f"customers/{answer['id']}", {"custom": {"need": None}})) == [
        ("custom.need", "required")
    ]
    past = save_record(Customer, {"name": "Past"}, actor=root, history=True)
    assert past.custom == {}


def test_a_unique_value_stands_once(api, add):
    add("serial", unique=True)
    client = api()
    first = client.post("customers", {"name": "A", "custom": {"serial": "S1"}}).json()
    assert refused(client.post("customers", {"name": "B", "custom": {"serial": "S1"}})) == [
        ("custom.serial", "duplicate")
    ]
    assert client.patch(f"customers/{first['id']}", {"custom": {"serial": "S1"}}).status_code == 200
    assert client.post("customers", {"name": "C"}).status_code == 201
    assert client.post("customers", {"name": "D"}).status_code == 201


def test_the_database_itself_keeps_unique_values_apart(add, made):
    from django.db import IntegrityError, transaction

    add("serial", unique=True)
    made("A", serial="S1")
    other = made("B")
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.filter(pk=other.pk).update(custom={"serial": "S1"})


def test_the_snapshot_from_before_is_not_changed(add, made, root):
    add("x", "integer"), add("y", "integer")
    record = made(x=1)
    held = record.custom
    save_record(Customer, {"custom.y": 2}, pk=record.pk, actor=root)
    assert held == {"x": 1}
    assert Customer.objects.get(pk=record.pk).custom == {"x": 1, "y": 2}


def test_a_choice_off_offer_stays_but_is_not_chosen_anew(add, made, root):
    row = add("grade", "choice")
    record = made(grade="a")
    choices = [{**choice, "active": choice["code"] != "a"} for choice in CHOICES]
    save_record(CustomField, {}, pk=row.pk, lines={"choices": choices}, actor=root)
    save_record(Customer, {"custom.grade": "a", "name": "Renamed"}, pk=record.pk, actor=root)
    with pytest.raises(ValidationFailed):
        made("B", grade="a")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
def test_of_two_that_write_a_unique_value_at_once_one_is_refused(api):
    given = {"resource": "customers", "code": "serial", "kind": "text", "label_zh": "编号", "unique": True}
    row = save_record(CustomField, given, actor=system("test"))
    assert Worker().run_once() >= 1  # the index for sorting, beside everything else
    row.refresh_from_db()
    assert row.indexed
    clients, answers, together = [api(), api()], [], threading.Barrier(2)

    def send(client):
        together.wait(10)
        answers.append(client.post("customers", {"name": client.user.name, "custom": {"serial": "S1"}}))
        connections.close_all()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert Customer.objects.filter(custom__serial="S1").count() == 1
    Customer.objects.all().delete()
    delete_record(CustomField, row.pk, actor=system("test"))  # with its indexes


# --- lists -----------------------------------------------------------------------------------------------------


def names(client, query):
    answer = client.get(f"customers?{query}")
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["items"]]


def test_it_filters_and_sorts_with_a_cursor_empty_values_last(api, add, made):
    add("budget", "money"), add("grade", "choice"), add("day", "date"), add("flag", "bool"), add("tags", "multi")
    made("one", budget="1", grade="a", day="2026-01-01", flag=True, tags=["a"])
    made("ten", budget="10", grade="b", day="2026-02-01", flag=False, tags=["a", "b"])
    made("two", budget="2")
    made("none")
    client = api()
    assert names(client, "ordering=custom.budget") == ["one", "two", "ten", "none"]
    assert names(client, "ordering=-custom.budget") == ["ten", "two", "one", "none"]
    assert names(client, "custom.budget__gte=2&ordering=custom.budget") == ["two", "ten"]
    assert names(client, "custom.budget=2") == ["two"]
    assert names(client, "custom.grade=b") == ["ten"]
    assert names(client, "custom.day__lt=2026-01-15") == ["one"]
    assert names(client, "custom.flag=true") == ["one"]
    assert names(client, "custom.tags__has=b") == ["ten"]
    assert names(client, "custom.tags=b") == ["ten"]  # as the panel of the list sends it
    assert names(client, "custom.budget__empty=true") == ["none"]
    assert names(client, "custom.grade__not=b&ordering=custom.budget") == ["one", "two", "none"]
    seen, cursor = [], ""
    for _page in range(4):
        answer = client.get(f"customers?ordering=custom.budget&limit=1{cursor}").json()
        seen += [one["name"] for one in answer["items"]]
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == ["one", "two", "ten", "none"]


def test_it_is_sorted_by_only_once_its_index_stands(api, add, made):
    add("budget", "money", sort=False)
    client = api()
    assert refused(client.get("customers?ordering=custom.budget")) == [("ordering", "choice")]
    assert Job.objects.filter(kind=JOB).count() == 1
    index_now(fields_of("customers")[0])
    assert names(client, "ordering=custom.budget") == []


def test_a_list_of_many_takes_as_many_queries_as_one_of_few(api, add, made, person):
    add("x", "money"), add("boss", "person")
    client, boss = api(), person("sales_manager")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get("customers?ordering=custom.x").status_code == 200
        return len(captured)

    made("0", x="1", boss=boss.pk)
    queries()
    few = queries()
    for number in range(5):
        made(str(number + 1), x="2", boss=boss.pk)
    assert queries() == few
    assert few <= 5  # who asks (2), rows with a value, rows without, names of people


def test_conditions_name_it_also_of_related_records(add, made, root, acting):
    from saleswright.interface.conditions import say, terms_of
    from saleswright.kernel.conditions import build
    from saleswright.modules.customers.models import Contact

    add("grade", "choice")
    good, other = made("Good", grade="a"), made("Other", grade="b")
    for customer in (good, other):
        save_record(Contact, {"name": f"At {customer.name}", "customer": customer.pk}, actor=root)
    tree = {"field": "customer.custom.grade", "op": "in", "value": ["a"]}
    terms = terms_of(entity_named("contacts"), root)
    assert [one.name for one in Contact.objects.filter(build(tree, terms))] == ["At Good"]
    assert "First" in say(tree, terms)


# --- pages and files -------------------------------------------------------------------------------------------


def test_the_form_and_the_page_show_it(browse, add, made, root):
    add("budget", "money"), add("tags", "multi"), add("grade", "choice")
    client = browse()
    page = client.get("/customers/new").content.decode()
    assert 'name="custom.budget"' in page
    assert 'name="custom.tags"' in page
    sent = {"name": "Typed", "custom.budget": "1,200.5", "custom.tags": ["a", "b"], "custom.grade": "b"}
    answer = client.post("/customers/new", sent)
    record = Customer.objects.get()
    assert record.custom == {"budget": 120050, "tags": ["a", "b"], "grade": "b"}, answer.content
    detail = client.get(f"/customers/{record.pk}").content.decode()
    assert "1,200.50" in detail
    assert "First" in detail or "甲" in detail
    edit = client.get(f"/customers/{record.pk}/edit").content.decode()
    assert 'value="1200.50"' in edit
    answer = client.post(f"/customers/{record.pk}/edit", {**sent, "custom.budget": "abc", "version": "1"})
    assert "Enter a number." in answer.content.decode() or "请输入" in answer.content.decode()
    assert Customer.objects.get().custom["budget"] == 120050


def test_the_list_shows_the_column_when_it_is_chosen(browse, add, made):
    add("budget", "money")
    made(budget="77.70")
    page = browse().get("/customers?columns=name,custom.budget&custom.budget__gte=5").content.decode()
    assert "77.70" in page


def test_it_goes_out_and_comes_back_by_file(browse, add, made, person, tmp_path, root):
    from saleswright.interface.exchange.exporter import run_export
    from saleswright.interface.exchange.importer import run_import

    for kind in VALUES:
        add(f"x_{kind}", kind)
    boss = person("sales_manager")
    add("boss", "person")
    made("Out", boss=boss.pk, **{f"x_{kind}": given for kind, (given, _read) in VALUES.items()})
    held = Customer.objects.get().custom
    path = tmp_path / "out.csv"
    run_export("customers", path, actor=root)
    text = path.read_text("utf-8-sig")
    assert "First, Second" in text
    assert "12.50" in text
    Customer.objects.update(custom={})
    outcome = run_import("customers", path, actor=root, mode="update", key="name")
    assert (outcome.updated, outcome.failed) == (1, 0), outcome
    assert Customer.objects.get().custom == held


def test_a_bad_cell_marks_its_row(add, tmp_path, root):
    from saleswright.interface.exchange.importer import run_import

    add("budget", "money")
    path = tmp_path / "in.csv"
    path.write_text("name,custom.budget\nA,12\nB,much\n", "utf-8")
    outcome = run_import("customers", path, actor=root, on_error="skip")
    assert (outcome.created, outcome.failed) == (1, 1)
    assert Customer.objects.get().custom == {"budget": 1200}


# --- rights ----------------------------------------------------------------------------------------------------


def test_a_protected_field_is_neither_shown_nor_set_nor_sorted_without_its_right(api, add, made):
    from saleswright.kernel.resources import all_permissions
    from saleswright.modules.org.rights import field_rights

    add("margin", "money", right="margin_secret")
    assert "fields.margin_secret" in all_permissions()
    assert "Field margin" in str(field_rights()["fields.margin_secret"])
    client = api("sales_director")
    pk = client.post("customers", {"name": "A"}).json()["id"]
    Customer.objects.filter(pk=pk).update(custom={"margin": 500})
    assert client.get(f"customers/{pk}").json()["custom"] == {}
    answer = client.patch(f"customers/{pk}", {"custom": {"margin": "1"}})
    assert refused(answer) == [("custom.margin", "not_allowed")]
    assert Customer.objects.get(pk=pk).custom == {"margin": 500}
    assert refused(client.get("customers?custom.margin__gte=1")) == [("custom.margin__gte", "unknown")]
    assert refused(client.get("customers?ordering=custom.margin")) == [("ordering", "choice")]
    assert api().get(f"customers/{pk}").json()["custom"] == {"margin": "5.00"}
    history = client.get(f"customers/{pk}/history").json()["items"]
    assert all("custom.margin" not in one["changes"] for one in history)


def test_a_required_protected_field_is_not_asked_of_those_who_may_not_set_it(api, add):
    add("margin", "money", right="margin_secret", required=True)
    assert api("sales_director").post("customers", {"name": "A"}).status_code == 201
    assert refused(api().post("customers", {"name": "B"})) == [("custom.margin", "required")]


# --- definitions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "Bad"}, "code"), ({"code": "a__b"}, "code"), ({"code": "exact"}, "code"), ({"code": "x_"}, "code"),
        ({"code": "x" * 41}, "code"), ({"resource": "nothing"}, "resource"), ({"kind": "reference"}, "target"),
        ({"target": "customers"}, "target"), ({"kind": "money", "unique": True}, "unique"),
        ({"minimum": 1}, "minimum"), ({"kind": "integer", "minimum": 5, "maximum": 1}, "maximum"),
        ({"kind": "integer", "default": "x"}, "default"), ({"right": "No!"}, "right"),
        ({"kind": "choice"}, "choices"),
    ],
)  # fmt: skip
def test_it_refuses_definitions_that_make_no_sense(root, values, field):
    given = {"resource": "customers", "code": "x", "kind": "text", "label_zh": "字段"}
    with pytest.raises(ValidationFailed) as refusal:
        save_record(CustomField, given | values, actor=root)
    assert field in [error.field for error in refusal.value.errors]
    assert not CustomField.objects.exists()


def test_what_values_depend_on_never_changes(add, root):
    pk = add("x").pk
    for values in ({"code": "y"}, {"kind": "long"}, {"resource": "contacts"}, {"unique": True}):
        with pytest.raises(ValidationFailed):
            save_record(CustomField, values, pk=pk, actor=root)
    save_record(CustomField, {"label_zh": "新名"}, pk=pk, actor=root)
    assert fields_of("customers")[0].label_zh == "新名"


def test_a_choice_that_records_hold_is_not_taken_out(add, made, root):
    one, many = add("grade", "choice").pk, add("tags", "multi").pk
    made(grade="a", tags=["b"])
    with pytest.raises(ValidationFailed):
        save_record(CustomField, {}, pk=one, lines={"choices": CHOICES[1:]}, actor=root)
    with pytest.raises(ValidationFailed):
        save_record(CustomField, {}, pk=many, lines={"choices": CHOICES[:1]}, actor=root)
    save_record(CustomField, {}, pk=one, lines={"choices": CHOICES[:1]}, actor=root)


def test_a_retired_field_is_hidden_and_keeps_its_values(api, add, made, root):
    row = add("x")
    pk = made(x="kept").pk
    archive_record(CustomField, row.pk, actor=root)
    client = api()
    assert client.get(f"customers/{pk}").json()["custom"] == {}
    assert refused(client.patch(f"customers/{pk}", {"custom": {"x": "y"}})) == [("custom.x", "unknown")]
    client.patch(f"customers/{pk}", {"name": "Renamed"})
    archive_record(CustomField, row.pk, actor=root, restore=True)
    assert client.get(f"customers/{pk}").json()["custom"] == {"x": "kept"}


def test_it_is_deleted_only_while_nobody_holds_a_value_and_its_code_is_free_then(add, made, root):
    row = add("x", unique=True)
    pk = made(x="v").pk
    with pytest.raises(Conflict):
        delete_record(CustomField, row.pk, actor=root)
    save_record(Customer, {"custom.x": None}, pk=pk, actor=root)
    delete_record(CustomField, row.pk, actor=root)
    assert fields_of("customers") == ()
    Customer.objects.filter(pk=pk).update(custom={"x": "left"})
    with pytest.raises(ValidationFailed):
        add("x")


def test_the_sort_and_the_range_use_the_index(add, made):
    add("budget", "money")
    made(budget="1")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    rows = Customer.objects.filter(custom__budget__gte=Decimal(1)).order_by("custom__budget", "id").values("id")
    assert index_name(fields_of("customers")[0]) in rows.explain()


def test_a_date_sorts_as_days_do(add, made):
    add("day", "date")
    made("late", day="2026-10-01"), made("early", day="2026-09-30")
    found = Customer.objects.order_by("custom__day").values_list("custom__day", flat=True)
    assert list(found) == [date(2026, 9, 30), date(2026, 10, 1)]


def test_the_description_of_the_api_follows_the_definitions(api, add):
    client = api()
    before = client.get("/api/v1/openapi.json")
    add("budget", "money", required=True)
    after = client.get("/api/v1/openapi.json")
    assert before["ETag"] != after["ETag"]
    document = after.json()
    row = document["components"]["schemas"]["CustomerRow"]["properties"]["custom"]["properties"]
    assert row["budget"]["pattern"] == r"^-?[0-9]+\.[0-9]{2,2}$"
    body = document["components"]["schemas"]["CustomerPatch"]["properties"]["custom"]
    assert list(body["properties"]) == ["budget"]
    assert body["additionalProperties"] is False
    given = {p.get("name") for p in document["paths"]["/api/v1/customers"]["get"]["parameters"]}
    assert "custom.budget__gte" in given


def test_another_process_learns_of_a_definition_with_the_next_look_at_the_rights(add, acting):
    from saleswright.kernel import custom_fields

    add("x")
    custom_fields.note_version(0)  # as a process that has seen nothing yet
    assert fields_of("customers") == ()
    acting("sales_manager")
    assert [one.code for one in fields_of("customers")] == ["x"]


def test_every_kind_has_a_value_in_these_tests():
    assert set(KINDS) == {*VALUES, "person", "reference"}

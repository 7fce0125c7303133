"""Custom fields in the search: whose words find a record, for whom, and how they follow the definition."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel.custom_indexes import JOB as INDEX
from saleswright.kernel.custom_search import JOB
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import CustomField, Job, SearchRow
from saleswright.kernel.records import Draft, archive_record, save_record, save_records
from saleswright.kernel.search import search
from saleswright.kernel.worker import Worker
from saleswright.modules.customers.public import Customer

pytestmark = pytest.mark.django_db
CHOICES = [
    {"code": "a", "label_zh": "精密件", "label_en": "Precision"},
    {"code": "b", "label_zh": "铸件", "label_en": "Castings"},
]


@pytest.fixture
def add(root):
    def add(code, kind="text", **values):
        lines = {"choices": CHOICES} if kind in {"choice", "multi"} else {}
        given = {"resource": "customers", "code": code, "kind": kind, "label_zh": code, "searchable": True}
        return save_record(CustomField, given | values, lines=lines, actor=root)

    return add


@pytest.fixture
def made(root):
    def made(name="甲厂", **custom):
        values = {f"custom.{code}": value for code, value in custom.items()}
        return save_record(Customer, {"name": name} | values, actor=root)

    return made


def found(actor, query):
    return [hit.label for hit in search(actor, query)]


def work():
    Job.objects.filter(kind=INDEX).delete()  # an index is made outside of any transaction
    assert Worker().run_once() >= 1  # beside everything else that is due


@pytest.mark.parametrize(
    ("kind", "value", "queries"),
    [
        ("text", "塔吊 TD-77", ("塔吊", "tadiao", "TD-77")), ("long", "第一行\n叉车", ("叉车",)),
        ("integer", 20260077, ("20260077", "0077")), ("choice", "a", ("精密", "jmj", "precision")),
        ("multi", ["a", "b"], ("铸件", "castings", "精密")),
    ],
)  # fmt: skip
def test_a_record_is_found_by_its_words(root, api, add, made, kind, value, queries):
    add("x", kind)
    made(x=value)
    made("乙厂")
    for query in queries:
        assert found(root, query) == ["甲厂"]
        assert [row["name"] for row in api().get(f"customers?q={query}").json()["items"]] == ["甲厂"]
    assert found(root, "a") == []


def test_words_follow_the_record(root, add, made):
    add("x")
    record = made(x="塔吊")
    save_record(Customer, {"custom.x": "叉车"}, pk=record.pk, actor=root)
    assert (found(root, "塔吊"), found(root, "叉车")) == ([], ["甲厂"])


def test_a_field_that_is_not_marked_is_not_found(root, add, made):
    add("x", searchable=False)
    made(x="塔吊")
    assert found(root, "塔吊") == []


def test_marking_a_field_finds_what_was_there_and_unmarking_does_not(root, add, made):
    field = add("x", searchable=False)
    made(x="塔吊")
    save_record(CustomField, {"searchable": True}, pk=field.pk, actor=root)
    work()
    assert found(root, "塔吊") == ["甲厂"]
    save_record(CustomField, {"searchable": False}, pk=field.pk, actor=root)
    work()
    assert found(root, "塔吊") == []


def test_a_retired_field_is_not_found_until_it_is_back(root, add, made):
    field = add("x")
    made(x="塔吊")
    archive_record(CustomField, field.pk, actor=root)
    work()
    assert found(root, "塔吊") == []
    archive_record(CustomField, field.pk, actor=root, restore=True)
    work()
    assert found(root, "塔吊") == ["甲厂"]


def test_a_choice_is_found_by_its_new_name(root, add, made):
    field = add("x", "choice")
    made(x="a")
    lines = {"choices": [CHOICES[0] | {"label_zh": "车削件"}, CHOICES[1]]}
    save_record(CustomField, {}, pk=field.pk, lines=lines, actor=root)
    work()
    assert (found(root, "车削"), found(root, "精密")) == (["甲厂"], [])


def test_other_changes_of_a_definition_write_no_words_anew(root, add):
    field = add("x")
    save_record(CustomField, {"label_zh": "别名"}, pk=field.pk, actor=root)
    assert not Job.objects.filter(kind=JOB).exists()
    save_record(CustomField, {"searchable": False}, pk=field.pk, actor=root)
    save_record(CustomField, {"searchable": True}, pk=field.pk, actor=root)
    assert Job.objects.filter(kind=JOB, arguments={"resource": "customers"}).count() == 1


@pytest.mark.parametrize(
    "values",
    [{"right": "margin"}, {"kind": "money"}, {"kind": "date"}, {"kind": "person"}, {"resource": "exchange-rates"}],
)
def test_protected_fields_and_what_has_no_words_cannot_be_searched_for(root, add, values):
    with pytest.raises(ValidationFailed) as refused:
        add("x", **values)
    assert [error.field for error in refused.value.errors] == ["searchable"]
    assert not CustomField.objects.exists()


def test_a_searchable_field_cannot_become_protected(root, add):
    field = add("x")
    with pytest.raises(ValidationFailed):
        save_record(CustomField, {"right": "margin"}, pk=field.pk, actor=root)
    assert CustomField.objects.get(pk=field.pk).right == ""


def test_the_words_are_cut_by_the_scope_of_the_record(add, made, acting):
    add("x")
    made(x="塔吊")
    assert found(acting("sales_representative"), "塔吊") == []


def test_all_records_are_written_anew_set_wise(root, add, monkeypatch):
    monkeypatch.setattr("saleswright.kernel.custom_search.AT_ONCE", 10)
    field = add("x", searchable=False)

    def queries(count):
        drafts = [Draft({"name": f"厂{n}", "custom.x": "塔吊"}) for n in range(count)]
        save_records(Customer, drafts, actor=root)
        Job.objects.filter(kind=JOB).delete()
        CustomField.objects.filter(pk=field.pk).update(searchable=False)
        save_record(CustomField, {"searchable": True}, pk=field.pk, actor=root)
        with CaptureQueriesContext(connection) as captured:
            work()
        return sum("kernel_searchrow" in query["sql"] for query in captured)

    few = queries(2)
    assert queries(8) == few
    assert queries(15) > few  # three pieces
    assert SearchRow.objects.filter(resource="customers", right="", tokens__contains="塔吊").count() == 25
    job = Job.objects.get(kind=JOB)
    assert (job.state, job.result) == ("done", {"records": 25})

"""Records made of others ask for the custom fields that they need, and copies keep what the record holds."""

from datetime import timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import CustomField
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer
from saleswright.modules.work.actions.tasks import complete_task
from saleswright.modules.work.models import Task

pytestmark = pytest.mark.django_db
CHOICES = [{"code": "a", "label_zh": "甲", "label_en": "Large"}, {"code": "b", "label_zh": "乙", "label_en": "Small"}]
SIZE, BUDGET = "customers.custom.size", "opportunities.custom.budget"


@pytest.fixture
def add(root):
    def add(code, kind, resource="customers", **values):
        lines = {"choices": CHOICES} if kind in {"choice", "multi"} else {}
        given = {"resource": resource, "code": code, "kind": kind, "label_zh": code, "label_en": code}
        return save_record(CustomField, given | {"required": True} | values, lines=lines, actor=root)

    return add


@pytest.fixture
def lead(add):
    add("size", "choice")
    add("budget", "money", "opportunities")
    return make_lead("qualified", company="Quay Ltd")


def convert(client, lead, **body):
    return client.post(f"leads/{lead.pk}/actions/convert", body)


def refused(response):
    assert response.status_code == 422, response.content
    return {(error["field"], error["code"]) for error in response.json()["errors"]}


def test_a_lead_becomes_records_with_the_fields_that_they_need(api, lead):
    answer = convert(api(), lead, **{SIZE: "a", BUDGET: "12.50"})
    assert answer.status_code == 200, answer.content
    assert Customer.objects.get().custom == {"size": "a"}
    assert Opportunity.objects.get().custom == {"budget": 1250}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, SIZE, "required"), ({SIZE: "c", BUDGET: "1"}, SIZE, "choice"), ({SIZE: "a"}, BUDGET, "required"),
        ({SIZE: "a", BUDGET: "much"}, BUDGET, "invalid"), ({SIZE: "a", "custom.size": "a"}, "custom.size", "unknown"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_by_the_name_of_the_argument_and_nothing_is_made(api, lead, body, field, code):
    assert (field, code) in refused(convert(api(), lead, **body))
    assert (Customer.objects.count(), Contact.objects.count(), Opportunity.objects.count()) == (0, 0, 0)
    assert Lead.objects.get().status == "qualified"


def test_nothing_is_asked_of_a_record_that_is_not_made(api, lead, root):
    known = make_customer(**{"custom.size": "b"})
    assert convert(api(), lead, customer_id=known.pk, opportunity=False).status_code == 200
    assert Customer.objects.get().custom == {"size": "b"}


def test_defaults_and_fields_that_one_may_not_set_are_not_asked_for(api, add, person):
    add("size", "choice", default="b")
    add("margin", "money", right="secret_margin")
    add("note", "text", required=False)
    seller = person("sales_representative")
    lead = make_lead("qualified", company="Quay Ltd", owner=seller)
    assert refused(convert(api(seller), lead, **{"customers.custom.note": "x"})) == {
        ("customers.custom.note", "unknown")
    }
    assert convert(api(seller), lead).status_code == 200
    assert Customer.objects.get().custom == {"size": "b"}


def test_the_dialog_asks_and_says_what_is_missing_beside_the_field(browse, lead):
    client = browse(language="en")
    url = f"/leads/{lead.pk}/actions/convert"
    page = client.get(url).content.decode()
    assert f'name="{SIZE}"' in page
    assert "Customer · size" in page
    again = client.post(url, {"opportunity": "on", BUDGET: "1,000"})
    assert again.status_code == 422
    assert f'id="id_{SIZE}_error"' in again.content.decode()
    assert 'value="1,000"' in again.content.decode()
    assert client.post(url, {"opportunity": "on", BUDGET: "1,000", SIZE: "b"}).status_code == 302
    assert Opportunity.objects.get().custom == {"budget": 100000}


def test_the_description_of_the_api_has_the_arguments(api, lead):
    paths = api().get("openapi.json").json()["paths"]
    body = paths["/api/v1/leads/{id}/actions/convert"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"][SIZE]["enum"][:2] == ["a", "b"]
    assert SIZE not in body.get("required", [])


@pytest.mark.parametrize(("kind", "given", "held"), [("multi", ["a", "b"], ["a", "b"]), ("bool", False, False)])
def test_any_kind_of_field_can_be_given(api, add, kind, given, held):
    add("x", kind)
    lead = make_lead("qualified", company="Quay Ltd")
    answer = convert(api(), lead, **{"customers.custom.x": given}, opportunity=False)
    assert answer.status_code == 200, answer.content
    assert Customer.objects.get().custom == {"x": held}


def test_several_choices_are_ticked_in_the_dialog(browse, add):
    add("x", "multi")
    lead = make_lead("qualified", company="Quay Ltd")
    data = {"customers.custom.x": ["b", "a"]}
    assert browse().post(f"/leads/{lead.pk}/actions/convert", data).status_code == 302
    assert Customer.objects.get().custom == {"x": ["b", "a"]}


def test_a_unique_value_that_is_taken_is_refused_beside_its_field(api, add):
    add("code", "text", unique=True)
    make_customer(**{"custom.code": "X1"})
    lead = make_lead("qualified", company="Quay Ltd")
    assert refused(convert(api(), lead, **{"customers.custom.code": "X1"})) == {("customers.custom.code", "duplicate")}
    assert Customer.objects.count() == 1


def test_the_next_task_of_a_series_keeps_the_values(root, add, person):
    add("place", "text", "tasks")
    add("code", "text", "tasks", required=False, unique=True)
    due = clock.now() + timedelta(days=1)
    values = {"title": "Call", "owner": person().pk, "due_at": due, "recurrence": "weekly"}
    task = save_record(Task, values | {"custom.place": "Bao'an", "custom.code": "T1"}, actor=root)
    complete_task(task.pk, actor=root)
    following = Task.objects.exclude(pk=task.pk).get()
    assert following.custom == {"place": "Bao'an"}


def test_a_job_has_nobody_to_ask(root, add):
    add("size", "choice")
    assert make_customer().custom == {}
    with pytest.raises(ValidationFailed):
        save_record(Customer, {"name": "B", "custom.size": "c"}, actor=root)

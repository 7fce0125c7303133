"""Forms: nothing typed is lost, every mistake stands beside its field, once."""

import re

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.models import User
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.org.actions import start_leave

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def user(person):
    user = person("sales_representative")
    User.objects.filter(pk=user.pk).update(language="en")
    return User.objects.get(pk=user.pk)


@pytest.fixture
def client(user, browse):
    return browse(user)


@pytest.fixture
def customer(user):
    return save_record(
        Customer, {"name": "Alpha", "city": "上海", "tags": ["a", "b"]}, actor=actor_for(user, origin="t")
    )


def typed(text: str) -> dict[str, str]:
    """What stands in the inputs of a page."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name.group(1)] = value.group(1) if value else ""
    return found


def mistakes(text: str) -> dict[str, list[str]]:
    """What is said beside the fields, by field."""
    blocks = re.findall(r'id="id_([^"]*)_error">(.*?)</div>', text, re.S)
    return {name: re.findall(r"<p>(.*?)</p>", content) for name, content in blocks}


def everything(customer) -> dict[str, str]:
    return {"name": customer.name, "city": customer.city, "tags": "a, b", "country": "CN", "life_cycle": "prospect",
            "owner": str(customer.owner_id), "code": customer.code, "version": str(customer.version)}  # fmt: skip


def test_a_new_record_is_saved_and_shown(client, user):
    answer = client.post("/customers/new", {"name": "Beta", "country": "China", "tags": "x，y", "owner": user.pk})
    customer = Customer.objects.get()
    assert answer["Location"] == f"/customers/{customer.pk}"
    assert (customer.country, customer.tags, customer.owner_id, customer.life_cycle) == (
        "CN",
        ["x", "y"],
        user.pk,
        "prospect",
    )


def test_nothing_typed_is_lost_and_each_mistake_stands_once_beside_its_field(client, user):
    sent = {
        "name": "",
        "city": "苏州",
        "country": "Atlantis",
        "credit_code": "123",
        "website": "x.example",
        "level": "A",
    }
    answer = client.post("/customers/new", {**sent, "owner": user.pk})
    text = answer.content.decode()
    assert answer.status_code == 422
    found = mistakes(text)
    assert {name: len(said) for name, said in found.items()} == {"name": 1, "country": 1}
    inputs = typed(text)
    assert {n: inputs[n] for n in ("city", "credit_code", "website")} == {
        n: sent[n] for n in ("city", "credit_code", "website")
    }
    assert '<option value="Atlantis" selected>' in text
    assert re.search(r'<option value="A" selected', text)
    assert re.search(rf'<option value="{user.pk}" selected>{user.name}', text)
    assert not Customer.objects.exists()


def test_a_rule_of_the_module_is_said_beside_its_field(client, user):
    answer = client.post("/customers/new", {"name": "A", "country": "CN", "credit_code": "123", "owner": user.pk})
    assert mistakes(answer.content.decode())["credit_code"] == ["A unified social credit code has 18 characters, not 3"]


def test_a_picker_keeps_the_choice_that_was_refused(client, user, root, customer):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    kept = client.post("/contacts/new", {"customer": customer.pk, "name": ""}).content.decode()
    assert re.search(rf'<option value="{customer.pk}" selected>Alpha', kept)
    refused = client.post("/contacts/new", {"customer": hidden.pk, "name": "C"}).content.decode()
    assert mistakes(refused) == {"customer": ["There is no such record."]}
    assert "Hidden" not in refused
    assert not Contact.objects.exists()


def test_a_form_may_be_filled_from_the_address(client, customer):
    text = client.get(f"/contacts/new?customer={customer.pk}").content.decode()
    assert re.search(rf'<option value="{customer.pk}" selected>Alpha', text)


def test_a_form_that_is_sent_back_unchanged_changes_nothing(client, customer):
    page = client.get(f"/customers/{customer.pk}/edit").content.decode()
    inputs = typed(page)
    assert (inputs["name"], inputs["tags"], inputs["version"]) == ("Alpha", "a, b", "1")
    client.post(f"/customers/{customer.pk}/edit", everything(customer))
    assert Customer.objects.get().version == 1


def test_an_edit_of_an_old_version_keeps_what_was_typed(client, customer, user):
    save_record(Customer, {"city": "杭州"}, pk=customer.pk, actor=actor_for(user, origin="t"))
    answer = client.post(f"/customers/{customer.pk}/edit", {**everything(customer), "name": "Mine"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Someone else changed this record meanwhile" in text
    assert (typed(text)["name"], typed(text)["version"]) == ("Mine", "1")
    assert Customer.objects.get().name == "Alpha"


def test_a_secret_field_is_not_in_the_form(client, customer, browse):
    assert "bank_account" not in client.get(f"/customers/{customer.pk}/edit").content.decode()
    assert "bank_account" in browse("administrator").get(f"/customers/{customer.pk}/edit").content.decode()


def test_a_date_and_a_tick_are_typed_back(client, customer):
    sent = {"customer": customer.pk, "name": "C", "birthday": "30.02.1990", "is_primary": "on"}
    text = client.post("/contacts/new", sent).content.decode()
    assert list(mistakes(text)) == ["birthday"]
    assert typed(text)["birthday"] == "30.02.1990"
    assert re.search(r'name="is_primary"[^>]*checked', text)


def test_archived_and_foreign_records_are_not_edited(client, customer, root, user):
    archive_record(Customer, customer.pk, actor=root)
    assert client.get(f"/customers/{customer.pk}/edit").status_code == 409
    assert client.post(f"/customers/{customer.pk}/edit", everything(customer)).status_code == 409
    foreign = save_record(Customer, {"name": "F"}, actor=root)
    assert client.post(f"/customers/{foreign.pk}/edit", {"name": "X"}).status_code == 404
    assert set(Customer.objects.values_list("name", flat=True)) == {"Alpha", "F"}


def test_one_without_the_right_gets_no_form(browse):
    assert browse("warehouse").get("/customers/new").status_code == 403
    assert browse("warehouse").post("/customers/new", {"name": "A"}).status_code == 403
    assert not Customer.objects.exists()


def test_the_password_and_roles_of_a_person_are_written(browse, person):
    client = browse("administrator")
    sent = {"name": "N", "username": "newcomer", "password": "Quiet-River-9", "roles": ["finance", "auditor"]}
    client.post("/employees/new", sent)
    user = User.objects.get(username="newcomer")
    assert user.check_password("Quiet-River-9")
    assert set(user.roles.values_list("code", flat=True)) == {"finance", "auditor"}
    text = client.post("/employees/new", {**sent, "password": "Other-River-8"}).content.decode()
    assert list(mistakes(text)) == ["username"]
    assert "Other-River-8" not in text


def test_duplicates_are_shown_while_typing(client, customer, root):
    save_record(Customer, {"name": "贝塔有限公司"}, actor=root)
    assert f"/customers/{customer.pk}" in client.post("/customers/duplicates", {"name": "ALPHA Ltd."}).content.decode()
    foreign = client.post("/customers/duplicates", {"name": "贝塔"}).content.decode()
    assert "贝塔有限公司" in foreign
    assert 'href="/customers/' not in foreign


# --- dialogs ---------------------------------------------------------------------------------------------------


def test_a_dialog_asks_for_what_an_action_needs(browse, person):
    user = person()
    text = browse("hr").get(f"/employees/{user.pk}/actions/leave", headers=HTMX).content.decode()
    assert "<html" not in text
    assert 'name="left_on"' in text


def test_a_dialog_shows_mistakes_and_keeps_what_was_typed(browse, person):
    user = person()
    path = f"/employees/{user.pk}/actions/leave"
    answer = browse("hr").post(path, {"left_on": "someday"}, headers=HTMX)
    assert answer.status_code == 200  # htmx puts the fragment in place
    assert list(mistakes(answer.content.decode())) == ["left_on"]
    assert typed(answer.content.decode())["left_on"] == "someday"
    assert browse("hr").post(path, {"left_on": "someday"}).status_code == 422
    assert User.objects.get(pk=user.pk).state == "active"


def test_an_action_leads_back_to_its_record(browse, person):
    user = person()
    path = f"/employees/{user.pk}/actions/start-leave"
    answer = browse("hr").post(path, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/employees/{user.pk}")
    assert User.objects.get(pk=user.pk).state == "on_leave"


def test_an_action_that_the_state_forbids_is_a_conflict(browse, person, root):
    user = person()
    start_leave(user.pk, actor=root)
    answer = browse("hr").post(f"/employees/{user.pk}/actions/start-leave", headers=HTMX)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:saleswright:problem:conflict"
    assert User.objects.get(pk=user.pk).version == 2

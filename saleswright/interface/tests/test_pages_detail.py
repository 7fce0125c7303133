"""The page of a record: facts, secrets, actions, related records, history."""

import re

import pytest

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.models import User
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.org.actions import start_leave

pytestmark = pytest.mark.django_db


@pytest.fixture
def english(person):
    """Makes people who read English."""

    def make(*roles: str, **values) -> User:
        user = person(*roles, **values)
        User.objects.filter(pk=user.pk).update(language="en")
        return User.objects.get(pk=user.pk)

    return make


def facts(text: str) -> dict[str, str]:
    """The facts of a page by their label."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", text, re.S)
    return {label: re.sub(r"<[^>]*>", "", value).strip() for label, value in pairs}


def test_it_shows_the_facts(browse, english):
    user = english("sales_representative")
    values = {"name": "Alpha", "level": "A", "city": "上海", "tags": ["machines", "east"]}
    customer = save_record(Customer, values, actor=actor_for(user, origin="test"))
    text = browse(user).get(f"/customers/{customer.pk}").content.decode()
    found = facts(text)
    assert (found["Name"], found["City"], found["Level"]) == ("Alpha", "上海", "A key")
    assert found["Owner"].endswith(user.name)
    assert "machines" in found["Tags"]
    assert "C000001" in text
    assert "Address" not in found  # empty facts are left out


@pytest.mark.parametrize(("role", "shown"), [("finance", True), ("auditor", True), ("warehouse", False)])
def test_a_secret_fact_needs_its_right(browse, english, root, role, shown):
    customer = save_record(Customer, {"name": "A", "bank_account": "6222-0001"}, actor=root)
    assert ("6222-0001" in browse(english(role)).get(f"/customers/{customer.pk}").content.decode()) == shown


@pytest.mark.parametrize(("role", "shown"), [("finance", True), ("purchasing", False)])
def test_a_secret_is_kept_from_the_history_too(browse, english, root, role, shown):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    save_record(Customer, {"bank_account": "6222-0001"}, pk=customer.pk, actor=root)
    assert ("6222-0001" in browse(english(role)).get(f"/customers/{customer.pk}/timeline").content.decode()) == shown


def test_an_action_that_a_guard_forbids_is_disabled_and_says_why(browse, english, root):
    user = english("sales_representative")
    save_record(Customer, {"name": "A", "owner": user.pk}, actor=root)
    text = browse(english("hr")).get(f"/employees/{user.pk}").content.decode()
    assert re.search(r'aria-disabled="true" data-reason="1 records \(Customers\) must be handed over first\."', text)


def test_actions_of_other_states_are_not_shown(browse, english, root):
    user = english()
    client = browse(english("hr"))
    here = client.get(f"/employees/{user.pk}").content.decode()
    assert f"/employees/{user.pk}/actions/start-leave" in here
    assert "actions/end-leave" not in here
    assert "actions/confirm" not in here
    start_leave(user.pk, actor=root)
    assert "actions/end-leave" in client.get(f"/employees/{user.pk}").content.decode()


def test_actions_without_the_right_are_not_shown(browse, english, root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    text = browse(english("warehouse")).get(f"/customers/{customer.pk}").content.decode()
    assert "/actions/" not in text
    assert f"/customers/{customer.pk}/edit" not in text


def test_an_archived_record_says_so_and_can_be_restored(browse, english, root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    archive_record(Customer, customer.pk, actor=root)
    client = browse(english("administrator"))
    text = client.get(f"/customers/{customer.pk}").content.decode()
    assert ">Archived</span>" in text
    assert f"/customers/{customer.pk}/actions/restore" in text
    assert 'data-reason="The record is archived. Restore it first."' in text
    client.post(f"/customers/{customer.pk}/actions/restore")
    assert Customer.objects.get().archived_at is None


def test_it_shows_what_belongs_to_the_record(browse, english, root):
    customer, other = (save_record(Customer, {"name": n}, actor=root) for n in "AB")
    save_record(Contact, {"name": "Wang Here", "customer": customer.pk}, actor=root)
    save_record(Contact, {"name": "Li There", "customer": other.pk}, actor=root)
    client = browse(english("administrator"))
    assert (
        f"/customers/{customer.pk}/related/contacts-customer"
        in client.get(f"/customers/{customer.pk}").content.decode()
    )
    text = client.get(f"/customers/{customer.pk}/related/contacts-customer").content.decode()
    assert "Wang Here" in text
    assert "Li There" not in text
    assert f"/contacts/new?customer={customer.pk}" in text
    assert client.get(f"/customers/{customer.pk}/related/nothing").status_code == 404


@pytest.mark.parametrize("path", ["", "/timeline", "/related/contacts-customer", "/edit", "/actions/assign"])
def test_someone_elses_record_is_not_found(browse, english, root, path):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    assert browse(english("sales_representative")).get(f"/customers/{customer.pk}{path}").status_code == 404


@pytest.mark.parametrize("pk", ["0", "999999", str(2**63), str(2**70)])
def test_an_id_that_can_not_be_is_not_found(browse, english, pk):
    assert browse(english("administrator")).get(f"/customers/{pk}").status_code == 404


def test_deleting_leads_to_the_list_or_says_why_not(browse, english, root):
    client = browse(english("administrator"))
    customer = save_record(Customer, {"name": "A"}, actor=root)
    contact = save_record(Contact, {"name": "C", "customer": customer.pk}, actor=root)
    assert client.post(f"/customers/{customer.pk}/actions/delete").status_code == 409
    assert client.post(f"/contacts/{contact.pk}/actions/delete")["Location"] == "/contacts"
    assert client.post(f"/customers/{customer.pk}/actions/delete")["Location"] == "/customers"
    assert not Customer.objects.exists()

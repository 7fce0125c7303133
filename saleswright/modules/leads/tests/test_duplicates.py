"""What is there already: the exact is refused, the likely is shown, and whose it is decides who serves it."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Collaborator
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads import duplicates
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.work.public import Notification

ROOT = system("test")
pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(person: Any) -> Any:
    """A manager."""
    return person("sales_manager", name="Boss", language="en")


@pytest.fixture
def owner(person: Any, boss: Any) -> Any:
    """Who has the customer."""
    return person("sales_representative", name="Owner", manager=boss, language="en")


@pytest.fixture
def asker(person: Any) -> Any:
    """Who would like to have it."""
    return person("sales_representative", name="Asker", language="en")


def act(user: Any) -> Any:
    """The person as an actor."""
    return actor_for(user, origin="test")


class TestLikely:
    """Names that differ a little."""

    @pytest.mark.parametrize("typed", ["华沛乐精密科技", "上诲华沛乐精密科技", "上海华佩乐精密科技"])
    def test_a_lead_is_seen_with_a_slip(self, typed: str) -> None:
        lead = make_lead(company="上海华沛乐精密科技有限公司", phone="13700000001")
        make_lead(company="北京华沛乐物流有限公司", phone="13700000002")
        found = [one.url for one in duplicates.similar_leads({"company": typed}, ROOT)]
        assert found == [f"/leads/{lead.pk}"]

    def test_a_contact_leads_to_its_customer_by_mail_and_number(self) -> None:
        customer = save_record(Customer, {"name": "Alpha"}, actor=ROOT)
        values = {"customer": customer.pk, "name": "W", "mobile": "13800000009", "email": "w@example.com"}
        save_record(Contact, values, actor=ROOT)
        for typed in ({"email": "w@example.com"}, {"phone": "+86 138 0000 0009"}):
            assert [one.url for one in duplicates.similar_leads(typed, ROOT)] == [f"/customers/{customer.pk}"]


class TestExact:
    """The same company, number or e-mail address is refused."""

    def test_it_is_refused_with_name_and_owner(self, owner: Any, asker: Any) -> None:
        make_lead(company="上海港湾机械有限公司", phone="13800000001", email="a@example.com", owner=owner)
        for given, field in (
            ({"company": "港湾机械", "phone": "13900000001"}, "company"),
            ({"company": "别的公司", "phone": "+86 138 0000 0001"}, "phone"),
            ({"company": "又一家", "email": "A@example.com"}, "email"),
        ):
            with pytest.raises(ValidationFailed) as refused:
                save_record(Lead, given, actor=act(asker))
            (error,) = refused.value.errors
            assert (error.field, error.code) == (field, "duplicate")
            assert "上海港湾机械有限公司 · Owner" in str(error.message)
        assert Lead.objects.count() == 1

    def test_a_customer_and_a_contact_block_too(self, asker: Any) -> None:
        customer = save_record(Customer, {"name": "Alpha Ltd"}, actor=ROOT)
        save_record(Contact, {"customer": customer.pk, "name": "W", "mobile": "13800000009"}, actor=ROOT)
        for given in ({"company": "ALPHA", "phone": "1"}, {"company": "Beta", "phone": "13800000009"}):
            with pytest.raises(ValidationFailed):
                save_record(Lead, given, actor=act(asker))

    def test_what_is_over_blocks_nobody(self, asker: Any) -> None:
        make_lead(status="disqualified", company="Alpha", phone="13800000001")
        assert save_record(Lead, {"company": "Alpha", "phone": "13800000001"}, actor=act(asker)).pk

    def test_a_manager_may_and_a_form_does(self, boss: Any) -> None:
        given = {"company": "Alpha", "phone": "13800000001"}
        for actor in (ROOT, act(boss), ROOT):
            assert save_record(Lead, given, actor=actor).pk

    def test_two_rows_of_one_file_are_one_lead(self, asker: Any) -> None:
        drafts = [Draft({"company": "Alpha", "phone": "1380000000" + str(n)}) for n in (1, 2)]
        saved = save_records(Lead, drafts, actor=act(asker), skip_bad=True)
        assert [(len(saved.good), len(saved.bad))] == [(1, 1)]


class TestAsking:
    """Who may not see it asks to join."""

    @pytest.fixture
    def customer(self, owner: Any) -> Customer:
        """A customer out of the asking person's sight."""
        return save_record(Customer, {"name": "Alpha", "owner": owner.pk}, actor=ROOT)

    @pytest.fixture
    def request_id(self, customer: Customer, asker: Any, api: Any) -> int:
        """A request about it that comes from a lead of one's own."""
        mine = make_lead(company="Alpha", phone="13800000001", owner=asker)
        body = {
            "resource": "customers", "record_id": customer.pk, "why": "We met",
            "mine_resource": "leads", "mine_id": mine.pk,
        }  # fmt: skip
        answer = api(asker).post("join-requests", body)
        assert answer.status_code == 201, answer.content
        return int(answer.json()["id"])

    def test_the_manager_is_told_and_the_name_is_all_that_shows(
        self, request_id: int, customer: Customer, asker: Any, boss: Any, api: Any
    ) -> None:
        shown = api(asker).get(f"join-requests/{request_id}").json()
        assert (shown["label"], shown["owner"]["label"], shown["decider"]["id"]) == ("Alpha", "Owner", boss.pk)
        assert api(asker).get(f"customers/{customer.pk}").status_code == 404
        told = Notification.objects.get(resource="join-requests", user=boss)
        assert told.text == "Asker asks to join: Alpha (Owner). We met"

    def test_the_manager_lets_them_collaborate(
        self, request_id: int, customer: Customer, asker: Any, owner: Any, boss: Any, api: Any
    ) -> None:
        assert api(boss).act("join-requests", request_id, "join", reason="Both").status_code == 200
        assert api(asker).get(f"customers/{customer.pk}").status_code == 200
        customer.refresh_from_db()
        assert customer.owner_id == owner.pk
        both = AuditEntry.objects.filter(action="clash-join").values_list("resource", flat=True)
        assert sorted(both) == ["customers", "leads"]
        told = Notification.objects.filter(text__startswith="Boss decided").values_list("user_id", flat=True)
        assert sorted(told) == sorted([asker.pk, owner.pk])

    def test_the_manager_gives_it_over(
        self, request_id: int, customer: Customer, asker: Any, boss: Any, api: Any
    ) -> None:
        assert api(boss).act("join-requests", request_id, "transfer").status_code == 200
        customer.refresh_from_db()
        assert customer.owner_id == asker.pk

    def test_the_manager_refuses_with_a_reason(
        self, request_id: int, customer: Customer, asker: Any, boss: Any, api: Any
    ) -> None:
        client = api(boss)
        assert client.act("join-requests", request_id, "refuse").status_code == 422
        assert client.act("join-requests", request_id, "refuse", reason="Ours").status_code == 200
        assert client.act("join-requests", request_id, "join").status_code == 409
        assert not Collaborator.objects.filter(record_id=customer.pk).exists()
        assert Notification.objects.filter(user=asker, text__endswith="Ours").exists()

    def test_nobody_else_decides(
        self, request_id: int, customer: Customer, asker: Any, owner: Any, person: Any
    ) -> None:
        transition = resource_named("join-requests").transition("join")
        for user in (asker, owner):
            with pytest.raises(NotAllowed):
                transition(request_id, actor=act(user))
        with pytest.raises(NotFound):
            transition(request_id, actor=act(person("sales_manager")))
        assert not Collaborator.objects.filter(record_id=customer.pk).exists()

    def test_it_is_asked_once_and_withdrawn(self, request_id: int, customer: Customer, asker: Any, api: Any) -> None:
        client = api(asker)
        body = {"resource": "customers", "record_id": customer.pk, "why": "Again"}
        assert client.post("join-requests", body).json()["errors"][0]["code"] == "duplicate"
        assert client.act("join-requests", request_id, "withdraw").status_code == 200
        assert client.post("join-requests", body).status_code == 201

    def test_a_changed_owner_is_not_passed_over(
        self, request_id: int, customer: Customer, boss: Any, person: Any
    ) -> None:
        Customer.objects.filter(pk=customer.pk).update(owner=person())
        with pytest.raises(Conflict):
            resource_named("join-requests").transition("transfer")(request_id, actor=act(boss))

    @pytest.mark.parametrize("case", ["seen", "nobody", "missing", "kind", "mine"])
    def test_it_refuses_what_can_not_be_asked(self, case: str, customer: Customer, asker: Any, api: Any) -> None:
        body: dict[str, Any] = {"resource": "customers", "record_id": customer.pk, "why": "x"}
        match case:
            case "seen":
                Customer.objects.filter(pk=customer.pk).update(owner=asker)
            case "nobody":
                Customer.objects.filter(pk=customer.pk).update(owner=None)
            case "missing":
                body["record_id"] = 10**12
            case "kind":
                body["resource"] = "orders"
            case "mine":
                body |= {"mine_resource": "leads", "mine_id": make_lead().pk}
        answer = api(asker).post("join-requests", body)
        assert answer.status_code == 422
        assert api().get("join-requests").json()["items"] == []

    def test_the_page_shows_name_and_owner_and_sends_it(self, customer: Customer, asker: Any, browse: Any) -> None:
        client = browse(asker)
        url = f"/join-requests/ask/customers/{customer.pk}"
        text = client.get(url).content.decode()
        assert "Alpha" in text
        assert "Owner" in text
        assert client.post(url, {"why": ""}).status_code == 422
        sent = client.post(url, {"why": "We met"})
        assert sent.status_code == 302
        assert "/actions/withdraw" in client.get(sent["Location"]).content.decode()
        assert client.get("/join-requests/ask/orders/1").status_code == 404

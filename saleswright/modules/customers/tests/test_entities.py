"""Customers and contacts by page, API and file."""

import itertools
from typing import Any

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import Role, User
from saleswright.kernel.records import save_record, stamp
from saleswright.modules.customers.models import Customer, DuplicatePair, DuplicateScan, Industry

serial = itertools.count(1)


class TestCustomers(EntityTestCase):
    """The customer archive."""

    resource = "customers"
    change = {"city": "上海"}

    def values(self):
        return {"name": f"Customer {next(serial)}", "level": "A", "tags": ["machines"]}

    def test_it_gets_a_number_and_its_owner(self, api):
        client = api("sales_representative")
        response = client.post("customers", {"name": "华东精密科技有限公司", "country": "China", "level": "A"})
        assert response.status_code == 201, response.content
        body = response.json()
        assert (body["code"], body["country"]) == ("C000001", "CN")
        assert body["owner"] == {"id": client.user.pk, "label": client.user.name}
        assert response["ETag"] == '"1"'
        assert client.get("customers").json()["items"][0]["name"] == "华东精密科技有限公司"

    def test_it_is_hidden_from_other_sellers(self, api):
        pk = api("sales_representative").post("customers", {"name": "A"}).json()["id"]
        other = api("sales_representative")
        assert other.get(f"customers/{pk}").status_code == 404
        assert other.get("customers").json()["items"] == []
        assert other.patch(f"customers/{pk}", {"name": "B"}).status_code == 404
        assert Customer.objects.get().name == "A"


class TestContacts(EntityTestCase):
    """People at customers."""

    resource = "contacts"
    change = {"title": "Buyer"}

    def values(self):
        customer = self.make(Customer, name=f"Customer {next(serial)}")
        return {"customer_id": customer.pk, "name": "Wang Wei", "mobile": "13800000000", "email": "w@example.com"}

    def test_it_is_visible_with_its_customer(self, api):
        client = api("sales_representative")
        customer = client.post("customers", {"name": "A"}).json()["id"]
        pk = client.post("contacts", {"customer_id": customer, "name": "Wang"}).json()["id"]
        assert client.get(f"contacts/{pk}").status_code == 200
        assert api("sales_representative").get(f"contacts/{pk}").status_code == 404

    def test_it_hides_numbers_from_those_without_the_right(self, api):
        pk = self.create(api())["id"]
        assert api("finance").get(f"contacts/{pk}?unmask=mobile").json()["mobile"] == "13800000000"
        buyer = api("purchasing")
        grants = {"contacts.view": "all", "customers.view": "all"}
        save_record(Role, {"code": "reader", "name": "R", "grants": grants}, actor=system("test"))
        told = api("reader").get(f"contacts/{pk}").json()
        assert (told["mobile"], told["masked"]) == ("138****0000", ["mobile", "email"])
        assert api("reader").get(f"contacts/{pk}?unmask=mobile").status_code == 403
        assert buyer.get(f"contacts/{pk}").status_code == 403


class TestDuplicatePairs(EntityTestCase):
    """What a search for duplicates found."""

    resource = "duplicate-pairs"

    def values(self):
        return {}

    def create(self, client):
        pair = DuplicatePair(
            first=self.make(Customer, name=f"Customer {next(serial)}"),
            second=self.make(Customer, name=f"Customer {next(serial)}"),
            likelihood=87,
            reasons=["same_phone", "slip_in_brand"],
        )
        stamp(pair, system("test"), clock.now(), fresh=True)
        pair.save()
        return client.get(f"duplicate-pairs/{pair.pk}").json()

    def test_it_says_why_in_words(self, api, browse):
        pk = self.create(api())["id"]
        for path in ("/duplicate-pairs", f"/duplicate-pairs/{pk}"):
            page = browse("administrator").get(path).content.decode()
            assert "Same phone" in page or "电话相同" in page
            assert "87%" in page

    def test_it_is_not_written_by_hand(self, api):
        client = api()
        pk = self.create(client)["id"]
        assert client.post("duplicate-pairs", {}).status_code == 405
        assert client.patch(f"duplicate-pairs/{pk}", {"likelihood": 1}).status_code == 405
        assert DuplicatePair.objects.get().likelihood == 87


class TestDuplicateScans(EntityTestCase):
    """Searches for duplicates."""

    resource = "duplicate-scans"

    def values(self):
        DuplicateScan.objects.update(status="done")  # one at a time
        return {}

    def create(self, client):
        DuplicateScan.objects.update(status="done")
        return super().create(client)

    def test_it_refuses_a_second_one(self, api):
        client = api("sales_operations")
        assert client.post("duplicate-scans", {}).status_code == 201
        response = client.post("duplicate-scans", {})
        assert response.status_code == 422
        assert DuplicateScan.objects.count() == 1


class TestJoinRequests(EntityTestCase):
    """Requests to work with what somebody else has."""

    resource = "join-requests"

    def values(self):
        owner = self.make(User, username=f"join{next(serial)}", name="P")
        customer = self.make(Customer, name=f"Customer {next(serial)}", owner=owner)
        return {"resource": "customers", "record_id": customer.pk, "why": "We met"}


class TestMerges(EntityTestCase):
    """Merges as records."""

    resource = "merges"

    def create(self, client):
        one, other = (self.make(Customer, name=f"Customer {next(serial)}") for _ in range(2))
        response = client.act("customers", one.pk, "merge", others=[{"record_id": other.pk}])
        assert response.status_code == 200, response.content
        return client.get(f"merges/{response.json()['id']}").json()


class TestIndustries(EntityTestCase):
    resource = "industries"
    change = {"name_en": "Pumps"}

    def values(self) -> dict[str, Any]:
        parent = Industry.objects.get(code="34").pk
        return {"code": f"344{Industry.objects.count()}", "name": "泵制造", "parent_id": parent}


@pytest.mark.django_db
def test_the_sections_and_divisions_of_the_standard_are_shipped() -> None:
    assert Industry.objects.filter(parent=None).count() == 20
    assert Industry.objects.exclude(parent=None).count() == 97
    codes = Industry.objects.exclude(parent=None).order_by("code").values_list("code", flat=True)
    assert list(codes) == [f"{number:02}" for number in range(1, 98)]
    assert Industry.objects.get(code="34").section == "C"


@pytest.mark.django_db
def test_a_finer_industry_is_of_the_same_section_and_no_circle() -> None:
    division = Industry.objects.get(code="34")
    fine = save_record(Industry, {"code": "344", "name": "泵", "parent": division.pk}, actor=system("test"))
    assert fine.section == "C"
    with pytest.raises(ValidationFailed):
        save_record(Industry, {"parent": fine.pk}, pk=division.pk, actor=system("test"))
    assert Industry.objects.get(code="34").parent_id != fine.pk


@pytest.mark.django_db
def test_customers_are_found_by_the_section_of_their_industry(api: Any) -> None:
    pump = Industry.objects.get(code="34").pk
    save_record(Customer, {"name": "Pumps", "industry_class": pump}, actor=system("test"))
    save_record(Customer, {"name": "Bank", "industry_class": Industry.objects.get(code="66").pk}, actor=system("test"))
    where = '{"field": "industry_class.section", "op": "exact", "value": "C"}'
    assert [one["name"] for one in api().get(f"customers?where={where}").json()["items"]] == ["Pumps"]

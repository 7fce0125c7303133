"""Customers and contacts by page, API and file."""

import itertools

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.customers.models import Contact, Customer

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
        assert api("finance").get(f"contacts/{pk}").json()["mobile"] == "13800000000"
        partner = api("partner")
        own = self.make(Customer, name="Own", owner=partner.user)
        pk = self.make(Contact, customer=own, name="Li", mobile="13900000000").pk
        assert not {"mobile", "phone", "email"} & set(partner.get(f"contacts/{pk}").json())

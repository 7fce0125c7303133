"""Forms that fill themselves: what an opportunity, a quote or a customer puts into a new document."""

import re

import pytest

from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.pipeline.tests.factories import make_opportunity
from saleswright.modules.sales.models import Quote

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(browse):
    return browse("administrator")


def contact_of(customer, root, **values):
    return save_record(Contact, {"customer": customer.pk, "name": "王敏", **values}, actor=root)


def chosen(text, name):
    """What is selected in a picker of the page."""
    select = re.search(rf'<select name="{name}".*?</select>', text, re.S)
    found = re.search(r'<option value="(\d+)" selected>', select[0])
    return int(found[1]) if found else None


class TestFilling:
    def test_it_fills_customer_contact_and_currency_from_the_opportunity(self, client, customer, root):
        contact_of(customer, root, name="李雷", is_primary=True)
        contact = contact_of(customer, root)
        deal = make_opportunity(customer=customer, contact=contact)
        Opportunity.objects.filter(pk=deal.pk).update(currency="USD")
        answer = client.get(f"/quotes/new?fill=opportunity&opportunity={deal.pk}").json()
        assert answer == {
            "fields": {
                "customer": {"value": customer.pk, "label": customer.name},
                "contact": {"value": contact.pk, "label": "王敏"},
                "currency": {"value": "USD", "label": ""},
            },
            "lines": {},
        }
        text = client.get(f"/quotes/new?opportunity={deal.pk}").content.decode()
        assert (chosen(text, "customer"), chosen(text, "contact")) == (customer.pk, contact.pk)
        assert re.search(r'name="currency"[^>]*value="USD"|value="USD"[^>]*selected', text)

    def test_it_goes_on_from_the_customer_to_the_main_contact(self, client, customer, root):
        contact_of(customer, root)
        main = contact_of(customer, root, name="李雷", is_primary=True)
        deal = make_opportunity(customer=customer)
        answer = client.get(f"/quotes/new?fill=opportunity&opportunity={deal.pk}").json()
        assert answer["fields"]["contact"] == {"value": main.pk, "label": "李雷"}
        assert chosen(client.get(f"/orders/new?customer={customer.pk}").content.decode(), "contact") == main.pk

    def test_it_keeps_what_the_address_says_and_puts_no_contact_of_another_customer_there(self, client, customer, root):
        other = save_record(Customer, {"name": "Other"}, actor=root)
        deal = make_opportunity(customer=customer, contact=contact_of(customer, root))
        text = client.get(f"/quotes/new?opportunity={deal.pk}&customer={other.pk}").content.decode()
        assert (chosen(text, "customer"), chosen(text, "contact")) == (other.pk, None)

    def test_it_takes_amount_and_terms_of_a_quote_into_a_contract(self, client, sales):
        quote = sales.quote(terms="30 days")
        fields = client.get(f"/contracts/new?fill=quote&quote={quote.pk}").json()["fields"]
        assert {name: one["value"] for name, one in fields.items()} == {
            "customer": sales.customer.pk,
            "currency": "CNY",
            "amount": "1130.00",
            "clauses": "30 days",
        }

    def test_it_tells_nothing_of_records_one_may_not_see(self, browse, person, customer, root):
        deal = make_opportunity(customer=customer, owner=person("sales_representative"))
        stranger = person("sales_representative")
        seller = browse(stranger)
        answer = seller.get(f"/quotes/new?fill=opportunity&opportunity={deal.pk}")
        assert answer.json() == {"fields": {}, "lines": {}}
        assert customer.name not in seller.get(f"/quotes/new?opportunity={deal.pk}").content.decode()
        own = make_opportunity(customer=customer, owner=stranger)
        fields = seller.get(f"/quotes/new?fill=opportunity&opportunity={own.pk}").json()["fields"]
        assert "customer" not in fields

    def test_it_takes_nothing_from_what_was_put_away(self, client, customer, root):
        contact = contact_of(customer, root, is_primary=True)
        archive_record(Contact, contact.pk, actor=root)
        assert client.get(f"/quotes/new?fill=customer&customer={customer.pk}").json()["fields"] == {}

    def test_it_needs_the_right_to_the_form(self, browse, customer):
        assert browse("warehouse").get(f"/quotes/new?fill=customer&customer={customer.pk}").status_code == 403

    @pytest.mark.parametrize("query", ["fill=owner", "fill=x", "pick=owner", "pick=x"])
    def test_it_knows_only_fields_that_fill_or_follow(self, client, query):
        assert client.get(f"/quotes/new?{query}").status_code == 404

    def test_it_asks_at_the_address_of_the_record_when_one_is_edited(self, client, sales):
        quote = sales.quote()
        text = client.get(f"/quotes/{quote.pk}/edit").content.decode()
        assert f'data-fills="/quotes/{quote.pk}/edit?fill=customer"' in text
        answer = client.get(f"/quotes/{quote.pk}/edit?fill=customer&customer={sales.customer.pk}")
        assert answer.json() == {"fields": {}, "lines": {}}
        assert Quote.objects.get().version == quote.version


class TestFollowing:
    def test_it_offers_contacts_of_the_customer_alone(self, client, customer, root):
        other = save_record(Customer, {"name": "Other"}, actor=root)
        mine, theirs = contact_of(customer, root), contact_of(other, root)
        at = "/quotes/new?pick=contact"
        assert [row["id"] for row in client.get(f"{at}&customer={customer.pk}").json()] == [mine.pk]
        assert [row["id"] for row in client.get(f"{at}&customer={customer.pk}&q=王").json()] == [mine.pk]
        assert client.get(f"{at}&customer={customer.pk}&q=zz").json() == []
        assert [row["id"] for row in client.get(at).json()] == [theirs.pk, mine.pk]
        assert client.get(f"{at}&customer=999999").json() == []

    def test_it_offers_nothing_that_one_may_not_see(self, browse, person, customer, root):
        contact_of(customer, root)
        seller = browse("sales_representative")
        assert seller.get(f"/quotes/new?pick=contact&customer={customer.pk}").json() == []
        assert seller.get("/quotes/new?pick=contact").json() == []

    def test_it_refuses_a_contact_of_another_customer_all_the_same(self, client, customer, product, root, person):
        other = save_record(Customer, {"name": "Other"}, actor=root)
        sent = {
            "customer": customer.pk, "contact": contact_of(other, root).pk, "currency": "CNY",
            "quoted_on": "2026-11-23", "lines-0-product": product.pk, "lines-0-quantity": "1",
        }  # fmt: skip
        answer = client.post("/quotes/new", sent)
        assert answer.status_code == 422
        assert 'id="id_contact_error"' in answer.content.decode()
        assert not Quote.objects.exists()

    def test_it_says_which_field_a_picker_follows(self, client):
        text = client.get("/quotes/new").content.decode()
        select = re.search(r'<select name="contact"[^>]*>', text)[0]
        assert 'data-by="customer"' in select
        assert 'data-picker-url="/quotes/new?pick=contact"' in select

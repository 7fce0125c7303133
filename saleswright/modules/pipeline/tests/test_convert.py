"""A lead becomes customer, contact and opportunity, once and in one transaction."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, connections

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.states import LeadStatus
from saleswright.modules.leads.tests.factories import make_lead
from saleswright.modules.market.models import Campaign
from saleswright.modules.pipeline.actions import leads as converting
from saleswright.modules.pipeline.actions.leads import convert_lead
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.tests.factories import make_customer

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def counts():
    return Customer.objects.count(), Contact.objects.count(), Opportunity.objects.count()


def test_it_makes_all_three_and_carries_everything_along(root, person):
    owner = person("sales_representative")
    campaign = save_record(Campaign, {"name": "Fair"}, actor=root)
    lead = make_lead(
        "qualified", company="Quay Ltd", owner=owner, source="exhibition", campaign=campaign, industry="ports",
        need="forty pumps", budget="5000", decision_date="2026-12-24", email="li@example.com",
    )  # fmt: skip
    visit = save_record(Activity, {"kind": "visit", "subject": "Visit", "lead": lead.pk}, actor=root)
    answer = convert_lead(lead.pk, actor=root, at=AT)
    lead.refresh_from_db()
    customer, contact, deal = (
        Customer.objects.get(pk=answer["customer_id"]),
        Contact.objects.get(pk=answer["contact_id"]),
        Opportunity.objects.get(pk=answer["opportunity_id"]),
    )
    assert (lead.status, lead.customer, lead.contact, lead.converted_at) == ("converted", customer, contact, AT)
    assert (customer.name, customer.source, customer.industry, customer.owner) == (
        "Quay Ltd", "exhibition", "ports", owner,
    )  # fmt: skip
    assert (contact.name, contact.mobile, contact.email, contact.customer, contact.is_primary) == (
        "Li Lei", "13800138000", "li@example.com", customer, True,
    )  # fmt: skip
    assert (deal.name, deal.customer, deal.contact, deal.lead, deal.owner) == (
        "Quay Ltd", customer, contact, lead, owner,
    )  # fmt: skip
    assert (deal.source, deal.campaign, deal.amount, deal.needs, deal.expected_close) == (
        "exhibition", campaign, Decimal("5000.00"), ["forty pumps"], date(2026, 12, 24),
    )  # fmt: skip
    visit.refresh_from_db()
    assert (visit.customer, visit.opportunity) == (customer, deal)


@pytest.mark.parametrize("state", LeadStatus.values)
def test_it_converts_qualified_leads_only(root, state):
    lead = make_lead(state)
    before = Lead.objects.values().get(pk=lead.pk)
    if state == "qualified":
        convert_lead(lead.pk, actor=root, at=AT)
        assert counts() == (1, 1, 1)
    else:
        with pytest.raises(Conflict):
            convert_lead(lead.pk, actor=root, at=AT)
        assert counts() == (0, 0, 0)
        assert Lead.objects.values().get(pk=lead.pk) == before


def test_it_answers_by_api_and_only_once(api):
    client = api("sales_representative")
    pk = client.post("leads", {"company": "Quay", "contact_name": "Li", "phone": "021-58881234"}).json()["id"]
    for verb in ("contact", "qualify"):
        assert client.act("leads", pk, verb).status_code == 200
    body = client.act("leads", pk, "convert").json()
    assert body == {
        "customer_id": Customer.objects.get().pk,
        "contact_id": Contact.objects.get().pk,
        "opportunity_id": Opportunity.objects.get().pk,
    }
    assert client.act("leads", pk, "convert").status_code == 409
    assert counts() == (1, 1, 1)
    assert client.get(f"customers/{body['customer_id']}").json()["owner"]["id"] == client.user.pk
    assert Contact.objects.get().phone == "021-58881234"


def test_it_opens_no_opportunity_and_makes_no_contact_when_there_is_none_to_make(root):
    lead = make_lead("qualified", contact_name="")
    answer = convert_lead(lead.pk, actor=root, at=AT, opportunity=False)
    assert answer == {"customer_id": Customer.objects.get().pk, "contact_id": None, "opportunity_id": None}
    assert counts() == (1, 0, 0)


def test_it_takes_the_customer_and_contact_given(root):
    customer = make_customer()
    contact = save_record(Contact, {"customer": customer.pk, "name": "Han Mei"}, actor=root)
    lead = make_lead("qualified")
    answer = convert_lead(lead.pk, actor=root, at=AT, contact_id=contact.pk)
    assert (answer["customer_id"], answer["contact_id"]) == (customer.pk, contact.pk)
    assert counts() == (1, 1, 1)


def test_it_takes_the_customer_of_the_same_company_and_the_person_of_the_same_name(root):
    customer = make_customer(name="上海港湾机械股份有限公司")
    contact = save_record(Contact, {"customer": customer.pk, "name": "Li Lei"}, actor=root)
    lead = make_lead("qualified", company="上海港湾机械有限公司")
    answer = convert_lead(lead.pk, actor=root, at=AT)
    assert (answer["customer_id"], answer["contact_id"]) == (customer.pk, contact.pk)


def test_it_makes_a_customer_of_ones_own_when_the_same_one_is_out_of_sight(acting, person):
    hidden = make_customer(name="Quay Ltd", owner=person("sales_representative"))
    owner = person("sales_representative")
    lead = make_lead("qualified", company="Quay Ltd", owner=owner)
    answer = convert_lead(lead.pk, actor=acting(owner), at=AT)
    assert answer["customer_id"] != hidden.pk
    assert counts() == (2, 1, 1)


@pytest.mark.parametrize("field", ["customer_id", "contact_id"])
def test_it_refuses_records_that_are_not_there(root, field):
    lead = make_lead("qualified")
    with pytest.raises(ValidationFailed) as refused:
        convert_lead(lead.pk, actor=root, at=AT, **{field: 10**9})
    assert [(e.field, e.code) for e in refused.value.errors] == [(field, "not_found")]
    assert counts() == (0, 0, 0)


def test_it_refuses_a_contact_of_another_customer(root):
    customer, other = make_customer(), make_customer()
    contact = save_record(Contact, {"customer": other.pk, "name": "Han Mei"}, actor=root)
    lead = make_lead("qualified")
    with pytest.raises(ValidationFailed) as refused:
        convert_lead(lead.pk, actor=root, at=AT, customer_id=customer.pk, contact_id=contact.pk)
    assert [(e.field, e.code) for e in refused.value.errors] == [("contact_id", "invalid")]
    lead.refresh_from_db()
    assert (lead.status, counts()) == ("qualified", (2, 1, 0))


def test_it_leaves_nothing_behind_when_the_last_step_fails(root, monkeypatch):
    lead = make_lead("qualified")
    before = Lead.objects.values().get(pk=lead.pk)

    def fail(*_args):
        raise Conflict("no more deals")

    monkeypatch.setattr(converting, "_opportunity", fail)
    with pytest.raises(Conflict):
        convert_lead(lead.pk, actor=root, at=AT)
    assert counts() == (0, 0, 0)
    assert Lead.objects.values().get(pk=lead.pk) == before


def test_it_is_not_for_people_who_only_look(acting):
    lead = make_lead("qualified")
    with pytest.raises(NotAllowed):
        convert_lead(lead.pk, actor=acting("auditor"), at=AT)
    assert counts() == (0, 0, 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks")
def test_it_lets_exactly_one_of_several_people_convert():
    from saleswright.config.setup import ship_defaults

    ship_defaults()
    lead = make_lead("qualified")
    start, outcomes = threading.Barrier(6), []

    def convert():
        try:
            start.wait(timeout=10)
            outcomes.append(convert_lead(lead.pk, actor=system("test"), at=AT))
        except Conflict as refused:
            outcomes.append(refused)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=convert) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    winners = [one for one in outcomes if isinstance(one, dict)]
    assert (len(outcomes), len(winners), counts()) == (6, 1, (1, 1, 1))
    assert Lead.objects.get(pk=lead.pk).customer_id == winners[0]["customer_id"]

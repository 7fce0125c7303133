"""The report on what each channel of leads is worth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.clock import Period
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.leads.models import Lead, LeadSource
from saleswright.modules.leads.public import cost_of_sources
from saleswright.modules.market.models import Campaign
from saleswright.modules.pipeline.models import Opportunity

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PATH = "reports/channel-quality?from=2026-03-01&to=2026-03-31"


def name_of(code):
    return LeadSource.objects.get(code=code).name


def lead(status="new", *, answered=None, **values):
    """A lead of March, answered after so many hours."""
    made = save_record(Lead, {"company": "Quay", "phone": "1", "source": "web", **values}, actor=system("test"))
    responded = DAY + timedelta(hours=answered) if answered is not None else None
    Lead.objects.filter(pk=made.pk).update(status=status, created_at=DAY, responded_at=responded)
    return made


def won(of, amount):
    customers = resource_named("customers").model
    customer = save_record(customers, {"name": f"Buyer {of.pk}"}, actor=system("test"))
    values = {"name": "Deal", "customer": customer.pk, "lead": of.pk, "amount": amount}
    deal = save_record(Opportunity, values, actor=system("test"))
    Opportunity.objects.filter(pk=deal.pk).update(status="won", opened_on=DAY.date(), closed_on=date(2026, 4, 1))
    return deal


def cost(code, *spans, **values):
    source = LeadSource.objects.get(code=code)
    lines = {"costs": [{"starts_on": first, "ends_on": last, "amount": amount} for first, last, amount in spans]}
    save_record(LeadSource, values, pk=source.pk, lines=lines, actor=system("test"))


def rows(client, more=""):
    response = client.get(PATH + more)
    assert response.status_code == 200, response.content.decode()
    return {one.pop("group"): one for one in response.json()["rows"]}


def test_it_measures_each_source(api):
    cost("web", ("2026-03-01", "2026-03-31", "300"))
    first = lead("converted", answered=12)
    won(first, "1000")
    won(first, "500")
    lead("qualified", answered=36)
    lead("disqualified")
    lead("disqualified", answered=24)
    lead(source="partner")
    found = rows(api("administrator"))
    assert found["web"] == {
        "leads": 4, "valid": 3, "valid_rate": "0.7500", "qualified": 2, "qualified_rate": "0.5000", "won": 1,
        "won_rate": "0.2500", "revenue": "1500.00", "cost": "300.00", "cost_per_lead": "75.00",
        "cost_per_won": "300.00", "response_days": "1.00",
    }  # fmt: skip
    assert found["partner"]["leads"] == 1
    assert (found["partner"]["cost"], found["partner"]["response_days"]) == (None, None)


def test_it_shows_a_source_that_costs_and_brings_nothing(api):
    cost("campaign", ("2026-03-01", "2026-03-31", "900"))
    found = rows(api("administrator"))["campaign"]
    assert (found["leads"], found["cost"], found["cost_per_lead"], found["valid_rate"]) == (0, "900.00", None, None)


def test_it_leaves_out_leads_of_other_times_and_those_put_away(api):
    outside, gone = lead(), lead()
    Lead.objects.filter(pk=outside.pk).update(created_at=DAY + timedelta(days=30))
    Lead.objects.filter(pk=gone.pk).update(archived_at=DAY)
    assert rows(api("administrator")) == {}


def test_it_groups_by_campaign_with_its_cost(api):
    fair = save_record(Campaign, {"name": "Fair", "cost": "80"}, actor=system("test"))
    lead(campaign=fair.pk)
    lead()
    found = rows(api("administrator"), "&by=campaign")
    assert (found["Fair"]["leads"], found["Fair"]["cost"], found["(none)"]["cost"]) == (1, "80.00", None)


def test_it_counts_what_one_may_see(api, person):
    ann = person("sales_representative")
    lead(owner=ann.pk)
    lead()
    assert rows(api(ann))["web"]["leads"] == 1
    assert api("warehouse").get(PATH).status_code == 403


def test_it_leads_to_the_records_and_is_exported(browse):
    lead()
    client = browse("administrator", language="en")
    page = client.get("/reports/channel-quality?from=2026-03-01&to=2026-03-31").content.decode()
    assert "/leads?created_at__gte=2026-03-01&amp;created_at__lte=2026-03-31&amp;source=web" in page
    assert f"{name_of('web')} brings most leads: 1" in page
    export = client.get("/reports/channel-quality/export?from=2026-03-01&to=2026-03-31&format=csv")
    assert name_of("web") in export.content.decode("utf-8-sig")


def test_it_finds_the_channel_that_costs_least_for_a_deal(browse):
    cost("web", ("2026-03-01", "2026-03-31", "300"))
    cost("campaign", ("2026-03-01", "2026-03-31", "900"))
    won(lead(), "10")
    won(lead(source="campaign"), "10")
    page = browse("administrator", language="en").get("/reports/channel-quality?from=2026-03-01&to=2026-03-31")
    assert f"{name_of('web')} costs least for a won deal" in page.content.decode()


def test_it_spreads_costs_over_their_days_and_takes_the_yearly_cost_for_the_rest():
    cost("web", ("2026-03-22", "2026-04-10", "200"), cost="3650")
    march = cost_of_sources(Period(date(2026, 3, 1), date(2026, 3, 31)))
    assert march == {"web": Decimal("310.00")}  # ten of twenty days, and 21 days of 10
    cost("web", ("2026-03-01", "2026-03-10", "100"), ("2026-03-05", "2026-03-14", "100"), cost="3650")
    assert cost_of_sources(Period(date(2026, 3, 1), date(2026, 3, 31)))["web"] == Decimal("370.00")


def test_it_refuses_a_cost_that_ends_before_it_begins(api):
    source = LeadSource.objects.get(code="web")
    body = {"costs": [{"starts_on": "2026-03-31", "ends_on": "2026-03-01", "amount": "1"}]}
    response = api("administrator").patch(f"lead-sources/{source.pk}", body)
    assert [one["field"] for one in response.json()["errors"]] == ["costs.0.ends_on"]
    assert not source.costs.exists()

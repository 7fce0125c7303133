"""Needs, people, team and competitors of a deal."""

from __future__ import annotations

from datetime import date

import pytest

from saleswright.kernel.models import Collaborator
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Contact
from saleswright.modules.market.models import Competitor
from saleswright.modules.pipeline.models import CloseChange, Opportunity, OpportunityNeed
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity

pytestmark = pytest.mark.django_db


def errors_of(response):
    assert response.status_code == 422, response.content.decode()
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def contact(root, customer=None):
    return save_record(Contact, {"customer": (customer or make_customer()).pk, "name": "Li Lei"}, actor=root)


def test_it_keeps_needs_people_team_and_competitors(api, root, person):
    one, rival, colleague = contact(root), save_record(Competitor, {"name": "Rival"}, actor=root), person()
    body = (
        api()
        .post(
            "opportunities",
            {
                "name": "Robots",
                "need_lines": [
                    {"need": "quiet", "importance": "high", "answer": "62 dB", "gap": "no proof"},
                    {"need": "fast"},
                ],
                "contact_lines": [{"contact_id": one.pk, "role": "decides", "attitude": "champion"}],
                "member_lines": [{"member_id": colleague.pk, "role": "presales", "share": 30}],
                "competitor_lines": [{"competitor_id": rival.pk, "standing": "ahead"}],
            },
        )
        .json()
    )
    assert body["needs"] == ["quiet", "fast"]
    assert [line["importance"] for line in body["need_lines"]] == ["high", "medium"]
    assert (body["contact_lines"][0]["contact"]["id"], body["customer"]["id"]) == (one.pk, one.customer_id)
    assert (body["member_lines"][0]["share"], body["competitor_lines"][0]["standing"]) == (30, "ahead")


def test_it_makes_lines_of_needs_given_as_texts(api):
    client = api()
    body = client.post("opportunities", {"name": "Robots", "needs": ["quiet", " quiet ", "fast"]}).json()
    assert [line["need"] for line in body["need_lines"]] == ["quiet", "fast"]
    OpportunityNeed.objects.filter(need="fast").update(answer="two a second")
    body = client.patch(f"opportunities/{body['id']}", {"needs": ["fast", "cheap"]}).json()
    assert sorted((line["need"], line["answer"]) for line in body["need_lines"]) == [
        ("cheap", ""), ("fast", "two a second"),
    ]  # fmt: skip
    assert body["needs"] == ["fast", "cheap"]


@pytest.mark.parametrize("needs", ["quiet", [""], [1], ["x" * 301]])
def test_it_refuses_needs_that_are_no_texts(api, needs):
    assert errors_of(api().post("opportunities", {"name": "Robots", "needs": needs})) == [("needs", "invalid")]
    assert not Opportunity.objects.exists()


def test_it_refuses_people_of_another_customer(api, root):
    body = {"name": "X", "customer_id": make_customer().pk, "contact_lines": [{"contact_id": contact(root).pk}]}
    assert errors_of(api().post("opportunities", body)) == [("contact_lines.0.contact_id", "invalid")]


def test_it_refuses_to_name_somebody_twice(api, person):
    who = person().pk
    body = {"name": "X", "member_lines": [{"member_id": who}, {"member_id": who}]}
    assert errors_of(api().post("opportunities", body)) == [("member_lines.1.member_id", "duplicate")]


def test_it_refuses_shares_beyond_the_whole(api, person):
    lines = [{"member_id": person().pk, "share": 60}, {"member_id": person().pk, "share": 41}]
    assert errors_of(api().post("opportunities", {"name": "X", "member_lines": lines})) == [
        ("member_lines.1.share", "range")
    ]
    lines[1]["share"] = 40
    assert api().post("opportunities", {"name": "X", "member_lines": lines}).status_code == 201


def test_it_shows_the_deal_to_its_team_as_long_as_they_are_in_it(api, person):
    colleague = person("sales_representative")
    client, seer = api(), api(colleague)
    deal = make_opportunity(owner=person("sales_representative"))
    assert seer.get(f"opportunities/{deal.pk}").status_code == 404
    client.patch(f"opportunities/{deal.pk}", {"member_lines": [{"member_id": colleague.pk}]})
    assert seer.get(f"opportunities/{deal.pk}").status_code == 200
    client.patch(f"opportunities/{deal.pk}", {"member_lines": []})
    assert seer.get(f"opportunities/{deal.pk}").status_code == 404
    assert not Collaborator.objects.filter(resource="opportunities", record_id=deal.pk).exists()


def test_it_refuses_to_win_without_a_customer(api):
    deal = make_opportunity()
    response = api().act("opportunities", deal.pk, "win")
    assert response.status_code == 409
    deal.refresh_from_db()
    assert deal.status == "open"


def test_it_writes_each_change_of_the_expected_close(api):
    client, deal = api(), make_opportunity(expected_close="2026-12-01")
    path = f"opportunities/{deal.pk}"
    client.patch(path, {"expected_close": "2027-01-15"})
    client.patch(path, {"expected_close": "2027-01-15", "next_step": "call"})
    client.patch(path, {"expected_close": None})
    client.patch(path, {"expected_close": "2027-03-01"})
    rows = CloseChange.objects.filter(opportunity=deal).values_list("from_day", "to_day", "actor_id")
    assert list(rows) == [(date(2026, 12, 1), date(2027, 1, 15), client.user.pk)]

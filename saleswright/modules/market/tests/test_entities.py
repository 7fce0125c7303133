"""The standard tests of campaigns and competitors, and the order of a campaign's days."""

import itertools

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.modules.market.models import Campaign

_serial = itertools.count(1)


class TestCampaigns(EntityTestCase):
    resource = "campaigns"
    change = {"budget": "12000.00"}

    def values(self):
        return {
            "name": f"Spring fair {next(_serial)}",
            "kind": "exhibition",
            "starts_on": "2026-03-01",
            "ends_on": "2026-03-04",
        }


class TestCompetitors(EntityTestCase):
    resource = "competitors"
    change = {"weaknesses": "slow delivery"}

    def values(self):
        return {"name": f"Rival {next(_serial)}", "strengths": "price"}


@pytest.mark.django_db
def test_it_numbers_a_campaign_and_gives_it_to_its_maker(api):
    client = api("sales_operations")
    body = client.post("campaigns", {"name": "Autumn fair"}).json()
    assert body["code"].startswith("CM-")
    assert body["owner"]["id"] == client.user.pk


@pytest.mark.django_db
def test_it_refuses_a_campaign_that_ends_before_it_starts(api):
    body = {"name": "Fair", "starts_on": "2026-03-02", "ends_on": "2026-03-01"}
    response = api().post("campaigns", body)
    assert response.status_code == 422
    assert response.json()["errors"][0] == {
        "field": "ends_on",
        "code": "order",
        "message": "The end lies before the start.",
    }
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_it_lets_representatives_look_up_competitors_but_not_write_them(api):
    pk = api("sales_operations").post("competitors", {"name": "Rival"}).json()["id"]
    representative = api("sales_representative")
    assert representative.get(f"competitors/{pk}").json()["name"] == "Rival"
    assert representative.patch(f"competitors/{pk}", {"name": "Other"}).status_code == 403
    assert representative.post("competitors", {"name": "Another"}).status_code == 403

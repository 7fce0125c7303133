"""Target markets: how attractive they are, what is refused, and sizes by period."""

import itertools

import pytest

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.market.models import MarketCriterion, MarketRating, MarketSize, TargetMarket

pytestmark = pytest.mark.django_db
_serial = itertools.count(1)


def make_market(*ratings, **values):
    number = next(_serial)
    given = {"name": f"Market {number}", "size": f"size {number}", **values}
    rows = [{"criterion": criterion.pk, "rating": rating} for criterion, rating in ratings]
    return save_record(TargetMarket, given, lines={"ratings": rows}, actor=system("test"))


def make_market_criterion(weight=10, **values):
    given = {"name": f"Criterion {next(_serial)}", "weight": weight, **values}
    return save_record(MarketCriterion, given, actor=system("test"))


class TestTargetMarkets(EntityTestCase):
    resource = "target-markets"
    change = {"note": "grows fast"}

    def values(self):
        number = next(_serial)
        ratings = [{"criterion_id": make_market_criterion().pk, "rating": 7}]
        return {"name": f"Market {number}", "industry": f"industry {number}", "ratings": ratings}


class TestMarketCriteria(EntityTestCase):
    resource = "market-criteria"
    change = {"weight": 30}

    def values(self):
        return {"name": f"Growth {next(_serial)}", "weight": 20}


class TestMarketSizes(EntityTestCase):
    resource = "market-sizes"
    change = {"amount": "2000000.00"}

    def values(self):
        return {"market_id": make_market().pk, "year": 2025, "period": "year", "amount": "1000000.00", "source": "CMIF"}


def points(api, market):
    return api().get(f"target-markets/{market.pk}").json()["attractiveness"]


def test_it_weighs_the_ratings_to_points_of_a_hundred(api):
    growth, margin, rivals = make_market_criterion(50), make_market_criterion(30), make_market_criterion(20)
    assert points(api, make_market((growth, 9), (margin, 5), (rivals, 2))) == "64.0"


def test_it_rounds_points_half_up_to_one_decimal(api):
    heavy, light = make_market_criterion(7), make_market_criterion(1)
    assert points(api, make_market((heavy, 7), (light, 6))) == "68.8"


def test_it_leaves_out_criteria_by_which_a_market_was_not_rated(api):
    growth = make_market_criterion(50)
    make_market_criterion(50)
    assert points(api, make_market((growth, 9))) == "90.0"


def test_a_changed_weight_counts_at_once_and_an_archived_criterion_no_more(api):
    growth, margin = make_market_criterion(50), make_market_criterion(50)
    market, client = make_market((growth, 10), (margin, 0)), api()
    assert points(api, market) == "50.0"
    assert client.patch(f"market-criteria/{growth.pk}", {"weight": 100}).status_code == 200
    assert points(api, market) == "66.7"
    assert client.act("market-criteria", margin.pk, "archive").status_code == 200
    assert points(api, market) == "100.0"


def test_a_market_that_was_not_rated_has_no_points(api):
    assert points(api, make_market()) is None


@pytest.mark.parametrize("rating", [-1, 11, "x"])
def test_it_refuses_ratings_out_of_range(api, rating):
    body = {"name": "Odd", "ratings": [{"criterion_id": make_market_criterion().pk, "rating": rating}]}
    response = api().post("target-markets", body)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == ["ratings.0.rating"]
    assert not TargetMarket.objects.exists()


def test_it_refuses_to_rate_twice_by_a_criterion(api):
    criterion = make_market_criterion()
    row = {"criterion_id": criterion.pk, "rating": 5}
    response = api().post("target-markets", {"name": "Odd", "ratings": [row, row]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["message"] == "The market is rated by this criterion already."
    assert not MarketRating.objects.exists()


def test_it_refuses_an_archived_criterion(api):
    client, criterion = api(), make_market_criterion()
    client.act("market-criteria", criterion.pk, "archive")
    row = {"criterion_id": criterion.pk, "rating": 6}
    assert client.post("target-markets", {"name": "New", "ratings": [row]}).status_code == 422
    assert not TargetMarket.objects.exists()


def test_it_refuses_two_markets_that_are_cut_alike(api):
    client = api()
    body = {"industry": "能源", "size": "large"}
    assert client.post("target-markets", {"name": "One", **body}).status_code == 201
    response = client.post("target-markets", {"name": "Two", **body})
    assert response.status_code == 422
    assert response.json()["errors"][0]["message"] == "There is a target market of the same region, industry and size."
    assert client.post("target-markets", {"name": "Two", "industry": "能源"}).status_code == 201
    assert TargetMarket.objects.count() == 2


def test_it_keeps_one_size_a_market_and_period(api):
    client, market = api(), make_market()
    body = {"market_id": market.pk, "year": 2025, "period": "q1", "amount": "100.00", "source": "CMIF"}
    assert client.post("market-sizes", body).status_code == 201
    assert client.post("market-sizes", body).status_code in {409, 422}
    assert MarketSize.objects.count() == 1


@pytest.mark.parametrize(("name", "value"), [("amount", "-1"), ("source", ""), ("year", 1800), ("period", "m01")])
def test_it_refuses_sizes_that_make_no_sense(api, name, value):
    body = {"market_id": make_market().pk, "year": 2025, "amount": "100.00", "source": "CMIF", name: value}
    response = api().post("market-sizes", body)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [name]
    assert not MarketSize.objects.exists()


def test_representatives_look_markets_up_and_do_not_write_them(api):
    market, client = make_market(), api("sales_representative")
    assert client.get(f"target-markets/{market.pk}").status_code == 200
    assert client.patch(f"target-markets/{market.pk}", {"note": "x"}).status_code == 403
    assert TargetMarket.objects.get(pk=market.pk).note == ""

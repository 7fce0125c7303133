"""Customer profiles: points and their rounding, who fits, counts by scope, and what the reader may not know."""

import itertools
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.testing import EntityTestCase
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.models import Grant, Role
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.market.models import CustomerProfile, ProfileCriterion
from saleswright.modules.market.profiles import scoring
from saleswright.modules.market.profiles.scoring import best_prospects, in_use, match_of, tally, yardsticks

pytestmark = pytest.mark.django_db
_serial = itertools.count(1)
MACHINERY = {"field": "industry", "op": "exact", "value": "machinery"}
EAST = {"or": [{"field": "province", "value": "上海"}, {"field": "province", "value": "江苏"}]}
LARGE = {"field": "size", "op": "exact", "value": "1000人以上"}


def make_profile(**values):
    return save_record(CustomerProfile, {"name": f"Profile {next(_serial)}", **values}, actor=system("test"))


def make_criterion(profile, conditions, weight=10, **values):
    number = next(_serial)
    given = {"profile": profile.pk, "label": f"Criterion {number}", "weight": weight, "position": number, **values}
    return save_record(ProfileCriterion, {**given, "conditions": conditions}, actor=system("test"))


def make_customer(name, **values):
    return save_record(Customer, {"name": name, **values}, actor=system("test"))


class TestCustomerProfiles(EntityTestCase):
    resource = "customer-profiles"
    change = {"threshold": 80}

    def values(self):
        return {"name": f"Large makers {next(_serial)}", "threshold": 60}


class TestProfileCriteria(EntityTestCase):
    resource = "profile-criteria"
    change = {"weight": 30}

    def values(self):
        profile = make_profile()
        return {"profile_id": profile.pk, "label": "Machinery", "weight": 20, "conditions": MACHINERY}


@pytest.fixture
def firm(root):
    profile = make_profile(name="Makers", threshold=67)
    industry = make_criterion(profile, MACHINERY, 20, label="Machinery")
    place = make_criterion(profile, EAST, 10, label="East")
    make_customer("Both", industry="machinery", province="上海")
    make_customer("Machines", industry="machinery", province="广东")
    make_customer("East", industry="food", province="江苏", life_cycle="active")
    make_customer("Neither", industry="food")
    return SimpleNamespace(profile=profile, industry=industry, place=place)


def named(name):
    return Customer.objects.get(name=name)


@pytest.mark.parametrize(("name", "score", "fits"), [
    ("Both", 100, True), ("Machines", 67, True), ("East", 33, False), ("Neither", 0, False),
])  # fmt: skip
def test_it_gives_points_of_a_hundred_by_weight_rounded_half_up(root, firm, name, score, fits):
    (match,) = match_of(named(name).pk, [firm.profile], root)
    assert (match.score, match.fits) == (score, fits)


@pytest.mark.parametrize("threshold", range(1, 101))
def test_the_threshold_in_the_database_is_that_of_the_rounded_points(threshold):
    criteria = [SimpleNamespace(pk=n, weight=weight) for n, weight in enumerate((3, 7, 11, 2))]
    rungs = tuple(scoring.Rung(one, None, "") for one in criteria)
    stick = scoring.Yardstick(SimpleNamespace(threshold=threshold), rungs)
    for met in range(24):
        assert (met >= stick.least) is (stick.points(met) >= threshold)


def test_it_says_which_criteria_gave_points(root, firm):
    (match,) = match_of(named("Machines").pk, [firm.profile], root)
    told = [(one.label, one.points, one.met, one.required) for one in match.reasons]
    assert told == [("Machinery", 67, True, False), ("East", 33, False, False)]


def test_a_customer_that_lacks_what_is_required_never_fits(root, firm):
    make_criterion(firm.profile, LARGE, 1, required=True)
    (match,) = match_of(named("Both").pk, [firm.profile], root)
    assert (match.score, match.fits) == (97, False)
    (stick,) = yardsticks([firm.profile], root)
    assert tally(stick, root).fitting == 0


def test_it_counts_who_fits_and_who_meets_each_criterion_with_one_query(root, firm):
    (stick,) = yardsticks([firm.profile], root)
    with CaptureQueriesContext(connection) as captured:
        found = tally(stick, root)
    assert len(captured) == 1
    assert (found.customers, found.fitting, found.prospects) == (4, 2, 2)
    assert [count for _rung, count in found.by_criterion] == [2, 2]


def test_it_counts_only_the_customers_that_the_reader_may_see(firm, person):
    seller = person("sales_representative")
    Customer.objects.filter(name="Machines").update(owner=seller)
    (stick,) = yardsticks([firm.profile], actor_for(seller, origin="test"))
    found = tally(stick, actor_for(seller, origin="test"))
    assert (found.customers, found.fitting) == (1, 1)
    assert [row["name"] for row in best_prospects(stick, actor_for(seller, origin="test"))] == ["Machines"]


def test_it_lists_the_nearest_prospects_without_customers_that_buy(root, firm):
    (stick,) = yardsticks([firm.profile], root)
    told = [(row["name"], row["score"], row["fits"]) for row in best_prospects(stick, root)]
    assert told == [("Both", 100, True), ("Machines", 67, True)]


def test_archived_customers_and_criteria_are_not_counted(root, firm, api):
    client = api("administrator")
    assert client.act("customers", named("Both").pk, "archive").status_code == 200
    assert client.act("profile-criteria", firm.place.pk, "archive").status_code == 200
    body = client.get(f"customer-profiles/{firm.profile.pk}/match").json()
    assert (body["customers"], body["fitting"]) == (3, 1)
    assert [one["label"] for one in body["criteria"]] == ["Machinery"]


def test_a_profile_without_criteria_fits_nobody(root, firm):
    empty = make_profile(threshold=1)
    (stick,) = yardsticks([empty], root)
    assert tally(stick, root).fitting == 0
    assert match_of(named("Both").pk, [empty], root) == []


def test_a_criterion_without_conditions_is_met_by_nobody(root, firm):
    make_criterion(firm.profile, {}, 10)
    (match,) = match_of(named("Both").pk, [firm.profile], root)
    assert (match.score, [one.met for one in match.reasons]) == (75, [True, True, False])


def test_what_is_gone_can_not_be_judged_and_when_required_nobody_fits(root, firm):
    broken = make_criterion(firm.profile, LARGE, 10, required=True)
    ProfileCriterion.objects.filter(pk=broken.pk).update(conditions={"field": "custom.gone", "value": "1"})
    (match,) = match_of(named("Both").pk, [firm.profile], root)
    assert (match.reasons[2].met, match.fits) == (None, False)


def test_criteria_name_figures_and_a_reader_without_their_right_can_not_judge_them(root, firm, person):
    ordered = {"field": "figures.ordered", "op": "gte", "value": "1", "period": "this_year"}
    make_criterion(firm.profile, ordered, 10, label="Buys")
    role = Role.objects.create(code="looks", name="Looks", created_at=firm.profile.created_at,
                               updated_at=firm.profile.created_at)  # fmt: skip
    Grant.objects.bulk_create(
        Grant(role=role, permission=name, scope="all") for name in ("customers.view", "customer-profiles.view")
    )
    (match,) = match_of(named("Both").pk, [firm.profile], actor_for(person("looks"), origin="test"))
    assert [one.met for one in match.reasons] == [True, True, None]
    (match,) = match_of(named("Both").pk, [firm.profile], root)
    assert [one.met for one in match.reasons] == [True, True, False]


def test_it_refuses_conditions_that_make_no_sense_for_customers(api, firm):
    body = {"profile_id": firm.profile.pk, "label": "Odd", "conditions": {"field": "colour", "value": "red"}}
    response = api("sales_operations").post("profile-criteria", body)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == ["conditions"]
    assert ProfileCriterion.objects.filter(profile=firm.profile).count() == 2


@pytest.mark.parametrize("weight", [0, 101])
def test_it_refuses_weights_out_of_range(api, firm, weight):
    response = api().patch(f"profile-criteria/{firm.place.pk}", {"weight": weight})
    assert response.status_code == 422
    assert ProfileCriterion.objects.get(pk=firm.place.pk).weight == 10


def test_it_refuses_more_criteria_than_can_be_counted_at_once(api, firm, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_CRITERIA", 2)
    body = {"profile_id": firm.profile.pk, "label": "One more", "conditions": LARGE}
    response = api().post("profile-criteria", body)
    assert response.json()["errors"][0] == {
        "field": "profile_id", "code": "too_many", "message": "At most 2 criteria.",
    }  # fmt: skip
    assert ProfileCriterion.objects.filter(profile=firm.profile).count() == 2


def test_profiles_out_of_use_are_not_shown_with_customers(root, firm):
    make_profile(active=False)
    assert list(in_use()) == [firm.profile]


def test_it_answers_the_matches_of_a_customer(api, firm):
    response = api("sales_director").get(f"customers/{named('Machines').pk}/profiles")
    assert response.json() == {
        "profiles": [{
            "profile": {"id": firm.profile.pk, "label": "Makers"}, "score": 67, "fits": True,
            "reasons": [
                {"label": "Machinery", "points": 67, "met": True, "required": False},
                {"label": "East", "points": 33, "met": False, "required": False},
            ],
        }]
    }  # fmt: skip


def test_matches_of_a_customer_that_one_may_not_see_are_not_found(api, firm):
    assert api("sales_representative").get(f"customers/{named('Both').pk}/profiles").status_code == 404


def test_representatives_read_profiles_and_do_not_write_them(api, firm):
    client = api("sales_representative")
    assert client.get(f"customer-profiles/{firm.profile.pk}/match").json()["customers"] == 0
    assert client.patch(f"customer-profiles/{firm.profile.pk}", {"threshold": 1}).status_code == 403
    assert CustomerProfile.objects.get(pk=firm.profile.pk).threshold == 67


def test_the_page_of_a_profile_counts_and_lists(browse, firm):
    text = (
        browse("sales_director", language="en")
        .get(f"/customer-profiles/{firm.profile.pk}/match/panel")
        .content.decode()
    )
    assert "2 of 4 customers fit" in text
    assert f'href="/customers/{named("Machines").pk}"' in text


def test_the_page_of_a_profile_says_nothing_of_customers_to_those_who_see_none(browse, firm):
    text = browse("hr", language="en").get(f"/customer-profiles/{firm.profile.pk}/match/panel").content.decode()
    assert "You see no customers." in text
    assert "customers fit" not in text


def test_the_page_of_a_customer_shows_its_points(browse, firm):
    client, pk = browse("sales_director"), named("Machines").pk
    assert f"/customers/{pk}/profiles/panel" in client.get(f"/customers/{pk}").content.decode()
    text = client.get(f"/customers/{pk}/profiles/panel").content.decode()
    assert "<b>67</b>" in text
    assert "0 / 33" in text


def test_the_page_of_a_criterion_counts_who_meets_it(browse, firm):
    address = f"/profile-criteria/{firm.industry.pk}/match/panel"
    assert address in browse("sales_director").get(f"/profile-criteria/{firm.industry.pk}").content.decode()
    text = browse("sales_director", language="en").get(address).content.decode()
    assert "2 of 4 customers meet it" in text
    assert "You see no customers." in browse("hr", language="en").get(address).content.decode()


def test_the_page_of_a_criterion_says_when_it_can_not_be_judged(browse, firm):
    ProfileCriterion.objects.filter(pk=firm.place.pk).update(conditions={"field": "custom.gone", "value": "1"})
    text = browse("sales_director", language="en").get(f"/profile-criteria/{firm.place.pk}/match/panel")
    assert "You may not know what this asks for" in text.content.decode()

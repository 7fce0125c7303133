"""Arriving and leaving: near, far, without position, twice, somebody else's."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.geography import Place
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.states import ActivityKind, PlaceState
from saleswright.modules.pipeline.tests.factories import make_customer
from saleswright.modules.visits.actions import check_in as actions
from saleswright.modules.visits.models import VisitRules
from saleswright.modules.visits.tests.factories import AT, GATE, make_visit

pytestmark = pytest.mark.django_db
#: about 5.6 km north of the gate
FAR = {"latitude": "31.280416", "longitude": "121.473701"}
NEAR = {"latitude": "31.231000", "longitude": "121.473701"}  # 65 m


def arrive(visit, actor, at=AT, **position):
    actions.check_in(visit.pk, actor=actor, at=at, **position)
    visit.refresh_from_db()
    return visit


def untouched(visit):
    before = visit.version
    visit.refresh_from_db()
    return (visit.checked_in_at, visit.latitude, visit.place, visit.version) == (None, None, "", before)


@pytest.mark.parametrize(("metres_north", "accuracy", "state"), [
    (0, None, PlaceState.WITHIN), (499, None, PlaceState.WITHIN), (501, None, PlaceState.OUTSIDE),
    (700, 250, PlaceState.WITHIN), (760, 250, PlaceState.OUTSIDE), (999, 90_000, PlaceState.WITHIN),
    (1001, 90_000, PlaceState.OUTSIDE),
])  # fmt: skip
def test_it_counts_accuracy_for_the_person_up_to_the_range_itself(metres_north, accuracy, state):
    gate = Place(31.230416, 121.473701)
    there = Place(gate.latitude + metres_north / 111_195.08, gate.longitude)
    found = actions.judge(there, accuracy, gate, 500)
    assert (found.state, found.metres) == (state, metres_north)


def test_it_notes_place_time_and_distance_of_a_visit_at_the_gate(api, person, root):
    seller = person("sales_representative")
    visit = make_visit(make_customer(**GATE), owner=seller)
    body = api(seller).act("activities", visit.pk, "check-in", latitude=31.231, longitude=121.473701, accuracy=12)
    assert body.status_code == 200, body.content.decode()
    found = body.json()
    assert (found["place"], found["distance"], found["accuracy"], found["place_note"]) == ("within", 65, 12, "")
    assert (found["latitude"], found["longitude"], found["status"]) == ("31.231", "121.473701", "planned")
    assert found["checked_in_at"]
    assert AuditEntry.objects.filter(resource="activities", record_id=visit.pk, action="check-in").count() == 1


def test_it_is_refused_far_away_without_a_reason_and_marked_with_one(root):
    visit = make_visit(make_customer(**GATE))
    with pytest.raises(ValidationFailed) as refused:
        arrive(visit, root, **FAR)
    assert [(e.field, e.code) for e in refused.value.errors] == [("reason", "required")]
    assert "5.6 km" in str(refused.value.errors[0].message)
    assert untouched(visit)
    arrive(visit, root, reason="They moved to the new hall", **FAR)
    assert (visit.place, visit.distance, visit.place_note) == ("outside", 5560, "They moved to the new hall")


def test_it_is_marked_without_a_position_and_says_why(root):
    visit = make_visit(make_customer(**GATE))
    with pytest.raises(ValidationFailed) as refused:
        arrive(visit, root, missing="denied")
    assert [e.field for e in refused.value.errors] == ["reason"]
    assert untouched(visit)
    arrive(visit, root, missing="denied", reason="Company phone")
    assert (visit.place, visit.latitude, visit.distance) == ("no_position", None, None)
    assert visit.place_note == "Location was not allowed · Company phone"
    assert visit.checked_in_at == AT


def test_it_needs_no_reason_where_the_customer_has_no_coordinates(root):
    visit = arrive(make_visit(), root, **NEAR)
    assert (visit.place, visit.distance, visit.latitude) == ("no_address", None, Decimal("31.231000"))


def test_it_follows_the_range_of_the_company(root):
    VisitRules.objects.update(radius=6000)
    assert arrive(make_visit(make_customer(**GATE)), root, **FAR).place == "within"


def test_it_is_noted_once(root):
    visit = arrive(make_visit(make_customer(**GATE)), root, **NEAR)
    with pytest.raises(Conflict, match="Checked in already"):
        arrive(visit, root, at=AT + timedelta(hours=1), **GATE)
    visit.refresh_from_db()
    assert (visit.checked_in_at, visit.distance) == (AT, 65)


@pytest.mark.parametrize("role", ["sales_manager", "sales_director"])
def test_nobody_arrives_for_somebody_else(acting, person, role):
    visit = make_visit(make_customer(**GATE), owner=person("sales_representative"))
    with pytest.raises((NotAllowed, NotFound)):
        arrive(visit, acting(role), **GATE)
    assert untouched(visit)


@pytest.mark.parametrize("kind", [kind for kind in ActivityKind.values if kind != "visit"])
def test_it_is_for_visits_only(root, kind):
    activity = make_visit(make_customer(**GATE), kind=kind)
    with pytest.raises(Conflict, match="Only visits have a check-in"):
        arrive(activity, root, **GATE)
    assert untouched(activity)


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ({"latitude": "90.000001", "longitude": "0"}, ["latitude"]),
        ({"latitude": "0", "longitude": "-180.000001"}, ["longitude"]),
        ({"latitude": "31"}, ["longitude"]),
        ({"longitude": "121"}, ["latitude"]),
        ({"latitude": "91", "longitude": "181"}, ["latitude", "longitude"]),
        ({"latitude": "31", "longitude": "121", "accuracy": -1}, ["accuracy"]),
        ({"latitude": "31", "longitude": "121", "accuracy": 10_000_001}, ["accuracy"]),
        ({"missing": "asleep", "reason": "x"}, ["missing"]),
    ],
)
def test_it_refuses_places_that_do_not_exist(root, place, fields):
    visit = make_visit()
    with pytest.raises(ValidationFailed) as refused:
        arrive(visit, root, **place)
    assert [e.field for e in refused.value.errors] == fields
    assert untouched(visit)


def test_it_takes_the_poles_and_the_date_line(root):
    visit = arrive(make_visit(), root, latitude="-90", longitude="180")
    assert (visit.latitude, visit.longitude) == (Decimal("-90.000000"), Decimal("180.000000"))


def test_it_ends_with_the_check_out_and_knows_how_long_it_was(root):
    visit = arrive(make_visit(make_customer(**GATE)), root, **NEAR)
    actions.check_out(visit.pk, actor=root, at=AT + timedelta(minutes=48, seconds=59))
    visit.refresh_from_db()
    assert (visit.minutes_there, visit.status) == (48, "planned")
    with pytest.raises(Conflict, match="Checked out already"):
        actions.check_out(visit.pk, actor=root, at=AT + timedelta(hours=2))
    visit.refresh_from_db()
    assert visit.minutes_there == 48


def test_nobody_leaves_who_did_not_arrive(root):
    visit = make_visit()
    with pytest.raises(Conflict, match="Check in first"):
        actions.check_out(visit.pk, actor=root, at=AT)
    assert untouched(visit)


# --- without a plan --------------------------------------------------------------------------------------------


def test_an_unplanned_visit_is_made_and_checked_in_at_once(api, person):
    seller = person("sales_representative")
    customer = make_customer(owner=seller, **GATE)
    answer = api(seller).act("customers", customer.pk, "visit-now", **NEAR)
    assert answer.status_code == 200, answer.content.decode()
    visit = Activity.objects.get(pk=answer.json()["id"])
    assert (visit.ad_hoc, visit.owner_id, visit.place, visit.subject) == (True, seller.pk, "within", "Unplanned visit")
    assert visit.planned_at == visit.checked_in_at


def test_there_is_no_unplanned_visit_when_the_check_in_is_refused(api, person):
    seller = person("sales_representative")
    customer = make_customer(owner=seller, **GATE)
    answer = api(seller).act("customers", customer.pk, "visit-now", **FAR)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]
    assert not Activity.objects.exists()


def test_a_customer_without_coordinates_can_have_those_of_the_visit(root):
    visit = arrive(make_visit(), root, **NEAR)
    actions.give_place(visit.pk, actor=root, at=AT)
    customer = Customer.objects.get(pk=visit.customer_id)
    assert (customer.latitude, customer.longitude) == (Decimal("31.231000"), Decimal("121.473701"))
    with pytest.raises(NotAllowed):
        actions.give_place(visit.pk, actor=root, at=AT)
    assert str(actions.gives_the_place(visit)) == "The customer has coordinates already."


def test_coordinates_are_given_by_the_right_to_change_the_customer(acting, person):
    seller = person("sales_representative")
    visit = make_visit(make_customer(owner=person("sales_representative")), owner=seller)
    with pytest.raises(NotAllowed):
        actions.give_place(visit.pk, actor=acting(seller), at=AT)
    assert str(actions.gives_the_place(visit)) == "This visit has no position."
    Activity.objects.filter(pk=visit.pk).update(**NEAR, checked_in_at=AT)
    with pytest.raises((NotAllowed, NotFound)):
        actions.give_place(visit.pk, actor=acting(seller), at=AT)
    assert Customer.objects.get(pk=visit.customer_id).latitude is None


def test_its_panel_says_where_and_how_long(browse, root, person):
    seller = person("sales_representative", language="en")
    visit = make_visit(make_customer(**GATE), owner=seller)
    client = browse(seller)
    assert "Not checked in yet. Within 500 m" in client.get(f"/activities/{visit.pk}/visit/panel").content.decode()
    arrive(visit, root, reason="New hall", **FAR)
    actions.check_out(visit.pk, actor=root, at=AT + timedelta(minutes=30))
    page = client.get(f"/activities/{visit.pk}/visit/panel").content.decode()
    for text in ("Out of range", "5.6 km", "New hall", "30 min", "Take a photo"):
        assert text in page
    call = make_visit(kind="call", owner=seller)
    assert "Check-in" not in client.get(f"/activities/{call.pk}/visit/panel").content.decode()
    assert browse("sales_representative").get(f"/activities/{visit.pk}/visit/panel").status_code == 404


def test_needs_that_were_learned_stand_on_the_customer(browse, root, person):
    seller = person("sales_representative", language="en")
    customer = make_customer(owner=seller, level="A", **GATE)
    make_visit(customer, owner=seller, done_at=AT, needs="12 axes")
    save_record(Customer, {"size": "large"}, pk=customer.pk, actor=root)
    page = browse(seller).get(f"/customers/{customer.pk}/needs/panel").content.decode()
    assert "12 axes" in page
    assert "2026-11-25" in page

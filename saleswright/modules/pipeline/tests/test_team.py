"""The team's pipeline: people by stages, what needs a look, and handing deals over from there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.modules.pipeline import team
from saleswright.modules.pipeline.models import Activity, Opportunity, Pipeline
from saleswright.modules.pipeline.tests.factories import make_customer, make_opportunity, stage

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def default():
    return Pipeline.objects.get(name="default").pk


def seats(actor, **values):
    return {seat.name: seat for seat in team.seats(default(), actor, **values)}


def english(person, role="administrator", **values):
    user = person(role, **values)
    User.objects.filter(pk=user.pk).update(language="en")
    return User.objects.get(pk=user.pk)


def test_it_seats_people_with_their_deals_in_each_stage(root, person):
    zhang, li = person(name="Zhang"), person(name="Li")
    make_opportunity(owner=zhang, amount="100")
    make_opportunity(owner=zhang, amount="50", stage=stage("needs"))
    make_opportunity(owner=li, amount="900")
    make_opportunity(history=True, owner=li, status="lost", closed_on="2026-01-01")
    make_opportunity(amount="1")
    found = seats(root)
    assert list(found) == ["Li", "Zhang", "(none)"]
    seat = found["Zhang"]
    assert seat.stages == {stage("new").pk: (1, Decimal("100.00")), stage("needs").pk: (1, Decimal("50.00"))}
    assert (seat.count, seat.amount, seat.weighted) == (2, Decimal("150.00"), Decimal("25.00"))


def test_it_counts_what_is_stuck_and_slipped(root, person):
    owner, today = person(name="Zhang"), clock.today()
    stuck = make_opportunity(owner=owner)
    Opportunity.objects.filter(pk=stuck.pk).update(stage_due_on=today - DAY)
    make_opportunity(owner=owner, expected_close=(today - DAY).isoformat())
    make_opportunity(owner=owner, expected_close=today.isoformat())
    seat = seats(root)["Zhang"]
    assert (seat.count, seat.stuck, seat.slipped) == (3, 1, 1)


def test_it_says_who_is_not_following_up(root, person):
    busy, lazy, never = (person(name=name) for name in ("Busy", "Lazy", "Never"))
    customer = make_customer()
    since = clock.day_start(team.working_days_ago(clock.today(), 5))
    for owner, at in ((busy, since), (lazy, since - timedelta(seconds=1))):
        values = {"kind": "call", "subject": "X", "customer": customer.pk, "owner": owner.pk, "done_at": at}
        save_record(Activity, values, actor=system("test"))
    for owner in (busy, lazy, never):
        make_opportunity(owner=owner)
    assert {name: seat.idle for name, seat in seats(root).items()} == {"Busy": False, "Lazy": True, "Never": True}
    assert seats(root)["Never"].last_activity is None


@pytest.mark.parametrize(("day", "count", "expected"), [
    (date(2026, 11, 25), 1, date(2026, 11, 24)),
    (date(2026, 11, 25), 5, date(2026, 11, 18)),
    (date(2026, 11, 23), 1, date(2026, 11, 20)),
])  # fmt: skip
def test_it_counts_working_days_back(day, count, expected):
    assert team.working_days_ago(day, count) == expected


def test_it_lists_deals_that_need_a_look_with_the_reasons(root, person):
    owner, today, now = person(name="Zhang"), clock.today(), clock.now()
    make_opportunity(owner=owner)
    both = make_opportunity(owner=owner, amount="10", next_step_at=now - DAY, expected_close=(today - DAY).isoformat())
    put_off = make_opportunity(amount="20", expected_close=today.isoformat())
    save_record(Opportunity, {"expected_close": (today + DAY).isoformat()}, pk=put_off.pk, actor=root)
    found = [(row["pk"], row["why"]) for row in team.in_need(default(), root)]
    assert found == [(put_off.pk, ["put off"]), (both.pk, ["past its day", "next step overdue"])]
    assert [row["pk"] for row in team.in_need(default(), root, owner.pk)] == [both.pk]


def test_it_shows_a_manager_their_team_and_a_person_themselves(acting, person):
    one, other = person("sales_representative", name="One"), person("sales_representative", name="Other")
    make_opportunity(owner=one)
    make_opportunity(owner=other)
    assert list(seats(acting(one))) == ["One"]
    assert set(seats(acting("sales_director"))) == {"One", "Other"}


def test_it_takes_as_many_statements_for_many_people_as_for_few(root, person, django_assert_num_queries):
    for _n in range(2):
        make_opportunity(owner=person())
    team.seats(default(), root)
    with django_assert_num_queries(6):
        team.seats(default(), root)
    for _n in range(4):
        make_opportunity(owner=person())
    with django_assert_num_queries(6):
        team.seats(default(), root)


def test_its_page_leads_to_the_deals_and_hands_the_ticked_ones_over(browse, person):
    owner, heir = person("sales_representative", name="Zhang"), person("sales_representative", name="Heir")
    deal = make_opportunity(owner=owner, amount="70", next_step_at=clock.now() - DAY)
    client = browse(english(person))
    text = client.get("/team-pipeline").content.decode()
    assert f"/opportunities?status=open&amp;pipeline_id={default()}&amp;owner_id={owner.pk}&amp;stage_id=" in text
    assert f'name="id" value="{deal.pk}"' in text
    assert "next step overdue" in text
    assert "1 person has noted nothing for 5 working days" in text
    assert client.get("/team-pipeline", {"owner": owner.pk, "idle": "9"}).status_code == 200
    done = client.post("/opportunities/bulk/assign", {"id": [deal.pk], "confirm": "1", "owner_id": heir.pk})
    assert done.status_code == 200
    deal.refresh_from_db()
    assert deal.owner_id == heir.pk


def test_its_page_is_for_who_may_hand_over(browse, person):
    assert browse(person("warehouse")).get("/team-pipeline").status_code == 403
    assert browse(person("sales_representative")).get("/team-pipeline").status_code == 200
    assert browse(english(person)).get("/team-pipeline?pipeline=999999").status_code == 404


def test_its_page_keeps_within_the_budget(browse, person, django_assert_max_num_queries):
    for _n in range(5):
        make_opportunity(owner=person(), next_step_at=clock.now() - DAY)
    client = browse(english(person))
    client.get("/team-pipeline")
    with django_assert_max_num_queries(20):
        client.get("/team-pipeline")

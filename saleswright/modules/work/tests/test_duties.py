"""Who hands over also passes on the approvals that wait for them and the records that they follow."""

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions.comments import follow
from saleswright.modules.work.actions.decisions import approve_request
from saleswright.modules.work.actions.hand_over import hand_over
from saleswright.modules.work.models import Follower, Notification
from saleswright.modules.work.tests.conftest import acting_as, state_of, tasks, those_who_see

ROOT = system("test")
pytestmark = pytest.mark.django_db


def give(giver, heir=None, *parts, **more):
    given = [{"to_id": part.pop("to").pk, **part} for part in map(dict, parts)]
    return hand_over(giver.pk, actor=ROOT, to_id=heir.pk if heir else None, parts=given or None, **more)


def followers_of(record):
    rows = Follower.objects.filter(resource="customers", record_id=record.pk)
    return set(rows.values_list("user__name", flat=True))


@pytest.fixture
def heir(person):
    return person("sales_director", name="Heir")


def test_it_passes_open_steps_to_the_successor(desk, team, heir):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert give(team.manager, heir) == {"records": 0, "duties": 1, "kept": 0}
    assert tasks(approval) == [(1, heir.pk, "open")]
    assert those_who_see(team.customer) == [heir.pk]
    assert approval.tasks.get().on_behalf_of == team.manager
    assert "请您审批" in Notification.objects.filter(user=heir).earliest("id").text
    approve_request(approval.pk, actor=acting_as(heir))
    assert (state_of(approval), state_of(team.customer)) == ("approved", "active")


def test_it_passes_steps_that_are_not_asked_yet(desk, team, heir):
    desk.asks(team.director, team.manager)
    approval = desk.activate(team.customer, team.rep)
    give(team.manager, heir)
    assert tasks(approval) == [(1, team.director.pk, "open"), (2, heir.pk, "waiting")]
    assert those_who_see(team.customer) == [team.director.pk]
    approve_request(approval.pk, actor=acting_as(team.director))
    assert tasks(approval)[1] == (2, heir.pk, "open")


def test_it_lets_one_answer_stand_for_both_in_a_step(desk, team, heir):
    desk.asks((team.manager, heir))
    approval = desk.activate(team.customer, team.rep)
    give(team.manager, heir)
    assert tasks(approval) == [(1, heir.pk, "open")]


def test_it_keeps_a_step_that_the_successor_asked_for(desk, team):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert give(team.manager, team.rep) == {"records": 0, "duties": 0, "kept": 1}
    assert tasks(approval) == [(1, team.manager.pk, "open")]


def test_it_leaves_what_is_decided(desk, team, heir):
    desk.asks(team.manager, team.director)
    approval = desk.activate(team.customer, team.rep)
    approve_request(approval.pk, actor=acting_as(team.manager))
    assert give(team.manager, heir)["duties"] == 0
    assert tasks(approval) == [(1, team.manager.pk, "approved"), (2, team.director.pk, "open")]


def test_it_passes_what_is_followed(team, heir):
    follow("customers", team.customer.pk, team.director.pk)
    follow("customers", team.customer.pk, heir.pk)
    assert give(team.director, heir) == {"records": 0, "duties": 1, "kept": 0}
    assert followers_of(team.customer) == {"Heir"}


def test_it_keeps_what_the_successor_does_not_see(team, person):
    stranger = person("sales_representative", name="Stranger")
    follow("customers", team.customer.pk, team.director.pk)
    assert give(team.director, stranger)["kept"] == 1
    assert followers_of(team.customer) == {"Director"}


def test_it_goes_with_the_record_or_its_customer(desk, team, heir, person):
    other = person("sales_director", name="Other")
    mine = save_record(Customer, {"name": "Mine", "owner": team.manager.pk, "level": "A"}, actor=ROOT)
    small = save_record(Customer, {"name": "Small", "owner": team.manager.pk, "level": "D"}, actor=ROOT)
    for one in (mine, small):
        follow("customers", one.pk, team.manager.pk)
    give(team.manager, heir, {"to": other, "level": "A"})
    assert (followers_of(mine), followers_of(small)) == ({"Other"}, {"Heir"})


def test_it_keeps_all_of_it_when_asked_to(desk, team, heir):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    follow("customers", team.customer.pk, team.manager.pk)
    assert give(team.manager, heir, duties="keep") == {"records": 0, "duties": 0, "kept": 2}
    assert tasks(approval) == [(1, team.manager.pk, "open")]
    assert followers_of(team.customer) == {"Manager"}


def test_it_keeps_what_no_rule_tells_where_several_take_over(team, heir, person):
    other = person("sales_director", name="Other")
    follow("customers", team.customer.pk, team.manager.pk)
    for level in "AD":
        save_record(Customer, {"name": f"L{level}", "owner": team.manager.pk, "level": level}, actor=ROOT)
    result = give(team.manager, None, {"to": other, "level": "A"}, {"to": heir, "level": "D"})
    assert result == {"records": 2, "duties": 0, "kept": 1}


# --- the page --------------------------------------------------------------------------------------------------


def test_it_previews_who_gets_the_duties(desk, team, heir, browse):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    client, url = browse("hr", language="en"), f"/employees/{team.manager.pk}/actions/hand-over"
    page = client.get(url).content.decode()
    assert '<th scope="row">Open approval steps</th><td class="num">1</td>' in page
    page = client.get(url, {"to_id": heir.pk, "duties": "pass"}).content.decode()
    assert page.count('<th scope="row">Open approval steps</th><td class="num">1</td>') == 2
    assert tasks(approval) == [(1, team.manager.pk, "open")]


def test_it_lists_the_duties_that_stay(desk, team, heir, browse):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    client, url = browse("hr", language="en"), f"/employees/{team.manager.pk}/actions/hand-over"
    page = client.get(url, {"to_id": heir.pk, "duties": "keep"}).content.decode()
    assert "These stay with Manager:" in page
    assert f'<a href="/approvals/{approval.pk}">' in page
    client.post(url, {"to_id": heir.pk, "duties": "keep"})
    assert tasks(approval) == [(1, team.manager.pk, "open")]
    client.post(url, {"to_id": heir.pk})
    assert tasks(approval) == [(1, heir.pk, "open")]

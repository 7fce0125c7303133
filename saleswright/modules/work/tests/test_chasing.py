"""Reminders and escalation by working time, and people who stand in for others."""

from datetime import UTC, date, datetime, timedelta

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import NotAllowed, ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.work.actions.chasing import chase
from saleswright.modules.work.models import ApprovalTask, Delegation, Notification
from saleswright.modules.work.tests.conftest import (
    DONE,
    acting_as,
    asked,
    flow,
    state_of,
    tasks,
    those_who_see,
)

pytestmark = pytest.mark.django_db
#: a Friday at 16:00 in Shanghai
FRIDAY = datetime(2026, 11, 27, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _friday(time_machine_at):
    time_machine_at(FRIDAY)


@pytest.fixture
def time_machine_at():
    import time_machine

    travellers = []

    def travel(moment):
        traveller = time_machine.travel(moment, tick=False)
        traveller.start()
        travellers.append(traveller)

    yield travel
    for traveller in reversed(travellers):
        traveller.stop()


def away(owner, delegate, start=-1, end=1, actor=None, **more):
    day = clock.today()
    values = {
        "owner": owner.pk,
        "delegate": delegate.pk,
        "start_on": day + timedelta(start),
        "end_on": day + timedelta(end),
    }
    return save_record(Delegation, values | more, actor=actor or acting_as(owner))


def decide(verb, approval, user, **arguments):
    return resource_named("approvals").transition(verb)(approval.pk, actor=acting_as(user), **arguments)


@pytest.fixture
def timed(desk, team, root):
    """Asked on Friday at 16:00: reminded after 3, escalated after 10 working hours."""
    flow(root, {"approver": "person", "person": team.manager.pk, "remind_after": 3, "escalate_after": 10})
    desk.asks()
    return desk.activate(team.customer, team.rep)


# --- time limits -----------------------------------------------------------------------------------------------


def test_the_time_counts_while_the_company_works(timed):
    task = ApprovalTask.objects.get()
    assert clock.local_time(task.remind_at).strftime("%a %H:%M") == "Mon 10:00"
    assert clock.local_time(task.escalate_at).strftime("%a %H:%M") == "Mon 17:00"


def test_it_reminds_once(timed, team):
    monday = FRIDAY + timedelta(days=2, hours=18)
    told = Notification.objects.filter(user=team.manager)
    assert chase(monday - timedelta(minutes=1)) == {"reminded": 0, "escalated": 0, "stood_in": 0}
    assert chase(monday) == {"reminded": 1, "escalated": 0, "stood_in": 0}
    assert chase(monday + HOUR)["reminded"] == 0
    assert told.count() == 2
    assert ApprovalTask.objects.get().reminded_at == monday


def test_it_passes_on_to_the_manager_of_who_is_late(timed, team):
    late = FRIDAY + timedelta(days=3, hours=1)
    assert chase(late) == {"reminded": 1, "escalated": 1, "stood_in": 0}
    task = ApprovalTask.objects.get()
    assert (task.approver, task.on_behalf_of, task.escalate_at) == (team.director, team.manager, None)
    assert those_who_see(team.customer) == [team.director.pk]
    assert chase(late + timedelta(days=9))["escalated"] == 0
    with pytest.raises(NotAllowed):
        decide("approve", timed, team.manager)
    decide("approve", timed, team.director)
    assert state_of(team.customer) == DONE


def test_it_passes_on_to_whom_the_flow_names(desk, team, root, person):
    chief = person("sales_director")
    step = {"approver": "person", "person": team.manager.pk, "escalate_after": 1, "escalate_to": chief.pk}
    flow(root, step)
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    assert chase(FRIDAY + 2 * HOUR)["escalated"] == 1
    assert asked(approval) == [(1, chief.pk)]


def test_it_passes_on_to_the_last_resort_when_there_is_no_manager(desk, team, root, person):
    admin = person("administrator")
    flow(root, {"approver": "person", "person": team.director.pk, "escalate_after": 0})
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    assert chase(FRIDAY)["escalated"] == 1
    assert asked(approval) == [(1, admin.pk)]


def test_it_leaves_the_part_where_the_manager_has_decided(desk, team, root):
    step = {"approver": "person", "person": team.manager.pk, "escalate_after": 1}
    flow(root, step)
    desk.asks()
    approval = desk.activate(team.customer, team.rep)
    at = clock.now()
    ApprovalTask.objects.create(
        approval=approval, step=1, rule="all", approver=team.director, state="approved", created_at=at, updated_at=at
    )
    assert chase(FRIDAY + 2 * HOUR)["escalated"] == 0
    assert asked(approval) == [(1, team.manager.pk), (1, team.director.pk)]


def test_what_was_decided_is_left_alone(timed, team):
    decide("approve", timed, team.manager)
    assert chase(FRIDAY + timedelta(days=30)) == {"reminded": 0, "escalated": 0, "stood_in": 0}


# --- absence ---------------------------------------------------------------------------------------------------


def test_the_stand_in_is_asked(desk, team, person):
    stand_in = person("sales_representative")
    away(team.manager, stand_in)
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    assert asked(approval) == [(1, stand_in.pk)]
    assert ApprovalTask.objects.get().on_behalf_of == team.manager
    decide("approve", approval, stand_in)
    assert state_of(team.customer) == DONE


def test_an_absence_hands_over_what_waits(desk, team, person):
    stand_in = person("sales_representative")
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    away(team.manager, stand_in)
    assert asked(approval) == [(1, stand_in.pk)]
    assert those_who_see(team.customer) == [stand_in.pk]


def test_an_absence_counts_from_its_first_day(desk, team, person):
    stand_in = person("sales_representative")
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    away(team.manager, stand_in, start=3, end=5)
    assert asked(approval) == [(1, team.manager.pk)]
    assert chase(FRIDAY + timedelta(days=3))["stood_in"] == 1
    assert asked(approval) == [(1, stand_in.pk)]


@pytest.mark.parametrize("case", ["submitter", "left", "ring", "over"])
def test_nobody_stands_in_who_can_not(desk, team, person, root, case):
    other = person("sales_representative")
    match case:
        case "submitter":
            away(team.manager, team.rep)
        case "left":
            away(team.manager, other)
            type(other).objects.filter(pk=other.pk).update(state="left")
        case "ring":
            away(team.manager, other)
            away(other, team.manager)
        case "over":
            away(team.manager, other, start=-5, end=-1)
    desk.asks(team.manager)
    assert asked(desk.activate(team.customer, team.rep)) == [(1, team.manager.pk)]


def test_a_stand_in_who_is_away_passes_it_on(desk, team, person):
    first, second = person("sales_representative"), person("sales_representative")
    away(team.manager, first)
    away(first, second)
    desk.asks(team.manager)
    assert asked(desk.activate(team.customer, team.rep)) == [(1, second.pk)]


def test_one_answer_stands_for_both(desk, team):
    away(team.manager, team.director)
    desk.asks((team.manager, team.director))
    approval = desk.activate(team.customer, team.rep)
    ApprovalTask.objects.update(rule="all")
    assert tasks(approval) == [(1, team.director.pk, "open")]
    decide("approve", approval, team.director)
    assert state_of(team.customer) == DONE


def test_absences_are_checked(team, root):
    with pytest.raises(ValidationFailed) as refused:
        away(team.manager, team.manager, start=2, end=1)
    assert [(one.field, one.code) for one in refused.value.errors] == [("delegate", "not_allowed"), ("end_on", "order")]
    away(team.manager, team.director)
    with pytest.raises(ValidationFailed) as refused:
        away(team.manager, team.director, start=1, end=3)
    assert [(one.field, one.code) for one in refused.value.errors] == [("start_on", "duplicate")]
    nobody = {"delegate": team.director.pk, "start_on": "2026-12-01", "end_on": "2026-12-02"}
    with pytest.raises(ValidationFailed) as refused:
        save_record(Delegation, nobody, actor=root)
    assert [(one.field, one.code) for one in refused.value.errors] == [("owner", "required")]
    assert Delegation.objects.count() == 1


def test_people_see_their_own_absences_only(team, api):
    away(team.manager, team.director)
    assert len(api(team.manager).get("delegations").json()["items"]) == 1
    assert api(team.rep).get("delegations").json()["items"] == []
    body = {"owner_id": team.director.pk, "delegate_id": team.rep.pk, "start_on": "2026-12-01", "end_on": "2026-12-02"}
    assert api(team.manager).post("delegations", body).status_code == 422
    assert Delegation.objects.count() == 1
    assert str(
        resource_named("delegations").label_of(Delegation(start_on=date(2026, 1, 1), end_on=date(2026, 1, 2)))
    ) == ("Absent from 2026-01-01 to 2026-01-02")


def test_its_job_chases(timed):
    from saleswright.modules.work.jobs import chase_approvals

    assert chase_approvals(None) == {"reminded": 0, "escalated": 0, "stood_in": 0}

"""Decisions about requests for consent."""

import pytest

from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, Collaborator
from saleswright.kernel.records import archive_record, save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.work.actions import decisions
from saleswright.modules.work.models import Approval, ApprovalTask, Notification
from saleswright.modules.work.public import close_requests, waiting_for
from saleswright.modules.work.states import ApprovalState
from saleswright.modules.work.tests.conftest import DONE, DRAFT, IN_APPROVAL, acting_as, state_of, tasks, those_who_see

pytestmark = pytest.mark.django_db
VERBS = {
    "approve": decisions.approve_request,
    "reject": decisions.reject_request,
    "return": decisions.return_request,
    "withdraw": decisions.withdraw_request,
}


def decide(verb, approval, user, comment="because"):
    arguments = {} if verb == "withdraw" else {"comment": comment}
    return VERBS[verb](approval.pk, actor=acting_as(user), **arguments)


@pytest.fixture
def approval(desk, team):
    desk.asks(team.manager, team.director)
    return desk.activate(team.customer, team.rep, note="x")


# --- every state and every decision ----------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", [state for state in ApprovalState if state != ApprovalState.PENDING])
def test_it_decides_only_what_is_pending(approval, team, verb, state):
    Approval.objects.filter(pk=approval.pk).update(state=state)
    with pytest.raises(Conflict):
        decide(verb, approval, team.rep if verb == "withdraw" else team.manager)
    assert state_of(approval) == state
    assert tasks(approval) == [(1, team.manager.pk, "open"), (2, team.director.pk, "waiting")]
    assert state_of(team.customer) == IN_APPROVAL


@pytest.mark.parametrize(
    ("verb", "state", "task", "record"),
    [
        ("approve", "pending", "approved", IN_APPROVAL),
        ("reject", "rejected", "rejected", DRAFT),
        ("return", "returned", "returned", DRAFT),
        ("withdraw", "withdrawn", "skipped", DRAFT),
    ],
)
def test_it_decides_what_is_pending(approval, team, desk, verb, state, task, record):
    decide(verb, approval, team.rep if verb == "withdraw" else team.manager)
    assert state_of(approval) == state
    assert tasks(approval)[0] == (1, team.manager.pk, task)
    assert state_of(team.customer) == record
    assert desk.ran == []


@pytest.mark.parametrize("verb", ["reject", "return"])
def test_it_wants_a_comment_with_a_refusal(approval, team, verb):
    with pytest.raises(ValidationFailed):
        decide(verb, approval, team.manager, comment="  ")
    assert state_of(approval) == "pending"


@pytest.mark.parametrize("verb", ["approve", "reject", "return"])
def test_it_lets_only_the_open_step_decide(approval, team, person, verb):
    for other, error in ((team.rep, NotAllowed), (team.director, NotAllowed), (person("finance"), NotFound)):
        with pytest.raises(error):
            decide(verb, approval, other)
    with pytest.raises(NotAllowed):
        decide(verb, approval, person("administrator"))
    assert state_of(approval) == "pending"
    assert tasks(approval)[0] == (1, team.manager.pk, "open")


def test_it_lets_only_the_submitter_withdraw(approval, team):
    with pytest.raises(NotAllowed):
        decide("withdraw", approval, team.manager)
    assert state_of(approval) == "pending"


def test_it_tells_the_submitter_why(approval, team):
    decide("reject", approval, team.manager, comment="Margin of 5% (too low)")
    notice = Notification.objects.get(user=team.rep)
    assert notice.text.endswith("Acme · Margin of 5% (too low)")
    assert (notice.resource, notice.record_id) == ("customers", team.customer.pk)
    assert approval.tasks.get(step=1).comment == "Margin of 5% (too low)"


# --- steps -----------------------------------------------------------------------------------------------------


def test_it_runs_the_transition_as_the_submitter_after_the_last_step(approval, team, desk):
    decide("approve", approval, team.manager)
    assert tasks(approval) == [(1, team.manager.pk, "approved"), (2, team.director.pk, "open")]
    decide("approve", approval, team.director)
    assert state_of(approval) == "approved"
    assert state_of(team.customer) == DONE
    assert [(run["actor"].user_id, run["actor"].origin, run["note"]) for run in desk.ran] == [
        (team.rep.pk, "approval", "x")
    ]
    notes = Notification.objects.filter(user=team.rep, resource="customers", record_id=team.customer.pk)
    assert notes.count() == 1


def test_it_shows_the_subject_while_the_step_is_open(approval, team):
    rows = Customer.objects.filter(pk=team.customer.pk)
    assert visible(rows, acting_as(team.manager)).exists()
    decide("approve", approval, team.manager)
    assert not visible(rows, acting_as(team.manager)).exists()
    assert those_who_see(team.customer) == [team.director.pk]
    decide("approve", approval, team.director)
    assert those_who_see(team.customer) == []


def test_it_keeps_collaborators_who_were_there_before(desk, team):
    Collaborator.objects.create(resource="customers", record_id=team.customer.pk, user=team.manager)
    desk.asks(team.manager)
    decide("approve", desk.activate(team.customer, team.rep), team.manager)
    assert those_who_see(team.customer) == [team.manager.pk]


def test_it_needs_one_of_several(desk, team):
    desk.asks((team.manager, team.director))
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, team.director)
    assert tasks(approval) == [(1, team.manager.pk, "skipped"), (1, team.director.pk, "approved")]
    assert state_of(team.customer) == DONE
    assert those_who_see(team.customer) == []
    with pytest.raises(Conflict):
        decide("approve", approval, team.manager)
    assert len(desk.ran) == 1


def test_it_needs_all_of_several(desk, team):
    desk.asks((team.manager, team.director))
    approval = desk.activate(team.customer, team.rep)
    ApprovalTask.objects.update(rule="all")
    decide("approve", approval, team.director)
    assert state_of(approval) == "pending"
    assert those_who_see(team.customer) == [team.manager.pk]
    with pytest.raises(NotAllowed):
        decide("approve", approval, team.director)
    decide("approve", approval, team.manager)
    assert state_of(team.customer) == DONE


def test_it_asks_the_same_person_once(desk, team):
    desk.asks(team.manager, (team.manager, team.director))
    approval = desk.activate(team.customer, team.rep)
    decide("approve", approval, team.manager)
    assert state_of(approval) == "approved"
    assert [state for _step, _who, state in tasks(approval)] == ["approved", "skipped", "skipped"]


# --- what stands in the way ------------------------------------------------------------------------------------


def test_it_asks_the_guards_again_and_stays_open(desk, team):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    desk.refuse = "No credit left."
    with pytest.raises(Conflict, match="No credit left"):
        decide("approve", approval, team.manager)
    assert state_of(approval) == "pending"
    assert tasks(approval) == [(1, team.manager.pk, "open")]
    assert state_of(team.customer) == IN_APPROVAL
    assert those_who_see(team.customer) == [team.manager.pk]
    desk.refuse = None
    decide("approve", approval, team.manager)
    assert state_of(team.customer) == DONE


def test_it_stays_open_when_the_submitter_has_lost_the_record(desk, team):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    desk.transition.approval = None
    team.rep.roles.clear()
    from saleswright.kernel.access.actors import access_changed

    access_changed()
    with pytest.raises(Conflict):
        decide("approve", approval, team.manager)
    assert state_of(approval) == "pending"


def test_it_is_withdrawn_as_soon_as_the_record_is_edited(desk, team, root):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    save_record(Customer, {"city": "Elsewhere"}, pk=team.customer.pk, actor=root)
    assert (state_of(approval), state_of(team.customer)) == ("withdrawn", DRAFT)
    assert tasks(approval) == [(1, team.manager.pk, "skipped")]
    assert desk.ran == []


def test_it_is_void_when_the_record_has_changed(desk, team, django_capture_on_commit_callbacks):
    desk.asks(team.manager)
    approval = desk.activate(team.customer, team.rep)
    Customer.objects.filter(pk=team.customer.pk).update(city="Elsewhere")
    with pytest.raises(Conflict) as refused, django_capture_on_commit_callbacks(execute=True):
        decide("approve", approval, team.manager)
    assert refused.value.code == "changed_since"
    assert state_of(approval) == "withdrawn"
    assert state_of(team.customer) == DRAFT
    assert tasks(approval) == [(1, team.manager.pk, "skipped")]
    assert desk.ran == []


def test_it_leaves_a_record_that_went_another_way(approval, team):
    Customer.objects.filter(pk=team.customer.pk).update(life_cycle="lost")
    decide("reject", approval, team.manager)
    assert state_of(approval) == "rejected"
    assert state_of(team.customer) == "lost"


def test_it_ends_the_requests_of_a_cancelled_record(approval, team, root):
    from saleswright.kernel import clock

    close_requests("customers", team.customer.pk, why="cancelled", actor=root, at=clock.now())
    assert state_of(approval) == "withdrawn"
    assert approval.outcome == "cancelled"
    assert state_of(team.customer) == IN_APPROVAL
    assert those_who_see(team.customer) == []


def test_it_says_in_the_audit_what_happened_to_the_record(approval, team):
    decide("return", approval, team.manager)
    entries = AuditEntry.objects.filter(resource="customers", record_id=team.customer.pk).order_by("id")
    assert list(entries.values_list("action", flat=True))[-2:] == ["activate.requested", "activate.returned"]
    assert entries.last().changes["life_cycle"] == [IN_APPROVAL, DRAFT]


def test_it_decides_nothing_that_is_archived(approval, team, root):
    archive_record(Approval, approval.pk, actor=root)
    with pytest.raises(Conflict):
        decide("approve", approval, team.manager)
    assert tasks(approval)[0] == (1, team.manager.pk, "open")


# --- who sees what ---------------------------------------------------------------------------------------------


def test_it_is_seen_by_its_parties_and_by_right(approval, team, person):
    seen = {
        user.name: visible(Approval.objects.all(), acting_as(user)).exists()
        for user in (team.rep, team.manager, person("sales_manager", name="Other"), person("auditor", name="Auditor"))
    }
    assert seen == {"Rep": True, "Manager": True, "Other": False, "Auditor": True}


def test_it_waits_for_the_person_of_the_open_step_alone(approval, team):
    assert [list(waiting_for(acting_as(u))) for u in (team.manager, team.director, team.rep)] == [[approval], [], []]


def test_it_shows_its_buttons_to_who_may_decide(approval, team):
    def shown(user):
        return [verb for verb, one in VERBS.items() if one.availability(approval, acting_as(user)).shown]

    assert shown(team.manager) == ["approve", "reject", "return"]
    assert shown(team.rep) == ["withdraw"]
    assert shown(team.director) == []


def test_it_is_decided_by_api(approval, team, api):
    listed = api(team.manager).get("approvals?state=pending").json()["items"]
    assert [one["subject"] for one in listed] == [{"resource": "customers", "id": team.customer.pk, "label": "Acme"}]
    assert listed[0]["requested_by"] == {"id": team.rep.pk, "label": "Rep"}
    assert listed[0]["step"] == 1
    query = f"approval-tasks?approver_id={team.manager.pk}&state=open"
    assert [one["approval"]["id"] for one in api(team.manager).get(query).json()["items"]] == [approval.pk]
    assert api(team.rep).act("approvals", approval.pk, "approve").status_code == 403
    assert api("finance").act("approvals", approval.pk, "approve").status_code == 404
    assert api(team.manager).act("approvals", approval.pk, "reject").status_code == 422
    answer = api(team.manager).act("approvals", approval.pk, "approve", comment="fine")
    assert answer.status_code == 200
    assert answer.json()["step"] == 2
    last = api(team.director).act("approvals", approval.pk, "approve")
    assert last.json()["state"] == "approved"
    assert state_of(team.customer) == DONE
